import * as fc from 'fast-check';
import { XmlCData, XmlDocument, XmlElement as LibxmlElement, XmlText, type XmlTreeNode } from 'libxml2-wasm';
import { describe, expect, test } from 'vitest';
import { escapeText } from '../../src/soap-server/answer.ts';
import { readXml, XmlError, type XmlElement } from '../../src/soap-server/read-xml.ts';
import { anyCharacter, fuzz } from '../support/fuzz.ts';
import { GROWTH_BYTES, LINEAR_GROWTH, measureGrowth } from '../support/time.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

/**
 * What libxml2 complains of although the standard allows it or it is never read: a namespace name that is not an
 * absolute URI, and `<?target?rest?>`.
 */
const HARMLESS = /is not a valid URI|is not absolute|PI \S+ space expected/;

/**
 * The tree by libxml2, the parser that was behind the vendor's server; null for ill-formed text. Ours where libxml2 is
 * no oracle.
 */
function byLibxml2(source: string): XmlElement | null {
  let document: XmlDocument | undefined;
  try {
    document = XmlDocument.fromString(source);
    return treeOf(document.root);
  } catch (error) {
    return HARMLESS.test(String(error)) ? byUs(source) : null;
  } finally {
    document?.dispose();
  }
}

function treeOf(element: LibxmlElement): XmlElement {
  const children: XmlElement[] = [];
  let text = '';
  for (let node: XmlTreeNode | null = element.firstChild; node; node = node.next) {
    if (node instanceof LibxmlElement) children.push(treeOf(node));
    else if (node instanceof XmlText || node instanceof XmlCData) text += node.content;
  }
  return {
    ns: element.namespaceUri,
    local: element.name,
    attributes: element.attrs.map((attribute) => ({
      ns: attribute.namespaceUri,
      local: attribute.name,
      value: attribute.value,
    })),
    children,
    text,
  };
}

function byUs(source: string): XmlElement | null {
  try {
    return readXml(source);
  } catch (error) {
    if (error instanceof XmlError) return null;
    throw error;
  }
}

const DOCUMENTS = [
  '<a/>',
  '<a></a>',
  '<a>text</a>',
  '<a b=\'1\' c="2"/>',
  '<a xmlns="urn:x"><b xmlns=""/><c/></a>',
  '<p:a xmlns:p="urn:p" p:b="1" b="2"><p:c/></p:a>',
  '<a><![CDATA[<b>&amp;]]></a>',
  '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<!-- c --><?pi x?><a>&lt;&#65;&#x42;</a>\n<!-- d -->',
  '<a>\r\n\r</a>',
  '<ä.-·>ü😀</ä.-·>',
  '<a xml:lang="de"/>',
  '<a b=" \t\n&#9;&#10;&#13; "/>',
  '<a>&#13;&#xD;\r</a>',
  '<a xmlns=" urn:x"/>',
  '<?xml version="1.1"?><a/>',
  '<?xml version="1.1"?><a>\u0085\u2028</a>',
  "<?xml version='1.0' standalone='no'?><a/>",
  '\uFEFF<a/>',
  // Ill-formed ones.
  '<?xml version="1.1"?><a>&#1;</a>',
  '<?xml version="2.0"?><a/>',
  '<?xml encoding="UTF-8"?><a/>',
  '<a xmlns:p="urn:u" xmlns:p="urn:u"/>',
  '<a b="]]>"/>',
  '<a b="1"">',
  '<a>&#x;</a>',
  '<a>&#;</a>',
  '<a>& </a>',
  '<a>&amp',
  '<a/>&amp;',
  '<a/><![CDATA[x]]>',
  '',
  ' ',
  'a',
  '<a',
  '<a>',
  '<a></b>',
  '<a/><b/>',
  '<a/>x',
  '<a b=1/>',
  '<a b="1"c="2"/>',
  '<a b="1" b="2"/>',
  '<a xmlns:p="urn:u" xmlns:q="urn:u" p:b="1" q:b="2"/>',
  '<a b="<"/>',
  '<a b="&"/>',
  '<a>&x;</a>',
  '<a>&amp</a>',
  '<a>&#0;</a>',
  '<a>&#xD800;</a>',
  '<a>&#x110000;</a>',
  '<a>&#99999999999999999999;</a>',
  '<a>]]></a>',
  '<a><!-- -- --></a>',
  '<a><!----->',
  '<a><![CDATA[</a>',
  '<![CDATA[x]]><a/>',
  '<p:a/>',
  '<a p:b="1"/>',
  '<a:b:c xmlns:a="urn:u"/>',
  '<a xmlns:p=""/>',
  '<xmlns:a/>',
  '<a xmlns:xmlns="urn:u"/>',
  '<a xmlns:xml="urn:u"/>',
  '<a xmlns="http://www.w3.org/XML/1998/namespace"/>',
  '<1a/>',
  '<-a/>',
  '< a/>',
  '<a/ >',
  '</a>',
  '<a><?xml version="1.0"?></a>',
  ' <?xml version="1.0"?><a/>',
  '<?xml?><a/>',
  '<?xml version="1.0" standalone="maybe"?><a/>',
  '<?xml version="1.0"encoding="UTF-8"?><a/>',
  '<a><?pi</a>',
  '<a>\u0000</a>',
  '<a>\uFFFE</a>',
  '<a><!ELEMENT></a>',
];

