import { describe, expect, test } from 'vitest';
import { decodeXml } from '../../src/marketo-soap/xml-encoding.ts';
import { UnreadableReply } from '../../src/marketo-soap/xml-document.ts';

const hex = (bytes: string) => Buffer.from(bytes.replaceAll(' ', ''), 'hex');
const latin1 = (text: string) => Buffer.from(text, 'latin1');

const UTF_16BE = hex('003c 0061 003e 00e9 003c 002f 0061 003e');
const UTF_16LE = hex('3c00 6100 3e00 e900 3c00 2f00 6100 3e00');

describe('the encoding is found', () => {
  test.each<[string, Buffer, string | undefined, string]>([
    ['by nothing: UTF-8', hex('3c61 3e c3a9 3c2f613e'), undefined, '<a>é</a>'],
    ['in a Content-Type without a charset: UTF-8', hex('3c61 3e c3a9 3c2f613e'), 'text/xml', '<a>é</a>'],
    ['by the mark of UTF-8', hex('efbbbf 3c613e c3a9 3c2f613e'), undefined, '<a>é</a>'],
    ['by the mark of UTF-16BE', Buffer.concat([hex('feff'), UTF_16BE]), undefined, '<a>é</a>'],
    ['by the mark of UTF-16LE', Buffer.concat([hex('fffe'), UTF_16LE]), undefined, '<a>é</a>'],
    ['by the first bytes of UTF-16BE', UTF_16BE, undefined, '<a>é</a>'],
    ['by the first bytes of UTF-16LE', UTF_16LE, undefined, '<a>é</a>'],
    [
      'in the declaration',
      latin1('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'),
      undefined,
      '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>',
    ],
    [
      'in a declaration with single quotes and line breaks',
      latin1("<?xml version='1.0'\n encoding = 'latin1'?><a>é</a>"),
      undefined,
      "<?xml version='1.0'\n encoding = 'latin1'?><a>é</a>",
    ],
    ['in the Content-Type', latin1('<a>é</a>'), 'text/xml; charset=ISO-8859-1', '<a>é</a>'],
    ['in the Content-Type, quoted', latin1('<a>é</a>'), 'text/xml;Charset="iso-8859-1";x=y', '<a>é</a>'],
    ['in the Content-Type, quoted wrongly', latin1('<a>é</a>'), "text/xml; charset='iso-8859-1'", '<a>é</a>'],
    ['in the Content-Type as US-ASCII', latin1('<a/>'), 'text/xml; charset=us-ascii', '<a/>'],
    [
      'in the Content-Type as UTF-16, which is big-endian then',
      hex('00e9 003c 0061 002f 003e'),
      'text/xml; charset=utf-16',
      'é<a/>',
    ],
    [
      'in the Content-Type as UTF-16LE',
      hex('e900 3c00 6100 2f00 3e00'),
      'text/xml; charset=utf-16le',
      'é<a/>',
    ],
    ['nowhere, for no bytes', Buffer.alloc(0), 'text/xml; charset=utf-16', ''],
  ])('%s', (_what, bytes, contentType, text) => {
    expect(decodeXml(bytes, contentType)).toBe(text);
  });
});

