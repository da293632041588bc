import type { AttributeValue, LeadAttribute, LeadRecord, UpsertStatus } from '../leads/lead.ts';
import { decodeXml } from './xml-encoding.ts';
import type { Fault } from './faults.ts';
import { MAX_INT32 } from '../text/int32.ts';
import { MARKETO_NS, SOAP_ENVELOPE_NS, SOAP12_ENVELOPE_NS } from '../text/soap-protocol.ts';
import { parseDocument, UnreadableReply, type XmlElement } from './xml-document.ts';

/** What a reply says about one record. Failure is a value; nothing is guessed. */
export type RecordReply =
  | {
      readonly kind: 'stored';
      readonly leadId: number;
      readonly status: UpsertStatus;
      readonly lead: LeadRecord | undefined;
    }
  /** The record was refused, the call was not. `message` is the upstream's text, empty if it gave none. */
  | { readonly kind: 'rejected'; readonly message: string }
  | FaultReply
  | UnreadableReplyValue;

export type FaultReply = { readonly kind: 'fault'; readonly fault: Fault };

/** Nothing to act on. `reason` goes on after "the answer ...", `said` is the word of the upstream that is at fault. */
export type UnreadableReplyValue = {
  readonly kind: 'unreadable';
  readonly reason: string;
  readonly said?: string;
  readonly cause?: unknown;
};

/** What a reply to `syncLead` says. */
export type SyncLeadReply = RecordReply;

/**
 * Reads a reply to `syncLead`, whatever its HTTP status. Never throws for what the upstream sent: a reply that breaks one
 * of the rules in docs/architecture.md#the-parser-is-fenced is unreadable.
 */
export function readSyncLeadReply(body: Buffer, contentType: string | undefined): SyncLeadReply {
  return readReply(body, contentType, 'successSyncLead', (success) => {
    const result = only(success, 'result');
    if (result === undefined) throw new UnreadableReply('has no result in it');
    const syncStatus = only(result, 'syncStatus');
    if (syncStatus === undefined) throw new UnreadableReply('has no syncStatus in it');
    return readResult(result, syncStatus);
  });
}

/** What a reply to `syncMultipleLeads` says: one reply per record, in the order of the request. */
export type SyncMultipleLeadsReply =
  | { readonly kind: 'answered'; readonly records: readonly RecordReply[] }
  | FaultReply
  | UnreadableReplyValue;

/**
 * Reads a reply to `syncMultipleLeads` by the same rules. A broken status makes the reply of its own record unreadable and
 * no other.
 */
export function readSyncMultipleLeadsReply(
  body: Buffer,
  contentType: string | undefined,
): SyncMultipleLeadsReply {
  return readReply(body, contentType, 'successSyncMultipleLeads', (success) => {
    const result = only(success, 'result');
    const list = result && only(result, 'syncStatusList');
    if (list === undefined) throw new UnreadableReply('has no syncStatusList in it');
    const statuses = list.children.filter(({ name }) => name === 'syncStatus');
    return {
      kind: 'answered',
      records: statuses.map((status) => orUnreadable(() => asFault(readResult(status, status)))),
    };
  });
}

/**
 * A FAILED record whose text ends in the code of a fault is that fault, so that a caller is told the same whether the
 * lead went alone or in a batch.
 */
export function asFault(reply: RecordReply): RecordReply {
  const [, code] = (reply.kind === 'rejected' && /\((\d{5})\)$/.exec(reply.message)) || [];
  if (reply.kind !== 'rejected' || code === undefined) return reply;
  return { kind: 'fault', fault: { code: Number(code), message: reply.message } };
}

/** Reads the expected element or a fault, or says why there is neither. */
export function readReply<Reply>(
  body: Buffer,
  contentType: string | undefined,
  expected: string,
  read: (success: XmlElement) => Reply,
): Reply | FaultReply | UnreadableReplyValue {
  return orUnreadable(() => {
    const content = bodyContent(parseDocument(decodeXml(body, contentType)));
    if (content.kind === 'fault') return content;
    const { element } = content;
    if (element.namespace !== MARKETO_NS || element.name !== expected) {
      throw new UnreadableReply('is not an answer to this call');
    }
    return read(element);
  });
}

/** Turns an UnreadableReply into a value. */
function orUnreadable<Reply>(read: () => Reply): Reply | UnreadableReplyValue {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnreadableReply)) throw error;
    const { message: reason, said, cause } = error;
    return {
      kind: 'unreadable',
      reason,
      ...(said !== undefined && { said }),
      ...(cause !== undefined && { cause }),
    };
  }
}

type BodyContent =
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'element'; readonly element: XmlElement };

/** The only element in the Body, which may be a fault. SOAP 1.2 is read as well: some proxies speak it. */
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
  return toFault(first(fault, 'faultcode'), first(fault, 'faultstring'), first(fault, 'detail'));
}

/** SOAP 1.2 part 1, section 5.4: `Code/Value`, `Reason/Text` and `Detail` in place of the three above. */
function readFault12(fault: XmlElement): Fault {
  return toFault(
    first(first(fault, 'Code'), 'Value'),
    first(first(fault, 'Reason'), 'Text'),
    first(fault, 'Detail'),
  );
}

/**
 * The code is in `detail/serviceException/code`, at the start of the faultstring (`20014 - Authentication failed`) or at
 * the end of the message (`Authentication failed (20014)`). Read leniently: it is certain that the call failed.
 */
