import type { CallVerdict } from '../upstream/outcome.ts';
import type { DayTime } from './daily-quota.ts';
import { createDayDemandForecast, type DayDemandForecast } from './day-demand.ts';
import {
  bookingOf,
  type Credit,
  type DayDemand,
  type DayPlan,
  type DayUse,
  type Gathering,
  gatherUntil,
  halfOf,
  planDay,
  refilled,
  spent,
} from './day-plan.ts';
import { NO_PEERS, type PeerLoad } from './permits.ts';
import type { Quota } from './quota.ts';
import type { Kind } from './ready-queue.ts';

/** Spreads the day's calls over the day. Times are monotonic ms. */
export type DayPace = {
  /**
   * A lead has come that needs a call.
   *
   * @param isIdle no other lead waits or is in a call
   */
  arrived(kind: Kind, isIdle: boolean): void;
  /** Books a call; the function it returns takes its end, once. */
  reserve(kind: Kind): (verdict: CallVerdict) => void;
  /** When the next call with leads that can share one may start; in the past if it may now. */
  gatherUntil(nowMs: number): number;
  /** Whether leads of a kind may be sent, or the calls that are left are reserved for the other. */
  mayGo(kind: Kind): boolean;
  /** How the day goes on at the present demand. */
  plan(): DayPlan;
  /**
   * Calls that the rest of the day is not expected to need even if every lead goes alone, and how long it is; `least` of
   * them, a small part of all, leads in no hurry may have whatever is expected.
   */
  spare(): Spare;
  /** Books a call that was made for leads in no hurry: the pace of the others takes no notice of it. */
  reserveSpare(): (verdict: CallVerdict) => void;
};

export type Spare = {
  readonly calls: number;
  readonly least: number;
  readonly msLeft: number;
  readonly isSpent: boolean;
};

export type DayPaceOptions = {
  readonly quota: Pick<Quota, 'dayLeft' | 'dayTime' | 'limits'>;
  readonly gathering: () => Gathering;
  readonly peerLoad?: () => PeerLoad;
  /** See `CallerShares`. */
  readonly callersPart?: () => number;
  readonly monotonicMs: () => number;
};

/** A plan holds until the next call, and for this time at most. */
const PLAN_MS = 250;
/** While calls may go at once, the credit is brought up to date this often only. */
const REFILL_MS = 1000;

type State = Required<DayPaceOptions> & {
  readonly forecast: DayDemandForecast;
  readonly sequence: Sequence;
  /** The day that the rest is about. */
  day: number;
  readonly used: { readonly own: Record<Kind, number>; left: number; unshared: number };
  /** Undefined until it is asked for. */
  credit: Credit | undefined;
  plan: DayPlan | undefined;
  plannedAt: number;
  /** When the last call with leads that can share one was started. */
  lastStartMs: number;
};

/** Keeps what the plan of the day depends on, and the credit of calls that may go at once. */
export function createDayPace({
  peerLoad = () => NO_PEERS,
  callersPart = () => 1,
  ...options
}: DayPaceOptions): DayPace {
  const { quota, gathering, monotonicMs } = options;
  const state: State = {
    ...options,
    peerLoad,
    callersPart,
    forecast: createDayDemandForecast(monotonicMs),
    sequence: createSequence(monotonicMs),
    day: 0,
    used: { own: { batchable: 0, single: 0 }, left: 0, unshared: 0 },
    credit: undefined,
    plan: undefined,
    plannedAt: 0,
    lastStartMs: Number.NEGATIVE_INFINITY,
  };
  return {
    plan: () => planOf(state),
    arrived(kind, isIdle) {
      state.forecast.arrived(kind);
      state.sequence.arrived(isIdle);
    },
    mayGo(kind) {
      today(state);
      // Each kind may have its half, whatever the plan.
      const used = useOf(state);
      const half = halfOf({ callsPerDay: quota.limits.dailyCalls, used });
      return used.own[kind] < half || planOf(state).mayGo[kind];
    },
    gatherUntil(nowMs) {
      // The upstream is asked whether the day is still spent: no reason to wait for others.
      if (quota.dayLeft() === 0) return nowMs;
      state.credit = creditAt(state, nowMs);
      if (state.credit.calls >= 1) return nowMs;
      const plan = planOf(state);
      if (plan.maySequence && state.sequence.isOne()) return nowMs;
      return gatherUntil(state.credit, plan, gathering().longestMs, state.lastStartMs);
    },
    reserve: (kind) => reserve(state, kind),
    reserveSpare() {
      state.plan = undefined;
      return () => {};
    },
    spare: () => spareOf(state),
  };
}

/** The forecast is this much too low at times, and this part of the day's calls is left alone. */
const SAFETY = 1.2;
const KEPT_SHARE = 0.01;
/** After an hour with many leads a forecast needs more than the day has, though no lead may come any more. */
const LEAST_SPARE_SHARE = 0.02;

