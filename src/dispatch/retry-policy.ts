import type { Failure, RetryAdvice } from '../upstream/outcome.ts';

/** Attempts in all, the first one included: retries spend the subscription's quota. */
const MAX_ATTEMPTS = 5;

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3000;

export type PausingAdvice = Extract<RetryAdvice, 'backoff' | 'reconnect'>;

/**
 * The pause before the next attempt, in ms; `undefined` when there is to be none. Exponential with full jitter, so
 * that waiters who failed together do not come back together; where the upstream named a time it is kept, and the
 * jitter is added to it.
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
  // Most likely a kept-alive connection that the other side had closed: it costs the waiter nothing.
  if (advice === 'reconnect' && attempts === 1) return 0;
  const ceilingMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
  return (retryAfterMs ?? 0) + random() * ceilingMs;
}

/** The pause a Retry-After header asks for, in ms: delay seconds or an HTTP date (RFC 9110, 10.2.3). */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

/** What is known when a call has failed; times are monotonic ms unless they say otherwise. */
export type FailureContext = {
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** Whether a corrected timestamp has been tried. */
  readonly wasResigned: boolean;
  readonly nowMs: number;
  /** For Retry-After headers with a date: ms since 1970. */
  readonly wallMs: number;
  /** When the budgets allow the next call. */
  readonly nextCallMs: number;
  /** When the upstream is asked again whether the day is spent. */
  readonly msToNextLook: number;
  readonly random: () => number;
};

export type NextStep =
  | { readonly kind: 'give-up'; readonly retryAfterMs: number | undefined }
  | {
      readonly kind: 'retry';
      /** When; a lead whose deadline is not after it is given up. */
      readonly atMs: number;
      /** Whether the budgets see to the waiting themselves. */
      readonly waitsForBudget: boolean;
      /** What to tell those who are given up. */
      readonly retryAfterMs: number | undefined;
    };

/** Whether another attempt follows a failed one, and when (contract B, "Errors"). */
export function afterFailure(failure: Failure, context: FailureContext): NextStep {
  const { nowMs, nextCallMs } = context;
  const { advice } = failure;
  switch (advice) {
    case 'never':
      return { kind: 'give-up', retryAfterMs: undefined };
    case 'day-spent':
      return { kind: 'give-up', retryAfterMs: context.msToNextLook };
    case 'reauthenticate':
      return context.wasResigned
        ? { kind: 'give-up', retryAfterMs: undefined }
        : { kind: 'retry', atMs: nowMs, waitsForBudget: true, retryAfterMs: undefined };
    case 'rate-limited':
    case 'too-many-at-once':
      // What the budgets make wait is no attempt to be counted.
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
