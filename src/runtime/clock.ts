/** Time as an argument, so that tests can hold it. */
export type Clock = {
  /** The time of day, in ms since 1970; may jump. For what is agreed with others: midnight, signatures, dates. */
  readonly now: () => number;
  /** Ms since some start; never jumps. For everything that is measured or waited for. */
  readonly monotonicMs: () => number;
};

/** Rings once at the earliest of the times it was set to. */
export type WakeTimer = {
  /** @param atMs monotonic ms; null: something else will happen first */
  set(atMs: number | null): void;
};

export function createWakeTimer(monotonicMs: () => number, ring: () => void): WakeTimer {
  let next: { readonly atMs: number; readonly timer: NodeJS.Timeout } | undefined;
  return {
    set(atMs) {
      if (atMs === null || (next !== undefined && next.atMs <= atMs)) return;
      if (next !== undefined) clearTimeout(next.timer);
      const onTime = () => {
        next = undefined;
        ring();
      };
      next = { atMs, timer: setTimeout(onTime, Math.max(1, Math.ceil(atMs - monotonicMs()))) };
    },
  };
}

/**
 * What a promise gives, or a rejection when it takes longer. A timer that is late because this process was busy is no
 * proof that the answer is: what has come in meanwhile is looked at first.
 */
export async function withTimeout<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      setImmediate(() => reject(new Error(`no answer within ${timeoutMs} ms`)));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
