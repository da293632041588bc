import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { EVENT_LOOP_LAG_NAMES, measureEventLoopLag } from './event-loop-lag.ts';
import { createCounter, createHistogram } from './series.ts';

/** What is read when somebody asks for the metrics; a name that ends in `_total` is a counter's. */
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

/** Readers of gauges; null when there is no figure just now. */
export type Gauges = { readonly [Name in keyof typeof GAUGES]?: () => number | boolean | null };

/** A request that is over. */
export type CountedRequest = {
  /** The pattern of the route; `unknown` for a path that none has. */
  readonly route: string;
  readonly status: number;
  /** The problem type, or nothing. */
  readonly slug: string;
  /** Name of the key and kind of caller; nothing where callers are not asked. */
  readonly caller: string;
  readonly kind: string;
  readonly seconds: number;
};

export type Metrics = {
  readonly contentType: string;
  /** The Prometheus text format. */
  text(): Promise<string>;
  /** A request has come that is no probe. */
  requestBegan(): void;
  request(request: CountedRequest): void;
  call(operation: string, outcome: string, records: number, ms: number): void;
  fault(code: string): void;
  refusal(slug: string, callers: number): void;
  waited(ms: number): void;
  connectionRefused(): void;
  /** Something that never became a request, and how it was answered. */
  brokenRequest(status: number): void;
  watch(gauges: Gauges): void;
  /** Leave for a call was asked of the store that replicas share, or taken without it. */
  permit(result: string): void;
  /** What is running. */
  about(version: string, node: string): void;
};

/** From a request that is refused at the door to one that waited its whole deadline. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];

/** More than three weeks, the longest delay of a timer. */
const NEVER_MS = 2_147_483_647;

/** Gauges of prom-client with the ending of counters, which Prometheus' own check refuses; sums of others that stay. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** Every metric with its name and labels, in one place. Labels never hold anything a caller has sent. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  // There is no leaving out its monitor of the event loop, which wakes an idle process; at this precision it never does.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  for (const name of [...MISNAMED, ...EVENT_LOOP_LAG_NAMES]) registry.removeSingleMetric(name);
  let running: Gauges['requestsRunning'];
  const lag = measureEventLoopLag(registry, () => Number(running?.()) > 0);

  const requests = createCounter({
    registry,
    name: 'lead_gateway_requests_total',
    help: 'Requests by route, status, problem type, and name and kind of caller.',
    labelNames: ['route', 'status', 'slug', 'caller', 'kind'],
  });
  const requestSeconds = createHistogram({
    registry,
    name: 'lead_gateway_request_seconds',
    help: 'Time from the head of a request to the end of its answer, by route.',
    labelNames: ['route'],
    buckets: SECONDS,
  });
  const connectionsRefused = createCounter({
    registry,
    name: 'lead_gateway_connections_refused_total',
    help: 'Connections closed at once because there were too many.',
  });
  const calls = createCounter({
    registry,
    name: 'lead_gateway_upstream_calls_total',
    help: 'Calls to Marketo by operation and outcome.',
    labelNames: ['operation', 'outcome'],
  });
  const faults = createCounter({
    registry,
    name: 'lead_gateway_upstream_faults_total',
    help: 'SOAP faults by code.',
    labelNames: ['code'],
  });
  const callSeconds = createHistogram({
    registry,
    name: 'lead_gateway_upstream_call_seconds',
    help: 'Duration of calls to Marketo, by operation.',
    labelNames: ['operation'],
    buckets: SECONDS,
  });
  const batchSize = createHistogram({
    registry,
    name: 'lead_gateway_call_leads',
    help: 'Leads in a call.',
    buckets: [1, 2, 5, 10, 25, 50, 100, 200, 300],
  });
  const waitSeconds = createHistogram({
    registry,
    name: 'lead_gateway_wait_seconds',
    help: 'Time a lead waited in queues and pauses.',
    buckets: SECONDS,
  });
  const refusals = createCounter({
    registry,
    name: 'lead_gateway_refusals_total',
    help: 'Leads refused without a call, by problem type.',
    labelNames: ['slug'],
  });

  const permits = createCounter({
    registry,
    name: 'lead_gateway_permits_total',
    help: 'Permits for calls that replicas share, by result.',
    labelNames: ['result'],
  });

  const gauge = (name: string, help: string, read: () => number | boolean | null) => {
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
  };

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    requestBegan: lag.wake,
    request({ route, status, slug, caller, kind, seconds }) {
      requests([route, status, slug, caller, kind]);
      requestSeconds([route], seconds);
    },
    call(operation, outcome, records, ms) {
      calls([operation, outcome]);
      callSeconds([operation], ms / 1000);
      batchSize([], records);
    },
    fault: (code) => faults([code]),
    refusal: (slug, callers) => refusals([slug], callers),
    waited: (ms) => waitSeconds([], ms / 1000),
    connectionRefused: () => connectionsRefused([]),
    permit: (result) => permits([result]),
    brokenRequest: (status) => requests(['unknown', status, '', '', '']),
    watch(gauges) {
      running ??= gauges.requestsRunning;
      for (const [key, [name, help]] of Object.entries(GAUGES)) {
        const read = gauges[key as keyof typeof GAUGES];
        if (read !== undefined) gauge(name, help, read);
      }
    },
    about(version, node) {
      const info = new Gauge({
        name: 'lead_gateway_info',
        help: 'Always 1; the labels say what is running.',
        labelNames: ['version', 'node'],
        registers: [registry],
      });
      info.set({ version, node }, 1);
    },
  };
}
