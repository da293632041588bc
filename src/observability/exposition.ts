import { collectDefaultMetrics, Counter, Gauge, type Metric, Registry } from 'prom-client';
import { EVENT_LOOP_LAG_NAMES, type EventLoopLag, LAG_FIGURES, LAG_NOW } from './event-loop-lag.ts';
import type {
  Counter as Counts,
  Description,
  Histogram,
  HistogramFigures,
  Labels,
  Series,
} from './series.ts';

type Reader = () => number | boolean | null;

/** What the gateway counts and measures. */
export type Exposed = {
  readonly counters: readonly Counts[];
  readonly histograms: readonly Histogram[];
  /** Those registered by now: name, description and value; null while there is none. One on `_total` is a counter. */
  readonly gauges: () => readonly (readonly [name: string, help: string, read: Reader])[];
  /** Labels of a metric that is always 1. */
  readonly info: readonly [Description, Labels];
  readonly lag: EventLoopLag;
};

/**
 * Returns what writes the metrics, and prom-client's of the process, in the Prometheus text format. What prom-client adds
 * up itself, CPU time and garbage collections, begins here.
 */
export function createExposition({
  counters,
  histograms,
  gauges,
  info,
  lag,
}: Exposed): () => Promise<string> {
  const registry = new Registry();
  addProcessMetrics(registry);
  addEventLoopLag(registry, lag);
  for (const counter of counters) addCounter(registry, counter);
  for (const histogram of histograms) addHistogram(registry, histogram);
  const [description, labels] = info;
  new Gauge({ ...description, registers: [registry] }).set(labels, 1);
  return () => {
    for (const [name, help, read] of gauges()) {
      if (registry.getSingleMetric(name) === undefined) addGauge(registry, name, help, read);
    }
    return registry.metrics();
  };
}

/** Longer than three weeks, the longest delay of a timer. */
const NEVER_MS = 2_147_483_647;

/** Gauges of prom-client that end like counters, which promtool refuses. Sums of other gauges, which stay. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

function addProcessMetrics(registry: Registry): void {
  // Its event loop monitor cannot be left out. It wakes an idle process, except at this precision.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  for (const name of [...MISNAMED, ...EVENT_LOOP_LAG_NAMES]) registry.removeSingleMetric(name);
}

function addEventLoopLag(registry: Registry, lag: EventLoopLag): void {
  const gauges = LAG_FIGURES.map((figure) => ({ figure, metric: new Gauge({ ...figure, registers: [] }) }));
  const now = new Gauge({
    ...LAG_NOW,
    registers: [registry],
    // The registry reads the others after this one.
    async collect() {
      const figures = lag.take();
      for (const { figure, metric } of gauges) metric.set(figures[figure.name] ?? 0);
      now.set(await lag.nowSeconds());
    },
  });
  for (const { metric } of gauges) registry.registerMetric(metric);
}

function addCounter(registry: Registry, { name, help, labelNames, series }: Counts): void {
  const metric = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      metric.reset();
      for (const { labels, figures } of series()) metric.inc(labels, figures.count);
    },
  });
}

/** Counts cannot be set in a histogram of prom-client, but its registry asks for no more of a metric than this. */
function addHistogram(registry: Registry, { name, help, buckets, series }: Histogram): void {
  const get = async () => ({ name, help, type: 'histogram', values: samplesOf(name, buckets, series()) });
  registry.registerMetric({ name, get } as unknown as Metric);
}

function samplesOf(name: string, buckets: readonly number[], series: Series<HistogramFigures>) {
  return series.flatMap(({ labels, figures: { counts, count, sum } }) => {
    let below = 0;
    const bounded = buckets.map((le, index) => ({ le, value: (below += counts[index] ?? 0) }));
    return [
      ...[...bounded, { le: '+Inf', value: count }].map(({ le, value }) => ({
        metricName: `${name}_bucket`,
        labels: { le, ...labels },
        value,
      })),
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  });
}

function addGauge(registry: Registry, name: string, help: string, read: Reader): void {
  const metric = new (name.endsWith('_total') ? Counter : Gauge)({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      metric.reset();
      if (value === null) metric.remove();
      else metric.inc(Number(value));
    },
  });
}
