import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atOnce } from '../../../src/text/sliced.ts';
import { parseMultipart } from '../../../src/http/forms/multipart.ts';
import { GatewayError } from '../../../src/leads/errors.ts';
import { testEvery } from '../../support/exhaustive.ts';
import { anyCharacter, fuzz } from '../../support/fuzz.ts';

function parse(text: string, boundary: string | undefined = 'X') {
  return atOnce(parseMultipart(Buffer.from(text), boundary));
}

function part(name: string, value: string, more = ''): string {
  return `--X\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
}

describe('multipart/form-data', () => {
  testEvery<[what: string, text: string, fields: unknown[]]>(2, [
    [
      'fields in their order',
      `${part('a', '1')}${part('b', '')}--X--\r\n`,
      [
        { name: 'a', value: '1' },
        { name: 'b', value: '' },
      ],
    ],
    ['no line break at the end', `${part('a', '1')}--X--`, [{ name: 'a', value: '1' }]],
    ['text around the parts', `hello\r\n${part('a', '1')}--X--\r\nbye`, [{ name: 'a', value: '1' }]],
    ['no part', '--X--\r\n', []],
    [
      'a name without quotes',
      '--X\r\ncontent-disposition: FORM-DATA; NAME=a\r\n\r\n1\r\n--X--',
      [{ name: 'a', value: '1' }],
    ],
    [
      'header fields before and after',
      '--X\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="a"\r\nContent-Length: 1\r\n\r\n1\r\n--X--',
      [{ name: 'a', value: '1' }],
    ],
    [
      'escapes of browsers',
      `${part('a%22b%0d%0Ac%25\\', '1')}--X--`,
      [{ name: 'a"b\r\nc%25\\', value: '1' }],
    ],
    [
      'blanks behind a delimiter',
      `${part('a', '1').replace('--X', '--X \t')}--X--`,
      [{ name: 'a', value: '1' }],
    ],
    [
      'text that begins like the delimiter',
      `${part('a', 'x\r\n--Xyz\r\n--')}--X--`,
      [{ name: 'a', value: 'x\r\n--Xyz\r\n--' }],
    ],
    ['a file', `${part('f', 'abc', '; filename="a.txt"')}--X--`, [{ name: 'f', isFile: true }]],
    [
      'a file by an encoded name',
      `${part('f', '', "; filename*=utf-8''a.txt")}--X--`,
      [{ name: 'f', isFile: true }],
    ],
    ['a file input left empty', `${part('f', '', '; filename=""')}--X--`, [{ name: 'f', value: '' }]],
  ])('%s', (_what, text, fields) => {
    expect(parse(text)).toEqual(fields);
  });

  testEvery<[what: string, text: string, boundary?: string]>(2, [
    ['a part that is cut off', part('a', '1')],
    ['a delimiter that is cut off', '--X'],
    ['a head that is cut off', '--X\r\nContent-Disposition: form-data; name="a"\r\n'],
    ['a head without an end', `--X\r\nY: ${'y'.repeat(5000)}\r\n\r\n1\r\n--X--`],
    ['a part without a name', '--X\r\nContent-Disposition: form-data\r\n\r\n1\r\n--X--'],
    ['a part without a disposition', '--X\r\n\r\n1\r\n--X--'],
    ['an empty body', ''],
    ['another boundary', part('a', '1'), 'Y'],
    ['an empty boundary', part('a', '1'), ''],
    ['a long boundary', part('a', '1'), 'x'.repeat(71)],
    ['too many parts', `${part('a', '').repeat(2001)}--X--`],
    ['line feeds alone', '--X\nContent-Disposition: form-data; name="a"\n\n1\n--X--\n'],
  ])('refuses %s', (_what, text, boundary) => {
    expect(() => parse(text, boundary)).toThrow(GatewayError);
  });

  test('refuses texts that are not UTF-8, and lets files be', () => {
    const bytes = (head: string) =>
      Buffer.concat([
        Buffer.from(`--X\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
        Buffer.from([0xff]),
        Buffer.from('\r\n--X--'),
      ]);
    expect(() => atOnce(parseMultipart(bytes('name="a"'), 'X'))).toThrow(/UTF-8/);
    expect(atOnce(parseMultipart(bytes('name="a"; filename="b"'), 'X'))).toEqual([
      { name: 'a', isFile: true },
    ]);
  });

  test('a name may hold characters that end a line elsewhere', () => {
    for (const name of ['\u2028', 'a\u2029b', '\u2028content-disposition: form-data; name=x', '\u0085']) {
      const body = Buffer.from(`--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nvalue\r\n--X--`);
      expect(atOnce(parseMultipart(body, 'X'))).toEqual([{ name, value: 'value' }]);
    }
  });

  test('reads what fetch writes as fetch reads it', async () => {
    const texts = fc.array(
      fc.tuple(fc.string({ unit: anyCharacter, minLength: 1 }), fc.string({ unit: anyCharacter })),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(texts, async (pairs) => {
        const form = new FormData();
        for (const [name, value] of pairs) form.append(name, value);
        const written = new Response(form);
        const type = written.headers.get('content-type') ?? '';
        const bytes = Buffer.from(await written.arrayBuffer());
        const read = await new Response(bytes, { headers: { 'content-type': type } }).formData();
        const [, boundary] = /boundary=(.*)$/.exec(type) ?? [];
        expect(atOnce(parseMultipart(bytes, boundary))).toEqual(
          [...read].map(([name, value]) => ({ name, value })),
        );
      }),
      fuzz(20),
    );
  });
});
