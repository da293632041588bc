import { type FailedOutcome, retryAdvice } from '../marketo/outcome.ts';
import { nextDelay, parseRetryAfter } from './retry.ts';

/** What is known when a call has failed; times are elapsed ms unless they say otherwise. */
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
export function afterFailure(outcome: FailedOutcome, context: FailureContext): NextStep {
  const { nowMs, nextCallMs } = context;
  const advice = retryAdvice(outcome);
  switch (advice) {
    case 'never':
      return { kind: 'give-up', retryAfterMs: undefined };
    case 'day-spent':
      return { kind: 'give-up', retryAfterMs: context.msToNextLook };
    case 'resign':
      return context.wasResigned
        ? { kind: 'give-up', retryAfterMs: undefined }
        : { kind: 'retry', atMs: nowMs, waitsForBudget: true, retryAfterMs: undefined };
    case 'rate-limited':
    case 'too-many-at-once':
      // What the budgets make wait is no attempt to be counted.
      return { kind: 'retry', atMs: nextCallMs, waitsForBudget: true, retryAfterMs: nextCallMs - nowMs };
    case 'backoff':
    case 'reconnect': {
      const retryAfterMs = retryAfterOf(outcome, context.wallMs);
      const delayMs = nextDelay(advice, context.attempts, retryAfterMs, context.random);
      return delayMs === undefined
        ? { kind: 'give-up', retryAfterMs }
        : { kind: 'retry', atMs: nowMs + delayMs, waitsForBudget: false, retryAfterMs };
    }
  }
}

/** The ms the upstream's Retry-After asks for. */
export function retryAfterOf(outcome: FailedOutcome, wallMs: number): number | undefined {
  return parseRetryAfter('retryAfter' in outcome ? outcome.retryAfter : undefined, wallMs);
}
