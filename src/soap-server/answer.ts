import {
  type ATTRIBUTE_TYPES,
  type FOREIGN_SYS_TYPES,
  MARKETO_NS,
  SOAP_ENVELOPE_NS,
  XSI_NS,
} from '../text/soap-protocol.ts';

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

/** An id in another system; unique together with its type. */
export type ForeignKey = { readonly id: string; readonly type: (typeof FOREIGN_SYS_TYPES)[number] };

/** A lead as answers show it. */
export type ReturnedLead = {
  readonly id: number;
  readonly email: string | null;
  readonly foreign: ForeignKey | null;
  readonly attributes: readonly {
    readonly name: string;
    readonly type: (typeof ATTRIBUTE_TYPES)[number];
    readonly value: string;
  }[];
};

/** What became of one record. */
export type RecordResult =
  | { readonly status: 'CREATED' | 'UPDATED'; readonly leadId: number }
  /** `leadId` is 0 when no lead was found. */
  | { readonly status: 'FAILED'; readonly leadId: number; readonly error: string };

/**
 * Answers in the vendor's form (docs/sandbox.md#responses). Hot path: texts are joined around escaped values, see
 * docs/performance.md#the-hot-path.
 */

const HEAD =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP_ENVELOPE_NS}" xmlns:xsi="${XSI_NS}" xmlns:ns1="${MARKETO_NS}">` +
  '<SOAP-ENV:Body>';
const TAIL = '</SOAP-ENV:Body></SOAP-ENV:Envelope>\n';

/** A whole answer; `body` is what its SOAP Body contains. */
export function envelope(body: string): string {
  return HEAD + body + TAIL;
}

/** @param returned the lead to show; null writes a nil leadRecord */
export function syncLeadAnswer(result: RecordResult, returned: ReturnedLead | null): string {
  return envelope(
    `<ns1:successSyncLead><result><leadId>${result.leadId}</leadId>${syncStatus(result)}` +
      (returned ? leadRecord(returned) : '<leadRecord xsi:nil="true"/>') +
      `</result></ns1:successSyncLead>`,
  );
}

export function syncMultipleLeadsAnswer(results: readonly RecordResult[]): string {
  const list = results.map(syncStatus).join('');
  return envelope(
    `<ns1:successSyncMultipleLeads><result><syncStatusList>${list}</syncStatusList></result>` +
      `</ns1:successSyncMultipleLeads>`,
  );
}

export function getLeadAnswer(leads: readonly ReturnedLead[]): string {
  const list = leads.map(leadRecord).join('');
  return envelope(
    `<ns1:successGetLead><result><count>${leads.length}</count>` +
      `<leadRecordList>${list}</leadRecordList></result></ns1:successGetLead>`,
  );
}

/** A fault of the vendor's. The code follows `message` in brackets, unless it is there: the vendor's messages have it. */
export function faultAnswer(code: FaultCode, message: string): string {
  const said = message.endsWith(`(${code})`) ? message : `${message} (${code})`;
  return envelope(
    `<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode>` +
      `<faultstring>${code} - ${FAULT_TITLES[code]}</faultstring><detail><ns1:serviceException>` +
      `<name>mktServiceException</name><message>${escapeText(said)}</message><code>${code}</code>` +
      `</ns1:serviceException></detail></SOAP-ENV:Fault>`,
  );
}

/** A fault of SOAP itself. It has no detail, which is for errors in the body (SOAP 1.1, 4.4). */
export function protocolFaultAnswer(fault: ProtocolFault): string {
  return envelope(
    `<SOAP-ENV:Fault><faultcode>SOAP-ENV:${fault.faultCode}</faultcode>` +
      `<faultstring>${escapeText(fault.message)}</faultstring></SOAP-ENV:Fault>`,
  );
}

function syncStatus(result: RecordResult): string {
  const error =
    result.status === 'FAILED' ? `<error>${escapeText(result.error)}</error>` : '<error xsi:nil="true"/>';
  return `<syncStatus><leadId>${result.leadId}</leadId><status>${result.status}</status>${error}</syncStatus>`;
}

/** A lead in an answer. */
export function leadRecord(lead: ReturnedLead): string {
  let attributes = '';
  for (const { name, type, value } of lead.attributes) {
    attributes +=
      `<attribute><attrName>${escapeText(name)}</attrName><attrType>${type}</attrType>` +
      `<attrValue>${escapeText(value)}</attrValue></attribute>`;
  }
  return (
    `<leadRecord><Id>${lead.id}</Id>${nillable('Email', lead.email)}` +
    nillable('ForeignSysPersonId', lead.foreign?.id ?? null) +
    nillable('ForeignSysType', lead.foreign?.type ?? null) +
    `<leadAttributeList>${attributes}</leadAttributeList></leadRecord>`
  );
}

/** An element with a text; nil for null. */
export function nillable(local: string, value: string | null): string {
  return value === null ? `<${local} xsi:nil="true"/>` : `<${local}>${escapeText(value)}</${local}>`;
}

const NEEDS_ESCAPE = /[&<>\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

/** Text between two tags. A carriage return becomes a reference, or a reader would turn it into a line feed. */
export function escapeText(text: string): string {
  return NEEDS_ESCAPE.test(text) ? text.replaceAll(/[&<>\r]/g, (char) => ESCAPES[char] ?? char) : text;
}
