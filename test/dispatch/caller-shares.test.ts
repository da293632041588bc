import { expect, test } from 'vitest';
import { createCallers } from '../../src/dispatch/callers.ts';
import { createCallerShares } from '../../src/dispatch/caller-shares.ts';
import { createJob, type Caller, type Flow } from '../../src/dispatch/job.ts';
import { createQuota } from '../../src/dispatch/quota.ts';
import { createPlace } from '../../src/dispatch/turns.ts';

const MINUTE_MS = 60_000;
const NOON = Date.parse('2026-11-23T12:00:00-06:00');

/** Callers on a day of 10,000 calls from noon on. */
function shares(activePeers = 1) {
  const time = { ms: 0 };
  const clock = { monotonicMs: () => time.ms, now: () => NOON + time.ms };
  const quota = createQuota({ callsPerWindow: 1_000_000, maxConcurrent: 10, dailyCalls: 10_000 }, clock);
  const callers = createCallers(createPlace<Flow>(), createPlace<Flow>(), 1000);
  const found = (name: string, address?: string): Caller => {
    const caller = callers.find({ key: name, address });
    callers.countRequests(caller, 1);
    return caller;
  };
  const peerLoad = () => ({ demandPerSecond: 0, activePeers });
  const { arrived, called, mayGo, part } = createCallerShares({ ...clock, quota, peerLoad });
  const call = (...of: Caller[]) => {
    const step = { group: '', size: 1, note: undefined };
    const command = { email: 'a@example.com', attributes: [], returnLead: false };
    called(of.map((caller, seq) => createJob(seq, command, [], step, caller)));
    for (let peer = 0; peer < activePeers; peer += 1) quota.reserve()('counted');
  };
  /** Each has a lead a second for a minute. */
  const offer = (...of: Caller[]) => {
    for (let second = 0; second < 60; second += 1) {
      of.forEach(arrived);
      time.ms += 1000;
      of.forEach(mayGo);
    }
  };
  return { time, found, call, offer, arrived, mayGo, part };
}

/** Calls that a caller may have, ten a second, until its next lead is refused; another has a lead a second. */
function callsOf(
  { call, mayGo, arrived, time }: ReturnType<typeof shares>,
  caller: Caller,
  beside?: Caller,
): number {
  let calls = 0;
  for (; calls < 10_000 && mayGo(caller); calls += 1) {
    call(caller);
    if (calls % 10 > 0) continue;
    if (beside !== undefined) arrived(beside);
    time.ms += 1000;
  }
  return calls;
}

test('one of two callers may have half of what is left', () => {
  const virtual = shares();
  const [loud, calm] = [virtual.found('loud'), virtual.found('calm')];
  virtual.offer(loud, calm);
  expect(callsOf(virtual, loud, calm)).toBeCloseTo(4800, -2);
  expect(virtual.mayGo(calm)).toBe(true);
  expect(virtual.part()).toBeCloseTo(0.52, 1);
});

test('replicas count for each other', () => {
  const virtual = shares(3);
  const [loud, calm] = [virtual.found('loud'), virtual.found('calm')];
  virtual.offer(loud, calm);
  expect(callsOf(virtual, loud, calm)).toBeCloseTo(1600, -2);
  expect(virtual.mayGo(calm)).toBe(true);
});

test('a caller alone may have all, and so may one beside callers that hardly send any', () => {
  const virtual = shares();
  const [loud, calm] = [virtual.found('loud'), virtual.found('calm')];
  virtual.arrived(calm);
  virtual.offer(loud);
  virtual.time.ms += 10 * MINUTE_MS;
  virtual.offer(loud);
  expect(callsOf(virtual, loud)).toBe(10_000);
});

test('what the others do not need may be had as well', () => {
  const virtual = shares();
  const [loud, calm] = [virtual.found('loud'), virtual.found('calm')];
  virtual.offer(loud);
  virtual.arrived(calm);
  virtual.offer(loud);
  // A lead a minute is expected 720 times until midnight, and less often the longer it is past.
  expect(callsOf(virtual, loud)).toBeGreaterThan(8500);
  expect(virtual.mayGo(calm)).toBe(true);
});

test('a caller whose leads go one by one keeps the calls that it needs until midnight', () => {
  const virtual = shares();
  const { call, mayGo, arrived, time } = virtual;
  const [loud, calm] = [virtual.found('loud'), virtual.found('calm')];
  virtual.offer(loud, calm);
  time.ms += 11 * 60 * MINUTE_MS;
  let [refused, left] = [0, 10_000];
  for (let second = 0; second < 58 * 60; second += 1) {
    arrived(loud);
    arrived(calm);
    call(calm);
    const isGone = mayGo(loud);
    if (isGone) for (let times = 0; times < 5; times += 1) call(loud);
    else refused += 1;
    left -= isGone ? 6 : 1;
    expect(mayGo(calm)).toBe(true);
    expect(left).toBeGreaterThanOrEqual(58 * 60 - second - 1);
    time.ms += 1000;
  }
  expect(refused).toBeGreaterThan(0);
  expect(left).toBeLessThan(400);
});

test('parts are kept for as long as any other caller needs some', () => {
  const virtual = shares();
  const { call, mayGo, arrived, time } = virtual;
  const [loud, calm] = [virtual.found('loud'), virtual.found('calm')];
  virtual.offer(loud, calm);
  let left = 10_000;
  time.ms += 10 * 60 * MINUTE_MS;
  const seconds = 2 * 3600 - 60;
  for (let second = 0; second < seconds - 60; second += 1) {
    arrived(loud);
    if (second % 60 === 0) {
      arrived(calm);
      call(calm);
      left -= 1;
    }
    for (let times = 0; times < 5 && mayGo(loud); times += 1) {
      call(loud);
      left -= 1;
    }
    // A lead a minute is left for the rest of the day.
    expect(left).toBeGreaterThanOrEqual((seconds - second) / 60 - 1);
    time.ms += 1000;
  }
});

test('a call for several counts by their leads, and addresses of one key are one caller', () => {
  const virtual = shares();
  const addresses = [virtual.found('site', '192.0.2.1'), virtual.found('site', '192.0.2.2')] as const;
  const calm = virtual.found('calm');
  virtual.offer(...addresses, calm);
  for (let call = 0; call < 6000; call += 1) virtual.call(...addresses, addresses[0], calm);
  virtual.time.ms += 1000;
  expect(virtual.mayGo(addresses[0])).toBe(true);
  for (let call = 0; call < 600; call += 1) virtual.call(...addresses, addresses[0], calm);
  virtual.time.ms += 1000;
  expect([...addresses, calm].map(virtual.mayGo)).toEqual([false, false, true]);
});

test('at midnight each has its part again', () => {
  const virtual = shares();
  const [loud, calm] = [virtual.found('loud'), virtual.found('calm')];
  virtual.offer(loud, calm);
  callsOf(virtual, loud);
  virtual.time.ms = 12 * 60 * MINUTE_MS;
  virtual.offer(loud, calm);
  expect(virtual.mayGo(loud)).toBe(true);
});
