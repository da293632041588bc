import type { BreakerVerdict } from '../upstream/outcome.ts';

/** Leave to make one call, or how long nobody will have it. */
export type BreakerDecision =
  | { readonly admitted: true; readonly done: (end: BreakerVerdict) => void }
  | { readonly admitted: false; readonly retryAfterMs: number }
  /** A probe is on its way: ask again at its end, or then, in monotonic ms. */
  | { readonly admitted: false; readonly untilMs: number };

export type Breaker = {
  enter(): BreakerDecision;
  /** Whether nobody is asked, or only a probe. */
  isOpen(): boolean;
};

export type BreakerOptions = {
  /** Calls in a row that find nobody before the circuit opens. */
  readonly threshold: number;
  /** How long that row must have lasted, in ms: many calls at a time fail together in one hiccup. */
  readonly minSpanMs: number;
  /** How long nobody is asked, in ms, before a probe. */
  readonly pauseMs: number;
  /** How long a probe's end is waited for, in ms, by those who come meanwhile. */
  readonly patienceMs: number;
  /** A clock that does not jump, in ms. */
  readonly monotonicMs: () => number;
};

/**
 * A circuit breaker with the usual three states. Closed: every call is made. Open: none, for `pauseMs`. Then half-open:
 * one probe at a time; its end closes the circuit or opens it anew.
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const { threshold, minSpanMs, pauseMs, patienceMs, monotonicMs } = options;
  let failures = 0;
  let firstFailureAt = 0;
  /** Undefined while the circuit is closed. */
  let openUntil: number | undefined;
  let isProbing = false;
  let probeStart = 0;

  const done = (end: BreakerVerdict) => {
    if (end === 'alive') {
      failures = 0;
      openUntil = undefined;
    } else if (end === 'dead') {
      if (failures === 0) firstFailureAt = monotonicMs();
      failures += 1;
      const hasLasted = failures >= threshold && monotonicMs() - firstFailureAt >= minSpanMs;
      // Late ends of calls made before it opened do not keep it open.
      if (openUntil === undefined && hasLasted) openUntil = monotonicMs() + pauseMs;
    }
  };

  const doneProbing = (end: BreakerVerdict) => {
    isProbing = false;
    if (end === 'alive') done(end);
    else openUntil = monotonicMs() + (end === 'dead' ? pauseMs : 0);
  };

  return {
    isOpen: () => openUntil !== undefined,
    enter() {
      if (openUntil === undefined) return { admitted: true, done };
      const remainingMs = openUntil - monotonicMs();
      if (remainingMs > 0) return { admitted: false, retryAfterMs: remainingMs };
      if (isProbing) {
        // Who was told to come back now is not sent away just because somebody else came first.
        const untilMs = probeStart + patienceMs;
        return monotonicMs() < untilMs
          ? { admitted: false, untilMs }
          : { admitted: false, retryAfterMs: pauseMs };
      }
      isProbing = true;
      probeStart = monotonicMs();
      return { admitted: true, done: doneProbing };
    },
  };
}
