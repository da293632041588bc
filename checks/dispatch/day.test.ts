import { describe, expect, test } from 'vitest';
import { even, HOUR } from '../../test/support/days.ts';
import { IS_THOROUGH } from '../../test/support/fuzz.ts';
import { runVirtualDay, type VirtualDayResult } from '../../test/support/virtual-day.ts';

/** What holds on any day: no call over a budget, and the time of every refusal is known. */
function expectWithinBudgets({ calls, mostAtOnce, mostInWindow, refused }: VirtualDayResult): void {
  expect(calls).toBeLessThanOrEqual(10_000);
  expect(mostAtOnce).toBeLessThanOrEqual(10);
  expect(mostInWindow).toBeLessThanOrEqual(100);
  expect(refused.batchable).toEqual({});
}

/** One line for the table in docs/dispatching.md. */
function print(what: string, { calls, stored, waitMs }: VirtualDayResult): void {
  const { p50, p99, max } = waitMs.batchable;
  process.stdout.write(
    `${what}: ${stored.batchable} and ${stored.single} stored, ${calls} calls, waits ${p50} ${p99} ${max} ms\n`,
  );
}

/** A million leads and three take minutes: FUZZ_ROUNDS=20000 has them, simulate-day.test.ts has them each time. */
const RATES = [0.05, 0.2, 1, ...(IS_THOROUGH ? [12, 34] : [3])];

describe('10,000 calls carry a day of leads at an even rate', () => {
  test.each(RATES)('of %d a second', async (perSecond) => {
    const leads = even(perSecond);
    const result = await runVirtualDay({ batchable: leads });
    print(`${perSecond}/s`, result);
    expectWithinBudgets(result);
    // What comes in the last 10 seconds may wait beyond the end.
    expect(result.stored.batchable).toBeGreaterThanOrEqual(leads.length - Math.ceil(10 * perSecond));
    expect(result.waitMs.batchable.p50).toBeLessThanOrEqual(5000);
    expect(result.waitMs.batchable.max).toBeLessThanOrEqual(perSecond < 0.1 ? 0 : 10_000);
  });
});

/** Ten bursts of 20,000 leads of one caller, each within `ms`. */
function bursts(ms: number): Float64Array {
  return Float64Array.from(
    { length: 200_000 },
    (_, nth) => (2 * Math.floor(nth / 20_000) + 1) * HOUR + ((nth % 20_000) / 20_000) * ms,
  );
}

test.each([
  ['100,000 leads in office hours', even(100_000 / 28_800, 9, 17)],
  ['ten bursts of 20,000, each within a second', bursts(1000)],
  ['ten bursts of 20,000, each at one instant', bursts(0)],
  ['a campaign of 200,000 in an hour', even(200_000 / 3600, 10, 11)],
])('%s: none is refused, none waits longer than 20 s', async (what, leads) => {
  const result = await runVirtualDay({ batchable: leads });
  print(what, result);
  expectWithinBudgets(result);
  expect(result.stored.batchable).toBe(leads.length);
  expect(result.waitMs.batchable.max).toBeLessThanOrEqual(20_000);
});

test('leads that can only go alone are sent as long as there are calls', async () => {
  const result = await runVirtualDay({ single: even(1) });
  print('alone only', result);
  expectWithinBudgets(result);
  expect(result.stored.single).toBe(10_000);
  expect(Object.keys(result.refused.single)).toEqual(['daily-quota-exhausted']);
  expect(result.waitMs.single.max).toBe(0);
});

test.each(IS_THOROUGH ? [0.5, 5] : [0.5, 2])(
  'half and half, %d a second of each: each kind has its half of the calls',
  async (perSecond) => {
    const leads = even(perSecond);
    const result = await runVirtualDay({ batchable: leads, single: leads });
    print(`half and half, ${perSecond}/s each`, result);
    expectWithinBudgets(result);
    expect(result.stored.batchable).toBeGreaterThanOrEqual(leads.length - Math.ceil(21 * perSecond));
    expect(result.waitMs.batchable.max).toBeLessThanOrEqual(21_000);
    expect(result.stored.single).toBeGreaterThan(5000);
    expect(result.refused.single).not.toHaveProperty('upstream-timeout');
  },
);
