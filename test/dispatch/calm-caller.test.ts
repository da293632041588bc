import { expect, test } from 'vitest';
import { CALL_MS, type LoudCaller, runCalmCaller } from '../support/calm-caller.ts';
import { HOUR } from '../support/days.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

const MINUTE = HOUR / 60;

const plain = (nth: number) => ({ email: `loud${nth}@example.com` });
const alone = (nth: number) => ({ email: `loud${nth}@example.com`, marketoCookie: `id:1&token:${nth}` });

// checks/dispatch has more callers and times of day.

testEvery(2, [6, 12])(
  'after a burst of leads that go alone, at %d o’clock, a caller with a lead a second waits twice as long at most',
  async (hour) => {
    const fromMs = hour * HOUR;
    const calm = {
      perSecond: 1,
      fromMs: fromMs - 2 * MINUTE,
      toMs: fromMs + 15 * MINUTE,
      lookFromMs: fromMs,
    };
    const loud: LoudCaller = { perSecond: 100, fromMs, toMs: fromMs + MINUTE, lead: alone };
    const [before, beside] = [await runCalmCaller(calm), await runCalmCaller(calm, loud)];
    expect(beside.refused).toEqual({});
    expect(beside.p99).toBeLessThanOrEqual(2 * before.p99 + CALL_MS);
  },
);

test(
  'a caller that fills more calls than the day has gets half of them; the rest is for one with few leads',
  EXHAUSTIVE,
  async () => {
    const fromMs = 18 * HOUR;
    const calm = { perSecond: 0.5, fromMs: fromMs - MINUTE, toMs: fromMs + 30 * MINUTE, lookFromMs: fromMs };
    const loud: LoudCaller = { perSecond: 60, fromMs, toMs: fromMs + 15 * MINUTE, lead: plain };
    const [before, beside] = [
      await runCalmCaller(calm, undefined, 2000, 10),
      await runCalmCaller(calm, loud, 2000, 10),
    ];
    expect(beside.refused).toEqual({});
    expect(beside.p99).toBeLessThanOrEqual(2 * before.p99 + CALL_MS);
    expect(beside.refusals).toBeGreaterThan(20_000);
    expect(beside.calls).toBeGreaterThan(1100);
  },
);

test('the same where both have leads that go alone', EXHAUSTIVE, async () => {
  const fromMs = 18 * HOUR;
  const lead = (nth: number) => ({ email: `calm${nth}@example.com`, marketoCookie: `id:1&token:calm${nth}` });
  const calm = { perSecond: 0.04, fromMs: fromMs - MINUTE, toMs: fromMs + HOUR, lookFromMs: fromMs, lead };
  const loud: LoudCaller = { perSecond: 8, fromMs, toMs: fromMs + HOUR / 2, lead: alone };
  const { refused, p99, calls } = await runCalmCaller(calm, loud, 2000);
  expect(refused).toEqual({});
  expect(p99).toBeLessThanOrEqual(CALL_MS);
  expect(calls).toBeGreaterThan(1000);
});
