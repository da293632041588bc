import type { ErrorCode, GatewayError } from '../leads/errors.ts';

/**
 * What a problem says about the leads of the outbox: `lead`: this one may go through later; `all`: no lead goes through
 * now, all may later; `operator`: the same, but somebody has to act first; `lasting`: another attempt changes nothing;
 * `stopping`: the gateway ends, and the lead is as it was.
 */
type Meaning = 'lead' | 'all' | 'operator' | 'lasting' | 'stopping';

const MEANINGS = {
  'malformed-json': 'lasting',
  'malformed-form': 'lasting',
  unauthorized: 'lasting',
  'invalid-signature': 'lasting',
  forbidden: 'lasting',
  'not-found': 'lasting',
  'method-not-allowed': 'lasting',
  'body-too-large': 'lasting',
  'unsupported-media-type': 'lasting',
  'validation-failed': 'lasting',
  'idempotency-key-reused': 'lasting',
  'lead-rejected': 'lasting',
  'lead-not-found': 'lasting',
  'unknown-attribute': 'lasting',
  'rate-limited': 'lead',
  'upstream-error': 'lead',
  'upstream-timeout': 'all',
  'internal-error': 'lead',
  'upstream-busy': 'all',
  'upstream-unreachable': 'all',
  'upstream-bad-response': 'all',
  'daily-quota-exhausted': 'all',
  'upstream-access-denied': 'operator',
  'upstream-clock-skew': 'operator',
  unavailable: 'stopping',
} as const satisfies Record<ErrorCode, Meaning>;

/** What becomes of a lead whose attempt has failed. */
export type Verdict =
  | { readonly kind: 'failed' }
  /** `pausesAll`: no other lead is tried before, either. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly pausesAll: boolean }
  | { readonly kind: 'stopped' };

export type Attempt = {
  readonly error: Pick<GatewayError, 'code' | 'retryable' | 'retryAfterSeconds'>;
  /** How many of the lead have failed before this one. */
  readonly failedBefore: number;
  /** How many in a row, of any leads, have failed for a reason that concerns all. */
  readonly failedInRow: number;
  /** Since the lead was accepted, in ms. */
  readonly ageMs: number;
  readonly maxAgeMs: number;
  /** Whether nothing but the lead itself can be the reason. */
  readonly isItsOwn: boolean;
  /** 0 up to but not 1. */
  readonly random: () => number;
};

/** The pause after a first failure may be as long as this, and doubles with each further one, in ms … */
const SHORTEST_MS = 1000;
/** … up to this. */
const LONGEST_MS = 600_000;
/** Where somebody has to act, in ms. */
const PROBE_MS = 60_000;

/** Decides what becomes of a lead after a failed attempt. */
export function verdictOn(attempt: Attempt): Verdict {
  const { error, failedBefore, failedInRow, ageMs, maxAgeMs, isItsOwn, random } = attempt;
  const meaning = MEANINGS[error.code];
  if (meaning === 'stopping') return { kind: 'stopped' };
  if (meaning === 'lasting') return { kind: 'failed' };
  // What the upstream does not understand it will not understand later, either.
  if (error.code === 'upstream-error' && error.retryable !== true) return { kind: 'failed' };
  if (ageMs >= maxAgeMs) return { kind: 'failed' };
  if (meaning === 'operator') return { kind: 'retry', afterMs: PROBE_MS, pausesAll: true };
  const pausesAll = meaning === 'all' && !isItsOwn;
  const longestMs = Math.min(
    LONGEST_MS,
    SHORTEST_MS * 2 ** Math.min(20, pausesAll ? failedInRow : failedBefore),
  );
  // Full jitter, after what the upstream asked for.
  const afterMs = (error.retryAfterSeconds ?? 0) * 1000 + Math.ceil(random() * longestMs);
  return { kind: 'retry', afterMs, pausesAll };
}
