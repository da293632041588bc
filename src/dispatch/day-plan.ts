import type { Kind } from './ready-queue.ts';

/** What is left of the day, and what it has been used for. */
export type DayBudget = {
  /** Calls that may still be made today. */
  readonly callsLeft: number;
  /** Calls that have been made beside those, as far as can be guessed: they slow the pace down, but are not reserved. */
  readonly callsBefore: number;
  /** Calls allowed a day. */
  readonly callsPerDay: number;
  /** Ms to midnight US Central time. */
  readonly msLeft: number;
  /** The length of the day in ms; 23, 24 or 25 hours. */
  readonly dayMs: number;
  readonly used: DayUse;
  /** The part of the calls that is not of callers that have had theirs; a half at least. */
  readonly callersPart: number;
};

/** What today's calls were made for. Those that the other kind did not need are not held against the one that had them. */
export type DayUse = {
  /** Calls that the other kind was expected to need as well, by the kind that had them. */
  readonly own: Readonly<Record<Kind, number>>;
  /** Calls that it was expected to leave … */
  readonly left: number;
  /** … and calls made while it had hardly any leads. */
  readonly unshared: number;
};

/** The calls that each kind may have, of those that either may need. */
export function halfOf({ callsPerDay, used }: Pick<DayBudget, 'callsPerDay' | 'used'>): number {
  return Math.max(1, callsPerDay - used.left - used.unshared) / 2;
}

/** As what a call for a kind is booked, if each lead of the other kind may go alone. */
export function bookingOf(
  kind: Kind,
  budget: Pick<DayBudget, 'callsPerDay' | 'used' | 'msLeft'>,
  { batchablePerMs, singlePerMs }: DayDemand,
): keyof DayUse {
  const other: Kind = kind === 'single' ? 'batchable' : 'single';
  const needed = (kind === 'single' ? batchablePerMs : singlePerMs) * budget.msLeft;
  // What is kept for the end of the day makes up for a forecast that is too low.
  const kept = budget.callsPerDay * SPARE_SHARE;
  if (halfOf(budget) - budget.used.own[other] <= needed + kept) return 'own';
  return needed > kept ? 'left' : 'unshared';
}

/** Leads a ms, as far as the last hour tells what the rest of the day brings. */
export type DayDemand = { readonly batchablePerMs: number; readonly singlePerMs: number };

/** How leads may gather. */
export type Gathering = {
  /** How long a lead may wait for others, in ms. */
  readonly longestMs: number;
  /** Leads a call may carry. */
  readonly maxBatch: number;
};

/** How the calls that are left are spread over the rest of the day. */
export type DayPlan = {
  /** Calls a ms for leads that can share one: an even pace to midnight. */
  readonly callsPerMs: number;
  /** Calls that may go at once before leads gather at that pace. */
  readonly burst: number;
  /** The part of the calls that is theirs; a half at least. */
  readonly share: number;
  /** Whether leads that come one after the other may do without waiting, which would not bring them together. */
  readonly maySequence: boolean;
  /** Whether leads of a kind may be sent, or what is left is reserved for the other kind. */
  readonly mayGo: Readonly<Record<Kind, boolean>>;
  /** Calls the rest of the day takes at this demand, with leads gathered as long as they may. */
  readonly callsNeeded: number;
  /** Ms until the calls are used up at this demand; null: they last. */
  readonly endsInMs: number | null;
};

/** Before leads gather, this share of the day's calls may go at once: a few leads in a row are no demand … */
const BURST_SHARE = 0.006;
/** … and at least this many calls. */
const LEAST_BURST = 10;
/** The part of the credit, calls that an even use would have made by now, that may go at once as well. */
const CREDIT_SHARE = 0.1;
/** This share of the day's calls is kept for its end, where a few calls decide how slow the pace must be. */
const SPARE_SHARE = 0.002;
/** It is used earlier where the pace would otherwise be slower than a whole day's, or leads would wait too long, times this. */
const SPARE_FROM = 1.02;
/** From here on the pace is that of a day with too few calls. */
const SLOW = 1.2;

/**
 * How the day's calls last until midnight (docs/dispatching.md#the-day). Leads that can only go alone need a call each,
 * so they are not delayed, and what they are forecast to need is left out of the pace of the others. Each of the two kinds
 * may have half of the calls that both could use, and more only of what the other is not forecast to need.
 */
