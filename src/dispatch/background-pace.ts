import type { Breaker } from './breaker.ts';
import type { DayPace } from './day-pace.ts';
import { circuitOpen, dayIsSpent } from './errors.ts';
import type { Quota } from './quota.ts';
import type { ReadyQueue } from './ready-queue.ts';
import { BURST_SHARE, type Move } from './scheduler.ts';
import { createTokenBucket } from './token-bucket.ts';

/** Calls for leads in no hurry that are not full, or that the day hardly has: some at once, then as it allows (a token bucket). */
export type BackgroundPace = {
  /** A call is made. */
  called(isFull: boolean): void;
  /** When the next call may be made, in monotonic ms: -Infinity if it may now; null: not while the day is as it is. */
  nextAt(isFull: boolean): number | null;
};

/** Such calls in a row, and the gap after a call, in ms; a day that gives more than one a second shortens it. */
const BURST = 20;
const GAP_MS = 1000;

export function createBackgroundPace(
  dayPace: Pick<DayPace, 'spare'>,
  monotonicMs: () => number,
): BackgroundPace {
  let lastMs = Number.NEGATIVE_INFINITY;
  const callsLeft = () => Math.max(dayPace.spare().calls, dayPace.spare().least);
  const perMs = () => callsLeft() / Math.max(1, dayPace.spare().msLeft);
  const bucket = createTokenBucket(BURST, perMs, monotonicMs);
  const isFree = (isFull: boolean) => isFull && dayPace.spare().calls >= 1;
  return {
    called(isFull) {
      lastMs = monotonicMs();
      if (!isFree(isFull)) bucket.take();
    },
    nextAt(isFull) {
      if (isFree(isFull)) return Number.NEGATIVE_INFINITY;
      if (callsLeft() < 1) return null;
      const atMs = bucket.nextAt();
      return atMs === null ? null : Math.max(lastMs + Math.min(GAP_MS, 1 / perMs()), atMs);
    },
  };
}

/** What the decision depends on; see SchedulerState. */
export type BackgroundState = {
  readonly quota: Pick<
    Quota,
    'admission' | 'capacity' | 'free' | 'refillTimes' | 'running' | 'givenUpUntil' | 'limits'
  >;
  readonly dayPace: Pick<DayPace, 'spare'>;
  readonly breaker: Pick<Breaker, 'check'>;
  readonly readyQueue: { readonly background: Pick<ReadyQueue, 'hasFullBatch'> };
  readonly backgroundPace: Pick<BackgroundPace, 'nextAt'>;
};

/** The day is looked at again after this, in ms: what it is expected to bring changes. */
const NEXT_LOOK_MS = 60_000;

/**
 * What to do for leads in no hurry while no other waits. They leave a burst of the 20 seconds, half of the calls at a
 * time, and what the rest of the day is expected to need, so that no other waits because of them. Changes nothing.
 */
export function nextBackgroundMove(state: BackgroundState, nowMs: number): Move {
  const { quota, dayPace, readyQueue, backgroundPace, breaker } = state;
  const admission = quota.admission();
  if (admission.kind === 'day-spent')
    return { kind: 'reject', error: dayIsSpent(admission.by, admission.forMs) };
  const { isSpent, msLeft } = dayPace.spare();
  // Kept leads can come back at midnight; leads that someone waits for find out whether there are calls before.
  if (isSpent) return { kind: 'reject', error: dayIsSpent('upstream', msLeft) };
  if (admission.kind === 'wait') return { kind: 'wait', untilMs: admission.atMs };
  const isBusy = quota.running() >= Math.max(1, Math.floor(quota.limits.maxConcurrent / 2));
  // The end of a call that still runs is noticed by itself.
  if (isBusy) return { kind: 'wait', untilMs: quota.givenUpUntil() };
  const missing = Math.floor(quota.capacity() * BURST_SHARE) + 1 - quota.free();
  if (missing > 0) return { kind: 'wait', untilMs: quota.refillTimes()[missing - 1] ?? quota.givenUpUntil() };
  const atMs = backgroundPace.nextAt(readyQueue.background.hasFullBatch()) ?? nowMs + NEXT_LOOK_MS;
  if (atMs > nowMs) return { kind: 'wait', untilMs: atMs };
  const circuit = breaker.check();
  switch (circuit.kind) {
    case 'go':
      return { kind: 'call', onlyGathered: false };
    case 'probing':
      return { kind: 'wait', untilMs: circuit.untilMs };
    case 'open':
      return { kind: 'reject', error: circuitOpen(circuit.retryAfterMs) };
  }
}
