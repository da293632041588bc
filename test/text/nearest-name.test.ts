import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance } from '../../src/text/nearest-name.ts';
import { fuzz } from '../support/fuzz.ts';

const word = fc.string({ unit: fc.constantFrom('A', 'B', 'C', '_', 'ä'), maxLength: 8 });

test('a bound changes no distance up to it', () => {
  fc.assert(
    fc.property(word, word, fc.integer({ min: 0, max: 8 }), (one, other, most) => {
      const distance = editDistance(one, other);
      const bounded = editDistance(one, other, most);
      expect(distance <= most ? bounded === distance : bounded > most).toBe(true);
    }),
    fuzz(20),
  );
});

test('letters that changed places are one slip', () => {
  expect(editDistance('ENDPIONT', 'ENDPOINT')).toBe(1);
});
