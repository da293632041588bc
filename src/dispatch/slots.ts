/** Gives the slot back; only the first call counts. */
export type Release = () => void;

export type Slots = {
  /** Resolves in order of arrival; rejects with the signal's reason when it aborts before. */
  acquire(signal: AbortSignal): Promise<Release>;
};

/** At most `max` holders at a time: the calls a subscription allows at once (contract A, "Limits"). */
export function createSlots(max: number): Slots {
  let free = max;
  const waiting = new Set<() => void>();

  const releaseOnce = (): Release => {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const [next] = waiting;
      if (next === undefined) free += 1;
      else next();
    };
  };

  return {
    acquire(signal) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(releaseOnce());
      }
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiting.delete(enter);
          reject(signal.reason as Error);
        };
        const enter = () => {
          waiting.delete(enter);
          signal.removeEventListener('abort', leave);
          resolve(releaseOnce());
        };
        waiting.add(enter);
        signal.addEventListener('abort', leave, { once: true });
      });
    },
  };
}
