/**
 * The vendor's faults (contract A, "Faults"): one table of codes, one error class that carries a code to the
 * endpoint, where it becomes an answer.
 */

/** What stands after the code in `faultstring`. 20103 and 20105 are observed; the rest follow the vendor's list. */
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

/**
 * Which code a call gets that lacks something or holds something of the wrong form. The vendor's list has one
 * sentence a code; this is how the sandbox reads them:
 *
 * | what is wrong                                                      | code  |
 * |--------------------------------------------------------------------|-------|
 * | the parameters are empty or nil                                    | 20017 |
 * | no leadRecord · no leadRecordList, or an empty one                 | 20104 |
 * | a leadRecord without any key · getLead without leadKey             | 20101 |
 * | returnLead missing · ForeignSysPersonId without ForeignSysType ·   | 20109 |
 * |   an attribute without attrName · a leadKey without value          |       |
 * | returnLead or dedupEnabled no boolean · Id no integer · a          | 20110 |
 * |   ForeignSysType not in the list · workspace unknown or not the    |       |
 * |   lead's · more records than a batch may hold                      |       |
 * | getLead with a keyType unknown or not served                       | 20102 |
 */
export class SoapFault extends Error {
  override readonly name = 'SoapFault';
  readonly code: FaultCode;

  /** `detail` is the message without the code, e.g. `Authentication failed`; the table's title when not given. */
  constructor(code: FaultCode, detail: string = FAULT_TITLES[code]) {
    super(detail);
    this.code = code;
  }
}

export function isFaultCode(code: number): code is FaultCode {
  return Object.hasOwn(FAULT_TITLES, code);
}
