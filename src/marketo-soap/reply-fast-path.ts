import { isUtf8 } from 'node:buffer';
import { isXmlText } from '../text/xml-characters.ts';
import { MARKETO_NS, SOAP_ENVELOPE_NS, XSI_NS } from '../text/soap-protocol.ts';
import { asFault, type RecordReply, type SyncLeadReply, type SyncMultipleLeadsReply } from './reply.ts';
import type { UpsertStatus } from '../leads/lead.ts';
import { decodeReferences } from './xml-markup.ts';

/**
 * The usual answers, read by their looks: a success without a record, and in a batch leads that were refused as well, in
 * the form of the vendor's server, with any prefixes and any blanks between the tags. This costs 2 µs where a parser and
 * its validator cost 60. Whatever looks different is left to `reply.ts`, which says the same of every answer that is read
 * here.
 */

const BLANK = '[ \\t\\r\\n]*';
/** What may stand around the document. */
const PADDING = '[ \\t\\r\\n\\0]*';
const NAME = '[A-Za-z_][A-Za-z0-9_-]*';

/**
 * Linear in what it reads: nowhere do two parts that repeat stand side by side and take the same characters.
 * Groups: the SOAP prefix, the namespaces the envelope declares, the service's prefix.
 */
function answer(success: string): RegExp {
  return new RegExp(
    `^${PADDING}(?:\\xef\\xbb\\xbf)?(?:<\\?xml version="1\\.0"(?: encoding="(?:UTF|utf)-8")?\\?>${BLANK})?` +
      `<(${NAME}):Envelope((?: +xmlns:${NAME}="[a-zA-Z0-9:/._#-]+")+)>${BLANK}<\\1:Body>${BLANK}` +
      `<(${NAME}):${success}>${BLANK}<result>.*</result>${BLANK}</\\3:${success}>${BLANK}</\\1:Body>${BLANK}</\\1:Envelope>${PADDING}$`,
    's',
  );
}

const syncLeadResult = frameReader(answer('successSyncLead'));
const syncMultipleLeadsResult = frameReader(answer('successSyncMultipleLeads'));

/** At most nine digits, so that every one of them is an id (contract A, `xsd:int`). */
const LEAD_ID = '<leadId>([1-9][0-9]{0,8})</leadId>';
const STATUS = `<status>(CREATED|UPDATED|UNCHANGED)</status>${BLANK}(?:<error xsi:nil="true" ?/>${BLANK})?`;

const RESULT = new RegExp(
  `^${BLANK}${LEAD_ID}${BLANK}<syncStatus>${BLANK}${LEAD_ID}${BLANK}${STATUS}</syncStatus>${BLANK}(?:<leadRecord xsi:nil="true" ?/>${BLANK})?$`,
);
const LIST = new RegExp(`^${BLANK}<syncStatusList>(.*)</syncStatusList>${BLANK}$`, 's');
/** A lead that was refused: what id it has says nothing, and its words have neither tags nor line ends in them. */
const FAILED =
  `(?:<leadId>[0-9]{0,9}</leadId>${BLANK})?<status>FAILED</status>${BLANK}` +
  `(?:<error xsi:nil="true" ?/>${BLANK}|<error>([ -;=?-~\\x80-\\xff]*)</error>${BLANK})?`;
const LIST_ITEM = new RegExp(
  `${BLANK}<syncStatus>${BLANK}(?:${LEAD_ID}${BLANK}${STATUS}|${FAILED})</syncStatus>`,
  'y',
);

/** In a call (contract A). An answer with more is not usual, and may be beyond the other reader's bounds. */
const MAX_RECORDS = 300;

/** The answer to `syncLead`; `undefined` when it is not the usual one. */
export function readSyncLeadReplyFast(
  body: Buffer,
  contentType: string | undefined,
): SyncLeadReply | undefined {
  const result = syncLeadResult(body, contentType);
  const match = result === undefined ? null : RESULT.exec(result);
  if (match === null || match[1] !== match[2]) return undefined;
  return { kind: 'stored', leadId: Number(match[1]), status: match[3] as UpsertStatus, lead: undefined };
}

