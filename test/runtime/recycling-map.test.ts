import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRecyclingMap } from '../../src/runtime/recycling-map.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

test('does what a Map does, however often things come and go', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(fc.constant('set'), fc.nat(99)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('delete'), fc.nat(99)) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 200, maxLength: 1000 }), (steps) => {
      const recyclingMap = createRecyclingMap<number, number>();
      const map = new Map<number, number>();
      const states = steps.map(([what, key], at) => {
        const results = [recyclingMap, map].map((either) => {
          const changed = what === 'set' ? void either.set(key, at) : either.delete(key);
          return [changed, either.get(key), either.has(key)];
        });
        return { results, sizes: [recyclingMap.size(), map.size] };
      });
      const isSame = ([one, other]: readonly unknown[]) => isDeepStrictEqual(one, other);
      expect(states.filter(({ results, sizes }) => !isSame(results) || !isSame(sizes))).toEqual([]);
      expect(recyclingMap.values()).toEqual([...map.values()]);
    }),
    { numRuns: 50 },
  );
});

test('its values can go while they are gone through', () => {
  const recyclingMap = createRecyclingMap<number, string>();
  for (const [key, value] of ['a', 'b', 'c'].entries()) recyclingMap.set(key, value);
  const seen = recyclingMap.values().filter((_, key) => recyclingMap.delete(key));
  expect([seen, recyclingMap.size()]).toEqual([['a', 'b', 'c'], 0]);
});

/**
 * How far the old generation grows while jobs of 5 kB come and go in `map`, 64 at a time, in MB. In a process of its
 * own, since how V8 has come to treat the rest of a program counts as well.
 */
function oldGenerationGrowth(map: string): number {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { createRecyclingMap } from '${new URL('../../dist/runtime/recycling-map.js', import.meta.url).href}';
    const map = ${map};
    const used = () =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space').space_used_size;
    map.set(0, 'there for long, so that its table is moved to the old generation');
    for (let garbage = 0; garbage < 1000; garbage += 1) Array.from({ length: 2000 }, () => ({ garbage }));
    const before = used();
    let most = before;
    for (let key = 1; key < 20_000; key += 1) {
      map.set(key, Array.from({ length: 100 }, (_, member) => ({ key, member })));
      map.delete(key - 64);
      if (key % 100 === 0) most = Math.max(most, used());
    }
    console.log((most - before) / 2 ** 20);`;
  const flags = ['--no-allocation-site-pretenuring', '--input-type=module', '--eval', program];
  return Number(execFileSync(process.execPath, flags, { encoding: 'utf8' }));
}

test('what is gone does not gather in the old generation, as it does behind a Map', EXHAUSTIVE, () => {
  const behindMap = oldGenerationGrowth('new Map()');
  const behindRecyclingMap = oldGenerationGrowth('createRecyclingMap()');
  expect(behindMap).toBeGreaterThan(10);
  expect(behindRecyclingMap).toBeLessThan(behindMap / 10);
});
