import { XSI_NS } from '../text/soap-protocol.ts';
import { SoapFault } from './fault.ts';
import { decodeReferences, isXmlText, nameEnd } from './xml-characters.ts';

/**
 * A strict reader of XML 1.0 with namespaces, for messages without a DTD.
 *
 * The gateway reads with a library; the sandbox reads with this, so that the two cannot agree on a mistake.
 * It works in one pass without recursion and refuses whatever is not well-formed, as libxml2 does behind the
 * vendor's server (contract D: ill-formed XML is fault 20012).
 */

/** One element: its expanded name, attributes, child elements in order, and its own text (CDATA included). */
export type XmlElement = {
  /** Namespace name; the empty string for none. */
  readonly ns: string;
  readonly local: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  readonly text: string;
};

type XmlAttribute = { readonly ns: string; readonly local: string; readonly value: string };

/** The text is not a well-formed document; `offset` counts UTF-16 units of the text given. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} (at character ${offset})`);
    this.offset = offset;
  }
}

/** libxml2's limit, which the vendor's server had too. */
const MAX_DEPTH = 256;
const MAX_ATTRIBUTES = 200;

const XML_NS = 'http://www.w3.org/XML/1998/namespace';
const XMLNS_NS = 'http://www.w3.org/2000/xmlns/';
const NO_ATTRIBUTES: readonly XmlAttribute[] = [];

const DECLARATION =
  /<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(?:"1\.\d+"|'1\.\d+')(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"[A-Za-z][\w.-]*"|'[A-Za-z][\w.-]*'))?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\n]*\?>/y;

type Scope = ReadonlyMap<string, string>;
type OpenElement = {
  ns: string;
  local: string;
  attributes: readonly XmlAttribute[];
  children: XmlElement[];
  text: string;
  readonly qname: string;
  readonly scope: Scope;
};
type RawAttribute = { readonly qname: string; readonly value: string };

const ROOT_SCOPE: Scope = new Map([
  ['', ''],
  ['xml', XML_NS],
]);

/**
 * Reads a whole document and returns its root element.
 * @throws {XmlError} when the text is not well-formed, uses an undeclared prefix, holds a DOCTYPE or nests deeper
 *   than 256 elements.
 */
export function readXml(source: string): XmlElement {
  // XML 1.0, 2.11: line ends become a line feed before parsing; references to a carriage return do not.
  const text = source.includes('\r') ? source.replaceAll(/\r\n?/g, '\n') : source;
  if (!isXmlText(text)) throw new XmlError('a character that XML 1.0 does not allow', 0);

  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let at = skipDeclaration(text);

  while (at < text.length) {
    const current = open.at(-1);
    if (text.charCodeAt(at) !== 60 /* < */) {
      const next = text.indexOf('<', at);
      const end = next === -1 ? text.length : next;
      const raw = text.slice(at, end);
      if (current) {
        if (raw.includes(']]>')) throw new XmlError('"]]>" in text', at);
        current.text += decode(raw, at);
      } else if (!isBlank(raw)) {
        throw new XmlError('text outside the root element', at);
      }
      at = end;
      continue;
    }
    switch (text.charCodeAt(at + 1)) {
      case 33 /* ! */: {
        if (text.startsWith('<!--', at)) {
          at = skipComment(text, at);
          break;
        }
        if (current && text.startsWith('<![CDATA[', at)) {
          const end = text.indexOf(']]>', at + 9);
          if (end === -1) throw new XmlError('a CDATA section does not end', at);
          current.text += text.slice(at + 9, end);
          at = end + 3;
          break;
        }
        throw new XmlError(
          text.startsWith('<!DOCTYPE', at) ? 'a document type declaration' : 'unexpected markup',
          at,
        );
      }
      case 63 /* ? */:
        at = skipInstruction(text, at);
        break;
      case 47 /* / */: {
        const end = nameEnd(text, at + 2);
        const qname = text.slice(at + 2, end);
        const close = skipBlanks(text, end);
        if (text.charCodeAt(close) !== 62 /* > */) throw new XmlError('an end tag does not end', at);
        if (!current || current.qname !== qname)
          throw new XmlError('an end tag that matches no start tag', at);
        open.pop();
        at = close + 1;
        break;
      }
      default: {
        if (root && !current) throw new XmlError('a second root element', at);
        if (open.length >= MAX_DEPTH) throw new XmlError(`elements nested deeper than ${MAX_DEPTH}`, at);
        const tag = readStartTag(text, at, current?.scope ?? ROOT_SCOPE);
        if (current) current.children.push(tag.element);
        else root = tag.element;
        if (!tag.empty) open.push(tag.element);
        at = tag.end;
      }
    }
  }
  if (open.length > 0) throw new XmlError('the document ends inside an element', text.length);
  if (!root) throw new XmlError('no root element', text.length);
  return root;
}

