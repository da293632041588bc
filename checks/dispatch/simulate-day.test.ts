import { expect, test } from 'vitest';
import {
  breaches,
  bursts,
  day,
  dayOfBothKinds,
  DAYS_NOT_WHOLE,
  even,
  HOUR,
  NONE,
  OUTAGES,
  random,
  together,
} from '../../test/support/days.ts';
import { IS_THOROUGH } from '../../test/support/fuzz.ts';

// Days of more leads than npm test has time for; the smaller ones are in test/dispatch/simulate-day.test.ts.

/** Every rate: FUZZ_ROUNDS=20000. The highest is all that 10,000 full calls can carry. */
const RATES = IS_THOROUGH ? [0.12, 0.15, 0.2, 0.5, 1, 2, 3, 5, 9, 20, 34] : [0.12, 0.15, 0.5, 2, 5, 34];

test.each(RATES)(
  '10,000 calls carry a day of leads at an even rate of %d a second: half wait 5 s at most, none more than 10 s',
  (perSecond) => {
    for (const result of [day(even(perSecond)), day(random(perSecond))]) {
      expect(breaches(result, 10_000)).toEqual([]);
      expect(result.waitMs.p50).toBeLessThanOrEqual(5000);
    }
  },
);

test.each([
  ['100,000 leads in office hours', random(100_000 / 28_800, 9, 17), 10_000],
  ['ten bursts of 20,000', bursts(10), 10_000],
  ['a campaign of 200,000 in an hour', random(200_000 / 3600, 10, 11), 10_000],
  ['the campaign beside a lead a second', together(random(200_000 / 3600, 10, 11), even(1)), 10_000],
  ['ten bursts of 20,000 on 1,000 calls', bursts(10), 1000],
  ['a campaign of 200,000 on 1,000 calls', random(200_000 / 3600, 10, 11), 1000],
  ['100,000 leads in office hours on 50,000 calls', random(100_000 / 28_800, 9, 17), 50_000],
  ['a campaign of 200,000 on 50,000 calls', random(200_000 / 3600, 10, 11), 50_000],
])('%s: none is refused, none waits longer than 20 s', (_what, leads, dailyCalls) => {
  expect(breaches(day(leads, { dailyCalls }), 20_000, dailyCalls)).toEqual([]);
});

test.each([0.01, 0.05, 0.08, 0.1])('at an even rate of %d a second no lead waits', (perSecond) => {
  for (const leads of [even(perSecond), random(perSecond)]) {
    const result = day(leads);
    expect(breaches(result, 0)).toEqual([]);
    expect(result.calls).toBe(leads.length);
  }
});

test('leads that can only go alone are sent as long as there are calls', () => {
  const single = even(1);
  const result = day(NONE, { leads: { batchable: NONE, single } });
  expect(result.sent.single).toBe(10_000);
  expect(result.busy).toBe(0);
  // What comes shortly before midnight waits for it.
  expect(result.refused.single).toBeGreaterThanOrEqual(single.length - 10_000 - 21);
});

test.each([0.5, 5])('they leave calls for those that can share one, at %d a second each', (perSecond) => {
  const { refused, sent, calls, waitMs } = dayOfBothKinds(perSecond);
  expect(refused.batchable).toBe(0);
  expect(sent.single).toBeGreaterThan(5000);
  expect(calls).toBeLessThanOrEqual(10_000);
  expect(waitMs.max).toBeLessThanOrEqual(21_000);
});

test.each(DAYS_NOT_WHOLE)('a day %s carries 5 leads a second', (_what, start, hours) => {
  const result = day(even(5, 0, hours), { startsAt: Date.parse(start), lastsMs: hours * HOUR - 1 });
  expect(breaches(result, 10_000)).toEqual([]);
});

test('outages cost no calls, and what they leave makes the rest faster, at 5 leads a second', () => {
  const { unreachable, ...rest } = day(even(5), { outages: OUTAGES });
  expect(unreachable).toBeGreaterThan(4.5 * HOUR * (5 / 1000) * 0.95);
  expect(breaches({ ...rest, unreachable: 0 }, 10_000)).toEqual([]);
});

test('three days: each has its own calls', () => {
  expect(breaches(day(even(0.3, 0, 72), { lastsMs: 72 * HOUR - 1 }), 10_000, 30_000)).toEqual([]);
});
