import { describe, expect, test } from 'vitest';
import { waitsInHindsight } from '../../src/dispatch/hindsight.ts';
import { type DaySimulation, simulateDay } from '../../src/dispatch/simulate-day.ts';

const HOUR = 3_600_000;
const NONE = new Float64Array();

/** Arrival times of leads that come at equal distances, from one hour to another. */
function even(perSecond: number, fromHour = 0, toHour = 24): Float64Array {
  const gapMs = 1000 / perSecond;
  const count = Math.floor(((toHour - fromHour) * HOUR) / gapMs);
  return Float64Array.from({ length: count }, (_, index) => fromHour * HOUR + index * gapMs);
}

/** The same at random distances (a Poisson process). */
function random(perSecond: number, fromHour = 0, toHour = 24): Float64Array {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const times: number[] = [];
  for (let atMs = fromHour * HOUR; ;) {
    atMs -= (Math.log(next()) * 1000) / perSecond;
    if (atMs >= toHour * HOUR) return Float64Array.from(times);
    times.push(atMs);
  }
}

/** Leads of several patterns together. */
function together(...patterns: readonly Float64Array[]): Float64Array {
  return Float64Array.from(patterns.flatMap((times) => [...times]).toSorted((a, b) => a - b));
}

type Day = Partial<Omit<DaySimulation, 'limits'>> & { readonly dailyCalls?: number };

function day(batchable: Float64Array, { dailyCalls = 10_000, ...more }: Day = {}) {
  return simulateDay({
    limits: { callsPerWindow: 100, maxConcurrent: 10, dailyCalls },
    maxBatch: 300,
    maxQueued: 10_000,
    deadlineMs: 25_000,
    startsAt: Date.parse('2026-11-23T00:00:00-06:00'),
    lastsMs: 24 * HOUR - 1,
    leads: { batchable, single: NONE },
    callMs: (leads) => 300 + leads * 5,
    ...more,
  });
}

function refusals({ refused, busy, unreachable }: ReturnType<typeof day>): number {
  return refused.batchable + refused.single + busy + unreachable;
}

describe('10,000 calls carry a day of leads at any even rate', () => {
  test.each([0.01, 0.05, 0.08, 0.1])('of %d a second: none waits', (perSecond) => {
    for (const leads of [even(perSecond), random(perSecond)]) {
      const result = day(leads);
      expect(refusals(result)).toBe(0);
      expect(result.calls).toBe(leads.length);
      expect(result.waitMs.max).toBe(0);
    }
  });

  test.each([0.12, 0.15, 0.2, 0.5, 1, 2, 3, 5, 9, 20])(
    'of %d a second: half wait 5 s at most, none more than 10 s',
    (perSecond) => {
      for (const leads of [even(perSecond), random(perSecond)]) {
        const result = day(leads);
        expect(refusals(result)).toBe(0);
        expect(result.calls).toBeLessThanOrEqual(10_000);
        expect(result.waitMs.p50).toBeLessThanOrEqual(5000);
        expect(result.waitMs.max).toBeLessThanOrEqual(10_000);
      }
    },
  );

  test.each([even, random])('of 34 a second, where nearly every batch must be full', (pattern) => {
    const result = day(pattern(34));
    expect(refusals(result)).toBe(0);
    expect(result.calls).toBeLessThanOrEqual(10_000);
    expect(result.waitMs.p50).toBeLessThanOrEqual(5000);
    expect(result.waitMs.max).toBeLessThanOrEqual(10_000);
  });
});

const bursts = together(
  ...Array.from({ length: 10 }, (_, nth) => even(2000, 2 * nth + 1, 2 * nth + 1 + 10 / 3600)),
);

