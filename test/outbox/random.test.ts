import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fuzz, IS_THOROUGH } from '../support/fuzz.ts';
import { play, type Step } from '../support/outbox-history.ts';
import { createLocalStore } from '../support/outbox.ts';
import { openReplica, POSTGRES_URL, query, schemaForTest } from '../support/stores.ts';

const person = fc.integer({ min: 0, max: 3 });
const isBad = fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0);
const mode = fc.constantFrom('up', 'up', 'down', 'silent', 'busy', 'denied');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('accept' as const), person, isBad }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), person, isBad }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), person, isBad }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('fall' as const), person, isBad }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 300, 2000, 30_000) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('upstream' as const), mode }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('store' as const), isUp: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
);
const history = fc.array(step, { minLength: 5, maxLength: 60 });

test('whatever happens, no lead is lost, overtaken by a later one of its person, or still pending at the end: SQLite', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const store = createLocalStore();
      expect(await play(steps, async () => store)).toEqual([]);
    }),
    // 10,000 histories: FUZZ_ROUNDS=200000.
    fuzz(IS_THOROUGH ? 20 : 5),
  );
}, 3_600_000);

describe.runIf(POSTGRES_URL !== undefined)('whatever happens to them', () => {
  test('leads in PostgreSQL are neither lost nor overtaken', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const schema = schemaForTest();
        const reopen = async () => {
          const store = await openReplica(schema);
          // Those of the process that was killed are known to be dead.
          await query(`UPDATE ${schema}.replicas SET alive_until = now() - interval '1 s' WHERE id IN (
            SELECT id FROM ${schema}.replicas ORDER BY alive_until DESC OFFSET 1)`);
          return store;
        };
        expect(await play(steps, reopen)).toEqual([]);
      }),
      fuzz(50),
    );
  }, 3_600_000);
});
