import { beforeEach, describe, expect, test } from 'vitest';
import { createQuota, type Quota } from '../../src/dispatch/quota.ts';
import { createSlidingWindow } from '../../src/dispatch/sliding-window.ts';

const limits = { callsPerWindow: 100, maxConcurrent: 10, dailyCalls: 10_000 };
/** An ordinary noon in Chicago: twelve hours to midnight. */
const NOON = Date.parse('2026-11-23T12:00:00-06:00');

let monotonicMs = 0;
let wall = NOON;
const clock = { now: () => wall, monotonicMs: () => monotonicMs };
const wait = (ms: number) => {
  monotonicMs += ms;
  wall += ms;
};

let quota: Quota;
beforeEach(() => {
  monotonicMs = 0;
  wall = NOON;
  quota = createQuota(limits, clock);
});

/** Makes calls one after the other, each of `ms`. */
function makeCalls(count: number, ms = 0): void {
  for (let call = 0; call < count; call += 1) {
    const end = quota.reserve();
    wait(ms);
    end('counted');
  }
}

describe('the window', () => {
  test('takes exactly its calls, and the next when the first is 20 seconds past', () => {
    makeCalls(100);
    expect(quota.admission()).toEqual({ kind: 'wait', reason: 'window', atMs: 20_000 });
    wait(19_999);
    expect(quota.admission().kind).toBe('wait');
    wait(1);
    expect(quota.admission().kind).toBe('go');
    expect(quota.free()).toBe(100);
  });

  test('counts a call until 20 seconds after its end, since the upstream may have booked it at any time in between', () => {
    const end = quota.reserve();
    wait(5000);
    end('counted');
    makeCalls(99);
    wait(19_999);
    expect(quota.admission().kind).toBe('wait');
    wait(1);
    expect(quota.admission().kind).toBe('go');
  });

  test('does not count a call that was never sent', () => {
    for (let call = 0; call < 200; call += 1) quota.reserve()('unsent');
    expect(quota.free()).toBe(100);
    expect(quota.dayLeft()).toBe(10_000);
  });

  test('counts the end of a call once', () => {
    const end = quota.reserve();
    end('counted');
    end('counted');
    expect(quota.running()).toBe(0);
    expect(quota.free()).toBe(99);
  });

  test('says when the nth call from now can be made', () => {
    makeCalls(100, 100);
    expect(quota.earliestStart(1)).toBe(20_100);
    expect(quota.earliestStart(100)).toBe(30_000);
    expect(quota.earliestStart(101)).toBe(40_100);
    wait(10_100);
    expect(quota.earliestStart(1)).toBe(monotonicMs);
  });
});

test('after a start the calls of the process before count for 20 seconds', () => {
  quota = createQuota(limits, clock, undefined, 90);
  makeCalls(10);
  expect(quota.admission()).toEqual({ kind: 'wait', reason: 'window', atMs: 20_000 });
  wait(20_000);
  expect(quota.free()).toBe(100);
});

test('calls run in parallel up to the limit', () => {
  const ends = Array.from({ length: 10 }, () => quota.reserve());
  expect(quota.admission()).toEqual({ kind: 'wait', reason: 'concurrency', atMs: null });
  ends[0]?.('unclear');
  expect(quota.admission().kind).toBe('go');
});

describe('a call given up at its time-out', () => {
  test('keeps its place until the upstream must have ended it, 90 seconds after its start', () => {
    const ends = Array.from({ length: 10 }, () => quota.reserve());
    wait(20_000);
    for (const end of ends) end('given-up');
    expect(quota.admission()).toEqual({ kind: 'wait', reason: 'concurrency', atMs: 90_000 });
    expect(quota.free()).toBe(90);
    wait(70_000);
    expect(quota.admission().kind).toBe('go');
    // It counts in the window from then on.
    expect(quota.free()).toBe(90);
    wait(20_000);
    expect(quota.free()).toBe(100);
  });

  test('keeps it for as long as the failure says', () => {
    for (const end of Array.from({ length: 10 }, () => quota.reserve())) {
      end('given-up', undefined, { mayRunMs: 60_000 });
    }
    expect(quota.admission()).toEqual({ kind: 'wait', reason: 'concurrency', atMs: 60_000 });
    wait(60_000);
    expect(quota.admission().kind).toBe('go');
  });

  test('loses it when the upstream is known to have forgotten its calls', () => {
    for (const end of Array.from({ length: 10 }, () => quota.reserve())) end('given-up');
    quota.resetDay();
    expect(quota.admission().kind).toBe('go');
    expect(quota.running()).toBe(0);
  });
});

