import { isUtf8 } from 'node:buffer';
import { isXmlText } from '../text/xml-characters.ts';
import { MARKETO_NS, SOAP_ENVELOPE_NS, XSI_NS } from '../text/soap-protocol.ts';
import { asFault, type RecordReply, type SyncLeadReply, type SyncMultipleLeadsReply } from './reply.ts';
import type { UpsertStatus } from '../leads/lead.ts';
import { decodeReferences } from './xml-document.ts';

/**
 * Hot path: reads the usual replies by pattern instead of with a parser (docs/performance.md#the-hot-path). Usual is a
 * success without a record, and in a batch refused leads as well, in the form of the vendor's server, with any prefixes
 * and any white space between tags. `reply.ts` reads all other replies, and would say the same about these.
 */

const BLANK = '[ \\t\\r\\n]*';
/** May stand around the document. */
const PADDING = '[ \\t\\r\\n\\0]*';
const NAME = '[A-Za-z_][A-Za-z0-9_-]*';

/**
 * Takes linear time: no two adjacent parts that repeat match the same characters. Groups: the SOAP prefix, the namespaces
 * that the envelope declares, the prefix of the service.
 */
function replyPattern(success: string): RegExp {
  return new RegExp(
    `^${PADDING}(?:\\xef\\xbb\\xbf)?(?:<\\?xml version="1\\.0"(?: encoding="(?:UTF|utf)-8")?\\?>${BLANK})?` +
      `<(${NAME}):Envelope((?: +xmlns:${NAME}="[a-zA-Z0-9:/._#-]+")+)>${BLANK}<\\1:Body>${BLANK}` +
      `<(${NAME}):${success}>${BLANK}<result>.*</result>${BLANK}</\\3:${success}>${BLANK}</\\1:Body>${BLANK}</\\1:Envelope>${PADDING}$`,
    's',
  );
}

const syncLeadResult = frameReader(replyPattern('successSyncLead'));
const syncMultipleLeadsResult = frameReader(replyPattern('successSyncMultipleLeads'));

/** At most nine digits, so that it is always an xsd:int. */
const LEAD_ID = '<leadId>([1-9][0-9]{0,8})</leadId>';
const STATUS = `<status>(CREATED|UPDATED|UNCHANGED)</status>${BLANK}(?:<error xsi:nil="true" ?/>${BLANK})?`;

const RESULT = new RegExp(
  `^${BLANK}${LEAD_ID}${BLANK}<syncStatus>${BLANK}${LEAD_ID}${BLANK}${STATUS}</syncStatus>${BLANK}(?:<leadRecord xsi:nil="true" ?/>${BLANK})?$`,
);
const LIST = new RegExp(`^${BLANK}<syncStatusList>(.*)</syncStatusList>${BLANK}$`, 's');
/** A refused lead: its id means nothing, and its words contain neither tags nor line ends. */
const FAILED =
  `(?:<leadId>[0-9]{0,9}</leadId>${BLANK})?<status>FAILED</status>${BLANK}` +
  `(?:<error xsi:nil="true" ?/>${BLANK}|<error>([ -;=?-~\\x80-\\xff]*)</error>${BLANK})?`;
const LIST_ITEM = new RegExp(
  `${BLANK}<syncStatus>${BLANK}(?:${LEAD_ID}${BLANK}${STATUS}|${FAILED})</syncStatus>`,
  'y',
);

/** In one call. A reply with more is unusual, and may exceed the bounds of the parser. */
const MAX_RECORDS = 300;

/** Reads a reply to `syncLead`; undefined if it is not a usual one. */
export function readSyncLeadReplyFast(
  body: Buffer,
  contentType: string | undefined,
): SyncLeadReply | undefined {
  const result = syncLeadResult(body, contentType);
  const match = result === undefined ? null : RESULT.exec(result);
  if (match === null || match[1] !== match[2]) return undefined;
  return { kind: 'stored', leadId: Number(match[1]), status: match[3] as UpsertStatus, lead: undefined };
}

/** Reads a reply to `syncMultipleLeads`; undefined if it is not a usual one. */
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

/** An ampersand, or a byte of a character beyond ASCII. */
const REFERENCE_OR_BEYOND_ASCII = /[&\x80-\xff]/;
const OTHER_REFERENCE = /&(?!(?:amp|lt|gt|quot|apos);)/;

/** The upstream's words, from bytes in UTF-8; undefined if only the parser can read them. */
function wordsOf(bytes: string): string | undefined {
  if (!REFERENCE_OR_BEYOND_ASCII.test(bytes)) return bytes;
  const utf8 = Buffer.from(bytes, 'latin1');
  if (!isUtf8(utf8)) return undefined;
  const text = utf8.toString();
  return isXmlText(text) && !OTHER_REFERENCE.test(text) ? decodeReferences(text) : undefined;
}

/** Media types that leave no doubt that the bytes are UTF-8. */
const USUAL_TYPE = /^(?:text|application)\/(?:soap\+)?xml(?: *; *charset="?utf-8"?)?$/i;

const RESULT_START = '<result>';
const RESULT_END = '</result>';

/** The text around the result of a usual reply. A server always writes the same, and comparing is faster than matching. */
type Frame = { readonly contentType: string | undefined; readonly before: string; readonly after: string };

function isSame(known: Frame, before: string, after: string, contentType: string | undefined): boolean {
  return known.before === before && known.after === after && known.contentType === contentType;
}

/** Reads the content of the result element; undefined if the envelope around it is not a usual one. */
function frameReader(usual: RegExp): (body: Buffer, contentType: string | undefined) => string | undefined {
  let known: Frame | undefined;
  return (body, contentType) => {
    // The patterns are ASCII, so the bytes need not be decoded, except for those of the upstream's words (`wordsOf`).
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

/** Whether the envelope is a usual one whose prefixes stand for the right namespaces. */
function isUsual(text: string, contentType: string | undefined, usual: RegExp): boolean {
  if (contentType !== undefined && !USUAL_TYPE.test(contentType)) return false;
  const match = usual.exec(text);
  if (match === null) return false;
  const [, soap = '', declared = '', service = ''] = match;
  const declarations = declared.trim().split(/ +/);
  const names = new Set(declarations.map((declaration) => declaration.slice(0, declaration.indexOf('='))));
  // A prefix that is declared twice makes the document ill-formed; `xml` and `xmlns` have meanings of their own.
  const isSound = names.size === declarations.length && !/xmlns:xml/i.test(declared);
  const means = (prefix: string, namespace: string) =>
    declarations.includes(`xmlns:${prefix}="${namespace}"`);
  return isSound && means(soap, SOAP_ENVELOPE_NS) && means(service, MARKETO_NS) && means('xsi', XSI_NS);
}
