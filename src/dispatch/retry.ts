import type { RetryAdvice } from '../marketo/faults.ts';

/** Attempts in all, the first one included: retries spend the subscription's quota. */
const MAX_ATTEMPTS = 5;

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3000;

export type PausingAdvice = Extract<RetryAdvice, 'backoff' | 'reconnect'>;

/**
 * The pause before the next attempt, in ms; `undefined` when there is to be none. Exponential with full jitter, so
 * that callers who failed together do not come back together; where the upstream named a time it is kept, and the
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
  // Most likely a kept-alive connection that the other side had closed: it costs the caller nothing.
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
