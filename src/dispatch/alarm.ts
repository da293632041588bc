/** Rings once at the earliest of the times it was set to. */
export type Alarm = {
  /** @param atMs elapsed ms; null: something else will happen first */
  set(atMs: number | null): void;
};

export function createAlarm(elapsed: () => number, ring: () => void): Alarm {
  let next: { readonly atMs: number; readonly timer: NodeJS.Timeout } | undefined;
  return {
    set(atMs) {
      if (atMs === null || (next !== undefined && next.atMs <= atMs)) return;
      if (next !== undefined) clearTimeout(next.timer);
      const onTime = () => {
        next = undefined;
        ring();
      };
      next = { atMs, timer: setTimeout(onTime, Math.max(1, Math.ceil(atMs - elapsed()))) };
    },
  };
}
