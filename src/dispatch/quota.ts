import type { Clock } from './clock.ts';
import { msToUsCentralMidnight } from './us-central.ts';

/** A subscription's limits (contract A, "Limits of a subscription"). */
export type QuotaLimits = {
  readonly callsPerWindow: number;
  readonly maxConcurrent: number;
  readonly dailyCalls: number;
};

/** The upstream counts calls in spans of this length. */
export const WINDOW_MS = 20_000;

/** While the day is spent, one call in this time finds out whether the quota was raised. */
const PROBE_EVERY_MS = 60_000;

/** How a call ended, as far as budgets care. `unsent` costs nothing; `unclear` may have been counted, nobody knows. */
export type CallVerdict =
  | 'counted'
  | 'unclear'
  | 'unsent'
  | 'rate-limited'
  | 'too-many-at-once'
  | 'day-spent';

export type Permission =
  | { readonly kind: 'go' }
  /** `atMs`, on the clock that does not jump, is null when it is a running call's end that is waited for. */
  | { readonly kind: 'wait'; readonly reason: 'window' | 'concurrency'; readonly atMs: number | null }
  | { readonly kind: 'day-spent'; readonly forMs: number };

export type Quota = {
  /** Whether a call may be made now. */
  permission(): Permission;
  /** Books a call; the function it gives books its end, once. */
  begin(): (verdict: CallVerdict, retryAfterMs?: number) => void;
  /** Calls the window has room for now. */
  free(): number;
  /** When room comes back, in elapsed ms, soonest first; running calls are not among them. */
  returns(): readonly number[];
  /** When the nth call from now can be made as far as the window goes, in elapsed ms. */
  startOf(nth: number): number;
  readonly limits: QuotaLimits;
  running(): number;
  /** Calls left today as far as we know; null when the upstream takes more than it was said to. */
  dayLeft(): number | null;
};

/**
 * Counts calls against the three budgets, so that none is sent that would be refused. A call counts in the window from
 * its start until `WINDOW_MS` after its end: wherever between the two the upstream has booked it, it is past then.
 * Other users of the subscription are not seen; what the upstream says of them corrects the count.
 */
export function createQuota(limits: QuotaLimits, { now, elapsed }: Clock): Quota {
  const { callsPerWindow, dailyCalls, maxConcurrent } = limits;
  /** Ends of calls, in elapsed ms, oldest first; those before `forgotten` count no more. */
  let ends: number[] = [];
  let forgotten = 0;
  let running = 0;

  let pausedUntil = Number.NEGATIVE_INFINITY;
  let pauseMs = 0;
  let concurrentAtMost = maxConcurrent;
  let answersSinceRefusal = 0;

  /** In ms since 1970: midnight is agreed with others. */
  let dayEndsAt = 0;
  let dayCount = 0;
  let dayLimit: number | null = dailyCalls;
  let isDaySpent = false;
  let nextProbeAt = 0;

  const forgetOld = (nowMs: number) => {
    while ((ends[forgotten] ?? Number.POSITIVE_INFINITY) + WINDOW_MS <= nowMs) forgotten += 1;
    // Not at every call: a large subscription has tens of thousands of them in its window.
    if (forgotten <= ends.length / 2) return;
    ends = ends.slice(forgotten);
    forgotten = 0;
  };

  const beginDay = () => {
    const wallMs = now();
    if (wallMs < dayEndsAt) return;
    dayEndsAt = wallMs + msToUsCentralMidnight(wallMs);
    dayCount = 0;
    dayLimit = dailyCalls;
    isDaySpent = false;
  };

  const free = () => {
    forgetOld(elapsed());
    return Math.max(0, callsPerWindow - running - (ends.length - forgotten));
  };

  const spendDay = (nowMs: number) => {
    isDaySpent = true;
    nextProbeAt = nowMs + PROBE_EVERY_MS;
  };

  /** An answer that is no refusal: the upstream has room again, step by step. */
  const onAnswer = (isProbe: boolean) => {
    if (isProbe) {
      // More is allowed than we were told: from here on only the upstream knows.
      isDaySpent = false;
      dayLimit = null;
    }
    pauseMs = 0;
    answersSinceRefusal += 1;
    if (concurrentAtMost < maxConcurrent && answersSinceRefusal >= 2 * concurrentAtMost) {
      concurrentAtMost += 1;
      answersSinceRefusal = 0;
    }
  };

  const onRefusal = (verdict: CallVerdict, nowMs: number, retryAfterMs: number | undefined) => {
    answersSinceRefusal = 0;
    if (verdict === 'day-spent') {
      spendDay(nowMs);
    } else if (verdict === 'rate-limited') {
      // One call at a time finds out when there is room; each refusal doubles the wait for the next.
      pauseMs = retryAfterMs ?? Math.min(Math.max(1000, pauseMs * 2), WINDOW_MS);
      pausedUntil = nowMs + pauseMs;
      concurrentAtMost = 1;
    } else {
      concurrentAtMost = Math.max(1, Math.min(concurrentAtMost, running));
      pausedUntil = nowMs + (retryAfterMs ?? 250);
    }
  };

  return {
    limits,
    free,
    running: () => running,
    returns() {
      forgetOld(elapsed());
      return ends.slice(forgotten).map((end) => end + WINDOW_MS);
    },
    dayLeft() {
      beginDay();
      if (isDaySpent) return 0;
      return dayLimit === null ? null : Math.max(0, dayLimit - dayCount);
    },

    permission() {
      const nowMs = elapsed();
      beginDay();
      if (dayLimit !== null && dayCount >= dayLimit && !isDaySpent) spendDay(nowMs);
      if (isDaySpent && nowMs < nextProbeAt) return { kind: 'day-spent', forMs: dayEndsAt - now() };
      if (nowMs < pausedUntil) return { kind: 'wait', reason: 'window', atMs: pausedUntil };
      if (running >= concurrentAtMost) return { kind: 'wait', reason: 'concurrency', atMs: null };
      if (free() > 0) return { kind: 'go' };
      const oldest = ends[forgotten];
      return { kind: 'wait', reason: 'window', atMs: oldest === undefined ? null : oldest + WINDOW_MS };
    },

    begin() {
      const startMs = elapsed();
      beginDay();
      running += 1;
      dayCount += 1;
      // Calls from before the day was spent may still be answered; only one made since says that it is not.
      const isProbe = isDaySpent;
      if (isProbe) nextProbeAt = startMs + PROBE_EVERY_MS;
      let isRunning = true;
      return (verdict, retryAfterMs) => {
        if (!isRunning) return;
        isRunning = false;
        running -= 1;
        const nowMs = elapsed();
        if (verdict === 'unsent') {
          dayCount = Math.max(0, dayCount - 1);
          return;
        }
        ends.push(nowMs);
        if (verdict === 'counted') onAnswer(isProbe);
        else if (verdict !== 'unclear') onRefusal(verdict, nowMs, retryAfterMs);
      };
    },

    startOf(nth) {
      const nowMs = elapsed();
      const from = Math.max(nowMs, pausedUntil);
      const left = nth - free();
      if (left <= 0) return from;
      // Running calls come back a window after they end, which is not before now.
      const rounds = Math.floor((left - 1) / callsPerWindow);
      const end = ends[forgotten + ((left - 1) % callsPerWindow)] ?? nowMs;
      return Math.max(from, end + WINDOW_MS) + rounds * WINDOW_MS;
    },
  };
}
