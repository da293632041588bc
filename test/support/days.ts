/** Days of leads for `simulateDay`, and what comes of them. */
import { type DayResult, type DaySimulation, simulateDay } from '../../src/dispatch/simulate-day.ts';

export const HOUR = 3_600_000;
export const NONE = new Float64Array();

/** Arrival times of leads that come at equal distances, from one hour to another. */
export function even(perSecond: number, fromHour = 0, toHour = 24): Float64Array {
  const gapMs = 1000 / perSecond;
  const count = Math.round(((toHour - fromHour) * HOUR) / gapMs);
  return Float64Array.from({ length: count }, (_, index) => fromHour * HOUR + index * gapMs);
}

/** The same at random distances (a Poisson process). */
export function random(perSecond: number, fromHour = 0, toHour = 24): Float64Array {
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
export function together(...patterns: readonly Float64Array[]): Float64Array {
  return Float64Array.from(patterns.flatMap((times) => [...times]).toSorted((a, b) => a - b));
}

/** Ten times 2000 leads a second for `seconds`, every other hour. */
export function bursts(seconds: number): Float64Array {
  return together(
    ...Array.from({ length: 10 }, (_, nth) => even(2000, 2 * nth + 1, 2 * nth + 1 + seconds / 3600)),
  );
}

type Day = Partial<Omit<DaySimulation, 'limits'>> & { readonly dailyCalls?: number };

/** A day with a subscription's usual limits. */
export function day(batchable: Float64Array, { dailyCalls = 10_000, ...more }: Day = {}): DayResult {
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

export function refusals({ refused, busy, unreachable }: DayResult): number {
  return refused.batchable + refused.single + busy + unreachable;
}

/** What a day breaks of these: no lead is refused, `calls` are enough, and none waits longer than `longestMs`. */
export function breaches(result: DayResult, longestMs: number, calls = 10_000): string[] {
  const refused = refusals(result);
  return [
    ...(refused > 0 ? [`${refused} leads refused`] : []),
    ...(result.calls > calls ? [`${result.calls} calls`] : []),
    ...(result.waitMs.max > longestMs ? [`a wait of ${result.waitMs.max} ms`] : []),
  ];
}

/** A day with leads that can share a call at one rate, and those that can only go alone at the same. */
export function dayOfBothKinds(perSecond: number): DayResult {
  const leads = { batchable: random(perSecond), single: even(perSecond) };
  return day(leads.batchable, { leads });
}

/** Outages of 4.5 hours in all. */
export const OUTAGES = [
  { fromMs: 3 * HOUR, toMs: 7 * HOUR },
  { fromMs: 15 * HOUR, toMs: 15.5 * HOUR },
];

/** Part of a day, by what it is, when it starts and how many hours it has. */
export const DAYS_NOT_WHOLE: [string, string, number][] = [
  ['of 23 hours', '2026-03-08T00:00:00-06:00', 23],
  ['of 25 hours', '2026-11-01T00:00:00-05:00', 25],
  ['that is half over', '2026-11-23T12:00:00-06:00', 12],
];
