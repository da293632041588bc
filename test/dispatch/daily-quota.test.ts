import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDailyQuota, msToQuotaReset } from '../../src/dispatch/daily-quota.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const HOUR = 3_600_000;

test.each([
  ['an ordinary day in winter', '2026-11-23T12:00:00-06:00', 12 * HOUR],
  ['an ordinary day in summer', '2026-07-01T23:59:59.999-05:00', 1],
  ['midnight itself', '2026-11-23T00:00:00-06:00', 24 * HOUR],
  ['the day that has 23 hours, at its start', '2026-03-08T00:00:00-06:00', 23 * HOUR],
  ['the day that has 23 hours, after the change', '2026-03-08T12:00:00-05:00', 12 * HOUR],
  ['the day that has 25 hours, at its start', '2026-11-01T00:00:00-05:00', 25 * HOUR],
  ['the day that has 25 hours, after the change', '2026-11-01T12:00:00-06:00', 12 * HOUR],
])('on %s', (_what, at, expected) => {
  expect(msToQuotaReset(Date.parse(at))).toBe(expected);
});

const chicago = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/Chicago',
  dateStyle: 'short',
  timeStyle: 'medium',
  hourCycle: 'h23',
});

test('it ends at the first moment of another date, as the time zone database has it', EXHAUSTIVE, () => {
  const times = fc.date({ min: new Date('2007-01-01'), max: new Date('2037-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(times, (time) => {
      const at = time.getTime();
      const midnight = at + msToQuotaReset(at);
      expect(midnight).toBeGreaterThan(at);
      expect(midnight - at).toBeLessThanOrEqual(25 * HOUR);
      expect(chicago.format(midnight)).toMatch(/ 00:00:00$/);
      expect(chicago.format(midnight - 1).slice(0, 10)).toBe(chicago.format(at).slice(0, 10));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['at noon', '2026-07-01T12:00:00-05:00', 60_000],
  ['in the first hour of a day in summer', '2026-07-01T00:10:00-05:00', 50 * 60_000],
  ['in the first hour of a day in winter', '2026-01-15T00:10:00-06:00', 60_000],
])('607 %s: the next call that asks again', (_what, at, inMs) => {
  const quota = createDailyQuota(1000, { now: () => Date.parse(at), monotonicMs: () => 0 });
  quota.end(quota.reserve(), 'day-spent', undefined, { isDayInStandardTime: true });
  expect(quota.check()).toEqual({ kind: 'day-spent', by: 'upstream', forMs: inMs });
});
