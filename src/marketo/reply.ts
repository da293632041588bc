import type { LeadAttribute, LeadRecord, UpsertStatus } from '../leads/lead.ts';
import { decodeXml } from './decode-xml.ts';
import type { Fault } from './faults.ts';
import { MARKETO_NS, SOAP12_ENVELOPE_NS, SOAP_ENVELOPE_NS } from './protocol.ts';
import { typedValue } from './typed-value.ts';
import { parseDocument, UnreadableReply, type XmlElement } from './xml-document.ts';

/** What the upstream's answer to `syncLead` says. Failure is a value here; nothing is guessed. */
export type SyncLeadReply =
  | {
      readonly kind: 'stored';
      readonly leadId: number;
      readonly status: UpsertStatus;
      readonly lead: LeadRecord | undefined;
    }
  /** The record was refused, the call was not; `message` is the upstream's text, empty when it gave none. */
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** Nothing we may act on; `reason` goes on after "the answer ...", `said` is the upstream's word at fault. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly said?: string };

/**
 * Reads an answer to `syncLead` on any HTTP status (contract A, "Types" and "Faults"). Envelope, Body, Fault and
 * `successSyncLead` must be in their namespaces; below them names count and namespaces do not, as the vendor's server
 * had it. Never throws for what the upstream sent.
 */
export function readSyncLeadReply(body: Buffer, contentType: string | undefined): SyncLeadReply {
  try {
    const content = bodyContent(parseDocument(decodeXml(body, contentType)));
    if (content.kind === 'fault') return content;
    const { element } = content;
    if (element.namespace !== MARKETO_NS || element.name !== 'successSyncLead') {
      throw new UnreadableReply('is not an answer to syncLead');
    }
    return readSuccess(element);
  } catch (error) {
    if (!(error instanceof UnreadableReply)) throw error;
    const { message: reason, said } = error;
    return { kind: 'unreadable', reason, ...(said !== undefined && { said }) };
  }
}

type BodyContent =
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'element'; readonly element: XmlElement };

/** The one element in the Body, and whether it is a fault. SOAP 1.2 is read as well: some proxies speak it. */
function bodyContent(envelope: XmlElement): BodyContent {
  const soap = envelope.namespace;
  const isSoap = soap === SOAP_ENVELOPE_NS || soap === SOAP12_ENVELOPE_NS;
  if (envelope.name !== 'Envelope' || !isSoap) throw new UnreadableReply('is not a SOAP envelope');
  const bodies = envelope.children.filter(({ name, namespace }) => name === 'Body' && namespace === soap);
  const [body, ...otherBodies] = bodies;
  if (body === undefined || otherBodies.length > 0) throw new UnreadableReply('does not have one SOAP Body');
  const [element, ...others] = body.children;
  if (element === undefined) throw new UnreadableReply('has an empty SOAP Body');
  if (others.length > 0) throw new UnreadableReply('has more than one element in its SOAP Body');
  if (element.name === 'Fault' && element.namespace === soap) {
    return { kind: 'fault', fault: soap === SOAP_ENVELOPE_NS ? readFault(element) : readFault12(element) };
  }
  return { kind: 'element', element };
}

function readFault(fault: XmlElement): Fault {
  return toFault(firstText(fault, 'faultstring'), first(fault, 'detail'));
}

/** SOAP 1.2, part 1, 5.4: `Reason/Text` where SOAP 1.1 has `faultstring`, `Detail` where it has `detail`. */
function readFault12(fault: XmlElement): Fault {
  return toFault(firstText(first(fault, 'Reason'), 'Text'), first(fault, 'Detail'));
}

/**
 * The code stands in `detail/serviceException/code`, or opens the faultstring (`20014 - Authentication failed`), or
 * closes the message (`Authentication failed (20014)`).
 */
function toFault(faultstring: string, detail: XmlElement | undefined): Fault {
  const exception = detail && (first(detail, 'serviceException') ?? detail);
  const message = firstText(exception, 'message') || faultstring;
  const [code] = [
    /^(\d{1,9})$/.exec(firstText(exception, 'code')),
    /^(\d{5,9})\b/.exec(faultstring),
    /\((\d{5,9})\)$/.exec(message),
  ].flatMap((match) => (match === null ? [] : [Number(match[1])]));
  return { code: code ?? null, message };
}

