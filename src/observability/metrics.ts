import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { EVENT_LOOP_LAG_NAMES, measureEventLoopLag } from './event-loop-lag.ts';

// These tables are the documentation, too: `npm run docs` writes docs/metrics.md from them.

const COUNTERS = {
  requests: {
    name: 'lead_gateway_requests_total',
    help: 'Requests by route, status, problem type, and name and kind of caller.',
    labelNames: ['route', 'status', 'slug', 'caller', 'kind'],
  },
  connectionsRefused: {
    name: 'lead_gateway_connections_refused_total',
    help: 'Connections closed at once because there were too many.',
    labelNames: [],
  },
  calls: {
    name: 'lead_gateway_upstream_calls_total',
    help: 'Calls to Marketo by operation and outcome.',
    labelNames: ['operation', 'outcome'],
  },
  faults: {
    name: 'lead_gateway_upstream_faults_total',
    help: 'SOAP faults by code.',
    labelNames: ['code'],
  },
  refusals: {
    name: 'lead_gateway_refusals_total',
    help: 'Leads refused without a call, by problem type.',
    labelNames: ['slug'],
  },
  permits: {
    name: 'lead_gateway_permits_total',
    help: 'Permits for calls that replicas share, by result.',
    labelNames: ['result'],
  },
} as const;

/** From a request that is refused at once to one that waited for its whole deadline. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];

const BATCH_SIZES = [1, 2, 5, 10, 25, 50, 100, 200, 300];

const HISTOGRAMS = {
  requestSeconds: {
    name: 'lead_gateway_request_seconds',
    help: 'Time from the head of a request to the end of its answer, by route.',
    labelNames: ['route'],
    buckets: SECONDS,
  },
  callSeconds: {
    name: 'lead_gateway_upstream_call_seconds',
    help: 'Duration of calls to Marketo, by operation.',
    labelNames: ['operation'],
    buckets: SECONDS,
  },
  callLeads: {
    name: 'lead_gateway_call_leads',
    help: 'Leads in a call.',
    labelNames: [],
    buckets: BATCH_SIZES,
  },
  waitSeconds: {
    name: 'lead_gateway_wait_seconds',
    help: 'Time a lead waited in queues and pauses.',
    labelNames: [],
    buckets: SECONDS,
  },
} as const;

/** Read when metrics are requested. A name that ends in `_total` is a counter. */
const GAUGES = {
  ready: ['lead_gateway_ready', '1 while GET /readyz answers 200.'],
  accessDenied: [
    'lead_gateway_upstream_access_denied',
    '1 while Marketo refuses the credentials of the gateway.',
  ],
  sandbox: ['lead_gateway_sandbox', '1 if the embedded sandbox is the upstream.'],
  requestsRunning: ['lead_gateway_requests_running', 'Requests being served.'],
  connections: ['lead_gateway_connections', 'Open connections of callers.'],
  queued: ['lead_gateway_queue_leads', 'Leads waiting to be sent.'],
  queueLimit: ['lead_gateway_queue_leads_limit', 'Leads that may wait.'],
  callsRunning: ['lead_gateway_calls_running', 'Calls to Marketo in flight.'],
  callsRunningLimit: [
    'lead_gateway_calls_running_limit',
    'Calls to Marketo that may be in flight at a time.',
  ],
  windowFree: ['lead_gateway_window_calls_left', 'Calls left in the sliding window of 20 seconds.'],
  windowLimit: ['lead_gateway_window_calls_limit', 'Calls allowed in 20 seconds.'],
  dayLeft: ['lead_gateway_day_calls_left', 'Calls left today; 0 while Marketo says that there are none.'],
  dayLimit: ['lead_gateway_day_calls_limit', 'Calls allowed a day.'],
  dayReset: [
    'lead_gateway_day_reset_seconds',
    'Time until midnight US Central, when the calls of the day start again.',
  ],
  breakerOpen: ['lead_gateway_breaker_open', '1 while the circuit breaker lets only probes through.'],
  clockCorrection: [
    'lead_gateway_clock_correction_seconds',
    'Added to the clock when calls are signed, because Marketo refused its time.',
  ],
  sharedStoreUp: [
    'lead_gateway_shared_store_up',
    '1 while replicas agree on calls in Redis, 0 while each keeps to its share.',
  ],
  replicas: ['lead_gateway_replicas', 'Running replicas, as far as is known.'],
  logLinesLost: [
    'lead_gateway_log_lines_lost_total',
    'Log lines that could not be written: the disk was full, or nothing read them.',
  ],
} as const;

