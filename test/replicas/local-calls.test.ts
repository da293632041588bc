import { expect, test } from 'vitest';
import { createLocalCalls, isSameDay } from '../../src/replicas/shared-window.ts';

const DAY = Date.parse('2026-11-24T06:00:00Z');
const call = (id: string, dayEndsAt = DAY) => ({
  id,
  locks: [],
  leaseEndsAt: 22_000,
  locksEndAt: 22_000,
  dayEndsAt,
});

test('the history has running calls with what is left of their leases, and ended calls of 20 seconds with their ages', () => {
  const calls = createLocalCalls();
  const [a, b] = [call('a'), call('b')];
  calls.begin(a);
  calls.begin(b);
  calls.end(a, 'ended', 1000);
  expect(calls.history(2000)).toEqual({
    running: [{ id: 'b', leftMs: 20_000 }],
    ended: [{ id: 'a', ageMs: 1000 }],
  });
  expect(calls.history(20_999).ended).toHaveLength(1);
  expect(calls.history(21_000).ended).toEqual([]);
  // A lease is never reported as over: the call would count as ended while it runs.
  expect(calls.history(30_000).running).toEqual([{ id: 'b', leftMs: 1 }]);
});

test('a call that was not sent does not count', () => {
  const calls = createLocalCalls();
  const [a, b] = [call('a'), call('b')];
  calls.begin(a);
  calls.begin(b);
  calls.end(a, 'unsent', 0);
  calls.end(b, 'ended', 0);
  expect(calls.today(DAY)).toBe(1);
  expect(calls.history(0)).toEqual({ running: [], ended: [{ id: 'b', ageMs: 0 }] });
});

test('days are counted separately, whichever of two clocks ended them', () => {
  const calls = createLocalCalls();
  calls.begin(call('a'));
  calls.begin(call('b', DAY + 5000));
  expect(calls.today(DAY)).toBe(2);
  const next = DAY + 24 * 3_600_000;
  expect(calls.today(next)).toBe(0);
  const late = call('c', next);
  calls.begin(late);
  calls.end(call('a'), 'unsent', 0);
  expect(calls.today(next)).toBe(1);
  expect(isSameDay(DAY, next)).toBe(false);
});

test('unreported releases are handed out once', () => {
  const calls = createLocalCalls();
  const release = {
    id: 'a',
    how: 'ended',
    runsForMs: 0,
    keptForMs: null,
    pauseMs: 0,
    dayProbeMs: 0,
    dayEndsAt: DAY,
    locks: ['l'],
  } as const;
  calls.reportLater(release);
  expect(calls.takeUnreported(0)).toEqual([release]);
  expect(calls.takeUnreported(0)).toEqual([]);
});

test('a call that is given up runs until the upstream must have ended it, also where Redis learns of it later', () => {
  const calls = createLocalCalls();
  const a = call('a');
  calls.begin(a);
  calls.giveUp(a, 90_000);
  calls.reportLater({
    id: 'a',
    how: 'ended',
    runsForMs: 70_000,
    keptForMs: null,
    pauseMs: 0,
    dayProbeMs: 0,
    dayEndsAt: DAY,
    locks: [],
  });
  expect(calls.history(30_000)).toEqual({ running: [{ id: 'a', leftMs: 60_000 }], ended: [] });
  expect(calls.takeUnreported(30_000)).toMatchObject([{ id: 'a', runsForMs: 60_000 }]);
  expect(calls.history(91_000)).toEqual({ running: [], ended: [{ id: 'a', ageMs: 1000 }] });
  expect([...calls.running(91_000)]).toEqual([]);
});