describe('what the upstream says corrects the count', () => {
  test('606: half of the 20 seconds is left to others for a minute', () => {
    quota.reserve()('rate-limited', undefined, { halfPaceMs: 60_000 });
    wait(20_000);
    expect([quota.capacity(), quota.free()]).toEqual([50, 50]);
    quota.reserve()('counted');
    makeCalls(49);
    expect(quota.admission()).toMatchObject({ kind: 'wait', reason: 'window', atMs: 40_000 });
    expect(quota.earliestStart(1)).toBe(40_000);
    wait(40_000);
    expect([quota.capacity(), quota.free()]).toEqual([100, 100]);
  });

  test('615: a second at least, or what a Retry-After says', () => {
    quota.reserve()('too-many-at-once', undefined, { leastPauseMs: 1000 });
    expect(quota.admission()).toMatchObject({ kind: 'wait', atMs: 1000 });
  });

  test('calls of others count as those of the day, as far as they are more than our own', () => {
    makeCalls(5);
    const before = quota.dayLeft();
    quota.learnTotal(3);
    expect(quota.dayLeft()).toBe(before);
    quota.learnTotal(105);
    expect(quota.dayLeft()).toBe(before - 100);
    makeCalls(1);
    expect(quota.dayLeft()).toBe(before - 101);
    quota.learnTotal(1_000_000);
    expect(quota.admission()).toMatchObject({ kind: 'day-spent', by: 'count' });
  });

  test('20023: a pause that doubles, then one call at a time until one is taken', () => {
    quota.reserve()('rate-limited');
    expect(quota.admission()).toEqual({ kind: 'wait', reason: 'window', atMs: 1000 });
    wait(1000);
    quota.reserve()('rate-limited');
    expect(quota.admission()).toMatchObject({ atMs: 3000 });
    wait(2000);
    const probe = quota.reserve();
    expect(quota.admission()).toMatchObject({ reason: 'concurrency' });
    probe('counted');
    expect(quota.admission().kind).toBe('go');
  });

  test('20023 with a Retry-After: exactly that pause', () => {
    quota.reserve()('rate-limited', 7000);
    expect(quota.admission()).toMatchObject({ atMs: 7000 });
  });

  test.each([0, -1000])('a Retry-After that has passed (%d ms) names no time: the usual pauses', (passed) => {
    quota.reserve()('rate-limited', passed);
    expect(quota.admission()).toMatchObject({ kind: 'wait', atMs: 1000 });
    wait(1000);
    quota.reserve()('rate-limited', passed);
    expect(quota.admission()).toMatchObject({ kind: 'wait', atMs: 3000 });
    wait(2000);
    quota.reserve()('too-many-at-once', passed, { leastPauseMs: 1000 });
    expect(quota.admission()).toMatchObject({ kind: 'wait', atMs: 4000 });
  });

  test.each(['rate-limited', 'too-many-at-once'] as const)(
    '%s beside calls that were given up: one of the places they leave finds out',
    (refusal) => {
      const [first, second, third] = Array.from({ length: 3 }, () => quota.reserve());
      for (const end of [first, second]) end?.('given-up');
      third?.(refusal);
      wait(1000);
      expect(quota.admission()).toEqual({ kind: 'go' });
      const next = quota.reserve();
      expect(quota.admission()).toMatchObject({ kind: 'wait', reason: 'concurrency' });
      next('counted');
      expect(quota.running()).toBe(2);
    },
  );

  test('20024: fewer at a time, and step by step more again', () => {
    const ends = Array.from({ length: 10 }, () => quota.reserve());
    for (const [index, end] of ends.entries()) end(index < 4 ? 'too-many-at-once' : 'counted');
    wait(250);
    const running = [];
    while (quota.admission().kind === 'go') running.push(quota.reserve());
    expect(running.length).toBeLessThan(10);
    for (const end of running) end('counted');
    makeCalls(40);
    const more = [];
    while (quota.admission().kind === 'go') more.push(quota.reserve());
    expect(more.length).toBeGreaterThan(running.length);
  });

  test('20015: one call a minute probes, and waiters are told when', () => {
    quota.reserve()('day-spent');
    expect(quota.admission()).toEqual({ kind: 'day-spent', by: 'upstream', forMs: 60_000 });
    expect(quota.probeInMs()).toBe(60_000);
    expect(quota.dayLeft()).toBe(0);
    wait(59_999);
    expect(quota.admission()).toEqual({ kind: 'day-spent', by: 'upstream', forMs: 1 });
    wait(1);
    expect(quota.admission().kind).toBe('go');
    quota.reserve()('day-spent');
    expect(quota.admission()).toMatchObject({ kind: 'day-spent', forMs: 60_000 });
  });

  test('20015: leads that arrive during a probe wait for its answer', () => {
    quota.reserve()('day-spent');
    wait(60_000);
    const look = quota.reserve();
    expect(quota.admission()).toEqual({ kind: 'wait', reason: 'concurrency', atMs: null });
    look('counted');
    expect(quota.admission().kind).toBe('go');
  });

  test('20015 with a Retry-After: probed after that time, and at midnight at the latest', () => {
    quota.reserve()('day-spent', 600_000);
    expect(quota.admission()).toMatchObject({ forMs: 600_000 });
    wait(600_000);
    quota.reserve()('day-spent', 86_400_000);
    expect(quota.admission()).toMatchObject({ forMs: 12 * 3_600_000 - 600_000 });
    wait(12 * 3_600_000 - 600_000);
    expect(quota.admission().kind).toBe('go');
  });

  test('20015 shortly before midnight: probed when the day ends', () => {
    wait(12 * 3_600_000 - 10_000);
    quota.reserve()('day-spent');
    expect(quota.admission()).toMatchObject({ forMs: 10_000 });
    wait(10_000);
    expect(quota.admission().kind).toBe('go');
  });

  test('calls already in flight do not postpone the probe that waiters were told of', () => {
    const inFlight = [quota.reserve(), quota.reserve()];
    quota.reserve()('day-spent');
    wait(5000);
    for (const end of inFlight) end('day-spent');
    expect(quota.admission()).toMatchObject({ forMs: 55_000 });
    wait(55_000);
    const look = quota.reserve();
    quota.reserve()('unclear');
    look('counted');
    expect(quota.admission().kind).toBe('go');
  });

  test('a refusal of a call that began before the day was reopened does not close it again', () => {
    quota.reserve()('day-spent');
    const early = quota.reserve();
    wait(60_000);
    quota.reserve()('counted');
    early('day-spent');
    expect(quota.admission().kind).toBe('go');
  });

  test('a probe that was never sent is made again at once', () => {
    quota.reserve()('day-spent');
    wait(60_000);
    quota.reserve()('unsent');
    expect(quota.admission().kind).toBe('go');
    quota.reserve()('unclear');
    expect(quota.admission()).toMatchObject({ kind: 'day-spent', forMs: 60_000 });
  });

  test('a probe refused for its rate is made again when there is room', () => {
    quota.reserve()('day-spent');
    wait(60_000);
    quota.reserve()('rate-limited', 2000);
    expect(quota.admission()).toMatchObject({ kind: 'wait', atMs: 62_000 });
    wait(2000);
    quota.reserve()('counted');
    expect(quota.admission().kind).toBe('go');
  });

  test('an answer to a call from before the day was spent does not open it again', () => {
    const early = quota.reserve();
    quota.reserve()('day-spent');
    early('counted');
    expect(quota.admission().kind).toBe('day-spent');
    expect(quota.dayLeft()).toBe(0);
  });

  test('a call accepted on a spent day reopens it, as far as our own count goes', () => {
    quota = createQuota({ ...limits, dailyCalls: 4 }, clock);
    makeCalls(1);
    quota.reserve()('day-spent');
    wait(60_000);
    quota.reserve()('counted');
    expect(quota.admission().kind).toBe('go');
    expect(quota.dayLeft()).toBe(1);
    makeCalls(1);
    expect(quota.admission()).toMatchObject({ kind: 'day-spent', by: 'count' });
  });

  test('an upstream known to have room is probed at once', () => {
    quota.reserve()('rate-limited', 3_600_000);
    quota.reserve()('day-spent');
    expect(quota.admission().kind).toBe('day-spent');
    quota.probeNow();
    expect(quota.admission().kind).toBe('go');
    quota.reserve()('counted');
    expect(quota.admission().kind).toBe('go');
  });

  test('an upstream that has forgotten the calls of the day starts a new one', () => {
    quota = createQuota({ ...limits, dailyCalls: 2 }, clock);
    makeCalls(2);
    quota.resetDay();
    expect(quota.admission().kind).toBe('go');
    expect(quota.dayLeft()).toBe(2);
    quota.reserve()('day-spent');
    quota.resetDay();
    expect(quota.admission().kind).toBe('go');
  });
});