const PIECES =
  `<a|>|/>|</a>|<p:b| xmlns:p="urn:u"| xmlns="urn:v"| p:x="1"| x='2'|<!--|-->|<![CDATA[|]]>|&amp;|&#13;|&lt|"|'|=| |\n|text|<|:|--`.split(
    '|',
  );

const nested = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth);

describe('the XML reader', () => {
  testEvery(3, DOCUMENTS)('%j: the same as libxml2', (source) => {
    expect(byUs(source)).toEqual(byLibxml2(source));
  });

  test('broken and mended documents: never another verdict than libxml2', () => {
    const pieces = fc.constantFrom(...PIECES);
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        for (const source of [parts.join(''), `<a xmlns:p="urn:u">${parts.join('')}</a>`]) {
          expect(byUs(source)).toEqual(byLibxml2(source));
        }
      }),
      fuzz(5),
    );
  });

  test('one character of a real message changed, dropped or doubled', () => {
    const message =
      '<?xml version="1.0"?><S:Envelope xmlns:S="urn:s"><S:Body><n:p xmlns:n="urn:n"><v a=\'1\'>x&amp;y<![CDATA[z]]></v><!-- c --></n:p></S:Body></S:Envelope>';
    fc.assert(
      fc.property(
        fc.nat(message.length - 1),
        fc.constantFrom('', '<', '>', '&', '"', "'", '/', ':', ' ', 'x', ']', '-', '!', '?', '\u0001'),
        (at, put) => {
          for (const end of [at, at + 1]) {
            const changed = message.slice(0, at) + put + message.slice(end);
            // libxml2 reads a version without its second number.
            fc.pre(!changed.includes('"1."'));
            expect(byUs(changed)).toEqual(byLibxml2(changed));
          }
        },
      ),
      fuzz(5),
    );
  });

  test('any text of XML characters survives being escaped and read', EXHAUSTIVE, () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (value) => {
        fc.pre(!/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(value));
        expect(readXml(`<a>${escapeText(value)}</a>`).text).toBe(value);
      }),
      fuzz(20),
    );
  });

  test('256 elements inside each other are read, one more is refused', () => {
    expect(byUs(nested(256))).not.toBeNull();
    expect(byUs(nested(257))).toBeNull();
  });

  testEvery(2, [
    ['a document type', '<!DOCTYPE a [<!ENTITY e "e">]><a>&e;</a>', 'a document type declaration'],
    ['half a surrogate pair', '<a>\uD800</a>', 'half a surrogate pair'],
    ['a namespace name with spaces around it', '<a xmlns=" urn:x "/>', 'a namespace name with spaces'],
    ['201 attributes', `<a${Array.from({ length: 201 }, (_, n) => ` b${n}=""`).join('')}/>`, 'too many'],
  ])('%s is refused', (_what, source, message) => {
    expect(() => readXml(source)).toThrow(XmlError);
    expect(() => readXml(source)).toThrow(message);
  });

  test('200 attributes are read', () => {
    const attributes = Array.from({ length: 200 }, (_, n) => ` b${n}=""`).join('');
    expect(byUs(`<a${attributes}/>`)?.attributes.length).toBe(200);
  });

  test('an error says where it is', () => {
    expect(() => readXml('<a>\n<b></a>')).toThrow('unexpected close tag (at character 11)');
  });

  testEvery<[string, (size: number) => string]>(3, [
    ['references', (size) => `<a>${'&#65;]]&gt;'.repeat(size / 10)}</a>`],
    ['references in a value', (size) => `<a b="${'&#65;&lt;'.repeat(size / 10)}"/>`],
    ['elements', (size) => `<a>${'<b/>'.repeat(size / 4)}</a>`],
    ['namespaces', (size) => `<a>${'<p:b xmlns:p="urn:p" p:c=""/>'.repeat(size / 30)}</a>`],
    ['the same attribute', (size) => `<a ${'b="1" '.repeat(size / 10)}/>`],
    ['ampersands', (size) => `<a b="${'&'.repeat(size)}"/>`],
    ['the name of an entity', (size) => `<a>&${'b'.repeat(size)}`],
    ['a name', (size) => `<${'b'.repeat(size)}`],
    ['brackets in CDATA', (size) => `<a><![CDATA[${']'.repeat(size)}]]></a>`],
    ['CDATA sections', (size) => `<a>${'<![CDATA[b]]>'.repeat(size / 13)}</a>`],
    ['a comment', (size) => `<a><!--${' -'.repeat(size / 2)} --></a>`],
    ['line ends', (size) => `<a>${'\r\n\r'.repeat(size / 3)}</a>`],
  ])('a document full of %s is read in linear time', (_what, write) => {
    const { growth } = measureGrowth(GROWTH_BYTES, write, byUs);
    expect(growth).toBeLessThan(LINEAR_GROWTH);
  });
});
