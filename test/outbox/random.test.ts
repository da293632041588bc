import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fuzz, IS_THOROUGH } from '../support/fuzz.ts';
import type { OutboxStore } from '../../src/outbox/store.ts';
import { play, type Step } from '../support/outbox-history.ts';
import { createLocalStore } from '../support/outbox.ts';
import { openReplica, POSTGRES_URL, query, schemaForTest } from '../support/stores.ts';

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
    }),
    // 10,000 histories: FUZZ_ROUNDS=200000.
    fuzz(IS_THOROUGH ? 20 : 5),
  );
}, 3_600_000);

describe.runIf(POSTGRES_URL !== undefined)('whatever happens to them', () => {
  /** Plays a history on replicas of an empty store. One that is killed gives its leads back, as if its time had passed. */
  const playInPostgres = async (schema: string, steps: readonly Step[], replicas: number) => {
    const open = new Map<number, OutboxStore>();
    const reopen = async (number: number) => {
      await open.get(number)?.close();
      const store = await openReplica(schema);
      open.set(number, store);
      return store;
    };
    try {
      return await play(steps, reopen, replicas);
    } finally {
      await Promise.all([...open.values()].map((store) => store.close()));
      await query(`TRUNCATE ${schema}.leads, ${schema}.ordering_keys, ${schema}.replicas`);
    }
  };

  /** Histories that are played at the same time, since most of each is to wait for PostgreSQL. */
  const TOGETHER = 8;

  test.each([
    ['leads in PostgreSQL', 1, onOne],
    ['leads of two replicas', 2, (steps: readonly Step[]) => steps],
  ])(
    '%s are neither lost nor overtaken',
    async (_what, replicas, of) => {
      const schemas = Array.from({ length: TOGETHER }, schemaForTest);
      await fc.assert(
        fc.asyncProperty(
          fc.array(history, { minLength: TOGETHER, maxLength: TOGETHER }),
          async (histories) => {
            const played = schemas.map((schema, at) =>
              playInPostgres(schema, of(histories[at] ?? []), replicas),
            );
            expect(await Promise.all(played)).toEqual(schemas.map(() => []));
          },
        ),
        fuzz(50 * TOGETHER),
      );
    },
    36_000_000,
  );
});
