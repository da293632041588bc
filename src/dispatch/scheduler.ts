import type { GatewayError } from '../leads/errors.ts';
import type { Breaker } from './breaker.ts';
import { circuitOpen, dayIsSpent } from './errors.ts';
import { BURST_SHARE, paceMs, RESERVED_SHARE } from './pace.ts';
import type { PeerLoad } from './permits.ts';
import type { Quota } from './quota.ts';
import type { ReadyQueue } from './ready-queue.ts';

/** What the decision depends on. Functions, since most of it is only looked at when the rest allows a call. */
export type SchedulerState = {
  readonly quota: Pick<Quota, 'admission' | 'capacity' | 'free' | 'refillTimes'>;
  readonly breaker: Pick<Breaker, 'check'>;
  readonly readyQueue: Pick<ReadyQueue, 'hasFullBatch' | 'hasBatchable'>;
  /** When the last call was started, in monotonic ms. */
  readonly lastStartMs: () => number;
  /** Leads a second that arrive here. */
  readonly demandPerSecond: () => number;
  readonly peerLoad: () => PeerLoad;
};

export type Move =
  | { readonly kind: 'call' }
  /** `untilMs`, in monotonic ms, is null when it is the end of a running call that is waited for. */
  | { readonly kind: 'wait'; readonly untilMs: number | null }
  /** No lead that waits can be sent in time. */
  | { readonly kind: 'reject'; readonly error: GatewayError };

const CALL: Move = { kind: 'call' };

/** What to do while jobs are ready: make a call now, wait, or reject all that wait. Changes nothing. */
export function nextMove(state: SchedulerState, nowMs: number): Move {
  const admission = state.quota.admission();
  if (admission.kind === 'day-spent') {
    return { kind: 'reject', error: dayIsSpent(admission.by, admission.forMs) };
  }
  if (admission.kind === 'wait') return { kind: 'wait', untilMs: admission.atMs };
  const paceUntilMs = state.lastStartMs() + gapMs(state, nowMs);
  if (paceUntilMs > nowMs) return { kind: 'wait', untilMs: paceUntilMs };
  const circuit = state.breaker.check();
  switch (circuit.kind) {
    case 'go':
      return CALL;
    case 'probing':
      return { kind: 'wait', untilMs: circuit.untilMs };
    case 'open':
      return { kind: 'reject', error: circuitOpen(circuit.retryAfterMs) };
  }
}

/** The gap to leave after the last call: under high demand leads gather, until a batch is full. */
function gapMs({ quota, readyQueue, demandPerSecond, peerLoad }: SchedulerState, nowMs: number): number {
  if (readyQueue.hasFullBatch()) return 0;
  const freeShare = readyQueue.hasBatchable() ? BURST_SHARE : RESERVED_SHARE;
  return paceMs(quota, demandPerSecond(), freeShare, nowMs, peerLoad());
}

/** What an estimate of the time until a call depends on. */
export type StartEstimate = {
  readonly quota: Pick<Quota, 'earliestStart' | 'running' | 'limits'>;
  /** What a call takes as a rule, in ms. */
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