describe('where two say different things', () => {
  test.each<[string, Buffer, string | undefined, string]>([
    [
      'UTF-8 is what it is where the Content-Type says so',
      Buffer.from('<?xml version="1.0" encoding="windows-1252"?><a>é€</a>'),
      'text/xml; charset=utf-8',
      '<?xml version="1.0" encoding="windows-1252"?><a>é€</a>',
    ],
    [
      'UTF-8 is what it is where the declaration says so',
      Buffer.from('<?xml version="1.0" encoding="UTF-8"?><a>é€</a>'),
      'text/xml; charset=ISO-8859-1',
      '<?xml version="1.0" encoding="UTF-8"?><a>é€</a>',
    ],
    [
      'what is not UTF-8, as is declared, is what the Content-Type says',
      latin1('<?xml version="1.0" encoding="UTF-8"?><a>é</a>'),
      'text/xml; charset=windows-1252',
      '<?xml version="1.0" encoding="UTF-8"?><a>é</a>',
    ],
    [
      'an unknown encoding in the Content-Type does not matter',
      latin1('<?xml version="1.0" encoding="ISO8859_15"?><a>\xa4</a>'),
      'text/xml; charset=x-foo',
      '<?xml version="1.0" encoding="ISO8859_15"?><a>€</a>',
    ],
    [
      'the mark goes before the declaration',
      Buffer.concat([hex('efbbbf'), Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>')]),
      undefined,
      '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>',
    ],
    [
      'the declaration goes before the Content-Type',
      latin1('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'),
      'text/xml; charset=utf-8',
      '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>',
    ],
    [
      'a declaration of UTF-16 that is not in UTF-16 says nothing',
      Buffer.from('<?xml version="1.0" encoding="utf-16"?><a>é</a>'),
      undefined,
      '<?xml version="1.0" encoding="utf-16"?><a>é</a>',
    ],
    [
      'nor does a Content-Type of UTF-16',
      Buffer.from('<?xml version="1.0" encoding="UTF-16LE"?><a>é</a>'),
      'text/xml; charset=UTF-16BE',
      '<?xml version="1.0" encoding="UTF-16LE"?><a>é</a>',
    ],
  ])('%s', (_what, bytes, contentType, text) => {
    expect(decodeXml(bytes, contentType)).toBe(text);
  });
});

test.each([
  ['by declaration', latin1('<?xml version="1.0" encoding="windows-1252"?><a>\x80</a>'), undefined],
  [
    'by declaration, as ISO-8859-1',
    latin1('<?xml version="1.0" encoding="ISO-8859-1"?><a>\x80</a>'),
    undefined,
  ],
  ['by Content-Type', latin1('<a>\x80</a>'), 'text/xml; charset=cp1252'],
  ["by Java's name", latin1('<a>\x80</a>'), 'text/xml; charset=ISO8859_1'],
])('windows-1252 %s has the euro sign', (_where, bytes, contentType) => {
  expect(decodeXml(bytes, contentType)).toContain('<a>€</a>');
});

test('every byte of windows-1252 is one character of the WHATWG index', () => {
  const upper = Buffer.from(Array.from({ length: 128 }, (_, index) => 128 + index));
  const text = decodeXml(Buffer.concat([latin1('<'), upper, latin1('>')]), 'text/xml; charset=windows-1252');
  expect(text).toBe(
    '<€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ' +
      Array.from({ length: 96 }, (_, index) => String.fromCharCode(0xa0 + index)).join('') +
      '>',
  );
});

describe('what stands around a document does not come with it', () => {
  test.each([
    ['in UTF-8', Buffer.from('\n\0\uFEFF <a/> \0\uFEFF\r\n'), undefined, '<a/>'],
    ['in UTF-16LE', Buffer.from('\n\0\uFEFF <a/> \0\uFEFF\r\n', 'utf16le'), undefined, '<a/>'],
    ['in UTF-16BE', Buffer.from('\n\0\uFEFF <a/> \0\uFEFF\r\n', 'utf16le').swap16(), undefined, '<a/>'],
    ['in ISO-8859-1', latin1('\n<a>é</a>\0\xef\xbb\xbf'), 'text/xml; charset=latin1', '<a>é</a>'],
    ['but what stands inside', Buffer.from('<a>\0\uFEFF </a>'), undefined, '<a>\0\uFEFF </a>'],
    ['alone', Buffer.from(' \0\n\uFEFF'), undefined, ''],
  ])('%s', (_what, bytes, contentType, text) => {
    expect(decodeXml(bytes, contentType)).toBe(text);
  });
});

test('4 MiB of blanks in UTF-16 take linear time', () => {
  const text = `<a>${' '.repeat(2 ** 20)}</a>${' '.repeat(2 ** 20)}`;
  expect(decodeXml(Buffer.from(text, 'utf16le'), undefined)).toBe(text.trimEnd());
});

describe('bytes that are not what they should be are refused', () => {
  test.each<[string, Buffer, string | undefined, string]>([
    ['UTF-8', latin1('<a>é</a>'), undefined, 'is not the UTF-8 it should be'],
    ['UTF-8 with a mark', hex('efbbbf 3c613e e9'), undefined, 'is not the UTF-8 it should be'],
    ['half a character of UTF-8', hex('3c613e c3'), undefined, 'is not the UTF-8 it should be'],
    ['a surrogate in UTF-8', hex('3c613e eda0bd'), undefined, 'is not the UTF-8 it should be'],
    ['US-ASCII', latin1('<a>é</a>'), 'text/xml; charset=ascii', 'is not the US-ASCII it says it is'],
    ['UTF-16 of an odd length', hex('feff 003c 41'), undefined, 'is not the UTF-16 it says it is'],
    ['UTF-16 with half a pair', hex('feff 003c d83d 003e'), undefined, 'is not the UTF-16 it says it is'],
  ])('%s', (_what, bytes, contentType, reason) => {
    expect(() => decodeXml(bytes, contentType)).toThrow(new UnreadableReply(reason));
  });

  test.each([
    ['declaration', '<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>', undefined, 'EBCDIC-CP-US'],
    ['Content-Type', '<a/>', 'text/xml; charset=koi9', 'koi9'],
    [
      'declaration, named like a property',
      '<?xml version="1.0" encoding="constructor"?><a/>',
      undefined,
      'constructor',
    ],
  ])('an encoding we do not read, in the %s', (_where, text, contentType, said) => {
    expect(() => decodeXml(Buffer.from(text), contentType)).toThrow(
      expect.objectContaining({ message: 'is in an encoding this gateway does not read', said }),
    );
  });
});
