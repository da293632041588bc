import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/kinds.ts';
import { type Breaker, createBreaker } from '../dispatch/breaker.ts';
import { msToQuotaReset } from '../dispatch/daily-quota.ts';
import { createDispatcher, type Dispatcher } from '../dispatch/dispatcher.ts';
import { createQuota, type Quota, type QuotaLimits } from '../dispatch/quota.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Coordinator } from '../replicas/coordinator.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Outcome, outcomeLabel, type RecordOutcome } from '../upstream/outcome.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { CredentialWatch } from './observed-upstream.ts';
import { createProxyWatch } from './proxied-connections.ts';
import type { Target } from './target.ts';

type Context = Clock & {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** 0 up to but not 1. */
  readonly random: () => number;
};

/** The limits of the subscription, as they are configured. */
export function limitsOf(config: Config): QuotaLimits {
  return {
    callsPerWindow: config.maxCallsPer20s,
    maxConcurrent: config.maxConcurrentCalls,
    dailyCalls: config.dailyCalls,
  };
}

/** The part of the 20 seconds that a start leaves to the calls of a process before it, and how many they are at most. */
const SHARE_BEFORE = 0.9;
const MOST_BEFORE = 100_000;

/** Calls that a process before this one may have made in the last 20 seconds: none to a server that is on this machine. */
export function callsBefore({ server, sandbox }: Target, { maxCallsPer20s }: Config): number {
  if (sandbox !== null || isLoopback(server.endpoint.hostname)) return 0;
  return Math.min(MOST_BEFORE, Math.floor(maxCallsPer20s * SHARE_BEFORE));
}

/**
 * Opens after five unreachable calls in a row over at least two seconds, since retries bridge a restart. Then probes every
 * second, so that service resumes soon; leads that arrive during a probe wait for its outcome for up to three seconds.
 */
const BREAKER = { threshold: 5, minSpanMs: 2000, pauseMs: 1000, patienceMs: 3000 };

export type Dispatch = { readonly dispatcher: Dispatcher; readonly quota: Quota; readonly breaker: Breaker };

/** The dispatcher with its budgets, seen by metrics, log and the watch on the credentials. */
export function createDispatch(
  { config, logger, metrics, ...deps }: Context,
  {
    upstream,
    coordinator,
    credentials,
    target,
  }: {
    readonly upstream: Upstream;
    readonly coordinator: Coordinator | null;
    readonly credentials: CredentialWatch;
    readonly target: Target;
  },
): Dispatch {
  // Replicas know of each other's calls.
  const before = coordinator === null ? callsBefore(target, config) : 0;
  const quota = createQuota(limitsOf(config), deps, coordinator?.share, before);
  const breaker = createBreaker({ ...BREAKER, monotonicMs: deps.monotonicMs });
  const watchProxy = createProxyWatch(logger);
  const dispatcher = createDispatcher({
    upstream,
    quota,
    permits: coordinator?.permits,
    breaker,
    clock: deps,
    random: deps.random,
    deadlineMs: config.requestDeadlineMs,
    maxQueued: config.maxQueued,
    maxBatch: config.maxBatch,
    observer: {
      onCall(outcome, records, ms, operation) {
        credentials.observe(outcome);
        watchProxy(outcome);
        metrics.call(operation, outcomeLabel(outcome), records, ms);
        countCodes(outcome, metrics.fault);
      },
      onAnswer: ({ waitMs }) => metrics.waited(waitMs),
      onRefusal: ({ code }, callers) => metrics.refusal(code, callers),
    },
  });
  metrics.watch({
    queued: dispatcher.queued,
    queueLimit: () => config.maxQueued,
    callsRunning: quota.running,
    callsRunningLimit: () => config.maxConcurrentCalls,
    windowFree: quota.free,
    windowLimit: () => config.maxCallsPer20s,
    dayLeft: quota.dayLeft,
    dayLimit: () => config.dailyCalls,
    dayNeeded: () => Math.ceil(dispatcher.dayPlan().callsNeeded),
    dayReset: () => msToQuotaReset(deps.now()) / 1000,
    breakerOpen: breaker.isOpen,
  });
  return { dispatcher, quota, breaker };
}

/** Counts the codes with which a call, or records of it, were refused. */
function countCodes(outcome: Outcome, count: (code: string) => void): void {
  if (outcome.kind === 'answered') for (const record of outcome.records) countCode(record, count);
  else if (outcome.kind === 'failed') countCode(outcome, count);
}

function countCode(outcome: RecordOutcome, count: (code: string) => void): void {
  if (outcome.kind === 'failed' && outcome.codeLabel !== undefined) count(outcome.codeLabel);
}
