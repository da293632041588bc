// These tables are the documentation, too: `npm run docs` writes docs/metrics.md from them.

export const COUNTERS = {
  requests: {
    name: 'lead_gateway_requests_total',
    help: 'Requests by route, status, problem type, and name and kind of caller.',
    labelNames: ['route', 'status', 'slug', 'caller', 'kind'],
  },
  honeypot: {
    name: 'lead_gateway_honeypot_total',
    help: 'Forms that were not stored because the field was filled in that people leave empty, by key.',
    labelNames: ['caller'],
  },
  connectionsRefused: {
    name: 'lead_gateway_connections_refused_total',
    help: 'Connections closed at once because there were too many.',
    labelNames: [],
  },
  calls: {
    name: 'lead_gateway_upstream_calls_total',
    help: 'Calls to Marketo by operation and outcome; upstream is rest or soap.',
    labelNames: ['operation', 'outcome', 'upstream'],
  },
  faults: {
    name: 'lead_gateway_upstream_faults_total',
    help: 'What Marketo refused, calls and records, by the code of the fault or error.',
    labelNames: ['code', 'upstream'],
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
  outboxAccepted: {
    name: 'lead_gateway_outbox_accepted_total',
    help: 'Leads kept in the outbox to be delivered later.',
    labelNames: [],
  },
  outboxDelivered: {
    name: 'lead_gateway_outbox_delivered_total',
    help: 'Leads of the outbox that Marketo has taken.',
    labelNames: [],
  },
  outboxFailed: {
    name: 'lead_gateway_outbox_failed_total',
    help: 'Leads of the outbox that are not tried any more and wait for an operator, by problem type.',
    labelNames: ['slug'],
  },
  outboxRetries: {
    name: 'lead_gateway_outbox_retries_total',
    help: 'Attempts with leads of the outbox after which another one follows, by problem type.',
    labelNames: ['slug'],
  },
} as const;

/** From a request that is refused at once to one that waited for its whole deadline. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];

const BATCH_SIZES = [1, 2, 5, 10, 25, 50, 100, 200, 300];

export const HISTOGRAMS = {
  requestSeconds: {
    name: 'lead_gateway_request_seconds',
    help: 'Time from the head of a request to the end of its answer, by route.',
    labelNames: ['route'],
    buckets: SECONDS,
  },
  callSeconds: {
    name: 'lead_gateway_upstream_call_seconds',
    help: 'Duration of calls to Marketo, by operation.',
    labelNames: ['operation', 'upstream'],
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
  outboxAppendSeconds: {
    name: 'lead_gateway_outbox_append_seconds',
    help: 'Time until a lead to be accepted is durable.',
    labelNames: [],
    buckets: SECONDS,
  },
  outboxClaimSeconds: {
    name: 'lead_gateway_outbox_claim_seconds',
    help: 'Time in which the outbox gives out leads to be delivered.',
    labelNames: [],
    buckets: SECONDS,
  },
} as const;

/** Read when metrics are requested. A name that ends in `_total` is a counter. */
export const GAUGES = {
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
  dayNeeded: [
    'lead_gateway_day_calls_needed',
    'Calls that the rest of the day takes at the demand of the last hour, if leads wait for others as long as they may.',
  ],
  dayReset: [
    'lead_gateway_day_reset_seconds',
    'Time until midnight US Central, when the calls of the day start again.',
  ],
  breakerOpen: ['lead_gateway_breaker_open', '1 while the circuit breaker lets only probes through.'],
  clockCorrection: [
    'lead_gateway_clock_correction_seconds',
    'Added to the clock when calls are signed, because Marketo refused its time.',
  ],
  keyFileUnusable: [
    'lead_gateway_key_file_unusable',
    '1 while the key file cannot be read or is invalid: the keys before it stay in force, and revocations are not seen.',
  ],
  tokenKeysFailing: [
    'lead_gateway_token_keys_failing',
    "1 while the keys of the tokens' issuer cannot be fetched: those before stay in force for 12 hours.",
  ],
  sharedStoreUp: [
    'lead_gateway_shared_store_up',
    '1 while replicas agree on calls in Redis, 0 while each keeps to its share.',
  ],
  replicas: ['lead_gateway_replicas', 'Running replicas, as far as is known.'],
  outboxPending: ['lead_gateway_outbox_pending_leads', 'Leads that wait in the outbox.'],
  outboxPendingLimit: ['lead_gateway_outbox_pending_leads_limit', 'Leads that may wait in the outbox.'],
  outboxOldest: [
    'lead_gateway_outbox_oldest_seconds',
    'How long the oldest pending lead of the outbox has waited, since it was accepted or retried.',
  ],
  logLinesLost: [
    'lead_gateway_log_lines_lost_total',
    'Log lines that could not be written: the disk was full, or nothing read them.',
  ],
} as const;

export const INFO = {
  name: 'lead_gateway_info',
  help: 'Always 1; the labels say what is running.',
  labelNames: ['version', 'node', 'upstream'],
} as const;
