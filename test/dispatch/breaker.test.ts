import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Breaker, createBreaker } from '../../src/dispatch/breaker.ts';
import type { BreakerVerdict } from '../../src/upstream/outcome.ts';

function breakerAt(minSpanMs = 0) {
  const clock = { now: 0 };
  return {
    clock,
    breaker: createBreaker({
      threshold: 3,
      minSpanMs,
      pauseMs: 1000,
      patienceMs: 300,
      monotonicMs: () => clock.now,
    }),
  };
}

/** Begins a call that must be let through. */
function admitted(breaker: Breaker): (verdict: BreakerVerdict) => void {
  expect(breaker.check()).toEqual({ kind: 'go' });
  return breaker.begin();
}

test('it opens after the threshold of failures in a row', () => {
  const { breaker } = breakerAt();
  for (let call = 0; call < 3; call += 1) admitted(breaker)('failure');
  expect(breaker.check()).toEqual({ kind: 'open', retryAfterMs: 1000 });
});

test('a row of failures must have lasted before it opens', () => {
  const { breaker, clock } = breakerAt(2000);
  for (let call = 0; call < 9; call += 1) admitted(breaker)('failure');
  clock.now = 1999;
  admitted(breaker)('failure');
  expect(breaker.check().kind).toBe('go');
  clock.now = 2000;
  admitted(breaker)('failure');
  expect(breaker.check().kind).not.toBe('go');
});

test('a success resets the count; an ignored end does not count', () => {
  const { breaker } = breakerAt();
  for (const end of ['failure', 'failure', 'success', 'failure', 'ignored', 'failure'] as const) {
    admitted(breaker)(end);
  }
  expect(breaker.check().kind).toBe('go');
});

test('after the pause one probe at a time is let through', () => {
  const { breaker, clock } = breakerAt();
  for (let call = 0; call < 3; call += 1) admitted(breaker)('failure');
  clock.now = 999;
  expect(breaker.check()).toEqual({ kind: 'open', retryAfterMs: 1 });
  clock.now = 1000;
  const probe = admitted(breaker);
  clock.now = 1300;
  expect(breaker.check()).toEqual({ kind: 'open', retryAfterMs: 1000 });
  probe('success');
  expect(breaker.check().kind).toBe('go');
});

test('new leads wait for the end of a probe: a client told to retry then is not refused', () => {
  const { breaker, clock } = breakerAt();
  for (let call = 0; call < 3; call += 1) admitted(breaker)('failure');
  clock.now = 1000;
  const probe = admitted(breaker);
  clock.now = 1299;
  expect(breaker.check()).toEqual({ kind: 'probing', untilMs: 1300 });
  probe('success');
  expect(breaker.check().kind).toBe('go');
});

test('a probe that fails opens it for another pause; one that is ignored lets the next one try', () => {
  const { breaker, clock } = breakerAt();
  for (let call = 0; call < 3; call += 1) admitted(breaker)('failure');
  clock.now = 1000;
  admitted(breaker)('failure');
  clock.now = 1999;
  expect(breaker.check().kind).not.toBe('go');
  clock.now = 2000;
  admitted(breaker)('ignored');
  expect(breaker.check().kind).toBe('go');
});

test('calls made before it opened do not keep it open, and an answer to one closes it', () => {
  const { breaker, clock } = breakerAt();
  const calls = Array.from({ length: 5 }, () => admitted(breaker));
  for (const done of calls.slice(0, 3)) done('failure');
  clock.now = 500;
  calls[3]?.('failure');
  expect(breaker.check()).toEqual({ kind: 'open', retryAfterMs: 500 });
  calls[4]?.('success');
  expect(breaker.check().kind).toBe('go');
});

test('whatever happens, it lets a call through again within a pause once nothing is under way', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          wait: fc.integer({ min: 0, max: 1500 }),
          end: fc.constantFrom<BreakerVerdict>('success', 'failure', 'ignored'),
          isLate: fc.boolean(),
        }),
      ),
      (steps) => {
        const { breaker, clock } = breakerAt();
        const delayed: (() => void)[] = [];
        for (const { wait, end, isLate } of steps) {
          clock.now += wait;
          if (breaker.check().kind !== 'go') continue;
          const done = breaker.begin();
          if (isLate) delayed.push(() => done(end));
          else done(end);
        }
        for (const finish of delayed) finish();
        clock.now += 1000;
        expect(breaker.check().kind).toBe('go');
      },
    ),
  );
});
