import { NO_PEERS, type PeerLoad } from './permits.ts';
import type { Quota } from './quota.ts';
import { WINDOW_MS } from './sliding-window.ts';
import type { GatewayError } from '../leads/errors.ts';
import type { Breaker } from './breaker.ts';
import type { DayPace } from './day-pace.ts';
import { circuitOpen, dayIsReserved, dayIsSpent } from './errors.ts';
import type { Kind, ReadyQueue } from './ready-queue.ts';
import { createTokenBucket } from './token-bucket.ts';

/** How fast past demand fades from the average. */
const FADE_MS = 1000;

/** Short bursts go at once, as long as more than this share of the window is left. */
export const BURST_SHARE = 0.75;

/** Leads that cannot be batched gain nothing by waiting; they leave this share of the window to the others. */
export const RESERVED_SHARE = 0.25;

/** More than a burst: demand of this many times what the window could carry call by call … */
const OVERLOAD = 2;

/** … and of at least this many leads a second, since a few requests on a small subscription are no overload. */
const LEAST_OVERLOAD = 10;

/** Leads a second, as an exponentially fading average of arrivals. */
export type Demand = { arrived(): void; perSecond(): number };

export function createDemand(monotonicMs: () => number): Demand {
  let rate = 0;
  let at = monotonicMs();
  const fade = () => {
    const nowMs = monotonicMs();
    rate *= Math.exp(-Math.max(0, nowMs - at) / FADE_MS);
    at = nowMs;
  };
  return {
    arrived() {
      fade();
      rate += 1000 / FADE_MS;
    },
    perSecond() {
      fade();
      return rate;
    },
  };
}

/**
 * The gap to leave between the starts of two calls, in ms; 0 for none. If single leads spent the window while many more
 * come, nothing would be left for 20 seconds: under such demand calls are spread evenly, and each takes along the leads
 * that have gathered. The pace is the fastest even one that never runs dry; replicas that share a window take turns.
 *
 * @param freeShare the share of the window above which no lead has to wait
 */
export function paceMs(
  quota: Pick<Quota, 'capacity' | 'free' | 'refillTimes'>,
  demandPerSecond: number,
  freeShare: number,
  nowMs: number,
  peers: PeerLoad = NO_PEERS,
): number {
  const callsPerWindow = quota.capacity();
  const perSecond = (callsPerWindow * 1000) / WINDOW_MS;
  const free = quota.free();
  const overload = Math.max(perSecond * OVERLOAD, LEAST_OVERLOAD);
  if (free > callsPerWindow * freeShare || demandPerSecond + peers.demandPerSecond <= overload) return 0;
  let perMs = perSecond / 1000;
  for (const [index, at] of quota.refillTimes().entries()) {
    perMs = Math.min(perMs, (free + index) / Math.max(1, at - nowMs));
  }
  return perMs === 0 ? 0 : peers.activePeers / perMs;
}

/** Whether several callers have leads. */
export type Sharing = {
  /** A call is made; `isNew`: for a caller that had nothing waiting. */
  called(isNew: boolean): void;
  /** The part of calls that are made for callers that had nothing waiting, as a fading average; a half at most. */
  newShare(): number;
  isShared(): boolean;
  /** Whether one may be made before its time. */
  mayPass(): boolean;
};

/** The part of all calls that callers who had nothing waiting may take before their time, and how many in a row. */
const PASSING_SHARE = 0.5;
const PASSING_BURST = 3;

/** @param knowsOthers whether there is more than one caller */
export function createSharing(
  quota: Pick<Quota, 'capacity'>,
  knowsOthers: () => boolean,
  monotonicMs: () => number,
): Sharing {
  let lastMs = Number.NEGATIVE_INFINITY;
  let newShare = 0;
  const perMs = () => (quota.capacity() * PASSING_SHARE) / WINDOW_MS;
  const passing = createTokenBucket(PASSING_BURST, perMs, monotonicMs);
  return {
    newShare: () => Math.min(PASSING_SHARE, newShare),
    called(isNew) {
      newShare += (Number(isNew && knowsOthers()) - newShare) * NEW_SMOOTHING;
      if (!isNew || !knowsOthers()) return;
      lastMs = monotonicMs();
      passing.take();
    },
    isShared: () => monotonicMs() - lastMs < SHARING_MS,
    mayPass: passing.hasToken,
  };
}

