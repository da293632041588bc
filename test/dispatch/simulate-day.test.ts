import { describe, expect, test } from 'vitest';
import { waitsInHindsight } from '../../src/dispatch/hindsight.ts';
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
  refusals,
} from '../support/days.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

// Days of more leads are in checks/dispatch.

describe('10,000 calls carry a day of leads at any even rate', () => {
  testEvery(3, [0.01, 0.1])('of %d a second: none waits', (perSecond) => {
    for (const leads of [even(perSecond), random(perSecond)]) {
      const result = day(leads);
      expect(breaches(result, 0)).toEqual([]);
      expect(result.calls).toBe(leads.length);
    }
  });

  test.each([0.12, 0.6])(
    'of %d a second: half wait 5 s at most, none more than 10 s',
    EXHAUSTIVE,
    (perSecond) => {
      for (const result of [day(even(perSecond)), day(random(perSecond))]) {
        expect(breaches(result, 10_000)).toEqual([]);
        expect(result.waitMs.p50).toBeLessThanOrEqual(5000);
      }
    },
  );
});

const OFFICE_HOURS = random(60_000 / 28_800, 9, 17);

describe('demand that comes unevenly', () => {
  testEvery(3, [
    ['60,000 leads in office hours', OFFICE_HOURS, 10_000],
    ['ten bursts of 6,000 on 1,000 calls', bursts(3), 1000],
    ['a campaign of 50,000 in an hour on 50,000 calls', random(50_000 / 3600, 10, 11), 50_000],
  ])('%s: none is refused, none waits longer than 20 s', (_what, leads, dailyCalls) => {
    expect(breaches(day(leads, { dailyCalls }), 20_000, dailyCalls)).toEqual([]);
  });

  test(
    'credit makes waits shorter: in office hours they are not those of a whole day at that rate',
    EXHAUSTIVE,
    () => {
      const best = waitsInHindsight(OFFICE_HOURS, 10_000, 300);
      const { p50, max } = day(OFFICE_HOURS).waitMs;
      expect(p50).toBeLessThan(3000);
      expect(max).toBeLessThan(3 * (best?.max ?? 0));
    },
  );
});

describe('leads that can only go alone', () => {
  test('are sent as long as there are calls', () => {
    const single = even(0.2);
    const result = day(NONE, { leads: { batchable: NONE, single } });
    expect(result.sent.single).toBe(10_000);
    expect(result.busy).toBe(0);
    // What comes shortly before midnight waits for it.
    expect(result.refused.single).toBeGreaterThanOrEqual(single.length - 10_000 - 5);
  });

  test('leave calls for those that can share one', EXHAUSTIVE, () => {
    const { refused, sent, calls, waitMs } = dayOfBothKinds(0.2);
    expect(refused.batchable).toBe(0);
    expect(sent.single).toBeGreaterThan(5000);
    expect(calls).toBeLessThanOrEqual(10_000);
    expect(waitMs.max).toBeLessThanOrEqual(21_000);
  });

  test('are left the calls they are expected to need: the others gather for longer', EXHAUSTIVE, () => {
    const leads = { batchable: even(1), single: even(0.05) };
    const result = day(leads.batchable, { leads });
    // The last calls before midnight may be the other kind's.
    expect(refusals(result)).toBeLessThan(5);
    expect(result.sent.single).toBeGreaterThan(leads.single.length - 5);
  });
});

describe('days that are not whole', () => {
  testEvery(2, DAYS_NOT_WHOLE)('a day %s', (_what, start, hours) => {
    const result = day(even(0.5, 0, hours), { startsAt: Date.parse(start), lastsMs: hours * HOUR - 1 });
    expect(breaches(result, 10_000)).toEqual([]);
  });

  test('two days: each has its own calls', EXHAUSTIVE, () => {
    expect(breaches(day(even(0.3, 0, 48), { lastsMs: 48 * HOUR - 1 }), 10_000, 20_000)).toEqual([]);
  });

  test('outages cost no calls, and what they leave makes the rest faster', EXHAUSTIVE, () => {
    const { unreachable, ...rest } = day(even(0.5), { outages: OUTAGES });
    expect(unreachable).toBeGreaterThan(4.5 * HOUR * (0.5 / 1000) * 0.95);
    expect(breaches({ ...rest, unreachable: 0 }, 10_000)).toEqual([]);
  });
});

describe('with hindsight', () => {
  test('nothing waits while there are calls enough', () => {
    expect(waitsInHindsight(even(0.1), 10_000, 300)?.max).toBe(0);
  });

  test('leads wait for as long as it takes to share calls', () => {
    // Two leads in each call: each first one waits for the second.
    expect(waitsInHindsight(even(1, 0, 1), 1800, 300)?.max).toBeCloseTo(1000, -2);
    expect(waitsInHindsight(even(1, 0, 1), 12, 300)).toMatchObject({ max: expect.closeTo(299_000, -2) });
    expect(waitsInHindsight(even(1, 0, 1), 2, 300)).toBeUndefined();
  });
});
