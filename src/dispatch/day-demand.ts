import type { DayDemand } from './day-plan.ts';
import type { Kind } from './ready-queue.ts';

/** How fast past demand fades from the forecast: a few leads at once say little about a day, an hour of them does. */
const FADE_MS = 3_600_000;
/** Until an hour has passed, what has come is averaged over this time at least. */
const LEAST_MS = 600_000;
/** Arrivals are only counted; this often they are folded into the averages. */
const FOLD_MS = 1000;

/** The leads that the rest of the day is expected to bring, as fading averages of what has come. */
export type DayDemandForecast = {
  arrived(kind: Kind): void;
  perMs(): DayDemand;
};

export function createDayDemandForecast(monotonicMs: () => number): DayDemandForecast {
  const startedAt = monotonicMs();
  let foldedAt = startedAt;
  let batchable = 0;
  let single = 0;
  const faded = { batchablePerMs: 0, singlePerMs: 0 };
  let rates: DayDemand = faded;
  return {
    arrived(kind) {
      if (kind === 'batchable') batchable += 1;
      else single += 1;
    },
    perMs() {
      const elapsedMs = monotonicMs() - foldedAt;
      if (elapsedMs < FOLD_MS) return rates;
      const kept = Math.exp(-elapsedMs / FADE_MS);
      faded.batchablePerMs = faded.batchablePerMs * kept + (batchable / elapsedMs) * (1 - kept);
      faded.singlePerMs = faded.singlePerMs * kept + (single / elapsedMs) * (1 - kept);
      const known = 1 - Math.exp(-Math.max(LEAST_MS, monotonicMs() - startedAt) / FADE_MS);
      rates = { batchablePerMs: faded.batchablePerMs / known, singlePerMs: faded.singlePerMs / known };
      batchable = 0;
      single = 0;
      foldedAt += elapsedMs;
      return rates;
    },
  };
}
