import type { Clock } from './clock.ts';
import { msToUsCentralMidnight } from './us-central.ts';
import { createWindow, type Window, WINDOW_MS } from './window.ts';

/** A subscription's limits (contract A, "Limits of a subscription"). */
export type QuotaLimits = {
  readonly callsPerWindow: number;
  readonly maxConcurrent: number;
  readonly dailyCalls: number;
};

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
  /** Holds all calls back until then, in elapsed ms. */
  pauseUntil(atMs: number): void;
  /** Until when calls are held back, in elapsed ms. */
  pausedUntil(): number;
  /** Calls a window takes in all. */
  perWindow(): number;
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
  /** The day as a store for all replicas needs it. */
  day(): DayLimit;
};

export type DayLimit = {
  /** In ms since 1970. */
  readonly endsAt: number;
  /** Calls all replicas may make; null when the upstream takes more than it was said to, or is asked whether it does. */
  readonly calls: number | null;
};

/** What the budgets are when other replicas use the same subscription. */
export type Share = {
  readonly window: Window;
  /** Calls this process may run at a time. */
  maxConcurrent(): number;
  /** Calls of the day that this process may make in all. */
  ownDay(day: { readonly endsAt: number; readonly calls: number }): number;
  /** Whether a spent day is spent for everybody, so that a call may find out whether the quota was raised. */
  mayProbe(): boolean;
};

/**
 * Counts calls against the three budgets, so that none is sent that would be refused. Other users of the subscription
 * are not seen; what the upstream says of them corrects the count.
 *
 * @param share what other replicas of the gateway leave to this one; without it all is its own
 */
export function createQuota(limits: QuotaLimits, { now, elapsed }: Clock, share?: Share): Quota {
  const { callsPerWindow, dailyCalls, maxConcurrent } = limits;
  const window = share?.window ?? createWindow(callsPerWindow, elapsed);
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
  /** Whether it was our count that said so; the count of all replicas can turn out lower. */
  let isSpentByCount = false;
  let nextProbeAt = 0;

  const beginDay = () => {
    const wallMs = now();
    if (wallMs < dayEndsAt) return;
    dayEndsAt = wallMs + msToUsCentralMidnight(wallMs);
    dayCount = 0;
    dayLimit = dailyCalls;
    isDaySpent = false;
    isSpentByCount = false;
  };

  /** Calls this process may make today in all; null when nobody knows. */
  const ownDay = () =>
    dayLimit === null || share === undefined
      ? dayLimit
      : share.ownDay({ endsAt: dayEndsAt, calls: dayLimit });

  const countDay = (nowMs: number) => {
    beginDay();
    const own = ownDay();
    const isUsedUp = own !== null && dayCount >= own;
    if (isUsedUp && !isDaySpent) {
      spendDay(nowMs);
      isSpentByCount = true;
    } else if (!isUsedUp && isSpentByCount) {
      isDaySpent = false;
      isSpentByCount = false;
    }
  };

  const spendDay = (nowMs: number) => {
    isDaySpent = true;
    isSpentByCount = false;
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
    perWindow: window.size,
    free: window.free,
    returns: window.returns,
    running: () => running,
    pausedUntil: () => pausedUntil,
    pauseUntil(atMs) {
      pausedUntil = Math.max(pausedUntil, atMs);
    },
    dayLeft() {
      beginDay();
      if (isDaySpent) return 0;
      const own = ownDay();
      return own === null ? null : Math.max(0, own - dayCount);
    },
    day() {
      beginDay();
      return { endsAt: dayEndsAt, calls: isDaySpent ? null : dayLimit };
    },

    permission() {
      const nowMs = elapsed();
      countDay(nowMs);
      const mayProbe = nowMs >= nextProbeAt && share?.mayProbe() !== false;
      if (isDaySpent && !mayProbe) return { kind: 'day-spent', forMs: dayEndsAt - now() };
      if (nowMs < pausedUntil) return { kind: 'wait', reason: 'window', atMs: pausedUntil };
      const atMost = Math.min(concurrentAtMost, share?.maxConcurrent() ?? maxConcurrent);
      if (running >= atMost) return { kind: 'wait', reason: 'concurrency', atMs: null };
      return window.free() > 0 ? { kind: 'go' } : { kind: 'wait', reason: 'window', atMs: window.next() };
    },

    begin() {
      const startMs = elapsed();
      beginDay();
      running += 1;
      window.begin();
      dayCount += 1;
      // Calls from before the day was spent may still be answered; only one made since says that it is not.
      const isProbe = isDaySpent;
      if (isProbe) nextProbeAt = startMs + PROBE_EVERY_MS;
      let isRunning = true;
      return (verdict, retryAfterMs) => {
        if (!isRunning) return;
        isRunning = false;
        running -= 1;
        window.end(verdict !== 'unsent');
        if (verdict === 'unsent') {
          dayCount = Math.max(0, dayCount - 1);
          return;
        }
        const nowMs = elapsed();
        if (verdict === 'counted') onAnswer(isProbe);
        else if (verdict !== 'unclear') onRefusal(verdict, nowMs, retryAfterMs);
      };
    },

    startOf: (nth) => Math.max(window.startOf(nth), pausedUntil),
  };
}
