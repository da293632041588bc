import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';

/** Interval of measurements while requests are served. */
const TICK_MS = 10;
/** Measuring stops after this many ticks without a request. */
const IDLE_TICKS = 100;
const NS_A_MS = 1_000_000;
const NS_A_SECOND = 1_000_000_000;

type Figure = readonly [name: string, what: string, read: (lags: RecordableHistogram) => number];

const FIGURES: readonly Figure[] = [
  ['min', 'Minimum', ({ min }) => min],
  ['max', 'Maximum', ({ max }) => max],
  ['mean', 'Mean', ({ mean }) => mean],
  ['stddev', 'Standard deviation', ({ stddev }) => stddev],
  ['p50', 'Median', (lags) => lags.percentile(50)],
  ['p90', '90th percentile', (lags) => lags.percentile(90)],
  ['p99', '99th percentile', (lags) => lags.percentile(99)],
];

/** The metrics of `collectDefaultMetrics` that this module replaces. */
export const EVENT_LOOP_LAG_NAMES = ['', ...FIGURES.map(([name]) => `_${name}`)].map(
  (name) => `nodejs_eventloop_lag${name}_seconds`,
);

export type EventLoopLag = {
  /** Starts measuring, until `isBusy` has been false for a while. */
  wake(): void;
};

/**
 * Measures the event loop lag, under prom-client's names. Unlike prom-client, which wakes the process a hundred times a
 * second even if it is idle, it measures only while requests are served.
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
      help: `${what} of the event loop lag while requests were served, since the last scrape; 0 if there were none.`,
      registers: [],
    }),
  }));
  const now = new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'Event loop lag at the moment of the scrape.',
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
