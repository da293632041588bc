import type { SyncStep } from './step.ts';

/** How long a call may go on at Marketo after the gateway has given it up, counted from its start, in ms. */
export const MAY_RUN_MS = { sync: 90_000, other: 60_000 } as const;

/** Keys of calls, also of other processes, that may create leads and whose end is not known (docs/marketo-rest.md#duplicates). */
export type UnsettledKeys = {
  /** Times are monotonic ms. */
  mark(steps: readonly SyncStep[], untilMs: number, nowMs: number): void;
  /** Until when no lead may be created by the keys of this step; undefined if one may. */
  untilMs(step: SyncStep, nowMs: number): number | undefined;
};

/** @param ends of the keys, in the order in which they were marked, which is nearly that in which they end */
export function createUnsettledKeys(ends = new Map<string, number>()): UnsettledKeys {
  return {
    mark(steps, untilMs, nowMs) {
      for (const [key, endMs] of ends) {
        if (endMs > nowMs) break;
        ends.delete(key);
      }
      for (const step of steps) {
        for (const key of keysOf(step)) {
          const later = Math.max(untilMs, ends.get(key) ?? untilMs);
          ends.delete(key);
          ends.set(key, later);
        }
      }
    },
    untilMs(step, nowMs) {
      const { othersMayRunUntilMs } = step.plan;
      let until = othersMayRunUntilMs > nowMs ? othersMayRunUntilMs : undefined;
      if (ends.size === 0) return until;
      for (const key of keysOf(step)) {
        const endMs = ends.get(key);
        if (endMs !== undefined && endMs > nowMs) until = Math.max(until ?? endMs, endMs);
      }
      return until;
    },
  };
}

/** What a new lead of this step could be found by; Marketo compares texts without case. */
function keysOf({ lookupField, key, plan }: SyncStep): readonly string[] {
  const own = `${lookupField} ${key.toLowerCase()}`;
  const { email } = plan.command;
  return email === undefined || lookupField === 'email' ? [own] : [own, `email ${email.toLowerCase()}`];
}