describe('the day', () => {
  test('is spent when our own count says so, and is reset at midnight in Chicago', () => {
    quota = createQuota({ ...limits, dailyCalls: 3 }, clock);
    makeCalls(3);
    expect(quota.admission()).toEqual({ kind: 'day-spent', by: 'count', forMs: 12 * 3_600_000 });
    // What the operator has set is a cap: the upstream is not asked about it.
    wait(3_600_000);
    expect(quota.admission()).toEqual({ kind: 'day-spent', by: 'count', forMs: 11 * 3_600_000 });
    wait(11 * 3_600_000);
    expect(quota.admission().kind).toBe('go');
    expect(quota.dayLeft()).toBe(3);
  });

  test.each([
    ['2026-03-08T00:00:00-06:00', 23],
    ['2026-11-01T00:00:00-05:00', 25],
  ])('that begins at %s has %i hours', (start, hours) => {
    wall = Date.parse(start);
    quota = createQuota({ ...limits, dailyCalls: 1 }, clock);
    quota.reserve()('counted');
    expect(quota.admission()).toEqual({ kind: 'day-spent', by: 'count', forMs: hours * 3_600_000 });
  });
});

describe('the clock of the day is set', () => {
  test('forward over midnight and back: the calls of both days count', () => {
    quota = createQuota({ ...limits, dailyCalls: 5 }, clock);
    makeCalls(2);
    wall += 13 * 3_600_000;
    makeCalls(1);
    wall -= 13 * 3_600_000;
    expect(quota.dayLeft()).toBe(2);
  });

  test('a call in flight at midnight counts on both days', () => {
    quota = createQuota({ ...limits, dailyCalls: 5 }, clock);
    const end = quota.reserve();
    wait(12 * 3_600_000);
    expect(quota.dayLeft()).toBe(4);
    end('counted');
    expect(quota.dayLeft()).toBe(4);
  });
});

