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
  /** When room comes back, soonest first; running calls are not among it. */
  refillTimes(): readonly number[];
  /** When room comes back first; null when it is a running call's end that is waited for. */
  next(): number | null;
  /** When the nth call from now can be made. */
  earliestStart(nth: number): number;
  reserve(): void;
  /** @param isCounted false for a call that was never sent */
  end(isCounted: boolean): void;
};

/** The window of a gateway that has its subscription for itself. */
export function createSlidingWindow(size: number, monotonicMs: () => number): SlidingWindow {
  /** Ends of calls, oldest first; those before `forgotten` count no more. */
  let ends: number[] = [];
  let forgotten = 0;
  let running = 0;

  const forgetOld = (nowMs: number) => {
    while ((ends[forgotten] ?? Number.POSITIVE_INFINITY) + WINDOW_MS <= nowMs) forgotten += 1;
    // Not at every call: a large subscription has tens of thousands of them in its window.
    if (forgotten <= ends.length / 2) return;
    ends = ends.slice(forgotten);
    forgotten = 0;
  };

  const free = () => {
    forgetOld(monotonicMs());
    return Math.max(0, size - running - (ends.length - forgotten));
  };

  return {
    capacity: () => size,
    free,
    refillTimes() {
      forgetOld(monotonicMs());
      return ends.slice(forgotten).map((end) => end + WINDOW_MS);
    },
    next() {
      forgetOld(monotonicMs());
      const oldest = ends[forgotten];
      return oldest === undefined ? null : oldest + WINDOW_MS;
    },
    earliestStart(nth) {
      const nowMs = monotonicMs();
      const left = nth - free();
      if (left <= 0) return nowMs;
      // Running calls come back a window after they end, which is not before now.
      const rounds = Math.floor((left - 1) / size);
      const end = ends[forgotten + ((left - 1) % size)] ?? nowMs;
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
