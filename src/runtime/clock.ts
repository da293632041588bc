/** Time and timers as an argument, so that tests can hold them. */
export type Clock = {
  /** The time of day, in ms since 1970; may jump. For what others share: midnight, signatures, dates. */
  readonly now: () => number;
  /** Ms since some start; never jumps. For everything that is measured or waited for. */
  readonly monotonicMs: () => number;
  /** Runs `fn` once, `ms` from now. A handle instead of a function that cancels: every lead sets a timer. */
  readonly setTimer: (fn: () => void, ms: number) => Timer;
  readonly clearTimer: (timer: Timer | undefined) => void;
};

/** What `setTimer` returns; only good for `clearTimer`. */
export type Timer = NodeJS.Timeout | number;

export const systemClock: Clock = {
  now: Date.now,
  monotonicMs: () => performance.now(),
  setTimer: setTimeout,
  clearTimer: clearTimeout,
};

/**
 * A time of day that never goes back: where the clock is set back, it goes on from where it was; where it is set forward,
 * it follows.
 *
 * @returns what gives it, in whole ms since 1970
 */
export function createSteadyTime({ now, monotonicMs }: Pick<Clock, 'now' | 'monotonicMs'>): () => number {
  let latest = Number.NEGATIVE_INFINITY;
  let readAt = monotonicMs();
  return () => {
    const at = monotonicMs();
    latest = Math.max(now(), latest + (at - readAt));
    readAt = at;
    return Math.floor(latest);
  };
}

/** Resolves after that many milliseconds. */
export function sleep({ setTimer }: Pick<Clock, 'setTimer'>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimer(resolve, ms);
  });
}

/** Fires once, at the earliest of the times it was set to; before a time that is more than 24 days away. */
export type WakeTimer = {
  /** @param atMs monotonic ms; null: something else will happen first */
  set(atMs: number | null): void;
};

/** A timer of Node that is longer is over at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function createWakeTimer(
  { monotonicMs, setTimer, clearTimer }: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>,
  fire: () => void,
): WakeTimer {
  let next: { readonly atMs: number; readonly timer: Timer } | undefined;
  const msUntil = (atMs: number) => Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(atMs - monotonicMs())));
  return {
    set(atMs) {
      if (atMs === null || (next !== undefined && next.atMs <= atMs)) return;
      clearTimer(next?.timer);
      const onTime = () => {
        next = undefined;
        fire();
      };
      next = { atMs, timer: setTimer(onTime, msUntil(atMs)) };
    },
  };
}

/**
 * Resolves as `promise` does, or rejects once `timeoutMs` have passed. When a busy process runs the timer late, the answer
 * may have arrived already: pending I/O is handled before giving up.
 */
export async function withTimeout<Value>(
  promise: Promise<Value>,
  timeoutMs: number,
  { setTimer, clearTimer }: Pick<Clock, 'setTimer' | 'clearTimer'>,
): Promise<Value> {
  let timer: Timer | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimer(() => {
      setImmediate(() => reject(new Error(`no answer within ${timeoutMs} ms`)));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimer(timer);
  }
}
