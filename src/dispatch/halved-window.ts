import type { SlidingWindow } from './sliding-window.ts';

/** A window that leaves half of its calls to others for a while. Times are monotonic ms. */
export type HalvedWindow = SlidingWindow & {
  halveFor(ms: number): void;
  /** Ends it. */
  restore(): void;
};

/** Over that of a process or of replicas; the pace follows it, since it has less room. */
export function createHalvedWindow(window: SlidingWindow, monotonicMs: () => number): HalvedWindow {
  let untilMs = Number.NEGATIVE_INFINITY;
  const held = () => (monotonicMs() < untilMs ? Math.floor(window.capacity() / 2) : 0);
  const earliestStart = (nth: number) => {
    const calls = held();
    if (calls === 0) return window.earliestStart(nth);
    const atEnd = Math.max(untilMs, window.earliestStart(nth));
    return Math.min(window.earliestStart(nth + calls), atEnd);
  };
  return {
    ...window,
    capacity: () => window.capacity() - held(),
    free: () => Math.max(0, window.free() - held()),
    next: () => (held() === 0 ? window.next() : earliestStart(1)),
    refillTimes: () => window.refillTimes().slice(held()),
    earliestStart,
    halveFor(ms) {
      untilMs = monotonicMs() + ms;
    },
    restore() {
      untilMs = Number.NEGATIVE_INFINITY;
    },
  };
}