function spareOf(state: State): Spare {
  const { quota, forecast, peerLoad } = state;
  const { leftMs: msLeft } = today(state);
  const { batchablePerMs, singlePerMs } = forecast.perMs();
  const { activePeers } = peerLoad();
  const needed = (batchablePerMs + singlePerMs) * activePeers * msLeft * SAFETY;
  const left = quota.dayLeft();
  const free = Math.max(0, left - quota.limits.dailyCalls * KEPT_SHARE) / activePeers;
  const calls = Math.max(0, free - needed / activePeers);
  return { calls, least: free * LEAST_SPARE_SHARE, msLeft, isSpent: left === 0 };
}

/** Where in the day we are; what was counted on another day does not count. */
function today(state: State): DayTime {
  const time = state.quota.dayTime();
  if (time.count !== state.day) {
    Object.assign(state, { day: time.count, credit: undefined, plan: undefined });
    Object.assign(state.used.own, { batchable: 0, single: 0 });
    Object.assign(state.used, { left: 0, unshared: 0 });
  }
  return time;
}

function planOf(state: State): DayPlan {
  const nowMs = state.monotonicMs();
  if (state.plan === undefined || nowMs - state.plannedAt >= PLAN_MS) {
    state.plan = makePlan(state);
    state.plannedAt = nowMs;
  }
  return state.plan;
}

function makePlan(state: State): DayPlan {
  const { quota, gathering, peerLoad } = state;
  const { leftMs, lengthMs, callsBefore } = today(state);
  const { activePeers } = peerLoad();
  const plan = planDay(
    {
      callsLeft: quota.dayLeft(),
      callsBefore,
      callsPerDay: quota.limits.dailyCalls,
      msLeft: leftMs,
      dayMs: lengthMs,
      used: useOf(state),
      callersPart: state.callersPart(),
    },
    ofAll(state, state.forecast.perMs()),
    gathering(),
  );
  // Replicas that share the day take turns.
  return activePeers === 1
    ? plan
    : { ...plan, callsPerMs: plan.callsPerMs / activePeers, burst: plan.burst / activePeers };
}

/** What all replicas have used, as far as this one can tell. */
function useOf({ used: { own, left, unshared }, peerLoad }: State): DayUse {
  const { activePeers } = peerLoad();
  return {
    own: { batchable: own.batchable * activePeers, single: own.single * activePeers },
    left: left * activePeers,
    unshared: unshared * activePeers,
  };
}

/** Demand of all replicas, as far as this one can tell. */
function ofAll({ peerLoad }: State, { batchablePerMs, singlePerMs }: DayDemand): DayDemand {
  const { activePeers } = peerLoad();
  return { batchablePerMs: batchablePerMs * activePeers, singlePerMs: singlePerMs * activePeers };
}

function creditAt(state: State, nowMs: number): Credit {
  const { leftMs } = today(state);
  const { credit } = state;
  if (credit !== undefined && credit.calls >= 1 && nowMs - credit.atMs < REFILL_MS) return credit;
  const plan = planOf(state);
  if (credit !== undefined) return refilled(credit, plan, leftMs, nowMs);
  return { calls: plan.burst, atMs: nowMs, share: plan.share };
}

function reserve(state: State, kind: Kind): (verdict: CallVerdict) => void {
  const startMs = state.monotonicMs();
  const before = state.lastStartMs;
  const { count, leftMs: msLeft } = today(state);
  const budget = { callsPerDay: state.quota.limits.dailyCalls, used: useOf(state), msLeft };
  const booking = bookingOf(kind, budget, ofAll(state, state.forecast.peakPerMs()));
  if (kind === 'batchable') {
    state.credit = spent(creditAt(state, startMs));
    state.lastStartMs = startMs;
  }
  const book = (calls: 1 | -1) => {
    if (booking === 'own') state.used.own[kind] += calls;
    else state.used[booking] += calls;
  };
  book(1);
  state.plan = undefined;
  return (verdict) => {
    state.sequence.answered();
    if (verdict !== 'unsent') return;
    // The pace need not wait for a call that was not made.
    if (kind === 'batchable' && state.lastStartMs === startMs) state.lastStartMs = before;
    if (today(state).count !== count) return;
    book(-1);
    const { credit } = state;
    if (kind === 'batchable' && credit !== undefined) state.credit = { ...credit, calls: credit.calls + 1 };
  };
}

/** A lead that comes this soon after an answer, and while no other is on its way, is most likely the next of a sequence. */
const FOLLOWS_MS = 500;
/** How much the last lead weighs, and the share of leads from which on they are a sequence. */
const SMOOTHING = 0.05;
const LEAST_SHARE = 0.9;

type Sequence = ReturnType<typeof createSequence>;

/** Whether leads come one after the other, each when the one before is answered: waiting would not bring them together. */
function createSequence(monotonicMs: () => number) {
  let share = 0;
  let answeredAt = Number.NEGATIVE_INFINITY;
  return {
    arrived(isIdle: boolean): void {
      const follows = isIdle && monotonicMs() - answeredAt <= FOLLOWS_MS;
      share += (Number(follows) - share) * SMOOTHING;
    },
    answered(): void {
      answeredAt = monotonicMs();
    },
    isOne: () => share > LEAST_SHARE,
  };
}
