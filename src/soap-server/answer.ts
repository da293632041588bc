import { MARKETO_NS, SOAP_ENVELOPE_NS, XSI_NS } from '../text/soap-protocol.ts';
import type { FieldType } from '../sandbox/leads/fields.ts';
import type { SyncOutcome } from '../sandbox/leads/sync.ts';
import type { Lead } from '../sandbox/leads/lead.ts';
import type { ProtocolFault } from './request.ts';

/** The characters of XML 1.0: which are allowed, how they are referred to, and how text is written. */

const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/** Whether every character may stand in an XML 1.0 document (production 2, Char); lone surrogates may not. */
export function isXmlText(text: string): boolean {
  return !FORBIDDEN.test(text);
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };
const REFERENCE = /&(?:#(\d+);|#x([\dA-Fa-f]+);|(lt|gt|amp|apos|quot);)?/g;

/**
 * Replaces the five named and all numeric references by their characters.
 * Returns undefined for any other use of `&` and for references to characters XML 1.0 forbids, such as the two
 * halves of a surrogate pair that Axis writes for an emoji.
 */
export function decodeReferences(raw: string): string | undefined {
  let valid = true;
  const decoded = raw.replaceAll(REFERENCE, (_match, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name] ?? '';
    const code =
      decimal === undefined ? (hex === undefined ? Number.NaN : parseInt(hex, 16)) : Number(decimal);
    if (isXmlCodePoint(code)) return String.fromCodePoint(code);
    valid = false;
    return '';
  });
  return valid ? decoded : undefined;
}

function isXmlCodePoint(code: number): boolean {
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}

const NAME_START =
  ':A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}-\\u{200D}' +
  '\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}';
const NAME = new RegExp(
  `[${NAME_START}][${NAME_START}\\-.0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}-\\u{2040}]*`,
  'uy',
);

/** Where the name that begins at `start` ends (XML 1.0, production 5); `start` itself when there is none. */
export function nameEnd(text: string, start: number): number {
  NAME.lastIndex = start;
  return NAME.test(text) ? NAME.lastIndex : start;
}

const NEEDS_ESCAPE = /[&<>\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

/** Text as it stands between two tags; a carriage return is referred to, or the reader would turn it into a line feed. */
export function escapeText(text: string): string {
  return NEEDS_ESCAPE.test(text) ? text.replaceAll(/[&<>\r]/g, (char) => ESCAPES[char] ?? char) : text;
}

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

/**
 * Answers in the vendor's form (contract D): prefixes SOAP-ENV, xsi and ns1 declared on the envelope, unqualified
 * children, `<error xsi:nil="true"/>`. Texts are joined around escaped values: a document tree costs twenty times
 * as much, and the sandbox must not be what slows a benchmark.
 */

type Fields = ReadonlyMap<string, FieldType>;

const HEAD =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP_ENVELOPE_NS}" xmlns:xsi="${XSI_NS}" xmlns:ns1="${MARKETO_NS}">` +
  '<SOAP-ENV:Body>';
const TAIL = '</SOAP-ENV:Body></SOAP-ENV:Envelope>\n';

export function syncLeadAnswer(outcome: SyncOutcome, returnLead: boolean, fields: Fields): string {
  const returned = returnLead && outcome.status !== 'FAILED' ? outcome.lead : null;
  return (
    `${HEAD}<ns1:successSyncLead><result><leadId>${leadIdOf(outcome)}</leadId>${syncStatus(outcome)}` +
    (returned ? leadRecord(returned, fields) : '<leadRecord xsi:nil="true"/>') +
    `</result></ns1:successSyncLead>${TAIL}`
  );
}

export function syncMultipleLeadsAnswer(outcomes: readonly SyncOutcome[]): string {
  const list = outcomes.map(syncStatus).join('');
  return (
    `${HEAD}<ns1:successSyncMultipleLeads><result><syncStatusList>${list}</syncStatusList></result>` +
    `</ns1:successSyncMultipleLeads>${TAIL}`
  );
}

export function getLeadAnswer(leads: readonly Lead[], fields: Fields): string {
  const list = leads.map((lead) => leadRecord(lead, fields)).join('');
  return (
    `${HEAD}<ns1:successGetLead><result><count>${leads.length}</count>` +
    `<leadRecordList>${list}</leadRecordList></result></ns1:successGetLead>${TAIL}`
  );
}

/** A fault of the vendor's; `message` is the text without the code, which goes behind it in brackets. */
export function faultAnswer(code: FaultCode, message: string): string {
  return (
    `${HEAD}<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode>` +
    `<faultstring>${code} - ${FAULT_TITLES[code]}</faultstring><detail><ns1:serviceException>` +
    `<name>mktServiceException</name><message>${escapeText(message)} (${code})</message><code>${code}</code>` +
    `</ns1:serviceException></detail></SOAP-ENV:Fault>${TAIL}`
  );
}

/** A fault of SOAP itself: without detail, which speaks of the body only (SOAP 1.1, 4.4). */
export function protocolFaultAnswer(fault: ProtocolFault): string {
  return (
    `${HEAD}<SOAP-ENV:Fault><faultcode>SOAP-ENV:${fault.faultCode}</faultcode>` +
    `<faultstring>${escapeText(fault.message)}</faultstring></SOAP-ENV:Fault>${TAIL}`
  );
}

function leadIdOf(outcome: SyncOutcome): number {
  return outcome.status === 'FAILED' ? outcome.leadId : outcome.lead.id;
}

function syncStatus(outcome: SyncOutcome): string {
  const error =
    outcome.status === 'FAILED' ? `<error>${escapeText(outcome.error)}</error>` : '<error xsi:nil="true"/>';
  return `<syncStatus><leadId>${leadIdOf(outcome)}</leadId><status>${outcome.status}</status>${error}</syncStatus>`;
}

function leadRecord(lead: Lead, fields: Fields): string {
  let attributes = '';
  for (const [name, value] of lead.attributes) {
    attributes +=
      `<attribute><attrName>${escapeText(name)}</attrName><attrType>${fields.get(name) ?? 'string'}</attrType>` +
      `<attrValue>${escapeText(value)}</attrValue></attribute>`;
  }
  return (
    `<leadRecord><Id>${lead.id}</Id>${nillable('Email', lead.email)}` +
    nillable('ForeignSysPersonId', lead.foreign?.id ?? null) +
    nillable('ForeignSysType', lead.foreign?.type ?? null) +
    `<leadAttributeList>${attributes}</leadAttributeList></leadRecord>`
  );
}

function nillable(local: string, value: string | null): string {
  return value === null ? `<${local} xsi:nil="true"/>` : `<${local}>${escapeText(value)}</${local}>`;
}
