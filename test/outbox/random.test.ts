import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fuzz, IS_THOROUGH } from '../support/fuzz.ts';
import type { OutboxStore } from '../../src/outbox/store.ts';
import { play, type Step } from '../support/outbox-history.ts';
import { closeLocalStore, createLocalStore } from '../support/outbox.ts';
import { openStore, POSTGRES_URL, query, schemaForTest } from '../support/stores.ts';

const person = fc.integer({ min: 0, max: 3 });
const isBad = fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0);
const replica = fc.integer({ min: 0, max: 1 });
const lead = { person, isBad, replica };
const mode = fc.constantFrom('up', 'up', 'down', 'silent', 'busy', 'denied');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('accept' as const), ...lead }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ...lead }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), ...lead }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('fall' as const), ...lead }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 300, 2000, 30_000) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('upstream' as const), mode }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('store' as const), isUp: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), replica }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), person, replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('discard' as const), person, replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retry' as const), replica }) },
);
const history = fc.array(step, { minLength: 5, maxLength: 60 });

/** The same history on one process alone. */
const onOne = (steps: readonly Step[]) =>
  steps.map((one) => ('replica' in one ? Object.assign({}, one, { replica: 0 }) : one));

test('whatever happens, no lead is lost, overtaken by a later one of its person, or still pending at the end: SQLite', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const store = createLocalStore();
      expect(await play(onOne(steps), async () => store)).toEqual([]);
      closeLocalStore(store);
    }),
    // 10,000 histories: FUZZ_ROUNDS=200000.
    fuzz(IS_THOROUGH ? 20 : 5),
  );
}, 3_600_000);

describe.runIf(POSTGRES_URL !== undefined)('whatever happens to them', () => {
  /** Plays histories on replicas that stay. One that is killed gives its leads back, as if its time had passed. */
  const createPlayer = (replicas: number) => {
    const schema = schemaForTest();
    const open = new Map<number, OutboxStore>();
    onTestFinished(async () => {
      await Promise.all([...open.values()].map((store) => store.close()));
    });
    return async (steps: readonly Step[]) => {
      const started = new Set<number>();
      const reopen = async (number: number) => {
        const before = open.get(number);
        const isFirst = !started.has(number);
        started.add(number);
        if (before !== undefined && isFirst) return before;
        await before?.close();
        const store = await openStore(schema);
        open.set(number, store);
        return store;
      };
      try {
        return await play(steps, reopen, replicas);
      } finally {
        await query(`DELETE FROM ${schema}.ordering_keys; DELETE FROM ${schema}.leads`);
      }
    };
  };

  /** Histories that are played at the same time, since most of each is to wait for PostgreSQL. */
  const TOGETHER = 8;

  test('leads that a replica accepts behind a direct lead do not overtake it where another delivers them', async () => {
    const playHere = createPlayer(2);
    const of = { person: 0, isBad: false };
    const steps: readonly Step[] = [
      { do: 'wait', ...of, isBad: true, replica: 0 },
      { do: 'fall', ...of, replica: 1 },
      { do: 'accept', ...of, replica: 1 },
      { do: 'fall', ...of, isBad: true, replica: 0 },
      { do: 'fall', ...of, isBad: true, replica: 0 },
      { do: 'pass', ms: 10 },
      { do: 'wait', ...of, isBad: true, replica: 0 },
    ];
    for (let time = 0; time < 5; time += 1) expect(await playHere(steps)).toEqual([]);
  });

  test.each([
    ['leads in PostgreSQL', 1, onOne],
    ['leads of two replicas', 2, (steps: readonly Step[]) => steps],
  ])(
    '%s are neither lost nor overtaken',
    async (_what, replicas, of) => {
      const { seed, numRuns } = fuzz(20 * TOGETHER);
      const players = Array.from({ length: TOGETHER }, () => createPlayer(replicas));
      await Promise.all(
        players.map((playHere, nth) =>
          fc.assert(
            fc.asyncProperty(history, async (steps) => {
              expect(await playHere(of(steps))).toEqual([]);
            }),
            { seed: seed * TOGETHER + nth, numRuns },
          ),
        ),
      );
    },
    36_000_000,
  );
});