/** How much the last call changes the average. */
const NEW_SMOOTHING = 0.02;

/** After a call for a caller that had nothing waiting, others leave calls to it for this time, in ms. */
const SHARING_MS = 3 * WINDOW_MS;

/** What the decision depends on. Functions, since most of it is only looked at when the rest allows a call. */
export type SchedulerState = {
  readonly quota: Pick<Quota, 'admission' | 'capacity' | 'free' | 'refillTimes'>;
  readonly dayPace: Pick<DayPace, 'gatherUntil' | 'mayGo'>;
  readonly breaker: Pick<Breaker, 'check'>;
  readonly readyQueue: Pick<
    ReadyQueue,
    'hasFullBatch' | 'hasBatchable' | 'hasSingle' | 'calls' | 'isNextNew'
  >;
  readonly sharing: Pick<Sharing, 'isShared' | 'mayPass'>;
  /** When the last call was started, in monotonic ms. */
  readonly lastStartMs: () => number;
  /** Leads a second that arrive here. */
  readonly demandPerSecond: () => number;
  readonly peerLoad: () => PeerLoad;
  /** How long a lead may wait for others, in ms. */
  readonly longestGatherMs: () => number;
};

export type Move =
  /** `onlyGathered`: without leads that waiting could bring together with others. */
  | { readonly kind: 'call'; readonly onlyGathered: boolean }
  /** `untilMs`, in monotonic ms, is null when it is the end of a running call that is waited for. */
  | { readonly kind: 'wait'; readonly untilMs: number | null }
  /** No lead that waits can be sent in time; none of a kind, if `of` names one. */
  | { readonly kind: 'reject'; readonly of?: Kind | undefined; readonly error: GatewayError };

const CALL: Move = { kind: 'call', onlyGathered: false };
const CALL_GATHERED: Move = { kind: 'call', onlyGathered: true };

/** What to do while jobs are ready: make a call now, wait, or reject those that wait. Changes nothing. */
export function nextMove(state: SchedulerState, nowMs: number): Move {
  const admission = state.quota.admission();
  if (admission.kind === 'day-spent') {
    // The new day is near enough to be waited for.
    if (admission.by === 'count' && admission.forMs <= state.longestGatherMs()) {
      return { kind: 'wait', untilMs: nowMs + admission.forMs };
    }
    return { kind: 'reject', error: dayIsSpent(admission.by, admission.forMs) };
  }
  if (admission.kind === 'wait') return { kind: 'wait', untilMs: admission.atMs };
  const paceUntilMs = state.lastStartMs() + gapMs(state, nowMs);
  if (paceUntilMs > nowMs) return { kind: 'wait', untilMs: paceUntilMs };
  const move = moveOfTheDay(state, nowMs);
  if (move.kind !== 'call') return move;
  const circuit = state.breaker.check();
  switch (circuit.kind) {
    case 'go':
      return move;
    case 'probing':
      return { kind: 'wait', untilMs: circuit.untilMs };
    case 'open':
      return { kind: 'reject', error: circuitOpen(circuit.retryAfterMs) };
  }
}

/** Leads that can share a call gather as the day demands; those that can only go alone gain nothing by it. */
function moveOfTheDay({ readyQueue, dayPace }: SchedulerState, nowMs: number): Move {
  const hasSingle = readyQueue.hasSingle();
  if (hasSingle && !dayPace.mayGo('single')) return { kind: 'reject', of: 'single', error: dayIsReserved() };
  if (!readyQueue.hasBatchable()) return CALL;
  if (!dayPace.mayGo('batchable')) return { kind: 'reject', of: 'batchable', error: dayIsReserved() };
  const untilMs = dayPace.gatherUntil(nowMs);
  if (untilMs <= nowMs) return CALL;
  return hasSingle || readyQueue.hasFullBatch() ? CALL_GATHERED : { kind: 'wait', untilMs };
}

