import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import { XSI_NS } from '../text/soap-protocol.ts';
import { SoapFault } from './answer.ts';

/** One element: its expanded name, attributes, child elements in order, and its own text (CDATA included). */
export type XmlElement = {
  /** Namespace name; the empty string for none. */
  readonly ns: string;
  readonly local: string;
  /** Without namespace declarations. */
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  readonly text: string;
};

type XmlAttribute = { readonly ns: string; readonly local: string; readonly value: string };

/** The text is not well-formed or over a limit; `offset` counts its UTF-16 units. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} (at character ${offset})`);
    this.offset = offset;
  }
}

type OpenElement = {
  readonly ns: string;
  readonly local: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: XmlElement[];
  text: string;
};

/** libxml2's limit, which the vendor's server had too. */
const MAX_DEPTH = 256;
const MAX_ATTRIBUTES = 200;

/** With the flag `u`, a surrogate without its partner. */
const SURROGATE = /\p{Surrogate}/u;

const NO_ATTRIBUTES: readonly XmlAttribute[] = [];

/**
 * Reads a whole document and returns its root element. Stricter than the parser where a client could notice; a processing
 * instruction without its space, `<?x?y?>`, passes.
 *
 * The gateway reads with another parser, so that the two cannot agree on a mistake
 * (docs/architecture.md#deliberate-twins).
 * @throws {XmlError} when the text is not well-formed, uses an undeclared prefix, contains a DOCTYPE, nests elements
 *   more than 256 deep or gives one more than 200 attributes.
 */
export function readXml(text: string): XmlElement {
  // A declaration of version 1.1 would allow control characters, which libxml2 does not.
  const parser = new SaxesParser({
    xmlns: true,
    position: false,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  const refuse = (message: string): never => {
    throw new XmlError(message, parser.position);
  };
  const open: OpenElement[] = [];
  let attributeCount = 0;
  let root: OpenElement | undefined;

  parser.on('error', ({ message }) => refuse(message.replace(/\.$/, '')));
  parser.on('doctype', () => refuse('a document type declaration'));
  parser.on('opentagstart', () => {
    if (open.length >= MAX_DEPTH) refuse(`elements nested deeper than ${MAX_DEPTH}`);
    attributeCount = 0;
  });
  parser.on('attribute', (attribute) => {
    attributeCount++;
    if (attributeCount > MAX_ATTRIBUTES) refuse('too many attributes');
    // The parser would trim it; a name with spaces around it is another namespace.
    if (isDeclaration(attribute) && attribute.value.trim() !== attribute.value) {
      refuse('a namespace name with spaces around it');
    }
  });
  parser.on('opentag', (tag) => {
    const element = elementOf(tag, attributeCount);
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => open.pop());
  const addText = (piece: string) => {
    const current = open.at(-1);
    if (current) current.text += piece;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);

  // The parser would take the character after one for the other half of the pair.
  if (SURROGATE.test(text)) refuse('half a surrogate pair');
  parser.write(text).close();
  return root ?? refuse('no root element');
}

function elementOf({ uri, local, attributes }: SaxesTagNS, attributeCount: number): OpenElement {
  return {
    ns: uri,
    local,
    attributes: attributeCount === 0 ? NO_ATTRIBUTES : attributesOf(attributes),
    children: [],
    text: '',
  };
}

function attributesOf(attributes: SaxesTagNS['attributes']): XmlAttribute[] {
  return Object.values(attributes)
    .filter((attribute) => !isDeclaration(attribute))
    .map(({ uri, local, value }) => ({ ns: uri, local, value }));
}

function isDeclaration({ prefix, name }: Pick<SaxesAttributeNS, 'prefix' | 'name'>): boolean {
  return prefix === 'xmlns' || name === 'xmlns';
}

/** The first child of that local name, whatever its namespace, as the vendor's server looks it up (docs/marketo-soap.md#leniency). */
export function childNamed(parent: XmlElement, local: string): XmlElement | undefined {
  return parent.children.find((child) => child.local === local);
}

/** All children of that local name, whatever their namespace, in order. */
export function childrenNamed(parent: XmlElement, local: string): XmlElement[] {
  return parent.children.filter((child) => child.local === local);
}

export function attributeOf(element: XmlElement, ns: string, local: string): string | undefined {
  return element.attributes.find((attribute) => attribute.local === local && attribute.ns === ns)?.value;
}

export function isNil(element: XmlElement): boolean {
  if (element.attributes.length === 0) return false;
  const value = attributeOf(element, XSI_NS, 'nil')?.trim();
  return value === 'true' || value === '1';
}

/**
 * The text of a child; null when it is missing, nil or empty: the three forms of null are one.
 * @throws {SoapFault} 20012 when there are elements where the text belongs.
 */
export function childText(parent: XmlElement, local: string): string | null {
  const child = childNamed(parent, local);
  return child === undefined ? null : textOf(child) || null;
}

/** The text of an element, the empty string when nil. Throws like `childText`. */
export function textOf(element: XmlElement): string {
  if (isNil(element)) return '';
  const [inner] = element.children;
  if (inner) throw new SoapFault(20012, `Element ${inner.local} stands where ${element.local} holds text`);
  return element.text;
}

/** A child that is there and not nil. */
export function childPresent(parent: XmlElement, local: string): XmlElement | undefined {
  const child = childNamed(parent, local);
  return child === undefined || isNil(child) ? undefined : child;
}

/**
 * An xs:boolean child; null when missing, nil or empty.
 * @throws {SoapFault} 20110 for anything but true, false, 1 and 0, with blanks around them or not.
 */
export function childBoolean(parent: XmlElement, local: string): boolean | null {
  const text = childText(parent, local)?.trim();
  switch (text) {
    case undefined:
    case '':
      return null;
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      throw new SoapFault(20110, `${local} must be true or false`);
  }
}

/** An xs:int child; null when missing, nil or empty. @throws {SoapFault} 20110 */
export function childInt(parent: XmlElement, local: string): number | null {
  const text = childText(parent, local)?.trim();
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || value < -0x80000000 || value > 0x7fffffff) {
    throw new SoapFault(20110, `${local} must be an integer of 32 bits`);
  }
  return value;
}
