import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findJsonSyntaxError } from '../../src/text/json.ts';
import { anyCharacter, fuzz } from '../support/fuzz.ts';
import { GROWTH_BYTES, LINEAR_GROWTH, measureGrowth } from '../support/time.ts';
import { testEvery } from '../support/exhaustive.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('findJsonSyntaxError', () => {
  testEvery(3, [
    ['', 1, 1, 'expected a value, found the end of the text'],
    ['{"a" 1}', 1, 6, 'expected ":", found "1"'],
    ['{"a":}', 1, 6, 'expected a value, found "}"'],
    ['[1,]', 1, 4, 'expected a value, found "]"'],
    ['[1', 1, 3, 'expected "," or the end of the list or object, found the end of the text'],
    ['[,1]', 1, 2, 'expected a value or "]", found ","'],
    ['[1}', 1, 3, 'expected "," or the end of the list or object, found "}"'],
    ['{]', 1, 2, 'expected a member name in double quotes or "}", found "]"'],
    ['01', 1, 2, 'expected nothing more, found "1"'],
    ['-', 1, 1, 'expected a value, found "-"'],
    ['nul', 1, 1, 'expected a value, found "n"'],
    ['"abc', 1, 5, 'a string is not closed, found the end of the text'],
    ['"a\tb"', 1, 3, 'a line break, tab or other control character in a string must be written as an escape'],
    [
      '"\\x"',
      1,
      2,
      'a backslash must be followed by one of " \\ / b f n r t or u and four hexadecimal digits',
    ],
    [
      '"\\u12g4"',
      1,
      2,
      'a backslash must be followed by one of " \\ / b f n r t or u and four hexadecimal digits',
    ],
    ['{\r\n"🦊":1,\r\n"🦊": é', 3, 6, 'expected a value, found the character U+00E9'],
    ['\u00A0{}', 1, 1, 'expected a value, found the character U+00A0'],
  ])('finds in %j line %d, column %d: %s', (text, line, column, complaint) => {
    expect(findJsonSyntaxError(text)).toEqual({ line, column, complaint });
  });

  test('finds nothing exactly where JSON.parse finds nothing', () => {
    const broken = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', ',', '"', '\\', '}', ']', ':', ' ', '\n', '0', '-', 'e', '\u0001'),
      )
      .map(([json, at, piece]) => {
        const position = at % (json.length + 1);
        return json.slice(0, position) + piece + json.slice(position + 1);
      });
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.json({ stringUnit: anyCharacter }), broken, fc.string()), (text) => {
        expect(findJsonSyntaxError(text) === undefined).toBe(isJson(text));
      }),
      fuzz(5),
    );
  });

  testEvery<[string, (size: number) => string]>(2, [
    ['opening brackets', (size) => '['.repeat(size)],
    ['digits', (size) => `[${'1'.repeat(size)}`],
    ['a long string', (size) => `["${'a'.repeat(size)}`],
    ['escapes', (size) => `["${'\\n'.repeat(size / 2)}`],
    ['line breaks', (size) => `[${'\n'.repeat(size)}`],
  ])('reads a document full of %s in linear time', (_what, write) => {
    const { growth } = measureGrowth(GROWTH_BYTES, write, (text) =>
      expect(findJsonSyntaxError(text)).toBeDefined(),
    );
    expect(growth).toBeLessThan(LINEAR_GROWTH);
  });
});
