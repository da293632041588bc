import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createWakeTimer, systemClock, withTimeout } from '../../src/runtime/clock.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

test('withTimeout passes on an answer in time, and a failure', async () => {
  const clock = createVirtualClock();
  await expect(withTimeout(Promise.resolve('answer'), 100, clock)).resolves.toBe('answer');
  await expect(withTimeout(Promise.reject(new Error('broken')), 100, clock)).rejects.toThrow('broken');
  expect(clock.timers()).toBe(0);
});

test('withTimeout fails when no answer comes in time', async () => {
  const clock = createVirtualClock();
  const asked = withTimeout(new Promise(() => {}), 20, clock);
  await Promise.all([expect(asked).rejects.toThrow('no answer within 20 ms'), clock.advance(20)]);
});

test('a process that was busy looks at what has come in before it gives up', async () => {
  // As what a socket brings, the answer is seen in the turn after the timers.
  const answer = pause(19).then(
    () =>
      new Promise<string>((resolve) => {
        setImmediate(() => resolve('answer'));
      }),
  );
  const asked = withTimeout(answer, 20, systemClock);
  for (const until = performance.now() + 60; performance.now() < until;);
  await expect(asked).resolves.toBe('answer');
});

test('a wake timer fires once, at the earliest of the times it was set to', async () => {
  const clock = createVirtualClock();
  const fired: number[] = [];
  const wakeTimer = createWakeTimer(clock, () => void fired.push(clock.monotonicMs()));
  wakeTimer.set(300);
  wakeTimer.set(100);
  wakeTimer.set(200);
  wakeTimer.set(null);
  await clock.advance(1000);
  expect(fired).toEqual([100]);
  wakeTimer.set(1500);
  await clock.advance(1000);
  expect(fired).toEqual([100, 1500]);
});

test('a wake timer for a time that is years away does not go off at once', () => {
  const delays: number[] = [];
  const setTimer = (_fn: () => void, ms: number) => delays.push(ms);
  const wakeTimer = createWakeTimer({ ...createVirtualClock(), setTimer }, () => {});
  wakeTimer.set(31 * 365 * 86_400_000);
  // What Node takes for 1 ms is longer.
  expect(delays).toEqual([2 ** 31 - 1]);
});

test('a virtual clock runs the timers that are due, those set by others as well, in order', async () => {
  const clock = createVirtualClock();
  const ran: string[] = [];
  const run = (name: string) => () => void ran.push(`${name} ${clock.monotonicMs()}`);
  clock.setTimer(run('late'), 50);
  clock.setTimer(() => void Promise.resolve().then(() => clock.setTimer(run('nested'), 10)), 10);
  const cleared = clock.setTimer(run('cleared'), 20);
  clock.clearTimer(cleared);
  await clock.advance(40);
  expect(ran).toEqual(['nested 20']);
  await clock.advance(10);
  expect(ran).toEqual(['nested 20', 'late 50']);
  expect(clock.now() - createVirtualClock().now()).toBe(50);
});
