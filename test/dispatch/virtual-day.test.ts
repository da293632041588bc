import { expect, test } from 'vitest';
import { even } from '../support/days.ts';
import { runVirtualDay } from '../support/virtual-day.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

// checks/dispatch has whole days of millions of leads.

test(
  'a day of leads through the dispatcher: none is refused, half wait 5 s at most, none longer than 10 s',
  EXHAUSTIVE,
  async () => {
    const leads = even(0.2);
    const { stored, refused, calls, waitMs } = await runVirtualDay({ batchable: leads });
    expect(refused.batchable).toEqual({});
    // What comes in the last seconds still waits.
    expect(stored.batchable).toBeGreaterThan(leads.length - 3);
    expect(calls).toBeLessThanOrEqual(10_000);
    expect(waitMs.batchable.p50).toBeLessThanOrEqual(5000);
    expect(waitMs.batchable.max).toBeLessThanOrEqual(10_000);
  },
);

test('9,000 leads of one caller at one instant: none is refused, none waits longer than 20 s', async () => {
  const leads = new Float64Array(9000).fill(3_600_000);
  const { stored, refused, waitMs, mostAtOnce, mostInWindow } = await runVirtualDay({ batchable: leads });
  expect(refused.batchable).toEqual({});
  expect(stored.batchable).toBe(9000);
  expect(waitMs.batchable.max).toBeLessThanOrEqual(20_000);
  expect(mostAtOnce).toBeLessThanOrEqual(10);
  expect(mostInWindow).toBeLessThanOrEqual(100);
});

test.each([
  [5, 5],
  [0.2, 6],
])(
  '%d leads a second that can share a call and %d that cannot: who is accepted is answered in time',
  EXHAUSTIVE,
  async (batchable, single) => {
    const { stored, refused, mostInWindow } = await runVirtualDay({
      batchable: even(batchable, 0, 0.5),
      single: even(single, 0, 0.5),
    });
    expect(refused.batchable).toEqual({});
    expect(stored.batchable).toBe(batchable * 1800);
    // As many as the 20 seconds and the day leave; none is sent too late, which could be stored without an answer.
    expect(refused.single).not.toHaveProperty('upstream-timeout');
    expect(stored.single).toBeGreaterThan(5000);
    expect(mostInWindow).toBe(100);
  },
);

test(
  'a start at noon takes half of the calls for made: the rest is not spent on half a day',
  EXHAUSTIVE,
  async () => {
    const { calls, stored, refused, waitMs } = await runVirtualDay({
      batchable: even(0.5, 12, 24),
      startsAtHour: 12,
    });
    expect(refused.batchable).toEqual({});
    expect(stored.batchable).toBeGreaterThan(21_600 - 6);
    expect(calls).toBeGreaterThan(4500);
    expect(calls).toBeLessThan(5100);
    expect(waitMs.batchable.max).toBeLessThanOrEqual(10_000);
  },
);

test('but it is a guess: no lead is refused because of it', EXHAUSTIVE, async () => {
  const single = even(0.1, 12, 24);
  const { stored, refused, calls } = await runVirtualDay({ single, startsAtHour: 12, dailyCalls: 4320 });
  expect(refused.single).toEqual({});
  expect([stored.single, calls]).toEqual([4320, 4320]);
});
