import { describe, expect, test } from 'vitest';
import { parseDocument, UnreadableReply, type XmlElement } from '../../src/marketo-soap/xml-document.ts';
import { escapeText } from '../../src/marketo-soap/xml-escaping.ts';
import { testEvery } from '../support/exhaustive.ts';

const element = (name: string, rest: Partial<XmlElement> = {}): XmlElement => ({
  name,
  namespace: '',
  text: '',
  isNil: false,
  children: [],
  ...rest,
});

function refusal(xml: string): string {
  try {
    parseDocument(xml);
  } catch (error) {
    if (error instanceof UnreadableReply) return error.message;
    throw error;
  }
  return 'was read';
}

describe('a document is read as it is written', () => {
  testEvery<[string, string, XmlElement]>(3, [
    ['an empty element', '<a/>', element('a')],
    ['text', '<a>b</a>', element('a', { text: 'b' })],
    ['white space in text', '<a> b\n </a>', element('a', { text: ' b\n ' })],
    ['text that looks like a number', '<a>02134</a>', element('a', { text: '02134' })],
    ['text that looks like a number with an exponent', '<a>0E68</a>', element('a', { text: '0E68' })],
    [
      'children and the text around them',
      '<a>x<b>1</b>y<c/>z</a>',
      element('a', { text: 'xyz', children: [element('b', { text: '1' }), element('c')] }),
    ],
    ['the five entities of XML', '<a>&lt;&gt;&amp;&quot;&apos;</a>', element('a', { text: `<>&"'` })],
    ['numeric references', '<a>&#65;&#x42;&#x1F600;&#13;</a>', element('a', { text: 'AB😀\r' })],
    ['a reference in a reference', '<a>&amp;lt;</a>', element('a', { text: '&lt;' })],
    [
      'CDATA with the blanks beside it',
      '<a> <![CDATA[ <b>&amp; ]]> c</a>',
      element('a', { text: '  <b>&amp;  c' }),
    ],
    ['CDATA in two halves', '<a><![CDATA[]]]]><![CDATA[>]]></a>', element('a', { text: ']]>' })],
    ['line ends as line feeds', '<a>1\r\n2\r3\n4</a>', element('a', { text: '1\n2\n3\n4' })],
    ['a comment in text', '<a>1<!-- <b> -->2</a>', element('a', { text: '12' })],
    ['a DOCTYPE in a comment', '<!-- <!DOCTYPE a> --><a/>', element('a')],
    ['a DOCTYPE in CDATA', '<a><![CDATA[<!DOCTYPE a>]]></a>', element('a', { text: '<!DOCTYPE a>' })],
    ['processing instructions', `<?p it's "?><a><?q '?>1</a><?r?>`, element('a', { text: '1' })],
    ['a declaration', '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<a/>\n', element('a')],
    ['a declaration of XML 1.1', '<?xml version="1.1"?><a/>', element('a')],
    ['tags with white space', '<a\n><b\t/></a\r>', element('a', { children: [element('b')] })],
    ['names of other scripts', '<größe><名/></größe>', element('größe', { children: [element('名')] })],
    ['a > in text', '<a>1>2</a>', element('a', { text: '1>2' })],
    ['a > in an attribute', '<a b=">"/>', element('a')],
  ])('%s', (_what, xml, expected) => {
    expect(parseDocument(xml)).toEqual(expected);
  });
});

describe('namespaces are resolved', () => {
  testEvery<[string, string, XmlElement]>(3, [
    ['a prefix', '<p:a xmlns:p="urn:x"/>', element('a', { namespace: 'urn:x' })],
    [
      'a default namespace, for elements inside as well',
      '<a xmlns="urn:x"><b/></a>',
      element('a', { namespace: 'urn:x', children: [element('b', { namespace: 'urn:x' })] }),
    ],
    [
      'a default namespace that is taken back',
      '<a xmlns="urn:x"><b xmlns=""/></a>',
      element('a', { namespace: 'urn:x', children: [element('b')] }),
    ],
    [
      'a prefix that changes its meaning and gets it back',
      '<p:a xmlns:p="urn:x"><p:b xmlns:p="urn:y"/><p:c/></p:a>',
      element('a', {
        namespace: 'urn:x',
        children: [element('b', { namespace: 'urn:y' }), element('c', { namespace: 'urn:x' })],
      }),
    ],
    ['a name with a reference in it', '<a xmlns="urn:&#120;&amp;"/>', element('a', { namespace: 'urn:x&' })],
    [
      'the prefix xml, which needs no declaration',
      '<a xml:lang="en"><xml:b/></a>',
      element('a', { children: [element('b', { namespace: 'http://www.w3.org/XML/1998/namespace' })] }),
    ],
  ])('%s', (_what, xml, expected) => {
    expect(parseDocument(xml)).toEqual(expected);
  });
});

