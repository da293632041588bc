import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrive, createPlace, depart, nextLeaf, type Place, turnsPerOwn } from '../../src/dispatch/turns.ts';

type Leaf = { readonly name: string };

function leafBelow(parent: Place<Leaf>, name: string): Place<Leaf> {
  const place = createPlace(parent);
  place.leaf = { name };
  return place;
}

/** Takes the next, and what it has ready. */
function serve(root: Place<Leaf>, leaves: readonly Place<Leaf>[]): string | undefined {
  const next = nextLeaf(root);
  const place = leaves.find(({ leaf }) => leaf === next);
  if (place !== undefined) depart(place);
  return next?.name;
}

test('children take turns, however much waits below each', () => {
  const root = createPlace<Leaf>();
  const leaves = ['a', 'b', 'c'].map((name) => leafBelow(root, name));
  const [a, b, c] = leaves as [Place<Leaf>, Place<Leaf>, Place<Leaf>];
  for (const place of [a, a, a, a, b, c, c]) arrive(place);
  expect(Array.from({ length: 8 }, () => serve(root, leaves))).toEqual([
    'a',
    'b',
    'c',
    'a',
    'c',
    'a',
    'a',
    undefined,
  ]);
});

test('a child that had nothing ready comes first, but gains nothing by coming back soon', () => {
  const root = createPlace<Leaf>();
  const leaves = ['loud', 'loud too', 'calm'].map((name) => leafBelow(root, name));
  const [loud, loudToo, calm] = leaves as [Place<Leaf>, Place<Leaf>, Place<Leaf>];
  for (let count = 0; count < 20; count += 1) [loud, loudToo].forEach(arrive);
  expect([serve(root, leaves), serve(root, leaves)]).toEqual(['loud', 'loud too']);
  arrive(calm);
  expect(serve(root, leaves)).toBe('calm');
  arrive(calm);
  expect([serve(root, leaves), serve(root, leaves), serve(root, leaves)]).toEqual([
    'loud',
    'loud too',
    'calm',
  ]);
});

test('where there is no end to new children, they come every other time', () => {
  const root = createPlace<Leaf>(undefined, true);
  const old = leafBelow(root, 'old');
  const leaves = [old];
  for (let count = 0; count < 9; count += 1) arrive(old);
  expect(serve(root, leaves)).toBe('old');
  const served: unknown[] = [];
  for (let count = 0; count < 6; count += 1) {
    const fresh = leafBelow(root, 'new');
    leaves.push(fresh);
    arrive(fresh);
    served.push(serve(root, leaves));
  }
  expect(served).toEqual(['old', 'new', 'old', 'new', 'old', 'new']);
});

test('whatever comes and goes, no turn is lost and no child that stays ready waits for more than two rounds', () => {
  const step = fc.record({
    what: fc.constantFrom('arrive', 'arrive', 'serve', 'serve', 'leave'),
    parent: fc.nat(2),
    child: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const root = createPlace<Leaf>();
      const parents = [0, 1, 2].map(() => createPlace(root));
      const leaves = parents.flatMap((parent, at) =>
        [0, 1, 2].map((nth) => leafBelow(parent, `${at}${nth}`)),
      );
      /** Turns of others since each parent has something ready. */
      const waited = [0, 0, 0];
      for (const { what, parent, child } of steps) {
        const place = leaves[parent * 3 + child]!;
        if (what === 'arrive') arrive(place);
        if (what === 'leave' && place.ready > 0) depart(place);
        if (what === 'serve') {
          const wasReady = root.ready;
          const served = serve(root, leaves);
          expect(served === undefined).toBe(wasReady === 0);
          for (const at of waited.keys()) waited[at] = served?.startsWith(`${at}`) ? 0 : waited[at]! + 1;
        }
        for (const [at, { ready }] of parents.entries()) if (ready === 0) waited[at] = 0;
        expect(Math.max(...waited)).toBeLessThanOrEqual(2 * parents.length);
        expect(root.ready).toBe(leaves.reduce((sum, { ready }) => sum + ready, 0));
        expect(root.active).toBe(parents.filter(({ ready }) => ready > 0).length);
      }
    }),
  );
});

test('tells how many turns there are for one of a leaf', () => {
  const root = createPlace<Leaf>();
  const parents = [0, 1].map(() => createPlace(root));
  const [one, two] = parents as [Place<Leaf>, Place<Leaf>];
  const [a, b, c] = [leafBelow(one, 'a'), leafBelow(one, 'b'), leafBelow(two, 'c')];
  expect(turnsPerOwn(a)).toBe(1);
  arrive(c);
  expect([a, b, c].map(turnsPerOwn)).toEqual([2, 2, 1]);
  arrive(b);
  expect([a, b, c].map(turnsPerOwn)).toEqual([4, 2, 2]);
});
