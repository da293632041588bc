import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  EVENT_LOOP_LAG_NAMES,
  LAG_NOW,
  measureEventLoopLag,
} from '../../src/observability/event-loop-lag.ts';

function block(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test('what holds the event loop up while requests run is seen, once', async () => {
  const lag = measureEventLoopLag(() => false);
  lag.wake();
  block(100);
  await setTimeout(20);
  const figures = lag.take();
  expect([LAG_NOW.name, ...Object.keys(figures)]).toEqual(EVENT_LOOP_LAG_NAMES);
  expect(figures['nodejs_eventloop_lag_max_seconds']).toBeGreaterThan(0.08);
  expect(figures['nodejs_eventloop_lag_p99_seconds']).toBeGreaterThan(0.08);
});

test('figures are 0 where nothing was measured', async () => {
  const lag = measureEventLoopLag(() => false);
  expect(await lag.nowSeconds()).toBeGreaterThanOrEqual(0);
  expect([...new Set(Object.values(lag.take()))]).toEqual([0]);
});

test('nothing is measured when nothing happens: no timer is left a second after the last request', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let isBusy = true;
  const lag = measureEventLoopLag(() => isBusy);
  expect(vi.getTimerCount()).toBe(0);
  lag.wake();
  lag.wake();
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(60_000);
  expect(vi.getTimerCount()).toBe(1);
  isBusy = false;
  vi.advanceTimersByTime(900);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(200);
  expect(vi.getTimerCount()).toBe(0);
  lag.wake();
  expect(vi.getTimerCount()).toBe(1);
});