testEvery<[string, boolean]>(3, [
  ['xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"', true],
  ['xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="1"', true],
  ["xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil=' true '", true],
  ['xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="false"', false],
  ['xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="0"', false],
  ['xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="TRUE"', false],
  ['xmlns:xsi="urn:another" xsi:nil="true"', false],
  ['nil="true"', false],
  [
    'xmlns:a="urn:another" a:nil="false" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"',
    true,
  ],
])('with %s it is %s that an element is nil', (attributes, isNil) => {
  expect(parseDocument(`<a ${attributes}/>`).isNil).toBe(isNil);
});

test('a NUL or a byte order mark outside of the root element does not matter', () => {
  const xml = '<?xml version="1.0"?>\uFEFF<!-- -->\0<a>1</a>\0<?b?>\uFEFF\n';
  expect(parseDocument(xml)).toMatchObject({ name: 'a', text: '1' });
});

describe('a document that is not well-formed is refused', () => {
  testEvery<readonly [string, string, string]>(3, [
    ['nothing', '', 'is empty'],
    ['white space', ' \r\n\t', 'is empty'],
    ['plain text', 'Service Unavailable', 'is not XML'],
    ['JSON', '{"a":1}', 'is not XML'],
    ['a second byte order mark', '\uFEFF<a/>', 'is not XML'],
    ['an HTML page', '\n<!DOCTYPE html>\n<html><body><br></body></html>', 'is an HTML page'],
    ['an HTML page without a DOCTYPE', '<HTML lang=en>', 'is an HTML page'],
    ['a DOCTYPE', '<!DOCTYPE a><a/>', 'has a DOCTYPE, which SOAP forbids'],
    ['a DOCTYPE in lower case', '<!doctype a><a/>', 'has a DOCTYPE, which SOAP forbids'],
    ['a cut DOCTYPE', '<!DOCTYPE a [', 'has a DOCTYPE, which SOAP forbids'],
    ['a DOCTYPE after the root', '<a/><!DOCTYPE a>', 'has a DOCTYPE, which SOAP forbids'],
    ['a DOCTYPE in the root', '<a><!DOCTYPE a></a>', 'has a DOCTYPE, which SOAP forbids'],
    [
      'a DOCTYPE after a comment',
      '<?xml version="1.0"?>\n<!-- > --> <?b?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
      'has a DOCTYPE, which SOAP forbids',
    ],
    ...[
      ['a cut document', '<a><b></b>'],
      ['a cut tag', '<a><b'],
      ['a cut comment', '<a/><!-- '],
      ['a cut CDATA section', '<a><![CDATA[b</a>'],
      ['a cut processing instruction', '<a/><?b'],
      ['a cut comment in front', '<!-- '],
      ['a cut instruction in front', '<?a '],
      ['a control character behind the root', '<a/>\u0001'],
      ['a control character in a comment behind the root', '<a/><!-- \u0001 -->'],
      ['text between comments', '<!-- -->x<a/>'],
      ['text after the root', '<a/>x'],
      ['CDATA after the root', '<a/><![CDATA[x]]>'],
      ['two roots', '<a/><b/>'],
      ['two roots with content', '<a>1</a><a>2</a>'],
      ['no root', '<!-- a -->'],
      ['tags that cross', '<a><b></a></b>'],
      ['a closing tag that closes itself', '<a></a/>'],
      ['a closing tag with an attribute', '<a></a b="1">'],
      ['a closing tag too many', '<a/></a>'],
      ['a name that begins with a digit', '<1a/>'],
      ['a name with two colons', '<a xmlns:p="u"><p:b:c/></a>'],
      ['a name of a colon', '<:a/>'],
      ['a digit after a prefix', '<a xmlns:p="u"><p:1/></a>'],
      ['a dot after the prefix of an attribute', '<a xmlns:p="u" p:.b=""/>'],
      ['an undeclared prefix', '<p:a/>'],
      ['an undeclared prefix of an attribute', '<a p:b="1"/>'],
      ['a prefix declared as nothing', '<a xmlns:p=""/>'],
      ['an attribute twice', '<a b="1" b="2"/>'],
      ['an attribute twice under two prefixes', '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>'],
      ['an attribute without a value', '<a b/>'],
      ['an attribute without quotes', '<a b=1/>'],
      ['attributes without a blank between', '<a b="1"c="2"/>'],
      ['a stray equals sign', '<a = />'],
      ['a < in an attribute', '<a b="<"/>'],
      ['a stray &', '<a>b & c</a>'],
      ['an undeclared entity', '<a>&nbsp;</a>'],
      ['an undeclared entity in an attribute', '<a b="&nbsp;"/>'],
      ['a reference without an end', '<a>&#65</a>'],
      ['a reference of no digits', '<a>&#x;</a>'],
      ['a reference with a capital X', '<a>&#X41;</a>'],
      ['a reference to a null', '<a>&#0;</a>'],
      ['a reference to a control character', '<a>&#8;</a>'],
      ['a reference beyond Unicode', '<a>&#x110000;</a>'],
      ['references to two halves of a character', '<a>&#xD83D;&#xDE00;</a>'],
      ['a null', '<a>\u0000</a>'],
      ['a control character', '<a>\u0008</a>'],
      ['half of a character', '<a>\uD83D</a>'],
      ['U+FFFE', '<a>\uFFFE</a>'],
      [']]> in text', '<a>]]></a>'],
      ['two dashes in a comment', '<a><!-- -- --></a>'],
      ['a declaration in the middle', '<a/><?xml version="1.0"?>'],
      ['a declaration after a blank', ' <?xml version="1.0"?><a/>'],
      ['a declaration whose quotes differ', `<?xml version="1.0" encoding='UTF-8"?><a/>`],
      ['a declaration without a version', '<?xml encoding="UTF-8"?><a/>'],
      ['a <! of no kind', '<a><!b></a>'],
      ['a blank at the start of a tag', '< a/>'],
      ['a name that every object has', '<constructor/>'],
      ['the name of the prototype', '<a><__proto__/></a>'],
      ['a name that the parser would trim', '<a\uFEFF>1</a>'],
      ['an instruction that hides what follows by a quote', `<a><?p "?><b/><?p "?></a><c/>`],
    ].map(([what = '', xml = '']) => [what, xml, 'is not well-formed XML'] as const),
  ])('%s', (_what, xml, reason) => {
    expect(refusal(xml)).toBe(reason);
  });

  test('with the reason of the parser as the cause', () => {
    expect(() => parseDocument('<a></b>')).toThrow(
      expect.objectContaining({
        cause: expect.objectContaining({ message: expect.stringContaining('tag') }),
      }),
    );
  });
});