export function planDay(budget: DayBudget, demand: DayDemand, gathering: Gathering): DayPlan {
  const { callsLeft, callsBefore, callsPerDay, msLeft, dayMs, used, callersPart } = budget;
  const { batchablePerMs, singlePerMs } = demand;
  const batchesPerMs = leastBatchesPerMs(batchablePerMs, gathering);
  const half = halfOf(budget);
  const spare = callsPerDay * SPARE_SHARE;
  const reserveFor = (perMs: number, atMost: number) => Math.min(perMs * msLeft, Math.max(0, atMost));
  const forSingle = reserveFor(singlePerMs, half - used.own.single);
  // As if each went alone: if the others had more than half, these would gather for more than twice as long.
  const forBatches = reserveFor(batchablePerMs, half - used.own.batchable - spare);
  const callsNeeded = (singlePerMs + batchesPerMs) * msLeft;
  const likelyLeft = Math.max(0, callsLeft - callsBefore);
  const keptForSingle = Math.min(forSingle, likelyLeft / 2);
  const paced = likelyLeft - keptForSingle;
  // Without what others have had and are expected to need: beside them the pace is half as fast as alone, not slower.
  const kindsPart = 1 - (used.own.single + keptForSingle) / Math.max(1, callsPerDay - used.unshared);
  const share = Math.max(0.5, Math.min(kindsPart, callersPart));
  const wholeDayPerMs = (share * callsPerDay) / dayMs;
  // The call after these is the first of the next day.
  const allPerMs = (paced + 1) / Math.max(1, msLeft);
  const slowestPerMs =
    allPerMs * SLOW > wholeDayPerMs ? wholeDayPerMs / SPARE_FROM : SPARE_FROM / gathering.longestMs;
  const restPerMs = Math.max(allPerMs - spare / Math.max(1, msLeft), Math.min(allPerMs, slowestPerMs));
  const credit = Math.max(0, paced - wholeDayPerMs * msLeft);
  return {
    // Faster while there is credit, so that it is used up at midnight, when the pace is that of a whole day again.
    callsPerMs: restPerMs * Math.max(1, restPerMs / wholeDayPerMs),
    burst: Math.max(LEAST_BURST, share * callsPerDay * BURST_SHARE) + credit * CREDIT_SHARE,
    share,
    maySequence: (allPerMs - spare / Math.max(1, msLeft)) * SPARE_FROM > wholeDayPerMs,
    mayGo: {
      // Without calls left it is the quota that decides, which may have the upstream asked again.
      batchable: used.own.batchable < half || callsLeft === 0 || callsLeft > forSingle,
      single: used.own.single < half || callsLeft === 0 || callsLeft > forBatches,
    },
    callsNeeded,
    endsInMs: callsNeeded > callsLeft ? (callsLeft / callsNeeded) * msLeft : null,
  };
}

/** Calls a ms for leads that can share one, if they gather as long as they may. */
function leastBatchesPerMs(leadsPerMs: number, { longestMs, maxBatch }: Gathering): number {
  return Math.max(Math.min(leadsPerMs, 1 / longestMs), leadsPerMs / maxBatch);
}

/** Calls that may go at once, before leads gather; below 1 the next one is waited for. */
export type Credit = { readonly calls: number; readonly atMs: number; readonly share: number };

/** Full batches go at once; the pace makes up for as many of them as this. */
const LARGEST_DEBT = 0.13;

/** The credit after time has passed. */
export function refilled(
  credit: Credit,
  { callsPerMs, burst, share }: DayPlan,
  msLeft: number,
  nowMs: number,
): Credit {
  // Calls that may go at once are not spread over the day as well.
  const perMs = Math.max(0, callsPerMs - Math.max(0, credit.calls - 1) / Math.max(1, msLeft));
  const kept = Math.min(credit.calls, (credit.calls * share) / credit.share);
  const calls = kept + Math.max(0, nowMs - credit.atMs) * perMs;
  return { calls: Math.min(calls, burst), atMs: nowMs, share };
}

/** The credit after a call with leads that can share one. */
export function spent(credit: Credit): Credit {
  return { ...credit, calls: Math.max(-LARGEST_DEBT, credit.calls - 1) };
}

/**
 * When the next call with leads that can share one may start, in monotonic ms; in the past if it may now.
 *
 * @param lastStartMs when the last one was started
 */
export function gatherUntil(
  credit: Credit,
  { callsPerMs }: Pick<DayPlan, 'callsPerMs'>,
  longestMs: number,
  lastStartMs: number,
): number {
  if (credit.calls >= 1) return Number.NEGATIVE_INFINITY;
  return Math.min(credit.atMs + (1 - credit.calls) / callsPerMs, lastStartMs + longestMs);
}