function toFault(
  faultcode: XmlElement | undefined,
  faultstring: XmlElement | undefined,
  detail: XmlElement | undefined,
): Fault {
  const exception = first(detail, 'serviceException') ?? detail;
  const reason = trimmed(faultstring);
  const message = trimmed(first(exception, 'message')) || reason || trimmed(faultcode);
  const [code] = [
    /^(\d{1,9})$/.exec(trimmed(first(exception, 'code'))),
    /^(\d{5,9})\b/.exec(reason),
    /\((\d{5,9})\)$/.exec(message),
  ].flatMap((match) => (match === null ? [] : [Number(match[1])]));
  return { code: code ?? null, message };
}

/**
 * @param result has the leadId and, for a single lead, the record
 * @param syncStatus has the status; in a batch it is the result itself
 */
function readResult(result: XmlElement, syncStatus: XmlElement): RecordReply {
  const status = valueOf(syncStatus, 'status');
  if (status === 'FAILED') return { kind: 'rejected', message: valueOf(syncStatus, 'error') };
  if (status !== 'CREATED' && status !== 'UPDATED' && status !== 'UNCHANGED') {
    throw new UnreadableReply('has a status this gateway does not know', { said: status || '(none)' });
  }
  const leadId = readId(result, 'leadId');
  if (leadId === null) throw new UnreadableReply('has no leadId', { said: '(none)' });
  const record = only(result, 'leadRecord');
  const lead = record === undefined || record.isNil ? undefined : readLeadRecord(record);
  for (const other of [readId(syncStatus, 'leadId'), lead?.id ?? null]) {
    if (other !== null && other !== leadId) throw new UnreadableReply('names two different leads');
  }
  return { kind: 'stored', leadId, status, lead };
}

export function readLeadRecord(record: XmlElement): LeadRecord {
  const list = only(record, 'leadAttributeList');
  const attributes = (list?.children ?? []).filter(({ name }) => name === 'attribute');
  return {
    id: readId(record, 'Id'),
    email: nullable(only(record, 'Email')),
    foreignSysPersonId: nullable(only(record, 'ForeignSysPersonId')),
    foreignSysType: nullable(only(record, 'ForeignSysType')),
    attributes: attributes.map(readAttribute),
  };
}

/** An xsd:int of at least 1, as a lead's id is; null if the element is missing, nil or empty. */
function readId(parent: XmlElement, name: 'leadId' | 'Id'): number | null {
  const lexical = valueOf(parent, name);
  if (lexical === '') return null;
  const id = /^\+?\d{1,12}$/.test(lexical) ? Number(lexical) : Number.NaN;
  if (id >= 1 && id <= MAX_INT32) return id;
  throw new UnreadableReply(`has an invalid ${name}`, {
    said: lexical,
  });
}

function readAttribute(attribute: XmlElement): LeadAttribute {
  const name = nullable(only(attribute, 'attrName'));
  if (name === null) throw new UnreadableReply('has an attribute without a name');
  const value = nullable(only(attribute, 'attrValue'));
  return { name, value: value === null ? null : typedValue(valueOf(attribute, 'attrType'), value) };
}

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/**
 * A value with the type its `attrType` names (docs/rest-api.md#returned-values). One that does not fit its type, or that a
 * number cannot hold exactly, stays a string byte for byte.
 */
export function typedValue(attrType: string, value: string): AttributeValue {
  switch (attrType) {
    case 'integer':
    case 'score':
      return INTEGER.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : value;
    case 'float':
    case 'currency':
    case 'percent':
      return DECIMAL.test(value) && isExact(value) ? Number(value) : value;
    case 'boolean':
      return BOOLEANS.get(value) ?? value;
    default:
      return value;
  }
}

/** Booleans are `1` and `0`; `true` and `false` occur as well (observed). */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['0', false],
  ['true', true],
  ['false', false],
]);

/** The smallest number with all 53 bits: smaller ones lose digits. */
const MIN_NORMAL = 2 ** -1022;

/** A double holds every decimal of up to 15 significant digits, and a longer one only if it is the double's shortest form. */
function isExact(decimal: string): boolean {
  const number = Number(decimal);
  const digits = decimal.replace(/e.*$/i, '').replaceAll(/[+.-]/g, '').replace(/^0+/, '');
  if (digits === '') return true;
  if (!Number.isFinite(number) || Math.abs(number) < MIN_NORMAL) return false;
  return digits.length <= 15 || String(number) === decimal;
}

/** The only child of that name. With two of them there is no telling which one counts. */
export function only(parent: XmlElement, name: string): XmlElement | undefined {
  const [found, ...others] = parent.children.filter((child) => child.name === name);
  if (others.length > 0) throw new UnreadableReply(`has more than one ${name} where one belongs`);
  return found;
}

/** The text byte for byte. Null is `xsi:nil`, an empty element or a missing one (docs/marketo-soap.md#leniency). */
function nullable(element: XmlElement | undefined): string | null {
  if (element === undefined || element.isNil) return null;
  if (element.children.length > 0) {
    throw new UnreadableReply(`has elements in ${element.name} where a value belongs`);
  }
  return element.text === '' ? null : element.text;
}

/** The trimmed text of a child, empty if it is missing or nil. For codes and words, not for the values of a lead. */
export function valueOf(parent: XmlElement, name: string): string {
  return nullable(only(parent, name))?.trim() ?? '';
}

/** The first child of that name, for parts that are read leniently. */
function first(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return parent?.children.find((child) => child.name === name);
}

function trimmed(element: XmlElement | undefined): string {
  return element?.text.trim() ?? '';
}
