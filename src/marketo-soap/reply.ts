import type { LeadAttribute, LeadRecord, UpsertStatus } from '../leads/lead.ts';
import { decodeXml } from './xml-encoding.ts';
import type { Fault } from './faults.ts';
import { MARKETO_NS, SOAP12_ENVELOPE_NS, SOAP_ENVELOPE_NS } from '../text/soap-protocol.ts';
import { typedValue } from './envelope.ts';
import { UnreadableReply } from './xml-markup.ts';
import { parseDocument, type XmlElement } from './xml-document.ts';

/** What an answer says of one record. Failure is a value here; nothing is guessed. */
export type RecordReply =
  | {
      readonly kind: 'stored';
      readonly leadId: number;
      readonly status: UpsertStatus;
      readonly lead: LeadRecord | undefined;
    }
  /** The record was refused, the call was not; `message` is the upstream's text, empty when it gave none. */
  | { readonly kind: 'rejected'; readonly message: string }
  | FaultReply
  | UnreadableReplyValue;

type FaultReply = { readonly kind: 'fault'; readonly fault: Fault };

/** Nothing we may act on; `reason` goes on after "the answer ...", `said` is the upstream's word at fault. */
type UnreadableReplyValue = {
  readonly kind: 'unreadable';
  readonly reason: string;
  readonly said?: string;
  readonly cause?: unknown;
};

/** What the upstream's answer to `syncLead` says. */
export type SyncLeadReply = RecordReply;

/**
 * Reads an answer to `syncLead` on any HTTP status (contract A, "Types" and "Faults"). Never throws for what the
 * upstream sent. Where the contract is silent it decides like this, so that nothing is told as a success by a guess:
 *
 * - Envelope, Body, Fault and `successSyncLead` must be in their namespaces, of SOAP 1.1 or 1.2; below them names count
 *   and namespaces do not, as the vendor's server had it. Unknown elements are passed over.
 * - One Body with one element, one `result`, one `syncStatus`, one `status`: what is missing or doubled makes the
 *   answer unreadable.
 * - The status is compared with its case; blanks around it are a formatter's. A word not listed is unreadable.
 * - `FAILED` needs no `leadId` and no `error`.
 * - Any other status needs a `leadId` in the result. The one in the `syncStatus` and the record's `Id` may be missing,
 *   but where they are there they must name the same lead.
 * - An element that should hold a value and holds elements is unreadable.
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

/** What the answer to `syncMultipleLeads` says: one reply a record, in the order of the request. */
export type SyncMultipleLeadsReply =
  | { readonly kind: 'answered'; readonly records: readonly RecordReply[] }
  | FaultReply
  | UnreadableReplyValue;

/**
 * Reads an answer to `syncMultipleLeads` by the same rules. What is wrong with one status makes that record's reply
 * unreadable and no other's. A FAILED record whose text ends in a fault's code is that fault, so that a lead is told
 * the same whether it went alone or with others.
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

/** What a record's refusal is, by the code that may end its text. */
export function asFault(reply: RecordReply): RecordReply {
  const [, code] = (reply.kind === 'rejected' && /\((\d{5})\)$/.exec(reply.message)) || [];
  if (reply.kind !== 'rejected' || code === undefined) return reply;
  return { kind: 'fault', fault: { code: Number(code), message: reply.message } };
}

/** Reads the one element that was expected, a fault, or why it is neither. */
function readReply<Reply>(
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

/** Turns the refusal of what cannot be read into a value. */
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
  return toFault(first(fault, 'faultcode'), first(fault, 'faultstring'), first(fault, 'detail'));
}

/** SOAP 1.2, part 1, 5.4: `Code/Value`, `Reason/Text` and `Detail` where SOAP 1.1 has the three above. */
function readFault12(fault: XmlElement): Fault {
  return toFault(
    first(first(fault, 'Code'), 'Value'),
    first(first(fault, 'Reason'), 'Text'),
    first(fault, 'Detail'),
  );
}

/**
 * The code stands in `detail/serviceException/code`, or opens the faultstring (`20014 - Authentication failed`), or
 * closes the message (`Authentication failed (20014)`). A fault is read leniently: that the call failed is certain.
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
 * @param result what holds the leadId and, for a single lead, the record
 * @param syncStatus what holds the status; in a batch it is the result itself
 */
function readResult(result: XmlElement, syncStatus: XmlElement): RecordReply {
  const status = valueOf(syncStatus, 'status');
  if (status === 'FAILED') return { kind: 'rejected', message: valueOf(syncStatus, 'error') };
  if (status !== 'CREATED' && status !== 'UPDATED' && status !== 'UNCHANGED') {
    throw new UnreadableReply('has a status this gateway does not know', { said: status || '(none)' });
  }
  const leadId = readId(result, 'leadId');
  if (leadId === null) throw new UnreadableReply('has a leadId that is none', { said: '(none)' });
  const record = only(result, 'leadRecord');
  const lead = record === undefined || record.isNil ? undefined : readLeadRecord(record);
  for (const other of [readId(syncStatus, 'leadId'), lead?.id ?? null]) {
    if (other !== null && other !== leadId) throw new UnreadableReply('names two different leads');
  }
  return { kind: 'stored', leadId, status, lead };
}

function readLeadRecord(record: XmlElement): LeadRecord {
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

/** An xsd:int that can be a lead's id, at least 1; null when the element is missing, nil or empty. */
function readId(parent: XmlElement, name: 'leadId' | 'Id'): number | null {
  const lexical = valueOf(parent, name);
  if (lexical === '') return null;
  const id = /^\+?\d{1,12}$/.test(lexical) ? Number(lexical) : Number.NaN;
  if (id >= 1 && id <= 2_147_483_647) return id;
  throw new UnreadableReply(`has ${name === 'Id' ? 'an' : 'a'} ${name} that is none`, { said: lexical });
}

function readAttribute(attribute: XmlElement): LeadAttribute {
  const name = nullable(only(attribute, 'attrName'));
  if (name === null) throw new UnreadableReply('has an attribute without a name');
  const value = nullable(only(attribute, 'attrValue'));
  return { name, value: value === null ? null : typedValue(valueOf(attribute, 'attrType'), value) };
}

/** The child of that name; an answer with two of them is not one we may choose from. */
function only(parent: XmlElement, name: string): XmlElement | undefined {
  const [found, ...others] = parent.children.filter((child) => child.name === name);
  if (others.length > 0) throw new UnreadableReply(`has more than one ${name} where one belongs`);
  return found;
}

/** Text byte for byte. Null comes as `xsi:nil`, as an empty element or as none (contract A). */
function nullable(element: XmlElement | undefined): string | null {
  if (element === undefined || element.isNil) return null;
  if (element.children.length > 0) {
    throw new UnreadableReply(`has elements in ${element.name} where a value belongs`);
  }
  return element.text === '' ? null : element.text;
}

/** The trimmed text of a child; empty when it is missing or nil. For codes and words, not for a lead's values. */
function valueOf(parent: XmlElement, name: string): string {
  return nullable(only(parent, name))?.trim() ?? '';
}

/** The first child of that name, where the answer need not be strict. */
function first(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return parent?.children.find((child) => child.name === name);
}

function trimmed(element: XmlElement | undefined): string {
  return element?.text.trim() ?? '';
}
