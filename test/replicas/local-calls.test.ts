import { expect, test } from 'vitest';
import { createLocalCalls, isSameDay } from '../../src/replicas/shared-window.ts';

const DAY = Date.parse('2026-11-24T06:00:00Z');
const call = (id: string, dayEndsAt = DAY) => ({ id, lanes: [], leaseEndsAt: 22_000, dayEndsAt });

test('what runs is remembered with what is left of its lease, what has ended for 20 seconds with its age', () => {
  const calls = createLocalCalls();
  const [a, b] = [call('a'), call('b')];
  calls.begin(a);
  calls.begin(b);
  calls.end(a, 'ended', 1000);
  expect(calls.memory(2000)).toEqual({
    running: [{ id: 'b', leftMs: 20_000 }],
    ended: [{ id: 'a', ageMs: 1000 }],
  });
  expect(calls.memory(20_999).ended).toHaveLength(1);
  expect(calls.memory(21_000).ended).toEqual([]);
  // A lease is never told as over: the call would count as ended before it has.
  expect(calls.memory(30_000).running).toEqual([{ id: 'b', leftMs: 1 }]);
});

test('a call that was not sent was none', () => {
  const calls = createLocalCalls();
  const [a, b] = [call('a'), call('b')];
  calls.begin(a);
  calls.begin(b);
  calls.end(a, 'unsent', 0);
  calls.end(b, 'ended', 0);
  expect(calls.today(DAY)).toBe(1);
  expect(calls.memory(0)).toEqual({ running: [], ended: [{ id: 'b', ageMs: 0 }] });
});

test('each day counts for itself, whichever of two clocks ended it', () => {
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

test('what is owed is owed once', () => {
  const calls = createLocalCalls();
  const release = { id: 'a', how: 'ended', pauseMs: 0, lookMs: 0, dayEndsAt: DAY, lanes: ['l'] } as const;
  calls.reportLater(release);
  expect(calls.takeUnreported()).toEqual([release]);
  expect(calls.takeUnreported()).toEqual([]);
});
