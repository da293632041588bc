import { measureEventLoopLag } from './event-loop-lag.ts';
import { COUNTERS, GAUGES, HISTOGRAMS, INFO } from './metric-descriptions.ts';
import { createCounter, createHistogram } from './series.ts';

/** Readers of gauges; null while there is no value. */
export type Gauges = { readonly [Name in keyof typeof GAUGES]?: () => number | boolean | null };

/** A finished request. */
export type CountedRequest = {
  /** The route's pattern; `unknown` for other paths. */
  readonly route: string;
  readonly status: number;
  /** The problem type; empty without one. */
  readonly slug: string;
  /** The name of the key and the kind of caller; both empty for requests that need no credentials. */
  readonly caller: string;
  readonly kind: string;
  /** Whether it was a form in which the field was filled that people leave empty. */
  readonly isTrapped?: boolean;
  readonly seconds: number;
};

export type Metrics = {
  readonly contentType: string;
  /** The Prometheus text format. */
  text(): Promise<string>;
  /** A request other than a health check has arrived. */
  requestBegan(): void;
  request(request: CountedRequest): void;
  call(operation: string, outcome: string, records: number, ms: number): void;
  fault(code: string): void;
  refusal(slug: string, callers: number): void;
  waited(ms: number): void;
  connectionRefused(): void;
  /** Counts what could not be read as a request, by the status of the response. */
  brokenRequest(status: number): void;
  /** Counts a permit for a call, by its result. */
  permit(result: string): void;
  /** Of the outbox. */
  readonly outbox: {
    accepted(count: number): void;
    delivered(): void;
    failed(slug: string, count: number): void;
    retried(slug: string): void;
    appendTook(ms: number): void;
    claimTook(ms: number): void;
  };
  /** Registers gauges. */
  watch(gauges: Gauges): void;
  /** Registers the versions, and the API that leads go to. */
  about(version: string, node: string, upstream: string): void;
};

/** The Prometheus text format. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Creates the gateway's metrics and those of its process. Labels never contain anything a caller has sent. */
export function createMetrics(): Metrics {
  const counters = mapValues(COUNTERS, createCounter);
  const histograms = mapValues(HISTOGRAMS, createHistogram);
  const { requests, honeypot, connectionsRefused, calls, faults, refusals, permits } = counters;
  const { requestSeconds, callSeconds, callLeads, waitSeconds } = histograms;
  const gauges: Gauges = {};
  const running = { version: '', node: '', upstream: '' };
  const lag = measureEventLoopLag(() => Number(gauges.requestsRunning?.()) > 0);
  // A start does not need prom-client (docs/performance.md#start).
  let writer: Promise<() => Promise<string>> | undefined;
  const load = async () => {
    const { createExposition } = await import('./exposition.ts');
    return createExposition({
      counters: Object.values(counters),
      histograms: Object.values(histograms),
      gauges: () => described(gauges),
      info: [INFO, running],
      lag,
    });
  };
  return {
    contentType: CONTENT_TYPE,
    text: async () => (await (writer ??= load()))(),
    requestBegan: lag.wake,
    request({ route, status, slug, caller, kind, isTrapped, seconds }) {
      if (isTrapped === true) honeypot.add([caller]);
      requests.add([route, status, slug, caller, kind]);
      requestSeconds.observe([route], seconds);
    },
    call(operation, outcome, records, ms) {
      calls.add([operation, outcome, running.upstream]);
      callSeconds.observe([operation, running.upstream], ms / 1000);
      callLeads.observe([], records);
    },
    fault: (code) => faults.add([code, running.upstream]),
    refusal: (slug, callers) => refusals.add([slug], callers),
    waited: (ms) => waitSeconds.observe([], ms / 1000),
    connectionRefused: () => connectionsRefused.add([]),
    permit: (result) => permits.add([result]),
    outbox: {
      accepted: (count) => counters.outboxAccepted.add([], count),
      delivered: () => counters.outboxDelivered.add([]),
      failed: (slug, count) => counters.outboxFailed.add([slug], count),
      retried: (slug) => counters.outboxRetries.add([slug]),
      appendTook: (ms) => histograms.outboxAppendSeconds.observe([], ms / 1000),
      claimTook: (ms) => histograms.outboxClaimSeconds.observe([], ms / 1000),
    },
    brokenRequest: (status) => requests.add(['unknown', status, '', '', '']),
    watch: (more) => void Object.assign(gauges, more),
    about: (version, node, upstream) => void Object.assign(running, { version, node, upstream }),
  };
}

function mapValues<Key extends string, Value, Result>(
  table: Readonly<Record<Key, Value>>,
  map: (value: Value) => Result,
): Record<Key, Result> {
  const mapped = Object.entries<Value>(table).map(([key, value]) => [key, map(value)] as const);
  return Object.fromEntries(mapped) as Record<Key, Result>;
}

function described(gauges: Gauges) {
  return Object.entries(gauges).map(([key, read]) => [...GAUGES[key as keyof typeof GAUGES], read] as const);
}
