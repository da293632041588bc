/** The upstream counts calls in spans of this length. */
export const WINDOW_MS = 20_000;

/**
 * The calls of the last 20 seconds. A call counts from its start until `WINDOW_MS` after its end: wherever between the
 * two the upstream has booked it, it is past then. Times are monotonic ms.
 */
export type SlidingWindow = {
  /** Calls it holds in all. */
  capacity(): number;
  /** Calls it has room for now. */
  free(): number;
  /** When room comes back, soonest first; running calls are not among them. */
  refillTimes(): readonly number[];
  /** When room comes back first; null when it is the end of a running call that is waited for. */
  next(): number | null;
  /** When the nth call from now can be made. */
  earliestStart(nth: number): number;
  reserve(): void;
  /** @param isCounted false for a call that was never sent */
  end(isCounted: boolean): void;
};

/**
 * The window of a gateway that does not share its subscription.
 *
 * @param before calls that a process before this one may just have ended
 */
export function createSlidingWindow(capacity: number, monotonicMs: () => number, before = 0): SlidingWindow {
  /** When calls ended, oldest first; the first `expired` of them no longer count. */
  const startedAt = monotonicMs();
  let ends: number[] = Array.from({ length: before }, () => startedAt);
  let expired = 0;
  let running = 0;

  const expire = (nowMs: number) => {
    while ((ends[expired] ?? Number.POSITIVE_INFINITY) + WINDOW_MS <= nowMs) expired += 1;
    // Not at every call: a large subscription has tens of thousands of them in its window.
    if (expired <= ends.length / 2) return;
    ends = ends.slice(expired);
    expired = 0;
  };

  const free = () => {
    expire(monotonicMs());
    return Math.max(0, capacity - running - (ends.length - expired));
  };

  return {
    capacity: () => capacity,
    free,
    refillTimes() {
      expire(monotonicMs());
      return ends.slice(expired).map((end) => end + WINDOW_MS);
    },
    next() {
      expire(monotonicMs());
      const oldest = ends[expired];
      return oldest === undefined ? null : oldest + WINDOW_MS;
    },
    earliestStart(nth) {
      const nowMs = monotonicMs();
      const missing = nth - free();
      if (missing <= 0) return nowMs;
      // Running calls refill a window after they end, which is not before now.
      const rounds = Math.floor((missing - 1) / capacity);
      const end = ends[expired + ((missing - 1) % capacity)] ?? nowMs;
      return end + WINDOW_MS + rounds * WINDOW_MS;
    },
    reserve() {
      running += 1;
    },
    end(isCounted) {
      running -= 1;
      if (isCounted) ends.push(monotonicMs());
    },
  };
}
