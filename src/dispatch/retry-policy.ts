import type { Failure, RetryAdvice } from '../upstream/outcome.ts';

/** Attempts in all, the first one included: retries spend the subscription's quota. */
const MAX_ATTEMPTS = 5;

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3000;

export type PausingAdvice = Extract<RetryAdvice, 'backoff' | 'reconnect'>;

/**
 * The pause before the next attempt, in ms; undefined when there must be none. Exponential backoff with full jitter, so
 * that leads which failed together do not come back together; a time that the upstream named is kept, and the jitter is
 * added to it.
 *
 * @param attempts made so far, at least 1
 * @param retryAfterMs what the upstream's Retry-After asks for
 * @param random 0 up to but not 1
 */
export function nextDelay(
  advice: PausingAdvice,
  attempts: number,
  retryAfterMs: number | undefined,
  random: () => number,
): number | undefined {
  if (attempts >= MAX_ATTEMPTS) return undefined;
  // Most likely a kept-alive connection that the other side had closed: no pause is needed.
  if (advice === 'reconnect' && attempts === 1) return 0;
  const ceilingMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
  return (retryAfterMs ?? 0) + random() * ceilingMs;
}

/** The longest pause that an upstream may ask for, in ms: the longest day. A longer one is a mistake and would stop every call. */
const LONGEST_RETRY_AFTER_MS = 25 * 3_600_000;

/** The pause that a Retry-After header asks for, in ms: delay seconds or an HTTP date (RFC 9110, 10.2.3); a day at most. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms));
}

/** What is known when a call has failed; times are monotonic ms unless they say otherwise. */
export type FailureContext = {
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** Whether a fresh timestamp or token has been tried. */
  readonly wasReauthenticated: boolean;
  readonly nowMs: number;
  /** For Retry-After headers with a date: ms since 1970. */
  readonly wallMs: number;
  /** When the budgets allow the next call. */
  readonly nextCallMs: number;
  /** Ms until a call probes whether the day is still spent. */
  readonly msToNextProbe: number;
  readonly random: () => number;
};

export type NextStep =
  | { readonly kind: 'give-up'; readonly retryAfterMs: number | undefined }
  | {
      readonly kind: 'retry';
      /** A job whose deadline is not after it is given up. */
      readonly atMs: number;
      /** Whether the budgets do the waiting. */
      readonly waitsForBudget: boolean;
      /** For the waiters of the jobs that are given up. */
      readonly retryAfterMs: number | undefined;
    };

/** Whether another attempt follows a failed one, and when (docs/dispatching.md#retries). */
export function afterFailure(failure: Failure, context: FailureContext): NextStep {
  const { nowMs, nextCallMs } = context;
  const { advice } = failure;
  switch (advice) {
    case 'never':
      return { kind: 'give-up', retryAfterMs: undefined };
    case 'day-spent':
      return { kind: 'give-up', retryAfterMs: context.msToNextProbe };
    case 'reauthenticate':
      return context.wasReauthenticated
        ? { kind: 'give-up', retryAfterMs: undefined }
        : { kind: 'retry', atMs: nowMs, waitsForBudget: true, retryAfterMs: undefined };
    case 'rate-limited':
    case 'too-many-at-once':
      // Waiting for a budget is no attempt that counts.
      return { kind: 'retry', atMs: nextCallMs, waitsForBudget: true, retryAfterMs: nextCallMs - nowMs };
    case 'backoff':
    case 'reconnect': {
      const retryAfterMs = parseRetryAfter(failure.retryAfter, context.wallMs);
      const delayMs = nextDelay(advice, context.attempts, retryAfterMs, context.random);
      return delayMs === undefined
        ? { kind: 'give-up', retryAfterMs }
        : { kind: 'retry', atMs: nowMs + delayMs, waitsForBudget: false, retryAfterMs };
    }
  }
}
