import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchNames } from '../../src/access/principal.ts';
import { fuzz } from '../support/fuzz.ts';

test.each([
  ['FirstName', 'FirstName', true],
  ['FirstName', 'firstname', false],
  ['FirstName', 'FirstNames', false],
  ['*', '', true],
  ['*', 'anything', true],
  ['Lead*', 'Lead', true],
  ['Lead*', 'LeadScore', true],
  ['Lead*', 'MyLead', false],
  ['*Score', 'LeadScore', true],
  ['*Score', 'Score2', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'ac', false],
  ['ab*ba', 'aba', false],
  ['a*bc*c', 'abc', false],
  ['a.c', 'abc', false],
  ['**', 'x', true],
])('%s and %s: %s', (pattern, name, expected) => {
  expect(matchNames([pattern])(name)).toBe(expected);
});

test('a list matches what any of its entries matches; an empty one nothing', () => {
  expect(matchNames(['a', 'b*'])('b1')).toBe(true);
  expect(matchNames([])('')).toBe(false);
});

test('agrees with a regular expression of the same meaning', () => {
  const piece = fc.constantFrom('a', 'b', '*');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 }),
      (pieces, letters) => {
        const name = letters.join('');
        const expected = new RegExp(`^${pieces.join('').replaceAll('*', '.*')}$`).test(name);
        expect(matchNames([pieces.join('')])(name)).toBe(expected);
      },
    ),
    fuzz(),
  );
});

test('stays fast for a pattern of many stars', () => {
  // A regular expression with 60 stars would try for years.
  expect(matchNames([`${'a*'.repeat(60)}b`])('a'.repeat(255))).toBe(false);
});
