import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import type { Failure } from '../../src/upstream/outcome.ts';
import { failureOf, ORIGIN, startVirtualDispatcher } from '../support/dispatcher.ts';
import { createLocalStore } from '../support/outbox.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Midnight in US Central time. */
const MIDNIGHT = Date.parse('2026-01-15T00:00:00-06:00');

type Trouble = { readonly fromHour: number; readonly toHour: number; readonly failure: Failure };

/** Three days on which everything goes wrong once, by the hour since midnight of the first. */
const TROUBLES = {
  spent: {
    fromHour: 12,
    toHour: 24,
    failure: failureOf({ error: 'daily-quota-exhausted', advice: 'day-spent' }),
  },
  denied: { fromHour: 30, toHour: 31, failure: failureOf({ error: 'upstream-access-denied' }) },
  away: {
    fromHour: 36,
    toHour: 60,
    failure: failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' }),
  },
} as const satisfies Record<string, Trouble>;

const PERSONS = 40;

/** An outbox in days with these troubles, and what Marketo has of them. */
function startDays(troubles: readonly Trouble[]) {
  const clock = createVirtualClock(MIDNIGHT);
  const hour = () => clock.monotonicMs() / HOUR;
  const troubleNow = () => troubles.find(({ fromHour, toHour }) => hour() >= fromHour && hour() < toHour);
  /** Of a lead, the calls it was in: when they began, and whether they stored it. */
  const tries = new Map<number, { readonly startMs: number; readonly isStored: boolean }[]>();
  const virtual = startVirtualDispatcher({
    clock,
    script({ commands, startMs }) {
      const failure = troubleNow()?.failure;
      for (const command of commands) {
        const nth = numberOf(command);
        tries.set(nth, [...(tries.get(nth) ?? []), { startMs, isStored: failure === undefined }]);
      }
      return failure;
    },
  });
  const store = createLocalStore();
  const outbox = createOutbox({
    store,
    goesAlone: () => false,
    directory: virtual.dispatcher,
    clock,
    random: () => 0.5,
    randomBytes,
    deadlineMs: 25_000,
    maxAgeMs: 72 * HOUR,
    retentionMs: 168 * HOUR,
  });
  const ids: string[] = [];
  const accept = async () => {
    const nth = ids.length;
    const command = {
      email: `p${nth % PERSONS}@example.com`,
      attributes: [{ name: 'Nth', value: nth }],
      returnLead: false,
    };
    ids.push((await outbox.accept(command, { ...ORIGIN, owner: 'secret k' })).id);
  };
  return { ...virtual, clock, hour, troubleNow, tries, store, outbox, ids, accept };
}

type Days = ReturnType<typeof startDays>;

function numberOf({ attributes }: UpsertLead): number {
  return Number(attributes[0]?.value);
}

/** Says what a receipt says that is not so; undefined if all of it is. */
async function lieOf(days: Days, nth: number): Promise<string | undefined> {
  const receipt = await days.outbox.receipt(days.ids[nth]!);
  const tries = days.tries.get(nth) ?? [];
  const isStored = tries.some((one) => one.isStored);
  if (receipt === undefined) return `${nth} is unknown`;
  if ((receipt.state === 'delivered') !== isStored)
    return `${nth} is ${receipt.state} at hour ${days.hour()}`;
  if (receipt.state === 'failed') return `${nth} has failed`;
  if (receipt.state === 'delivered') return undefined;
  const { attempts, lastProblem, nextAttemptAt } = receipt;
  if (attempts > 0 !== (lastProblem !== undefined)) return `${nth}: ${attempts} attempts, no problem`;
  if (attempts < tries.length) return `${nth}: ${attempts} attempts, ${tries.length} calls`;
  const trouble = days.troubleNow();
  if (trouble === undefined) return undefined;
  // In the first minutes of a trouble some have met none yet.
  if (lastProblem !== undefined && lastProblem.error.code !== trouble.failure.error) {
    return `${nth}: ${lastProblem.error.code} at hour ${days.hour()}`;
  }
  return nextAttemptAt < days.clock.now() - MINUTE && days.hour() > trouble.fromHour + 0.25
    ? `${nth}: the next attempt was due at ${new Date(nextAttemptAt).toISOString()}`
    : undefined;
}

/** Lets a lead come every other minute until that hour, and asks for receipts now and then. */
async function untilHour(days: Days, hour: number, lies: string[]): Promise<void> {
  while (days.hour() < hour) {
    await days.accept();
    await days.clock.advance(2 * MINUTE);
    if (days.ids.length % 15 !== 0) continue;
    for (let nth = days.ids.length - 1; nth >= 0; nth -= 29) {
      const lie = await lieOf(days, nth);
      if (lie !== undefined) lies.push(lie);
    }
  }
}

/** Calls that began between two hours. */
const callsIn = ({ calls }: Days, fromHour: number, toHour: number) =>
  calls.filter(({ startMs }) => startMs >= fromHour * HOUR && startMs < toHour * HOUR);

test(
  'quota spent at noon, password wrong for an hour, Marketo away for a day: all arrives, in order',
  EXHAUSTIVE,
  async () => {
    const days = startDays(Object.values(TROUBLES));
    const lies: string[] = [];
    await untilHour(days, 62, lies);
    await days.clock.advance(HOUR);
    expect(lies).toEqual([]);
    expect(days.store.pending()).toBe(0);
    const { calls, ids } = days;
    // Each lead is stored once, those of a person in the order they were accepted in.
    const arrived = calls
      .filter(({ outcome }) => outcome?.kind !== 'failed')
      .flatMap(({ commands }) => commands);
    expect(arrived.map(numberOf).toSorted((a, b) => a - b)).toEqual(ids.map((_, nth) => nth));
    for (let person = 0; person < PERSONS; person += 1) {
      const own = arrived.map(numberOf).filter((nth) => nth % PERSONS === person);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
    // What would be refused is sent to find out only: not again before midnight, one call a minute, with growing pauses.
    const { spent, denied, away } = TROUBLES;
    expect(callsIn(days, spent.fromHour, spent.toHour).length).toBeLessThanOrEqual(3);
    expect(callsIn(days, denied.fromHour, denied.toHour).length).toBeLessThanOrEqual(62);
    expect(callsIn(days, away.fromHour, away.toHour).length).toBeLessThanOrEqual(24 * 15);
  },
);

test(
  'when the gateway knows that the calls of the day are used up, nothing is sent before midnight',
  EXHAUSTIVE,
  async () => {
    const days = startDays([]);
    await untilHour(days, 12, []);
    days.quota.learnTotal(10_000);
    await untilHour(days, 23.9, []);
    expect(callsIn(days, 12, 24)).toEqual([]);
    const receipt = await days.outbox.receipt(days.ids.at(-1)!);
    expect(receipt).toMatchObject({ state: 'pending' });
    expect(receipt?.state === 'pending' && receipt.nextAttemptAt).toBeGreaterThanOrEqual(
      MIDNIGHT + 24 * HOUR,
    );
    await days.clock.advance(HOUR);
    expect(days.store.pending()).toBe(0);
    expect(days.ids.length).toBe(days.tries.size);
  },
);
