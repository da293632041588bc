import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';

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

/** Names and descriptions of what `take` returns. */
export const LAG_FIGURES = FIGURES.map(([name, what]) => ({
  name: `nodejs_eventloop_lag_${name}_seconds`,
  help: `${what} of the event loop lag while requests were served, since the last scrape; 0 if there were none.`,
}));

/** Name and description of what `nowSeconds` returns. */
export const LAG_NOW = {
  name: 'nodejs_eventloop_lag_seconds',
  help: 'Event loop lag at the moment of the scrape.',
};

/** The metrics of `collectDefaultMetrics` that this module replaces. */
export const EVENT_LOOP_LAG_NAMES: readonly string[] = [LAG_NOW, ...LAG_FIGURES].map(({ name }) => name);

export type EventLoopLag = {
  /** Starts measuring, until `isBusy` has been false for a while. */
  wake(): void;
  /** The figures since the last time, by name, in seconds. */
  take(): Readonly<Record<string, number>>;
  /** How late the event loop is. */
  nowSeconds(): Promise<number>;
};

/**
 * Measures the event loop lag, under prom-client's names. Unlike prom-client, which wakes the process a hundred times a
 * second even if it is idle, it measures only while requests are served.
 *
 * @param isBusy whether anything is being served
 */
export function measureEventLoopLag(isBusy: () => boolean): EventLoopLag {
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

  return {
    wake() {
      idleTicks = 0;
      if (timer !== undefined) return;
      lastMs = performance.now();
      timer = setInterval(tick, TICK_MS).unref();
    },
    take() {
      const read = ([, , of]: Figure) => (lags.count === 0 ? 0 : of(lags) / NS_A_SECOND);
      const figures = Object.fromEntries(
        LAG_FIGURES.map(({ name }, index) => [name, read(FIGURES[index] as Figure)]),
      );
      lags.reset();
      return figures;
    },
    async nowSeconds() {
      const fromMs = performance.now();
      await setImmediate();
      return (performance.now() - fromMs) / 1000;
    },
  };
}