const INFO = {
  name: 'lead_gateway_info',
  help: 'Always 1; the labels say what is running.',
  labelNames: ['version', 'node'],
} as const;

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
  /** Registers gauges. */
  watch(gauges: Gauges): void;
  /** Registers the versions. */
  about(version: string, node: string): void;
};

/** Creates the gateway's metrics and those of its process. Labels never contain anything a caller has sent. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  let running: Gauges['requestsRunning'];
  const lag = addProcessMetrics(registry, () => Number(running?.()) > 0);
  const registers = [registry];
  const requests = new Counter({ ...COUNTERS.requests, registers });
  const connectionsRefused = new Counter({ ...COUNTERS.connectionsRefused, registers });
  const calls = new Counter({ ...COUNTERS.calls, registers });
  const faults = new Counter({ ...COUNTERS.faults, registers });
  const refusals = new Counter({ ...COUNTERS.refusals, registers });
  const permits = new Counter({ ...COUNTERS.permits, registers });
  const requestSeconds = new Histogram({ ...HISTOGRAMS.requestSeconds, registers });
  const callSeconds = new Histogram({ ...HISTOGRAMS.callSeconds, registers });
  const callLeads = new Histogram({ ...HISTOGRAMS.callLeads, registers });
  const waitSeconds = new Histogram({ ...HISTOGRAMS.waitSeconds, registers });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    requestBegan: lag.wake,
    request({ route, status, slug, caller, kind, seconds }) {
      requests.inc({ route, status, slug, caller, kind });
      requestSeconds.observe({ route }, seconds);
    },
    call(operation, outcome, records, ms) {
      calls.inc({ operation, outcome });
      callSeconds.observe({ operation }, ms / 1000);
      callLeads.observe(records);
    },
    fault: (code) => faults.inc({ code }),
    refusal: (slug, callers) => refusals.inc({ slug }, callers),
    waited: (ms) => waitSeconds.observe(ms / 1000),
    connectionRefused: () => connectionsRefused.inc(),
    permit: (result) => permits.inc({ result }),
    brokenRequest: (status) => requests.inc({ route: 'unknown', status, slug: '', caller: '', kind: '' }),
    watch(gauges) {
      running ??= gauges.requestsRunning;
      for (const [key, [name, help]] of Object.entries(GAUGES)) {
        const read = gauges[key as keyof typeof GAUGES];
        if (read !== undefined) addGauge(registry, name, help, read);
      }
    },
    about: (version, node) => new Gauge({ ...INFO, registers }).set({ version, node }, 1),
  };
}

/** Longer than three weeks, the longest delay of a timer. */
const NEVER_MS = 2_147_483_647;

/** Gauges of prom-client that end like counters, which promtool refuses. Sums of other gauges, which stay. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

function addProcessMetrics(registry: Registry, isBusy: () => boolean) {
  // Its event loop monitor cannot be left out. It wakes an idle process, except at this precision.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  for (const name of [...MISNAMED, ...EVENT_LOOP_LAG_NAMES]) registry.removeSingleMetric(name);
  return measureEventLoopLag(registry, isBusy);
}

function addGauge(registry: Registry, name: string, help: string, read: () => number | boolean | null): void {
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
