import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { isCarriable } from '../leads/text.ts';
import { XSI_NS } from './protocol.ts';

/** Says why an answer cannot be read; the sentence goes on after "the answer ...". Does not leave the room. */
export class UnreadableReply extends Error {
  override readonly name = 'UnreadableReply';
  /** The upstream's own word that is at fault, where there is one. */
  readonly said: string | undefined;

  constructor(reason: string, options: { said?: string; cause?: unknown } = {}) {
    super(reason, { cause: options.cause });
    this.said = options.said;
  }
}

/** An element with its namespace resolved; `text` joins its own text and CDATA, byte for byte. */
export type XmlElement = {
  readonly name: string;
  readonly namespace: string;
  readonly text: string;
  readonly isNil: boolean;
  readonly children: readonly XmlElement[];
};

/**
 * Keeps everything as it is written: no trimming, no numbers, no entities (ours are decoded strictly, below), so that
 * `02134` stays what it is. Nesting is bounded by the parser itself (100 levels).
 */
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  textNodeName: '#text',
  cdataPropName: '#cdata',
  trimValues: false,
  parseTagValue: false,
  parseAttributeValue: false,
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  jPath: false,
});

/**
 * Reads a whole XML document, fenced (design decision 9): no DOCTYPE, well-formed as far as the validator sees, no
 * character XML forbids, one root, every prefix declared.
 *
 * @throws UnreadableReply for anything else
 */
export function parseDocument(xml: string): XmlElement {
  if (xml.trim() === '') throw new UnreadableReply('is empty');
  if (hasDoctype(xml)) throw new UnreadableReply('has a DOCTYPE, which SOAP forbids');
  if (!isCarriable(xml)) throw new UnreadableReply('holds a character XML forbids');
  const root = parseTree(xml);
  return toElement(root, { xml: 'http://www.w3.org/XML/1998/namespace', '': '' });
}

/** What may hold the letters `<!DOCTYPE` without being one. */
const OPAQUE = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;

/** Whether a DOCTYPE stands anywhere but in a comment, a CDATA section or a processing instruction. Linear. */
function hasDoctype(xml: string): boolean {
  if (!/<!doctype/i.test(xml)) return false;
  for (let at = xml.indexOf('<'); at !== -1; at = xml.indexOf('<', at + 1)) {
    if (xml.startsWith('<!D', at) || xml.startsWith('<!d', at)) return true;
    const opaque = OPAQUE.find(([start]) => xml.startsWith(start, at));
    if (opaque === undefined) continue;
    const end = xml.indexOf(opaque[1], at + opaque[0].length);
    if (end === -1) return true;
    at = end + opaque[1].length - 1;
  }
  return false;
}

/** fast-xml-parser's shape: an object with one member, the element's name, and its attributes under `:@`. */
type RawNode = Readonly<Record<string, unknown>>;

function parseTree(xml: string): RawNode {
  let nodes: readonly RawNode[];
  try {
    const verdict = XMLValidator.validate(xml);
    if (verdict !== true) throw new UnreadableReply(`is not well-formed XML: ${verdict.err.msg}`);
    nodes = parser.parse(xml) as readonly RawNode[];
  } catch (cause) {
    if (cause instanceof UnreadableReply) throw cause;
    throw new UnreadableReply('is not XML this gateway can read', { cause });
  }
  const elements = nodes.filter((node) => !('#text' in node));
  const [root, ...others] = elements;
  if (root === undefined || others.length > 0) throw new UnreadableReply('does not have one root element');
  return root;
}

/** The namespaces in scope, by prefix; the default one under the empty prefix. */
type Scope = Readonly<Record<string, string>>;

function toElement(node: RawNode, outer: Scope): XmlElement {
  const tag = Object.keys(node).find((key) => key !== ':@') ?? '';
  const attributes = (node[':@'] ?? {}) as Readonly<Record<string, string>>;
  const scope = withDeclarations(outer, attributes);
  let text = '';
  const children: XmlElement[] = [];
  for (const child of node[tag] as readonly RawNode[]) {
    if ('#text' in child) text += decodeReferences(String(child['#text']));
    else if ('#cdata' in child) text += cdataText(child['#cdata'] as readonly RawNode[]);
    else children.push(toElement(child, scope));
  }
  const { prefix, local } = splitName(tag);
  return {
    name: local,
    namespace: lookUp(scope, prefix),
    text,
    isNil: isNil(attributes, scope),
    children,
  };
}

function cdataText(nodes: readonly RawNode[]): string {
  return nodes.map((node) => String(node['#text'])).join('');
}

function withDeclarations(outer: Scope, attributes: Readonly<Record<string, string>>): Scope {
  let scope: Record<string, string> | undefined;
  for (const [name, value] of Object.entries(attributes)) {
    if (name !== 'xmlns' && !name.startsWith('xmlns:')) continue;
    scope ??= { ...outer };
    scope[name.slice('xmlns:'.length)] = decodeReferences(value);
  }
  return scope ?? outer;
}

function isNil(attributes: Readonly<Record<string, string>>, scope: Scope): boolean {
  for (const [name, value] of Object.entries(attributes)) {
    if (!name.endsWith(':nil')) continue;
    const { prefix, local } = splitName(name);
    if (local !== 'nil' || lookUp(scope, prefix) !== XSI_NS) continue;
    return ['true', '1'].includes(value.trim());
  }
  return false;
}

function splitName(name: string): { prefix: string; local: string } {
  const colon = name.indexOf(':');
  if (colon === -1) return { prefix: '', local: name };
  const local = name.slice(colon + 1);
  if (colon === 0 || local === '' || local.includes(':')) {
    throw new UnreadableReply('has a name that is none in XML with namespaces');
  }
  return { prefix: name.slice(0, colon), local };
}

function lookUp(scope: Scope, prefix: string): string {
  const namespace = Object.hasOwn(scope, prefix) ? scope[prefix] : undefined;
  if (namespace === undefined) throw new UnreadableReply('uses a namespace prefix it does not declare');
  return namespace;
}

const REFERENCE = /&(?:#x([0-9A-Fa-f]+);|#([0-9]+);|(amp|lt|gt|quot|apos);)?/g;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The five entities XML knows without a DOCTYPE, and numeric references; anything else makes the text ill-formed. */
function decodeReferences(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (_reference, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return NAMED[name] ?? '';
    const digits = hex ?? decimal;
    if (digits === undefined) throw new UnreadableReply('has a reference to an entity nobody declared');
    const code = Number.parseInt(digits, hex === undefined ? 10 : 16);
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : '\u0000';
    if (!isCarriable(character)) throw new UnreadableReply('has a reference to a character XML forbids');
    return character;
  });
}
