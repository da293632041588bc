import { createRequire } from 'node:module';
import type * as FastXmlParser from 'fast-xml-parser';
import { isXmlText } from '../text/xml-characters.ts';
import { XSI_NS } from '../text/soap-protocol.ts';

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
function bareMarkup(xml: string): string {
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

function illFormed(why: string): UnreadableReply {
  return new UnreadableReply('is not well-formed XML', { cause: new Error(why) });
}

/** An element with its namespace resolved; `text` is its own text and CDATA, byte for byte. */
export type XmlElement = {
  readonly name: string;
  readonly namespace: string;
  readonly text: string;
  readonly isNil: boolean;
  readonly children: readonly XmlElement[];
};

type Library = Pick<typeof FastXmlParser, 'XMLValidator'> & { readonly parser: FastXmlParser.XMLParser };

let library: Library | undefined;

/**
 * Loaded with the first document: usual replies do without (docs/performance.md#start). The package's CommonJS build is
 * one file, its ES modules are thirty.
 */
function fastXmlParser(): Library {
  if (library !== undefined) return library;
  const { XMLParser, XMLValidator } = createRequire(import.meta.url)(
    'fast-xml-parser',
  ) as typeof FastXmlParser;
  // Keeps everything as it was written: no trimming, no numbers (`02134` keeps its zero), no entities (`decodeReferences`
  // is stricter), text and CDATA in their order.
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    textNodeName: '#text',
    cdataPropName: '#cdata',
    trimValues: false,
    parseTagValue: false,
    parseAttributeValue: false,
    processEntities: false,
    jPath: false,
  });
  library = { XMLValidator, parser };
  return library;
}

/**
 * Parses an XML document behind a fence (docs/architecture.md#the-parser-is-fenced): every piece of markup is checked
 * before the parser sees it, the validator must agree, there is one root, every prefix is declared, and the only
 * references are XML's own. The parser refuses names that every object has, such as `__proto__`.
 *
 * @throws UnreadableReply for anything else
 */
export function parseDocument(xml: string): XmlElement {
  const [start] = /[^ \t\r\n]/.exec(xml) ?? [];
  if (start === undefined) throw new UnreadableReply('is empty');
  if (start !== '<') throw new UnreadableReply('is not XML');
  if (/^\s*<(?:!doctype\s+)?html\b/i.test(xml)) throw new UnreadableReply('is an HTML page');
  const root = bareMarkup(xml);
  if (!isXmlText(root)) throw illFormed('it holds a character XML forbids');
  return toElement(parseRoot(root), TOP_SCOPE);
}

/** A node of fast-xml-parser: one member, named after the element, and the attributes under `:@`. */
type RawNode = Readonly<Record<string, unknown>>;

function parseRoot(xml: string): RawNode {
  const { XMLValidator, parser } = fastXmlParser();
  let nodes: readonly RawNode[];
  try {
    const verdict = XMLValidator.validate(xml);
    if (verdict !== true) throw illFormed(verdict.err.msg);
    nodes = parser.parse(xml) as readonly RawNode[];
  } catch (cause) {
    if (cause instanceof UnreadableReply) throw cause;
    throw new UnreadableReply('is not well-formed XML', { cause });
  }
  const [root, ...others] = nodes.filter((node) => !('#text' in node));
  // The validator accepts two roots.
  if (root === undefined || '#cdata' in root || others.length > 0) {
    throw illFormed('there is not one root element and nothing else');
  }
  return root;
}

/**
 * The namespaces that an element declares by their prefixes, the default one by the empty prefix, and those around it.
 * A chain, because a copy for every element with a declaration would take quadratic time.
 */
type Scope = { readonly own: ReadonlyMap<string, string>; readonly outer: Scope | undefined };

const TOP_SCOPE: Scope = {
  own: new Map([
    ['', ''],
    ['xml', 'http://www.w3.org/XML/1998/namespace'],
  ]),
  outer: undefined,
};

function toElement(node: RawNode, outer: Scope): XmlElement {
  const tag = Object.keys(node).find((key) => key !== ':@') as string;
  const attributes = attributesOf(node);
  const scope = withDeclarations(outer, attributes);
  const { prefix, local } = splitName(tag);
  let text = '';
  const children: XmlElement[] = [];
  for (const child of node[tag] as readonly RawNode[]) {
    if ('#text' in child) text += decodeReferences(String(child['#text']));
    else if ('#cdata' in child) text += cdataText(child['#cdata'] as readonly RawNode[]);
    else children.push(toElement(child, scope));
  }
  const namespace = namespaceOf(scope, prefix);
  return { name: local, namespace, text, isNil: isNil(attributes, scope), children };
}

function cdataText(nodes: readonly RawNode[]): string {
  return nodes.map((node) => String(node['#text'])).join('');
}

type Name = { readonly prefix: string; readonly local: string };
type Attribute = Name & { readonly value: string };

function splitName(name: string): Name {
  const colon = name.indexOf(':');
  return { prefix: name.slice(0, Math.max(0, colon)), local: name.slice(colon + 1) };
}

function attributesOf(node: RawNode): Attribute[] {
  const raw = (node[':@'] ?? {}) as Readonly<Record<string, string>>;
  return Object.entries(raw).map(([name, value]) => ({
    ...splitName(name.slice(1)),
    value: decodeReferences(value),
  }));
}

function isDeclaration({ prefix, local }: Name): boolean {
  return prefix === 'xmlns' || (prefix === '' && local === 'xmlns');
}

function withDeclarations(outer: Scope, attributes: readonly Attribute[]): Scope {
  const declarations = attributes.filter(isDeclaration);
  if (declarations.length === 0) return outer;
  const own = new Map<string, string>();
  for (const { prefix, local, value } of declarations) {
    if (prefix !== '' && value === '') throw illFormed('a prefix is declared with an empty namespace');
    own.set(prefix === '' ? '' : local, value);
  }
  return { own, outer };
}

function namespaceOf(scope: Scope, prefix: string): string {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const namespace = at.own.get(prefix);
    if (namespace !== undefined) return namespace;
  }
  throw illFormed(`the prefix ${prefix} is not declared`);
}

/** Also resolves all attributes: two of one name, or an undeclared prefix, make the document ill-formed. */
function isNil(attributes: readonly Attribute[], scope: Scope): boolean {
  let found = false;
  const seen = new Set<string>();
  for (const attribute of attributes) {
    const { prefix, local, value } = attribute;
    if (prefix === '' || isDeclaration(attribute)) continue;
    const namespace = namespaceOf(scope, prefix);
    const expanded = `${local} ${namespace}`;
    if (seen.has(expanded)) throw illFormed('a tag has the same attribute twice');
    seen.add(expanded);
    if (local === 'nil' && namespace === XSI_NS) found = ['true', '1'].includes(value.trim());
  }
  return found;
}
