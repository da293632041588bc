import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BreakerDecision, createBreaker } from '../../src/dispatch/breaker.ts';
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

function admitted(admission: BreakerDecision): (end: BreakerVerdict) => void {
  if (!admission.admitted) throw new Error(`refused: ${JSON.stringify(admission)}`);
  return admission.done;
}

test('it opens after the threshold of calls in a row that found nobody', () => {
  const { breaker } = breakerAt();
  for (let call = 0; call < 3; call += 1) admitted(breaker.enter())('dead');
  expect(breaker.enter()).toEqual({ admitted: false, retryAfterMs: 1000 });
});

test('a row of failures must have lasted before it opens', () => {
  const { breaker, clock } = breakerAt(2000);
  for (let call = 0; call < 9; call += 1) admitted(breaker.enter())('dead');
  clock.now = 1999;
  admitted(breaker.enter())('dead');
  expect(breaker.enter().admitted).toBe(true);
  clock.now = 2000;
  admitted(breaker.enter())('dead');
  expect(breaker.enter().admitted).toBe(false);
});

test('any answer starts the count anew; an unclear end does not count', () => {
  const { breaker } = breakerAt();
  for (const end of ['dead', 'dead', 'alive', 'dead', 'unclear', 'dead'] as const) {
    admitted(breaker.enter())(end);
  }
  expect(breaker.enter().admitted).toBe(true);
});

test('after the pause one probe at a time is let through', () => {
  const { breaker, clock } = breakerAt();
  for (let call = 0; call < 3; call += 1) admitted(breaker.enter())('dead');
  clock.now = 999;
  expect(breaker.enter()).toEqual({ admitted: false, retryAfterMs: 1 });
  clock.now = 1000;
  const probe = admitted(breaker.enter());
  clock.now = 1300;
  expect(breaker.enter()).toEqual({ admitted: false, retryAfterMs: 1000 });
  probe('alive');
  expect(breaker.enter().admitted).toBe(true);
});

test("a probe's end is waited for: who was told to come back then is not sent away", () => {
  const { breaker, clock } = breakerAt();
  for (let call = 0; call < 3; call += 1) admitted(breaker.enter())('dead');
  clock.now = 1000;
  const probe = admitted(breaker.enter());
  clock.now = 1299;
  expect(breaker.enter()).toEqual({ admitted: false, untilMs: 1300 });
  probe('alive');
  expect(breaker.enter().admitted).toBe(true);
});

test('a probe that fails opens it for another pause; one that says nothing lets the next one try', () => {
  const { breaker, clock } = breakerAt();
  for (let call = 0; call < 3; call += 1) admitted(breaker.enter())('dead');
  clock.now = 1000;
  admitted(breaker.enter())('dead');
  clock.now = 1999;
  expect(breaker.enter().admitted).toBe(false);
  clock.now = 2000;
  admitted(breaker.enter())('unclear');
  expect(breaker.enter().admitted).toBe(true);
});

test('calls made before it opened do not keep it open, and an answer to one closes it', () => {
  const { breaker, clock } = breakerAt();
  const calls = Array.from({ length: 5 }, () => admitted(breaker.enter()));
  for (const done of calls.slice(0, 3)) done('dead');
  clock.now = 500;
  calls[3]?.('dead');
  expect(breaker.enter()).toEqual({ admitted: false, retryAfterMs: 500 });
  calls[4]?.('alive');
  expect(breaker.enter().admitted).toBe(true);
});

test('whatever happens, it lets a call through again within a pause once nothing is under way', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          wait: fc.integer({ min: 0, max: 1500 }),
          end: fc.constantFrom<BreakerVerdict>('alive', 'dead', 'unclear'),
          isLate: fc.boolean(),
        }),
      ),
      (steps) => {
        const { breaker, clock } = breakerAt();
        const late: (() => void)[] = [];
        for (const { wait, end, isLate } of steps) {
          clock.now += wait;
          const admission = breaker.enter();
          if (!admission.admitted) continue;
          if (isLate) late.push(() => admission.done(end));
          else admission.done(end);
        }
        for (const finish of late) finish();
        clock.now += 1000;
        expect(breaker.enter().admitted).toBe(true);
      },
    ),
  );
});
