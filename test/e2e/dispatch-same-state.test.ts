import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { startDispatcher, ORIGIN } from '../support/dispatcher.ts';
import { startTestSandbox, type TestSandbox } from '../support/sandbox.ts';
import { fuzz } from '../support/fuzz.ts';

/** Ids of leads that are there before each schedule. */
const KNOWN = 5;

const field = fc.record({
  name: fc.constantFrom('City', 'Country', 'FirstName'),
  value: fc.constantFrom('a', 'b', 'c', null),
});

/**
 * Keys are few, so that leads share them; which of them go together is fixed, so that all leads that mean one person
 * share a key.
 */
const lead: fc.Arbitrary<UpsertLead> = fc
  .record({
    kind: fc.constantFrom('email', 'foreign', 'id'),
    who: fc.integer({ min: 0, max: KNOWN - 1 }),
    isUpperCase: fc.boolean(),
    attributes: fc.uniqueArray(field, { maxLength: 2, selector: ({ name }) => name }),
    returnLead: fc.constantFrom(false, false, false, true),
  })
  .map(({ kind, who, isUpperCase, attributes, returnLead }) => {
    const email = isUpperCase ? `WHO${who}@example.com` : `who${who}@example.com`;
    if (kind === 'email') return { email, attributes, returnLead };
    if (kind === 'foreign') {
      return { email, foreignKey: { id: `f${who}`, type: 'SFDC' as const }, attributes, returnLead };
    }
    return {
      id: 1_000_001 + who,
      foreignKey: { id: `known${who}`, type: 'CUSTOM' as const },
      email: `known${who}@example.com`,
      attributes,
      returnLead,
    };
  });

async function run(sandbox: TestSandbox, dispatcher: Dispatcher, schedule: readonly UpsertLead[]) {
  await sandbox.control('POST', '/reset');
  const upsert = (command: UpsertLead) =>
    dispatcher.upsert(command, { ...ORIGIN, signal: new AbortController().signal });
  for (let who = 0; who < KNOWN; who += 1) {
    await upsert({ marketoCookie: `id:1&token:${who}`, attributes: [], returnLead: false });
  }
  const results = await Promise.all(schedule.map(upsert));
  const leads = (await sandbox.leads()).map(({ email, foreignSysPersonId, attributes, cookies }) =>
    JSON.stringify([
      email?.toLowerCase(),
      foreignSysPersonId,
      Object.entries(attributes).toSorted(),
      cookies,
    ]),
  );
  return { leads: leads.toSorted(), statuses: results.map(({ status }) => status) };
}

test('any schedule leaves the same leads behind with and without coalescing', async () => {
  const [one, two] = await Promise.all([
    startTestSandbox({ processingMs: 0, limits: 'off' }),
    startTestSandbox({ processingMs: 0, limits: 'off' }),
  ]);
  const together = startDispatcher(one, { maxConcurrent: 1 });
  const alone = startDispatcher(two, { maxConcurrent: 1, maxBatch: 1 });
  let leads = 0;
  let calls = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(lead, { maxLength: 25, size: 'max' }), async (schedule) => {
      const [coalesced, single] = await Promise.all([
        run(one, together, schedule),
        run(two, alone, schedule),
      ]);
      expect(coalesced).toEqual(single);
      leads += schedule.length;
      calls += (await one.calls()).length - KNOWN;
    }),
    fuzz(40),
  );
  // The property says nothing unless calls were shared.
  expect(calls).toBeLessThan(leads * 0.7);
});