describe('what an answer may be made of has bounds', () => {
  const nested = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth);
  const wide = (elements: number) => `<a>${'<b/>'.repeat(elements - 1)}</a>`;
  const attributed = (attributes: number) =>
    `<a><b/><c ${Array.from({ length: attributes }, (_, index) => `d${index}="" `).join('')}/></a>`;

  testEvery(7, [
    ['100 levels', nested(100), 'was read'],
    ['101 levels', nested(101), 'is nested more than 100 levels deep'],
    ['10,000 levels', nested(10_000), 'is nested more than 100 levels deep'],
    ['100,000 elements', wide(100_000), 'was read'],
    ['100,001 elements', wide(100_001), 'has more than 100000 elements and attributes'],
    ['3 elements with 99,997 attributes', attributed(99_997), 'was read'],
    ['3 elements with 99,998 attributes', attributed(99_998), 'has more than 100000 elements and attributes'],
  ])('%s', (_what, xml, expected) => {
    expect(refusal(xml)).toBe(expected);
  });
});

testEvery(3, ['<', '\r', 'a<b&c>', 'é>', '😀&', '中\r\n'])(
  'escapes %j alike in short and in long texts',
  (unit) => {
    const count = 5000;
    const long = escapeText(unit.repeat(count));
    expect(long === escapeText(unit).repeat(count)).toBe(true);
  },
);
