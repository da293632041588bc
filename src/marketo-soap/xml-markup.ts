import { isXmlText } from '../text/xml-characters.ts';

/** Says why a reply cannot be read; the message goes on after "the answer ...". Never leaves this room. */
export class UnreadableReply extends Error {
  override readonly name = 'UnreadableReply';
  /** The word of the upstream that is at fault, if there is one. */
  readonly said: string | undefined;

  constructor(reason: string, options: { said?: string; cause?: unknown } = {}) {
    super(reason, { cause: options.cause });
    this.said = options.said;
  }
}

const MARKUP = /[&<>\r]/;
const EVERY_MARKUP = /[&<>\r]/g;

const REFERENCES = {
  '&': '&amp;',
  '<': '&lt;',
  // Only needed in `]]>`, which is forbidden in content (XML 1.0, 2.4).
  '>': '&gt;',
  // A parser would turn a bare carriage return into a line feed (XML 1.0, 2.11).
  '\r': '&#13;',
} as const;

/** Writes text as the content of an element. The text must pass `isXmlText`, as every text of a lead does. */
export function escapeText(text: string): string {
  if (!MARKUP.test(text)) return text;
  return text.replace(EVERY_MARKUP, (character) => REFERENCES[character as keyof typeof REFERENCES]);
}

/** Writes an element with text, in no namespace. */
export function textElement(name: string, text: string): string {
  return `<${name}>${escapeText(text)}</${name}>`;
}

const REFERENCE = /&(?:#x([0-9A-Fa-f]+);|#([0-9]+);|(amp|lt|gt|quot|apos);)?/g;
const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" } as const;

/**
 * Decodes the five entities that XML has without a DOCTYPE (XML 1.0, 4.6) and characters by number. The parser would
 * either keep `&#39;` or accept HTML's `&nbsp;`.
 *
 * @throws UnreadableReply for any other `&`, which makes the document ill-formed
 */
export function decodeReferences(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (reference, hex?: string, decimal?: string, name?: keyof typeof NAMED) => {
    if (name !== undefined) return NAMED[name];
    const digits = hex ?? decimal;
    const code = digits === undefined ? Number.NaN : Number.parseInt(digits, hex === undefined ? 10 : 16);
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : '';
    if (character === '' || !isXmlText(character)) {
      throw illFormed(`the reference ${reference}`);
    }
    return character;
  });
}

/**
 * A lead of 1,000 attributes has some 4,000 elements in ten levels. Without these limits, 4 MiB of `<a/>` or of `a="" b=""`
 * would block the event loop for seconds.
 */
const MAX_DEPTH = 100;
const MAX_NODES = 100_000;

const START =
  'A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u167F\\u1681-\\u1FFF\\u200C\\u200D\\u2070-\\u218F\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFEFE\\uFF00-\\uFFFD\\u{10000}-\\u{EFFFF}';
/** Namespaces in XML 1.0, 3 and 4, without U+1680 and U+FEFF, which the parser trims off a name as white space. */
const NC_NAME = `[${START}][${START}.0-9\\u00B7\\u0300-\\u036F\\u203F\\u2040-]*`;
const Q_NAME = `${NC_NAME}(?::${NC_NAME})?`;
const BLANK = '[ \\t\\r\\n]';

/** XML 1.0, 3.1. Whether an end tag matches its start tag is left to the validator. */
const TAG = new RegExp(
  `<(?:/${Q_NAME}${BLANK}*|${Q_NAME}(?:${BLANK}+${Q_NAME}${BLANK}*=${BLANK}*(?:"[^<"]*"|'[^<']*'))*${BLANK}*/?)>`,
  'uy',
);

const INSTRUCTION = new RegExp(
  `<\\?(?![Xx][Mm][Ll]${BLANK}|[Xx][Mm][Ll]\\?)${NC_NAME}(?:${BLANK}|\\?>)`,
  'uy',
);