/** The answer to `syncMultipleLeads`, be leads stored or refused; `undefined` when it is not the usual one. */
export function readSyncMultipleLeadsReplyFast(
  body: Buffer,
  contentType: string | undefined,
): SyncMultipleLeadsReply | undefined {
  const [, list] = LIST.exec(syncMultipleLeadsResult(body, contentType) ?? '') ?? [];
  if (list === undefined) return undefined;
  const records: RecordReply[] = [];
  let at = 0;
  while (records.length < MAX_RECORDS) {
    LIST_ITEM.lastIndex = at;
    const match = LIST_ITEM.exec(list);
    if (match === null) break;
    const [, leadId, status, bytes = ''] = match;
    if (status === undefined) {
      const message = wordsOf(bytes);
      if (message === undefined) return undefined;
      records.push(asFault({ kind: 'rejected', message: message.trim() }));
    } else {
      records.push({
        kind: 'stored',
        leadId: Number(leadId),
        status: status as UpsertStatus,
        lead: undefined,
      });
    }
    at = LIST_ITEM.lastIndex;
  }
  return /[^ \t\r\n]/.test(list.slice(at)) ? undefined : { kind: 'answered', records };
}

/** An ampersand, or the beginning or the rest of a character beyond ASCII. */
const UNUSUAL = /[&\x80-\xff]/;
const OTHER_REFERENCE = /&(?!(?:amp|lt|gt|quot|apos);)/;

/** The upstream's words, their bytes being UTF-8; `undefined` when they are not the usual ones. */
function wordsOf(bytes: string): string | undefined {
  if (!UNUSUAL.test(bytes)) return bytes;
  const utf8 = Buffer.from(bytes, 'latin1');
  if (!isUtf8(utf8)) return undefined;
  const text = utf8.toString();
  return isXmlText(text) && !OTHER_REFERENCE.test(text) ? decodeReferences(text) : undefined;
}

/** Types that leave no doubt that the bytes are UTF-8. */
const USUAL_TYPE = /^(?:text|application)\/(?:soap\+)?xml(?: *; *charset="?utf-8"?)?$/i;

const RESULT_START = '<result>';
const RESULT_END = '</result>';

/**
 * What stands around the result in an answer that was found to be usual. One server writes the same around every
 * result, and comparing is a fifth of the work of looking.
 */
type Frame = { readonly contentType: string | undefined; readonly before: string; readonly after: string };

function isSame(known: Frame, before: string, after: string, contentType: string | undefined): boolean {
  return known.before === before && known.after === after && known.contentType === contentType;
}

/** Gives what the result element holds; `undefined` when the envelope around it is not the usual one. */
function frameReader(usual: RegExp): (body: Buffer, contentType: string | undefined) => string | undefined {
  let known: Frame | undefined;
  return (body, contentType) => {
    // Every character looked for is ASCII, so the bytes can stay what they are; but for those of words, see `wordsOf`.
    const text = body.toString('latin1');
    const start = text.indexOf(RESULT_START) + RESULT_START.length;
    const end = text.lastIndexOf(RESULT_END);
    if (end < start) return undefined;
    const before = text.slice(0, start);
    const after = text.slice(end);
    if (known === undefined || !isSame(known, before, after, contentType)) {
      if (!isUsual(text, contentType, usual)) return undefined;
      known = { contentType, before, after };
    }
    return text.slice(start, end);
  };
}

/** Whether the envelope is the usual one and its prefixes mean what they should. */
function isUsual(text: string, contentType: string | undefined, usual: RegExp): boolean {
  if (contentType !== undefined && !USUAL_TYPE.test(contentType)) return false;
  const match = usual.exec(text);
  if (match === null) return false;
  const [, soap = '', declared = '', service = ''] = match;
  const declarations = declared.trim().split(/ +/);
  const names = new Set(declarations.map((declaration) => declaration.slice(0, declaration.indexOf('='))));
  // Declared twice, a prefix makes the document ill-formed; `xml` and `xmlns` mean something of their own.
  const isSound = names.size === declarations.length && !/xmlns:xml/i.test(declared);
  const means = (prefix: string, namespace: string) =>
    declarations.includes(`xmlns:${prefix}="${namespace}"`);
  return isSound && means(soap, SOAP_ENVELOPE_NS) && means(service, MARKETO_NS) && means('xsi', XSI_NS);
}
