/** A burst of calls at once, then as many as a rate allows that may change. Times are monotonic ms. */
export type TokenBucket = {
  /** A call is made, whether there was a token or not. */
  take(): void;
  hasToken(): boolean;
  /** When there is a token, at the present rate; -Infinity if there is one; null: never. */
  nextAt(): number | null;
};

/** @param perMs tokens that come back in a ms */
export function createTokenBucket(
  burst: number,
  perMs: () => number,
  monotonicMs: () => number,
): TokenBucket {
  let tokens = burst;
  let refilledMs = monotonicMs();
  /** Returns the rate. */
  const refill = (): number => {
    const rate = perMs();
    const nowMs = monotonicMs();
    tokens = Math.min(burst, tokens + (nowMs - refilledMs) * rate);
    refilledMs = nowMs;
    return rate;
  };
  return {
    take() {
      refill();
      tokens = Math.max(0, tokens - 1);
    },
    hasToken() {
      refill();
      return tokens >= 1;
    },
    nextAt() {
      const rate = refill();
      if (tokens >= 1) return Number.NEGATIVE_INFINITY;
      return rate === 0 ? null : refilledMs + (1 - tokens) / rate;
    },
  };
}
