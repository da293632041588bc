import type { DayDemand } from './day-plan.ts';
import type { Kind } from './ready-queue.ts';

/** How fast past demand fades from the forecast: a few leads at once say little about a day, an hour of them does. */
const FADE_MS = 3_600_000;
/** Until an hour has passed, what has come is averaged over this time at least. */
const LEAST_MS = 600_000;
/** Arrivals are only counted; this often they are folded into the averages. */
const FOLD_MS = 1000;

/** How fast it fades from what those who send leads now would like to have. */
const RECENT_MS = 60_000;

/** The leads that the rest of the day is expected to bring, as fading averages of what has come. */
export type DayDemandForecast = {
  arrived(kind: Kind): void;
  perMs(): DayDemand;
  /** The same if those who have just begun go on. */
  peakPerMs(): DayDemand;
};

export function createDayDemandForecast(monotonicMs: () => number): DayDemandForecast {
  const startedAt = monotonicMs();
  let foldedAt = startedAt;
  const counts = { batchable: 0, single: 0 };
  let lastHour = NONE;
  let recent = NONE;
  let rates = NONE;
  const perMs = () => {
    const elapsedMs = monotonicMs() - foldedAt;
    if (elapsedMs < FOLD_MS) return rates;
    lastHour = fold(lastHour, counts, elapsedMs, FADE_MS);
    recent = fold(recent, counts, elapsedMs, RECENT_MS);
    const known = 1 - Math.exp(-Math.max(LEAST_MS, monotonicMs() - startedAt) / FADE_MS);
    rates = {
      batchablePerMs: lastHour.batchablePerMs / known,
      singlePerMs: lastHour.singlePerMs / known,
    };
    Object.assign(counts, { batchable: 0, single: 0 });
    foldedAt += elapsedMs;
    return rates;
  };
  return {
    arrived(kind) {
      counts[kind] += 1;
    },
    perMs,
    peakPerMs() {
      const { batchablePerMs, singlePerMs } = perMs();
      return {
        batchablePerMs: Math.max(batchablePerMs, recent.batchablePerMs),
        singlePerMs: Math.max(singlePerMs, recent.singlePerMs),
      };
    },
  };
}

const NONE: DayDemand = { batchablePerMs: 0, singlePerMs: 0 };

/** The averages after `elapsedMs` in which that many leads have come. */
function fold(
  { batchablePerMs, singlePerMs }: DayDemand,
  counts: Readonly<Record<Kind, number>>,
  elapsedMs: number,
  fadeMs: number,
): DayDemand {
  const kept = Math.exp(-elapsedMs / fadeMs);
  return {
    batchablePerMs: batchablePerMs * kept + (counts.batchable / elapsedMs) * (1 - kept),
    singlePerMs: singlePerMs * kept + (counts.single / elapsedMs) * (1 - kept),
  };
}
