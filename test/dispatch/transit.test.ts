import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTransit } from '../../src/dispatch/transit.ts';

test('does what a Map does, however often things come and go', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(fc.constant('set'), fc.nat(99)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('delete'), fc.nat(99)) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 200, maxLength: 1000 }), (steps) => {
      const transit = createTransit<number, number>();
      const map = new Map<number, number>();
      for (const [at, [what, key]] of steps.entries()) {
        if (what === 'set') {
          transit.set(key, at);
          map.set(key, at);
        } else {
          expect(transit.delete(key)).toBe(map.delete(key));
        }
        expect([transit.get(key), transit.has(key)]).toEqual([map.get(key), map.has(key)]);
        expect(transit.size()).toBe(map.size);
      }
      expect(transit.values()).toEqual([...map.values()]);
    }),
    { numRuns: 50 },
  );
});

test('its values can go while they are gone through', () => {
  const transit = createTransit<number, string>();
  for (const [key, value] of ['a', 'b', 'c'].entries()) transit.set(key, value);
  const seen = transit.values().filter((_, key) => transit.delete(key));
  expect([seen, transit.size()]).toEqual([['a', 'b', 'c'], 0]);
});
