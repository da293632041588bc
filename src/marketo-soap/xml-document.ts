import { createRequire } from 'node:module';
import type * as FastXmlParser from 'fast-xml-parser';
import { isXmlText } from '../text/xml-characters.ts';
import { XSI_NS } from '../text/soap-protocol.ts';
import { bareMarkup, decodeReferences, illFormed, UnreadableReply } from './xml-markup.ts';

// The package's CommonJS build is one file, its ES modules are thirty (docs/performance.md#start).
const { XMLParser, XMLValidator } = createRequire(import.meta.url)('fast-xml-parser') as typeof FastXmlParser;

/** An element with its namespace resolved; `text` is its own text and CDATA, byte for byte. */
export type XmlElement = {
  readonly name: string;
  readonly namespace: string;
  readonly text: string;
  readonly isNil: boolean;
  readonly children: readonly XmlElement[];
};

/**
 * Keeps everything as it was written: no trimming, no numbers (`02134` keeps its zero), no entities (`decodeReferences` is
 * stricter), text and CDATA in their order.
 */
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
