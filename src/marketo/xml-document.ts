import { type SaxesAttributeNS, SaxesParser } from 'saxes';
import { XSI_NS } from './protocol.ts';
import { UnreadableReply } from './unreadable-reply.ts';

/** An element with its namespace resolved; `text` joins its own text and CDATA, byte for byte. */
export type XmlElement = {
  readonly name: string;
  readonly namespace: string;
  readonly text: string;
  readonly isNil: boolean;
  readonly children: readonly XmlElement[];
};

type OpenElement = { -readonly [K in Exclude<keyof XmlElement, 'children'>]: XmlElement[K] } & {
  readonly children: OpenElement[];
};

/**
 * What an answer may be made of. A lead of 1,000 attributes has some 4,000 elements, ten levels deep. Without these
 * bounds 4 MiB of `<a/>` or of attributes block the event loop for seconds, and looking up namespaces costs depth
 * times elements.
 */
const MAX_DEPTH = 100;
const MAX_ELEMENTS = 50_000;
const MAX_ATTRIBUTES = 100;

/**
 * Reads a whole XML document, fenced (design decision 9). The parser checks all of XML 1.0 and its namespaces and
 * stops at the first breach; a DOCTYPE is refused, so that there are no entities but the five of XML itself.
 *
 * @throws UnreadableReply for anything else
 */
export function parseDocument(xml: string): XmlElement {
  const [start] = /[^ \t\r\n]/.exec(xml) ?? [];
  if (start === undefined) throw new UnreadableReply('is empty');
  if (start !== '<') throw new UnreadableReply('is not XML');
  if (/^\s*<(?:!doctype\s+)?html\b/i.test(xml)) throw new UnreadableReply('is an HTML page');
  return readTree(xml);
}

function readTree(xml: string): XmlElement {
  // What the root element hangs on.
  const document: OpenElement = { name: '', namespace: '', text: '', isNil: false, children: [] };
  const parents: OpenElement[] = [];
  let current = document;
  let elements = 0;
  let attributes = 0;

  // Documents that say they are XML 1.1 are read as 1.0: the rest of the gateway carries 1.0's characters only.
  const parser = new SaxesParser({
    xmlns: true,
    position: false,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  const addText = (text: string) => {
    current.text += text;
  };
  parser.on('error', (cause) => {
    throw new UnreadableReply('is not well-formed XML', { cause });
  });
  parser.on('doctype', () => {
    throw new UnreadableReply('has a DOCTYPE, which SOAP forbids');
  });
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('opentagstart', () => {
    elements += 1;
    attributes = 0;
    if (elements > MAX_ELEMENTS) throw new UnreadableReply(`has more than ${MAX_ELEMENTS} elements`);
    if (parents.length >= MAX_DEPTH)
      throw new UnreadableReply(`is nested more than ${MAX_DEPTH} levels deep`);
  });
  parser.on('attribute', () => {
    attributes += 1;
    if (attributes <= MAX_ATTRIBUTES) return;
    throw new UnreadableReply(`has an element with more than ${MAX_ATTRIBUTES} attributes`);
  });
  parser.on('opentag', ({ local, uri, attributes: given }) => {
    const element = {
      name: local,
      namespace: uri,
      text: '',
      isNil: isNil(Object.values(given)),
      children: [],
    };
    current.children.push(element);
    parents.push(current);
    current = element;
  });
  parser.on('closetag', () => {
    // A tag that was closed had been opened: the parser has seen to it.
    current = parents.pop() as OpenElement;
  });
  parser.write(xml).close();
  const [root = document] = document.children;
  return root;
}

function isNil(attributes: readonly SaxesAttributeNS[]): boolean {
  const nil = attributes.find(({ local, uri }) => local === 'nil' && uri === XSI_NS);
  return nil !== undefined && ['true', '1'].includes(nil.value.trim());
}
