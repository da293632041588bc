import * as fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, test } from 'vitest';
import { readXml, XmlError, type XmlElement } from '../../src/soap-server/read-xml.ts';
import { escapeText } from '../../src/soap-server/answer.ts';
import { fuzz } from '../support/fuzz.ts';
import { LINEAR_GROWTH, measureGrowth } from '../support/time.ts';

/** The same tree by another strict parser, or null when it finds the text ill-formed. */
function bySaxes(source: string): XmlElement | null {
  const parser = new SaxesParser({ xmlns: true, fragment: false });
  type Node = { ns: string; local: string; attributes: unknown[]; children: Node[]; text: string };
  let root: Node | undefined;
  const open: Node[] = [];
  let failed = false;
  const addText = (text: string) => {
    const current = open.at(-1);
    if (current) current.text += text;
  };
  parser.on('error', () => {
    failed = true;
  });
  parser.on('doctype', () => {
    failed = true;
  });
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('opentag', (tag) => {
    const node: Node = {
      ns: tag.uri,
      local: tag.local,
      attributes: Object.values(tag.attributes)
        .filter(({ prefix, name }) => prefix !== 'xmlns' && name !== 'xmlns')
        .map(({ uri, local, value }) => ({ ns: uri, local, value })),
      children: [],
      text: '',
    };
    open.at(-1)?.children.push(node);
    root ??= node;
    open.push(node);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(source).close();
  return failed || !root ? null : (root as XmlElement);
}

function byUs(source: string): XmlElement | null {
  try {
    return plain(readXml(source));
  } catch (error) {
    if (error instanceof XmlError) return null;
    throw error;
  }
}

function plain({ ns, local, attributes, children, text }: XmlElement): XmlElement {
  // The other parser takes the blanks off a namespace's name, which without a DTD belong to it.
  return { ns: ns.trim(), local, attributes, children: children.map(plain), text };
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
  // Ill-formed ones.
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
  '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>',
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
  '<a:b:c xmlns:a="u"/>',
  '<a xmlns:p=""/>',
  '<xmlns:a/>',
  '<a xmlns:xmlns="u"/>',
  '<a xmlns:xml="u"/>',
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
  '<a>\uD800</a>',
  '<!DOCTYPE a><a/>',
  '<a><!ELEMENT></a>',
];

const PIECES =
  `<a|>|/>|</a>|<p:b| xmlns:p="u"| xmlns="v"| p:x="1"| x='2'|<!--|-->|<![CDATA[|]]>|&amp;|&#13;|&lt|"|'|=| |\n|text|<|:|--`.split(
    '|',
  );

const nested = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth);

describe('the XML reader', () => {
  test.each(DOCUMENTS)('%j: the same as another strict parser', (source) => {
    expect(byUs(source)).toEqual(bySaxes(source));
  });

  test('broken and mended documents: never another verdict than the other parser', () => {
    const pieces = fc.constantFrom(...PIECES);
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        for (const source of [parts.join(''), `<a xmlns:p="u">${parts.join('')}</a>`]) {
          expect(byUs(source)).toEqual(bySaxes(source));
        }
      }),
      fuzz(),
    );
  });

  test('one character of a real message changed, dropped or doubled', () => {
    const message =
      '<?xml version="1.0"?><S:Envelope xmlns:S="urn:s"><S:Body><n:p xmlns:n="urn:n"><v a=\'1\'>x&amp;y<![CDATA[z]]></v><!-- c --></n:p></S:Body></S:Envelope>';
    fc.assert(
      fc.property(
        fc.nat(message.length - 1),
        // Not "?": the other parser takes <?x?y?> for an instruction.
        fc.constantFrom('', '<', '>', '&', '"', "'", '/', ':', ' ', 'x', ']', '-', '!', '\u0001'),
        (at, put) => {
          for (const end of [at, at + 1]) {
            const changed = message.slice(0, at) + put + message.slice(end);
            expect(byUs(changed)).toEqual(bySaxes(changed));
          }
        },
      ),
      fuzz(),
    );
  });

  test('any text of XML characters survives being escaped and read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
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

  test.each<[string, (size: number) => string]>([
    ['references', (size) => `<a>${'&#65;]]&gt;'.repeat(size / 10)}</a>`],
    ['elements', (size) => `<a>${'<b/>'.repeat(size / 4)}</a>`],
    ['the same attribute', (size) => `<a ${'b="1" '.repeat(size / 10)}/>`],
    ['ampersands', (size) => `<a b="${'&'.repeat(size)}"/>`],
  ])('a megabyte of %s is read in linear time', (_what, write) => {
    const { growth } = measureGrowth(1_000_000, write, byUs);
    expect(growth).toBeLessThan(LINEAR_GROWTH);
  });
});
