/**
 * Answers in the vendor's form (contract D): prefixes SOAP-ENV, xsi and ns1 declared on the envelope, unqualified
 * children, `<error xsi:nil="true"/>`. Texts are joined around escaped values: a document tree costs twenty times
 * as much, and the sandbox must not be what slows a benchmark.
 */
import { MARKETO_NS, SOAP_ENVELOPE_NS, XSI_NS } from '../marketo/protocol.ts';
import type { FieldType } from './lead-fields.ts';
import type { SyncOutcome } from './lead-sync.ts';
import type { Lead } from './lead.ts';
import { FAULT_TITLES, type FaultCode } from './soap-fault.ts';
import type { ProtocolFault } from './soap-request.ts';
import { escapeText } from './xml-text.ts';

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