describe('demand that comes unevenly', () => {
  test.each([
    ['100,000 leads in office hours', random(100_000 / 28_800, 9, 17), 10_000],
    ['ten bursts of 20,000', bursts, 10_000],
    ['a campaign of 200,000 in an hour', random(200_000 / 3600, 10, 11), 10_000],
    ['the campaign beside a lead a second', together(random(200_000 / 3600, 10, 11), even(1)), 10_000],
    ['ten bursts of 20,000 on 1,000 calls', bursts, 1000],
    ['a campaign of 200,000 on 1,000 calls', random(200_000 / 3600, 10, 11), 1000],
    ['100,000 leads in office hours on 50,000 calls', random(100_000 / 28_800, 9, 17), 50_000],
    ['a campaign of 200,000 on 50,000 calls', random(200_000 / 3600, 10, 11), 50_000],
  ])('%s: none is refused, none waits longer than 20 s', (_what, leads, dailyCalls) => {
    const result = day(leads, { dailyCalls });
    expect(refusals(result)).toBe(0);
    expect(result.calls).toBeLessThanOrEqual(dailyCalls);
    expect(result.waitMs.max).toBeLessThanOrEqual(20_000);
  });

  test('credit makes waits shorter: in office hours they are not those of a whole day at that rate', () => {
    const leads = random(100_000 / 28_800, 9, 17);
    const best = waitsInHindsight(leads, 10_000, 300);
    const { p50, max } = day(leads).waitMs;
    expect(p50).toBeLessThan(3000);
    expect(max).toBeLessThan(3 * (best?.max ?? 0));
  });
});

describe('leads that can only go alone', () => {
  test('are sent as long as there are calls', () => {
    const result = day(NONE, { leads: { batchable: NONE, single: even(1) } });
    expect(result.sent.single).toBe(10_000);
    expect(result.busy).toBe(0);
    // What comes shortly before midnight waits for it.
    expect(result.refused.single).toBeGreaterThanOrEqual(86_400 - 10_000 - 21);
  });

  test.each([0.5, 5])('leave calls for those that can share one, at %d a second each', (perSecond) => {
    const leads = { batchable: random(perSecond), single: even(perSecond) };
    const result = day(leads.batchable, { leads });
    expect(result.refused.batchable).toBe(0);
    expect(result.sent.single).toBeGreaterThan(5000);
    expect(result.calls).toBeLessThanOrEqual(10_000);
    expect(result.waitMs.max).toBeLessThanOrEqual(21_000);
  });

  test('are left the calls they are expected to need: the others gather for longer', () => {
    const leads = { batchable: even(1), single: even(0.05) };
    const result = day(leads.batchable, { leads });
    // The last calls before midnight may be the other kind's.
    expect(refusals(result)).toBeLessThan(5);
    expect(result.sent.single).toBeGreaterThan(leads.single.length - 5);
  });
});

describe('days that are not whole', () => {
  test.each([
    ['of 23 hours', '2026-03-08T00:00:00-06:00', 23],
    ['of 25 hours', '2026-11-01T00:00:00-05:00', 25],
    ['that is half over', '2026-11-23T12:00:00-06:00', 12],
  ])('a day %s', (_what, start, hours) => {
    const result = day(even(5, 0, hours), { startsAt: Date.parse(start), lastsMs: hours * HOUR - 1 });
    expect(refusals(result)).toBe(0);
    expect(result.calls).toBeLessThanOrEqual(10_000);
    expect(result.waitMs.max).toBeLessThanOrEqual(10_000);
  });

  test('a week: each day has its own calls', () => {
    const result = day(even(0.3, 0, 72), { lastsMs: 72 * HOUR - 1 });
    expect(refusals(result)).toBe(0);
    expect(result.calls).toBeLessThanOrEqual(30_000);
    expect(result.waitMs.max).toBeLessThanOrEqual(10_000);
  });

  test('outages cost no calls, and what they leave makes the rest faster', () => {
    const outages = [
      { fromMs: 3 * HOUR, toMs: 7 * HOUR },
      { fromMs: 15 * HOUR, toMs: 15.5 * HOUR },
    ];
    const result = day(even(5), { outages });
    const spared = 4.5 * HOUR * (5 / 1000);
    expect(result.unreachable).toBeGreaterThan(spared * 0.95);
    expect(refusals(result) - result.unreachable).toBe(0);
    expect(result.waitMs.max).toBeLessThanOrEqual(10_000);
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