function readSuccess(success: XmlElement): SyncLeadReply {
  const result = only(success, 'result');
  const syncStatus = result && only(result, 'syncStatus');
  if (result === undefined || syncStatus === undefined) throw new UnreadableReply('has no result in it');
  const status = textOf(syncStatus, 'status');
  if (status === 'FAILED') return { kind: 'rejected', message: textOf(syncStatus, 'error') };
  if (status !== 'CREATED' && status !== 'UPDATED' && status !== 'UNCHANGED') {
    throw new UnreadableReply('has a status this gateway does not know', { said: excerpt(status) });
  }
  const leadId = readLeadId(result);
  const statusLeadId = only(syncStatus, 'leadId') && readLeadId(syncStatus);
  if (statusLeadId !== undefined && statusLeadId !== leadId) {
    throw new UnreadableReply('names two different leads');
  }
  const lead = only(result, 'leadRecord');
  return { kind: 'stored', leadId, status, lead: lead && !lead.isNil ? readLeadRecord(lead) : undefined };
}

/** An xsd:int that can be a lead's id: at least 1. */
function readLeadId(parent: XmlElement): number {
  const lexical = textOf(parent, 'leadId');
  const id = /^\+?\d{1,12}$/.test(lexical) ? Number(lexical) : Number.NaN;
  if (!(id >= 1 && id <= 2_147_483_647))
    throw new UnreadableReply('has a leadId that is none', { said: excerpt(lexical) });
  return id;
}

function readLeadRecord(record: XmlElement): LeadRecord {
  const id = only(record, 'Id') && textOf(record, 'Id') !== '' ? readInt(textOf(record, 'Id')) : null;
  const list = only(record, 'leadAttributeList');
  return {
    id,
    email: nullable(only(record, 'Email')),
    foreignSysPersonId: nullable(only(record, 'ForeignSysPersonId')),
    foreignSysType: nullable(only(record, 'ForeignSysType')),
    attributes:
      list === undefined ? [] : list.children.filter(({ name }) => name === 'attribute').map(readAttribute),
  };
}

function readInt(lexical: string): number {
  if (!/^[+-]?\d{1,12}$/.test(lexical))
    throw new UnreadableReply('has an Id that is none', { said: excerpt(lexical) });
  return Number(lexical);
}

function readAttribute(attribute: XmlElement): LeadAttribute {
  const name = only(attribute, 'attrName')?.text ?? '';
  const value = nullable(only(attribute, 'attrValue'));
  if (name === '') throw new UnreadableReply('has an attribute without a name');
  return { name, value: value === null ? null : typedValue(textOf(attribute, 'attrType'), value) };
}

/** Null comes as `xsi:nil`, as an empty element or as none (contract A). */
function nullable(element: XmlElement | undefined): string | null {
  return element === undefined || element.isNil || element.text === '' ? null : element.text;
}

function first(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return parent?.children.find((child) => child.name === name);
}

function firstText(parent: XmlElement | undefined, name: string): string {
  return first(parent, name)?.text.trim() ?? '';
}

/** The child of that name; an answer with two of them is not one we may choose from. */
function only(parent: XmlElement, name: string): XmlElement | undefined {
  let found: XmlElement | undefined;
  for (const child of parent.children) {
    if (child.name !== name) continue;
    if (found !== undefined) throw new UnreadableReply(`has more than one ${name} where one belongs`);
    found = child;
  }
  return found;
}

/** The trimmed text of a child; empty when it is missing or nil. For codes and words, not for a lead's values. */
function textOf(parent: XmlElement, name: string): string {
  const element = only(parent, name);
  return element === undefined || element.isNil ? '' : element.text.trim();
}

/** Enough of a foreign text to recognise it by. */
function excerpt(text: string): string {
  return text === '' ? '(none)' : text.slice(0, 80);
}