/**
 * The gap to leave after the last call: under high demand leads gather, until a batch is full. Where others have leads as
 * well, no caller may spend the window with what it has waiting: they would find no call for up to 20 seconds.
 */
function gapMs(state: SchedulerState, nowMs: number): number {
  const { quota, readyQueue, demandPerSecond, peerLoad, sharing } = state;
  if (sharing.isShared()) {
    if (readyQueue.isNextNew() && sharing.mayPass()) return 0;
    const isBusy = readyQueue.calls() > 1 || demandPerSecond() > (quota.capacity() * 1000) / WINDOW_MS;
    return isBusy ? paceMs(quota, Number.POSITIVE_INFINITY, BURST_SHARE, nowMs, peerLoad()) : 0;
  }
  if (readyQueue.hasFullBatch()) return 0;
  const freeShare = readyQueue.hasBatchable() ? BURST_SHARE : RESERVED_SHARE;
  return paceMs(quota, demandPerSecond(), freeShare, nowMs, peerLoad());
}

/** The part of a deadline that is kept for the call, at least, in ms … */
const CALL_RESERVE_MS = 7000;
/** … and where calls take longer, this many times what one usually takes. */
const CALL_RESERVE = 3;

/** How long a lead may wait for others, in ms, so that it is answered before its deadline. */
export function longestGather(deadlineMs: number, usualCallMs: number): number {
  return Math.max(deadlineMs / 2, deadlineMs - Math.max(CALL_RESERVE_MS, usualCallMs * CALL_RESERVE));
}

/** What an estimate of the time until a call depends on. */
export type StartEstimate = {
  readonly quota: Pick<Quota, 'earliestStart' | 'running' | 'limits'>;
  /** What a call usually takes, in ms. */
  readonly usualCallMs: () => number;
  readonly peerLoad: () => PeerLoad;
};

/** Ms until the nth call from now can start, as far as the window goes and the calls that run at a time. */
export function startsInMs(
  { quota, usualCallMs, peerLoad }: StartEstimate,
  nth: number,
  nowMs: number,
): number {
  const rounds = Math.floor((quota.running() + nth - 1) / quota.limits.maxConcurrent);
  const windowMs = quota.earliestStart(nth * peerLoad().activePeers) - nowMs;
  return Math.max(windowMs, rounds * usualCallMs());
}

/**
 * The same for a lead that takes the nth call.
 *
 * @param isSingle whether it can only go alone: such calls are never full, so they all keep to the pace
 */
export function sentInMs(
  state: SchedulerState & StartEstimate,
  nth: number,
  isSingle: boolean,
  nowMs: number,
): number {
  return Math.max(startsInMs(state, nth, nowMs), isSingle ? nth * gapMs(state, nowMs) : 0);
}

/**
 * Whether the call of a lead would not end before its deadline. Some calls are to spare, since those of leads yet to come
 * may go before it.
 *
 * @param sentIn ms until it is sent as far as the limits go
 * @param aheadMs ms that leads for the same person take which go before it
 */
export function isTooLate(sentIn: number, aheadMs: number, usualCallMs: number, deadlineMs: number): boolean {
  // A lead that can be sent now is accepted, however long calls take.
  if (sentIn <= 0 && aheadMs === 0) return false;
  const spared = Math.max(deadlineMs / 2, deadlineMs - usualCallMs * CALL_RESERVE);
  const lastStartMs = Math.min(spared, deadlineMs - usualCallMs);
  return sentIn >= lastStartMs || aheadMs + usualCallMs >= deadlineMs;
}
