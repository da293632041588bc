import { setTimeout } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test, vi } from 'vitest';
import { EVENT_LOOP_LAG_NAMES, measureEventLoopLag } from '../../src/observability/event-loop-lag.ts';

async function figuresOf(registry: Registry): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => line.split(' ')).map(([name, value]) => [name, Number(value)]),
  );
}

function block(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test('what holds the event loop up while requests run is seen, once', async () => {
  const registry = new Registry();
  const lag = measureEventLoopLag(registry, () => false);
  lag.wake();
  block(100);
  await setTimeout(20);
  const figures = await figuresOf(registry);
  expect(Object.keys(figures).toSorted()).toEqual([...EVENT_LOOP_LAG_NAMES].toSorted());
  expect(figures['nodejs_eventloop_lag_max_seconds']).toBeGreaterThan(0.08);
  expect(figures['nodejs_eventloop_lag_p99_seconds']).toBeGreaterThan(0.08);
});

test('figures are 0 where nothing was measured', async () => {
  const registry = new Registry();
  measureEventLoopLag(registry, () => false);
  const { nodejs_eventloop_lag_seconds: now, ...others } = await figuresOf(registry);
  expect(now).toBeGreaterThanOrEqual(0);
  expect([...new Set(Object.values(others))]).toEqual([0]);
});

test('nothing is measured when nothing happens: no timer is left a second after the last request', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let isBusy = true;
  const lag = measureEventLoopLag(new Registry(), () => isBusy);
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
