import { expect, test } from 'vitest';
import { CALL_MS, type LoudCaller, runCalmCaller } from '../support/calm-caller.ts';
import { HOUR } from '../support/days.ts';

const MINUTE = HOUR / 60;

const alone = (nth: number) => ({ email: `loud${nth}@example.com`, marketoCookie: `id:1&token:${nth}` });

// checks/dispatch has more callers and times of day.

test.each([6, 12])(
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
