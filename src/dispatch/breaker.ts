import type { BreakerVerdict } from '../upstream/outcome.ts';

/** Whether a call may be made, or when to ask again. */
export type BreakerState =
  | { readonly kind: 'go' }
  /** A probe is in flight: ask again at its end, or then, in monotonic ms. */
  | { readonly kind: 'probing'; readonly untilMs: number }
  | { readonly kind: 'open'; readonly retryAfterMs: number };

export type Breaker = {
  check(): BreakerState;
  /** Begins a call that `check` has let through; the function it returns takes the call's end, once. */
  begin(): (verdict: BreakerVerdict) => void;
  /** True as well while a probe is in flight. */
  isOpen(): boolean;
};

export type BreakerOptions = {
  /** Failures in a row before the circuit opens. */
  readonly threshold: number;
  /** How long that row must have lasted, in ms: many concurrent calls fail together in one hiccup. */
  readonly minSpanMs: number;
  /** How long the circuit stays open before a probe, in ms. */
  readonly pauseMs: number;
  /** How long new leads wait for the end of a probe, in ms. */
  readonly patienceMs: number;
  readonly monotonicMs: () => number;
};

const GO: BreakerState = { kind: 'go' };

/**
 * A circuit breaker with the usual three states. Closed: every call is made. Open: none, for `pauseMs`. Then half-open:
 * one probe at a time, whose end closes the circuit or opens it again (docs/dispatching.md#circuit-breaker).
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const { threshold, minSpanMs, pauseMs, patienceMs, monotonicMs } = options;
  let failures = 0;
  let firstFailureAt = 0;
  /** Undefined while the circuit is closed. */
  let openUntil: number | undefined;
  let isProbing = false;
  let probeStart = 0;

  const end = (verdict: BreakerVerdict) => {
    if (verdict === 'success') {
      failures = 0;
      openUntil = undefined;
    } else if (verdict === 'failure') {
      if (failures === 0) firstFailureAt = monotonicMs();
      failures += 1;
      const hasLasted = failures >= threshold && monotonicMs() - firstFailureAt >= minSpanMs;
      // Calls that began before it opened and fail later do not keep it open.
      if (openUntil === undefined && hasLasted) openUntil = monotonicMs() + pauseMs;
    }
  };

  const endProbe = (verdict: BreakerVerdict) => {
    isProbing = false;
    if (verdict === 'success') end(verdict);
    else openUntil = monotonicMs() + (verdict === 'failure' ? pauseMs : 0);
  };

  return {
    isOpen: () => openUntil !== undefined,
    check() {
      if (openUntil === undefined) return GO;
      const remainingMs = openUntil - monotonicMs();
      if (remainingMs > 0) return { kind: 'open', retryAfterMs: remainingMs };
      if (!isProbing) return GO;
      // A lead told to come back now is not sent away because another came first.
      const untilMs = probeStart + patienceMs;
      return monotonicMs() < untilMs ? { kind: 'probing', untilMs } : { kind: 'open', retryAfterMs: pauseMs };
    },
    begin() {
      if (openUntil === undefined) return end;
      isProbing = true;
      probeStart = monotonicMs();
      return endProbe;
    },
  };
}
