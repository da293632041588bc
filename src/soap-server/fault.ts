/** What follows the code in `faultstring`. 20103 and 20105 are observed; the rest follow the vendor's list (docs/marketo-soap.md#faults). */
export const FAULT_TITLES = {
  10001: 'Internal error',
  20011: 'Internal error',
  20012: 'Request not understood',
  20013: 'Access denied',
  20014: 'Authentication failed',
  20015: 'Request limit exceeded',
  20016: 'Request expired',
  20017: 'Invalid request',
  20018: 'Invalid operation',
  20019: 'Unsupported operation',
  20023: 'Rate limit exceeded',
  20024: 'Concurrency limit exceeded',
  20101: 'Lead key required',
  20102: 'Lead key bad',
  20103: 'Lead not found',
  20104: 'Lead detail required',
  20105: 'Unknown lead field',
  20106: 'Lead sync failed',
  20108: 'Lead owner not found',
  20109: 'Parameter required',
  20110: 'Parameter bad',
  20111: 'List not found',
  20113: 'Campaign not found',
  20114: 'Bad parameter',
} as const satisfies Readonly<Record<number, string>>;

export type FaultCode = keyof typeof FAULT_TITLES;

export function isFaultCode(code: number): code is FaultCode {
  return Object.hasOwn(FAULT_TITLES, code);
}

/** A fault of the vendor's; docs/sandbox.md#fault-codes has which code means what. */
export class SoapFault extends Error {
  override readonly name = 'SoapFault';
  readonly code: FaultCode;

  /** `detail` is the message without the code, e.g. `Authentication failed`; by default the code's title. */
  constructor(code: FaultCode, detail: string = FAULT_TITLES[code]) {
    super(detail);
    this.code = code;
  }
}

/** A fault that SOAP itself defines (SOAP 1.1, 4.4). */
export class ProtocolFault extends Error {
  override readonly name = 'ProtocolFault';
  readonly faultCode: 'VersionMismatch' | 'MustUnderstand';

  constructor(faultCode: 'VersionMismatch' | 'MustUnderstand', message: string) {
    super(message);
    this.faultCode = faultCode;
  }
}