/** XML 1.0, 2.8. XML 1.1 is read as 1.0: the rest of the gateway has only the characters of 1.0. */
const DECLARATION = new RegExp(
  `^<\\?xml${pseudo('version', '1\\.\\d+')}(?:${pseudo('encoding', '[A-Za-z][\\w.-]*')})?(?:${pseudo('standalone', '(?:yes|no)')})?${BLANK}*\\?>`,
);

function pseudo(name: string, value: string): string {
  return `${BLANK}+${name}${BLANK}*=${BLANK}*(?:"${value}"|'${value}')`;
}

/** Forbidden around the root element. A NUL or a byte order mark there is padding, as white space is. */
const OUTSIDE = /[^ \t\r\n\0\uFEFF]/;

/**
 * Checks every piece of markup and returns the root element without comments and processing instructions. fast-xml-parser
 * accepts much that XML 1.0 forbids, and reads quotes in an instruction as if they hid what follows. Takes linear time.
 *
 * @throws UnreadableReply for a DOCTYPE, ill-formed markup, and more elements or levels than the limits allow
 */
export function bareMarkup(xml: string): string {
  const pieces: string[] = [];
  let at = 0;
  let depth = 0;
  let nodes = 0;
  while (at < xml.length) {
    const start = xml.indexOf('<', at);
    const text = xml.slice(at, start === -1 ? xml.length : start);
    if (text.includes(']]>')) throw illFormed('text contains the end of a CDATA section');
    if (depth > 0) pieces.push(text);
    else if (OUTSIDE.test(text)) throw illFormed('there is text outside the root element');
    if (start === -1) break;
    const { kind, end } = pieceAt(xml, start);
    const piece = xml.slice(start, end);
    if (kind !== 'aside') pieces.push(piece);
    else if (!isXmlText(piece)) throw illFormed('it holds a character XML forbids');
    if (kind === 'tag') {
      const isEnd = piece.startsWith('</');
      if (!isEnd) nodes += piece.split('=').length;
      depth += isEnd ? -1 : piece.endsWith('/>') ? 0 : 1;
      if (depth > MAX_DEPTH) throw new UnreadableReply(`is nested more than ${MAX_DEPTH} levels deep`);
      if (nodes > MAX_NODES) throw new UnreadableReply(`has more than ${MAX_NODES} elements and attributes`);
    }
    at = end;
  }
  return pieces.join('');
}

type Piece = { readonly kind: 'aside' | 'cdata' | 'tag'; readonly end: number };

function pieceAt(xml: string, start: number): Piece {
  if (xml.startsWith('<!--', start)) {
    const dashes = endOf(xml, '--', start + 4);
    if (xml[dashes] !== '>') throw illFormed('a comment contains two dashes');
    return { kind: 'aside', end: dashes + 1 };
  }
  if (xml.startsWith('<![CDATA[', start)) return { kind: 'cdata', end: endOf(xml, ']]>', start) };
  if (/^<!doctype/i.test(xml.slice(start, start + 9))) {
    throw new UnreadableReply('has a DOCTYPE, which SOAP forbids');
  }
  const declaration = start === 0 ? DECLARATION.exec(xml) : null;
  if (declaration !== null) return { kind: 'aside', end: declaration[0].length };
  if (xml.startsWith('<?', start)) {
    INSTRUCTION.lastIndex = start;
    if (!INSTRUCTION.test(xml)) throw illFormed('a processing instruction is malformed');
    return { kind: 'aside', end: endOf(xml, '?>', start) };
  }
  TAG.lastIndex = start;
  if (!TAG.test(xml)) throw illFormed('a tag is malformed');
  return { kind: 'tag', end: TAG.lastIndex };
}

/** The position after the next `end`. */
function endOf(xml: string, end: string, from: number): number {
  const at = xml.indexOf(end, from);
  if (at === -1) throw illFormed(`${end} is missing`);
  return at + end.length;
}

export function illFormed(why: string): UnreadableReply {
  return new UnreadableReply('is not well-formed XML', { cause: new Error(why) });
}