function readStartTag(
  text: string,
  start: number,
  parentScope: Scope,
): { element: OpenElement; empty: boolean; end: number } {
  let at = nameEnd(text, start + 1);
  const qname = text.slice(start + 1, at);
  if (qname === '') throw new XmlError('"<" that begins no tag', start);
  let raw: RawAttribute[] | undefined;
  let scope = parentScope;

  for (;;) {
    const next = skipBlanks(text, at);
    const code = text.charCodeAt(next);
    if (code === 62 /* > */ || code === 47 /* / */) {
      const empty = code === 47;
      if (empty && text.charCodeAt(next + 1) !== 62) throw new XmlError('"/" inside a tag', next);
      const name = expand(qname, scope, true, start);
      const element: OpenElement = {
        ns: name.ns,
        local: name.local,
        attributes: raw ? expandAttributes(raw, scope, start) : NO_ATTRIBUTES,
        children: [],
        text: '',
        qname,
        scope,
      };
      return { element, empty, end: next + (empty ? 2 : 1) };
    }
    if (next === at) throw new XmlError('a tag that does not end', start);
    const attribute = readAttribute(text, next);
    at = attribute.end;
    raw ??= [];
    if (raw.length >= MAX_ATTRIBUTES) throw new XmlError('too many attributes', start);
    if (raw.some((other) => other.qname === attribute.qname)) {
      throw new XmlError('an attribute given twice', next);
    }
    raw.push(attribute);
    if (attribute.qname === 'xmlns' || attribute.qname.startsWith('xmlns:')) {
      scope = declare(scope, attribute, next);
    }
  }
}

function readAttribute(text: string, start: number): RawAttribute & { readonly end: number } {
  const nameStop = nameEnd(text, start);
  const qname = text.slice(start, nameStop);
  if (qname === '') throw new XmlError('an attribute without a name', start);
  const equals = skipBlanks(text, nameStop);
  if (text.charCodeAt(equals) !== 61 /* = */) throw new XmlError('an attribute without a value', start);
  const quoteAt = skipBlanks(text, equals + 1);
  const quote = text.charAt(quoteAt);
  if (quote !== '"' && quote !== "'") throw new XmlError('an attribute value without quotes', start);
  const end = text.indexOf(quote, quoteAt + 1);
  if (end === -1) throw new XmlError('an attribute value that does not end', start);
  const value = text.slice(quoteAt + 1, end);
  if (value.includes('<')) throw new XmlError('"<" in an attribute value', start);
  return { qname, value: decode(value.replaceAll(/[\t\n]/g, ' '), start), end: end + 1 };
}

/** Namespaces in XML 1.0, 3: which declarations are allowed. */
function declare(scope: Scope, attribute: RawAttribute, at: number): Scope {
  const prefix = attribute.qname === 'xmlns' ? '' : attribute.qname.slice('xmlns:'.length);
  const uri = attribute.value;
  if (prefix === 'xmlns' || uri === XMLNS_NS || (prefix === 'xml') !== (uri === XML_NS)) {
    throw new XmlError('a reserved namespace or prefix', at);
  }
  if (prefix !== '' && uri === '') throw new XmlError('a prefix declared as no namespace', at);
  if (attribute.qname !== 'xmlns' && !isNcName(prefix))
    throw new XmlError('a name with a misplaced colon', at);
  return new Map(scope).set(prefix, uri);
}

function expandAttributes(raw: readonly RawAttribute[], scope: Scope, at: number): readonly XmlAttribute[] {
  const attributes: XmlAttribute[] = [];
  for (const { qname, value } of raw) {
    if (qname === 'xmlns' || qname.startsWith('xmlns:')) continue;
    const { ns, local } = expand(qname, scope, false, at);
    if (ns !== '' && attributes.some((other) => other.local === local && other.ns === ns)) {
      throw new XmlError('an attribute given twice', at);
    }
    attributes.push({ ns, local, value });
  }
  return attributes;
}

function expand(
  qname: string,
  scope: Scope,
  useDefault: boolean,
  at: number,
): { readonly ns: string; readonly local: string } {
  const colon = qname.indexOf(':');
  if (colon === -1) return { ns: useDefault ? (scope.get('') ?? '') : '', local: qname };
  const local = qname.slice(colon + 1);
  const ns = scope.get(qname.slice(0, colon));
  if (colon === 0 || ns === undefined) throw new XmlError('a prefix without a declaration', at);
  if (!isNcName(local)) throw new XmlError('a name with a misplaced colon', at);
  return { ns, local };
}

function isNcName(name: string): boolean {
  return name !== '' && !name.includes(':') && nameEnd(name, 0) === name.length;
}

function skipDeclaration(text: string): number {
  if (!/^<\?xml[ \t\n?]/.test(text)) return 0;
  DECLARATION.lastIndex = 0;
  if (!DECLARATION.test(text)) throw new XmlError('a malformed XML declaration', 0);
  return DECLARATION.lastIndex;
}

function skipComment(text: string, start: number): number {
  const end = text.indexOf('--', start + 4);
  if (end === -1 || text.charCodeAt(end + 2) !== 62) throw new XmlError('a malformed comment', start);
  return end + 3;
}

function skipInstruction(text: string, start: number): number {
  const stop = nameEnd(text, start + 2);
  const target = text.slice(start + 2, stop);
  const end = text.indexOf('?>', stop);
  if (target === '' || target.includes(':') || target.toLowerCase() === 'xml' || end === -1) {
    throw new XmlError('a malformed processing instruction', start);
  }
  if (end !== stop && skipBlanks(text, stop) === stop) {
    throw new XmlError('a malformed processing instruction', start);
  }
  return end + 2;
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 9) return at;
    at++;
  }
}

function isBlank(text: string): boolean {
  return skipBlanks(text, 0) === text.length;
}

function decode(raw: string, at: number): string {
  if (!raw.includes('&')) return raw;
  const decoded = decodeReferences(raw);
  if (decoded === undefined)
    throw new XmlError('a reference to an unknown entity or a forbidden character', at);
  return decoded;
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
