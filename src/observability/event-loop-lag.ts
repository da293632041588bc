import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';

/** How often it is looked at while there is something to do. */
const TICK_MS = 10;
/** Ticks after the last request in which none runs; then it is not looked at any more. */
const IDLE_TICKS = 100;
const NS_A_MS = 1_000_000;
const NS_A_SECOND = 1_000_000_000;

type Figure = readonly [name: string, what: string, read: (lags: RecordableHistogram) => number];

const FIGURES: readonly Figure[] = [
  ['min', 'The least', ({ min }) => min],
  ['max', 'The most', ({ max }) => max],
  ['mean', 'The mean', ({ mean }) => mean],
  ['stddev', 'The standard deviation', ({ stddev }) => stddev],
  ['p50', 'The median', (lags) => lags.percentile(50)],
  ['p90', 'The 90th percentile', (lags) => lags.percentile(90)],
  ['p99', 'The 99th percentile', (lags) => lags.percentile(99)],
];

/** What `collectDefaultMetrics` would measure of it. */
export const EVENT_LOOP_LAG_NAMES = ['', ...FIGURES.map(([name]) => `_${name}`)].map(
  (name) => `nodejs_eventloop_lag${name}_seconds`,
);

export type EventLoopLag = {
  /** There is something to do, at least for as long as `isBusy` says so. */
  wake(): void;
};

/**
 * Measures how late the event loop is, under the names prom-client gives it. Unlike prom-client's, which wakes the process
 * a hundred times a second for ever, it only does while requests are served.
 *
 * @param isBusy whether anything is being served
 */
export function measureEventLoopLag(registry: Registry, isBusy: () => boolean): EventLoopLag {
  const lags = createHistogram();
  let timer: NodeJS.Timeout | undefined;
  let lastMs = 0;
  let idleTicks = 0;

  const tick = () => {
    const nowMs = performance.now();
    lags.record(Math.max(1, Math.round((nowMs - lastMs - TICK_MS) * NS_A_MS)));
    lastMs = nowMs;
    idleTicks = isBusy() ? 0 : idleTicks + 1;
    if (idleTicks < IDLE_TICKS) return;
    clearInterval(timer);
    timer = undefined;
  };

  const gauges = FIGURES.map(([name, what, read]) => ({
    read,
    metric: new Gauge({
      name: `nodejs_eventloop_lag_${name}_seconds`,
      help: `${what} of how late the event loop was while requests ran, since the last time; 0 when none did.`,
      registers: [],
    }),
  }));
  const now = new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'How late the event loop is just now.',
    registers: [registry],
    // The registry reads the others after this one.
    async collect() {
      for (const { metric, read } of gauges) metric.set(lags.count === 0 ? 0 : read(lags) / NS_A_SECOND);
      lags.reset();
      const fromMs = performance.now();
      await setImmediate();
      now.set((performance.now() - fromMs) / 1000);
    },
  });
  for (const { metric } of gauges) registry.registerMetric(metric);

  return {
    wake() {
      idleTicks = 0;
      if (timer !== undefined) return;
      lastMs = performance.now();
      timer = setInterval(tick, TICK_MS).unref();
    },
  };
}