describe('a share of the budgets', () => {
  const share = { atOnce: 10, day: 5 };
  beforeEach(() => {
    Object.assign(share, { atOnce: 10, day: 5 });
    quota = createQuota(limits, clock, {
      window: createSlidingWindow(100, clock.monotonicMs),
      maxConcurrent: () => share.atOnce,
      ownDay: () => share.day,
    });
  });

  test('fewer may run at a time', () => {
    share.atOnce = 2;
    quota.reserve();
    expect(quota.admission().kind).toBe('go');
    quota.reserve();
    expect(quota.admission()).toMatchObject({ kind: 'wait', reason: 'concurrency' });
    share.atOnce = 10;
    expect(quota.admission().kind).toBe('go');
  });

  test('a day spent by our count reopens when the count of all replicas turns out lower', () => {
    makeCalls(5);
    expect(quota.admission().kind).toBe('day-spent');
    expect(quota.dayLeft()).toBe(0);
    share.day = 8;
    expect(quota.admission().kind).toBe('go');
    expect(quota.dayLeft()).toBe(3);
  });

  test('a day the upstream calls spent stays spent, whatever the count says', () => {
    quota.reserve()('day-spent');
    share.day = 1000;
    expect(quota.admission().kind).toBe('day-spent');
    expect(quota.day().calls).toBe(10_000);
  });

  test('a day that others know to be spent is spent here, is probed when they say, and reopens when they know it is open', () => {
    expect(quota.spentProbeInMs()).toBeNull();
    quota.learnOfDay(30_000);
    expect(quota.admission()).toEqual({ kind: 'day-spent', by: 'upstream', forMs: 30_000 });
    expect(quota.spentProbeInMs()).toBe(30_000);
    quota.learnOfDay(null);
    expect(quota.admission().kind).toBe('go');
    // Others that do not know of it yet do not reopen it.
    quota.reserve()('day-spent');
    quota.learnOfDay(null);
    expect(quota.admission().kind).toBe('day-spent');
  });

  test('a pause from outside holds all calls back', () => {
    quota.pauseUntil(500);
    quota.pauseUntil(300);
    expect(quota.admission()).toEqual({ kind: 'wait', reason: 'window', atMs: 500 });
    expect(quota.earliestStart(1)).toBe(500);
    wait(500);
    expect(quota.admission().kind).toBe('go');
  });
});
