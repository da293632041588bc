import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What is read when somebody asks for the metrics. */
export type Gauges = {
  /** Leads that wait. */
  readonly queued: () => number;
  /** Calls the 20-second window has room for. */
  readonly windowFree: () => number;
  readonly callsRunning: () => number;
  /** Calls left today; null when unknown. */
  readonly dayLeft: () => number | null;
};

export type Metrics = {
  readonly contentType: string;
  /** The Prometheus text format. */
  text(): Promise<string>;
  call(operation: string, outcome: string, records: number, ms: number): void;
  fault(code: string): void;
  refusal(slug: string, callers: number): void;
  waited(ms: number): void;
  /** A request for which a caller was asked: by the name and kind of the caller and what became of it. */
  request(caller: string, kind: string, outcome: string): void;
  watch(gauges: Gauges): void;
  /** Leave for a call was asked of the store that replicas share, or taken without it. */
  permit(result: string): void;
  watchReplicas(gauges: ReplicaGauges): void;
};

/** What there is to see when several replicas share a subscription. */
export type ReplicaGauges = {
  /** Whether they agree on calls now. */
  readonly isTogether: () => boolean;
  /** Live replicas as far as is known. */
  readonly replicas: () => number;
};

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];

/** Every metric with its name and labels, in one place. Labels never hold anything a caller has sent. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const calls = new Counter({
    name: 'lead_gateway_upstream_calls_total',
    help: 'Calls to the upstream by operation and outcome.',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const faults = new Counter({
    name: 'lead_gateway_upstream_faults_total',
    help: 'SOAP faults by code.',
    labelNames: ['code'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'lead_gateway_upstream_call_seconds',
    help: 'Duration of calls to the upstream.',
    labelNames: ['operation'],
    buckets: SECONDS,
    registers,
  });
  const batchSize = new Histogram({
    name: 'lead_gateway_call_leads',
    help: 'Leads a call to the upstream carried.',
    buckets: [1, 2, 5, 10, 25, 50, 100, 200, 300],
    registers,
  });
  const waitSeconds = new Histogram({
    name: 'lead_gateway_wait_seconds',
    help: 'Time a lead waited in queues and pauses.',
    buckets: SECONDS,
    registers,
  });
  const refusals = new Counter({
    name: 'lead_gateway_refusals_total',
    help: 'Leads refused without a call, by problem type.',
    labelNames: ['slug'],
    registers,
  });

  const requests = new Counter({
    name: 'lead_gateway_requests_total',
    help: 'Requests by name of the key, kind of caller and outcome: answered, caller-left or a problem type.',
    labelNames: ['caller', 'kind', 'outcome'],
    registers,
  });

  const permits = new Counter({
    name: 'lead_gateway_permits_total',
    help: 'Permits for calls that replicas share, by result: granted, alone (without Redis), unanswered or why not.',
    labelNames: ['result'],
    registers,
  });

  const gauge = (name: string, help: string, read: () => number | null) => {
    const metric: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: () => metric.set(read() ?? Number.NaN),
    });
  };

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    call(operation, outcome, records, ms) {
      calls.inc({ operation, outcome });
      callSeconds.observe({ operation }, ms / 1000);
      batchSize.observe(records);
    },
    fault: (code) => faults.inc({ code }),
    refusal: (slug, callers) => refusals.inc({ slug }, callers),
    waited: (ms) => waitSeconds.observe(ms / 1000),
    request: (caller, kind, outcome) => requests.inc({ caller, kind, outcome }),
    permit: (result) => permits.inc({ result }),
    watchReplicas({ isTogether, replicas }) {
      gauge('lead_gateway_shared_store', 'Whether replicas agree on calls in Redis: 1 or 0.', () =>
        Number(isTogether()),
      );
      gauge('lead_gateway_replicas', 'Live replicas as far as is known.', replicas);
    },
    watch(gauges) {
      gauge('lead_gateway_queue_leads', 'Leads that wait.', gauges.queued);
      gauge('lead_gateway_calls_running', 'Calls to the upstream that run.', gauges.callsRunning);
      gauge('lead_gateway_window_calls_left', 'Calls the 20-second window has room for.', gauges.windowFree);
      gauge('lead_gateway_day_calls_left', 'Calls left today as far as is known.', gauges.dayLeft);
    },
  };
}
