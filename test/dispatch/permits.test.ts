import { expect, test } from 'vitest';
import type { CallPermits, PermitAnswer } from '../../src/dispatch/permits.ts';
import type { CallVerdict } from '../../src/upstream/outcome.ts';
import { failureOf, answerOf, leftBehind, NOTHING, startVirtualDispatcher } from '../support/dispatcher.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

type Release = { readonly verdict: CallVerdict; readonly pauseMs: number };

const clock = createVirtualClock();

/** Permits as the answers say, one after the other, then always the last one. */
function permitsOf(answers: readonly (() => PermitAnswer)[]) {
  const asked: (readonly (readonly string[])[])[] = [];
  const permits: CallPermits = {
    async acquire(leads) {
      asked.push(leads);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (answer === undefined) throw new Error('no answer');
      return answer();
    },
    peerLoad: () => ({ demandPerSecond: 0, activePeers: 1 }),
  };
  return { asked, permits };
}

function granting(released: Release[], ...held: number[]) {
  return (): PermitAnswer => ({
    kind: 'granted',
    held: new Set(held),
    release: (verdict, pauseMs) => void released.push({ verdict, pauseMs }),
  });
}

const denied = (ms: number) => (): PermitAnswer => ({
  kind: 'denied',
  retryAtMs: clock.monotonicMs() + ms,
});

const oneAtATime = { maxConcurrent: 1 };

test('a call asks for a permit with the keys of its leads, and gives it back when it has ended', async () => {
  const released: Release[] = [];
  const { asked, permits } = permitsOf([granting(released)]);
  const { put } = startVirtualDispatcher({ clock, permits });
  put({ email: 'A@example.com', marketoCookie: 'c' });
  await clock.advance(99);
  expect(asked).toEqual([[['cc', 'ea@example.com']]]);
  expect(released).toEqual([]);
  await clock.advance(1);
  expect(released).toEqual([{ verdict: 'counted', pauseMs: 0 }]);
});

test('a denied call is made when it was said to ask again, together with what came meanwhile; no attempt is counted', async () => {
  const { permits } = permitsOf([denied(150), granting([])]);
  const { put, calls } = startVirtualDispatcher({ clock, permits, limits: oneAtATime });
  const startMs = clock.monotonicMs();
  const puts = ['a@example.com', 'b@example.com', 'c@example.com'].map(put);
  await clock.advance(1000);
  expect(calls.map((call) => [call.startMs - startMs, call.commands.length])).toEqual([[150, 3]]);
  expect(puts.map(({ timing }) => timing?.attempts)).toEqual([1, 1, 1]);
});

test('a lead whose key is in flight elsewhere waits for itself; the others of its call go', async () => {
  const released: Release[] = [];
  const { permits } = permitsOf([
    denied(30),
    granting(released, 1),
    granting(released, 0),
    granting(released),
  ]);
  const virtual = startVirtualDispatcher({ clock, permits, limits: oneAtATime, callMs: 10 });
  ['a@example.com', 'b@example.com', 'c@example.com'].map(virtual.put);
  await clock.advance(1000);
  expect(virtual.sizes()).toEqual([2, 1]);
  // The call of which nothing was left was not sent.
  expect(released.map(({ verdict }) => verdict).toSorted()).toEqual(['counted', 'counted', 'unsent']);
  expect(leftBehind(virtual)).toEqual(NOTHING);
});

test('a waiter that leaves while a permit is asked for is taken out, and nothing is sent', async () => {
  const released: Release[] = [];
  let answer: (answer: PermitAnswer) => void = () => {};
  const permits: CallPermits = {
    acquire: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
    peerLoad: () => ({ demandPerSecond: 0, activePeers: 1 }),
  };
  const virtual = startVirtualDispatcher({ clock, permits });
  const gone = virtual.put('a@example.com');
  gone.leave();
  await clock.flush();
  expect(answerOf(gone)).toBe('upstream-timeout');
  answer(granting(released)());
  await clock.flush();
  expect(released).toEqual([{ verdict: 'unsent', pauseMs: 0 }]);
  expect(virtual.calls).toEqual([]);
  expect(leftBehind(virtual)).toEqual(NOTHING);
});

test('a refusal for the limits of the upstream reports the pause it asks for', async () => {
  const released: Release[] = [];
  const { permits } = permitsOf([granting(released)]);
  const { put } = startVirtualDispatcher({
    clock,
    permits,
    script: (_call, nth) => (nth === 0 ? failureOf({ advice: 'rate-limited' }) : undefined),
  });
  put('a@example.com');
  await clock.advance(2000);
  expect(released).toEqual([
    { verdict: 'rate-limited', pauseMs: 1000 },
    { verdict: 'counted', pauseMs: 0 },
  ]);
});

test('the parts of a refused batch stay together when a permit is denied', async () => {
  const { asked, permits } = permitsOf([denied(30), granting([]), denied(30), granting([])]);
  const { put } = startVirtualDispatcher({
    clock,
    permits,
    limits: oneAtATime,
    // Refused because of one lead without a name: halved until it is alone.
    script: (_call, nth) => (nth === 0 ? failureOf({ isolates: 'record' }) : undefined),
  });
  ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com'].map(put);
  await clock.advance(1000);
  expect(asked.map(({ length }) => length)).toEqual([1, 4, 2, 2, 2]);
});

test('a lead whose key is in flight elsewhere asks again after 20 to 40 ms', async () => {
  const { permits } = permitsOf([granting([], 0), granting([])]);
  const { put, calls } = startVirtualDispatcher({ clock, permits });
  const startMs = clock.monotonicMs();
  put('a@example.com');
  await clock.advance(1000);
  expect(calls.map((call) => call.startMs - startMs)).toEqual([30]);
});
