import type { Clock } from '../runtime/clock.ts';
import type { CallVerdict } from '../upstream/outcome.ts';
import { msToQuotaReset } from './quota-reset.ts';
import { createSlidingWindow, type SlidingWindow, WINDOW_MS } from './sliding-window.ts';

/** A subscription's limits (contract A, "Limits of a subscription"). */
export type QuotaLimits = {
  readonly callsPerWindow: number;
  readonly maxConcurrent: number;
  readonly dailyCalls: number;
};

/** While the upstream calls the day spent, one call in this time asks it again. */
const LOOK_EVERY_MS = 60_000;
/** However soon the upstream says that it wants to be asked again. */
const SHORTEST_LOOK_MS = 1000;

export type Admission =
  | { readonly kind: 'go' }
  /** `atMs`, on the clock that does not jump, is null when it is a running call's end that is waited for. */
  | { readonly kind: 'wait'; readonly reason: 'window' | 'concurrency'; readonly atMs: number | null }
  /** `forMs` goes to midnight where we have made as many calls as we may, else to when the upstream is asked again. */
  | { readonly kind: 'day-spent'; readonly by: 'upstream' | 'count'; readonly forMs: number };

export type Quota = {
  /** Whether a call may be made now. */
  admission(): Admission;
  /** Books a call; the function it gives books its end, once. */
  reserve(): (verdict: CallVerdict, retryAfterMs?: number) => void;
  /** Holds all calls back until then, in monotonic ms. */
  pauseUntil(atMs: number): void;
  /** Until when calls are held back, in monotonic ms. */
  pausedUntil(): number;
  /** Calls a window takes in all. */
  capacity(): number;
  /** Calls the window has room for now. */
  free(): number;
  /** When room comes back, in monotonic ms, soonest first; running calls are not among them. */
  refillTimes(): readonly number[];
  /** When the nth call from now can be made as far as the window goes, in monotonic ms. */
  earliestStart(nth: number): number;
  readonly limits: QuotaLimits;
  running(): number;
  /** Calls left today as far as we know. */
  dayLeft(): number;
  /** How long until the upstream is asked again, in ms, once it has called the day spent. */
  lookInMs(): number;
  /** The same; null while the day is not spent. */
  spentLookInMs(): number | null;
  /** What other replicas have been told of the day: when the upstream is asked again; null: it is not spent. */
  hearOfDay(lookInMs: number | null): void;
  /** To be called when the upstream is known to take more than it did: it is asked again at once. */
  lookAgain(): void;
  /** To be called when the upstream is known to have forgotten the calls of the day. */
  renewDay(): void;
  /** The day as a store for all replicas needs it. */
  day(): DayLimit;
};

export type DayLimit = {
  /** In ms since 1970. */
  readonly endsAt: number;
  /** Calls all replicas may make. */
  readonly calls: number;
};

/** What the budgets are when other replicas use the same subscription. */
export type Share = {
  readonly window: SlidingWindow;
  /** Calls this process may run at a time. */
  maxConcurrent(): number;
  /** Calls of the day that this process may make in all. */
  ownDay(day: { readonly endsAt: number; readonly calls: number }): number;
};

/**
 * Counts calls against the three budgets, so that none is sent that would be refused. Other users of the subscription
 * are not seen; what the upstream says of them corrects the count.
 *
 * @param share what other replicas of the gateway leave to this one; without it all is its own
 */
export function createQuota(
  limits: QuotaLimits,
  { now, monotonicMs }: Pick<Clock, 'now' | 'monotonicMs'>,
  share?: Share,
): Quota {
  const { callsPerWindow, dailyCalls, maxConcurrent } = limits;
  const window = share?.window ?? createSlidingWindow(callsPerWindow, monotonicMs);
  let running = 0;

  let pausedUntil = Number.NEGATIVE_INFINITY;
  let pauseMs = 0;
  let concurrentAtMost = maxConcurrent;
  let answersSinceRefusal = 0;

  /** In ms since 1970: midnight is agreed with others. */
  let dayEndsAt = 0;
  let dayCount = 0;
  /** Whether the upstream has called the day spent. */
  let isDaySpent = false;
  /** When it is asked again, in monotonic ms; and whether it is being asked. */
  let nextLookAt = 0;
  let isLooking = false;
  /** Whether other replicas know that the day is spent. */
  let isKnown = false;
  /** When the day was opened again; what calls from before it are told is of yesterday. */
  let openedAt = Number.NEGATIVE_INFINITY;

  const beginDay = () => {
    const wallMs = now();
    if (wallMs < dayEndsAt) return;
    dayEndsAt = wallMs + msToQuotaReset(wallMs);
    dayCount = 0;
    isDaySpent = false;
    isKnown = false;
  };

  /** Calls this process may make today in all. What the operator has set is a cap: others may use the subscription. */
  const ownDay = () =>
    share === undefined ? dailyCalls : share.ownDay({ endsAt: dayEndsAt, calls: dailyCalls });

  const openDay = (nowMs: number) => {
    isDaySpent = false;
    isKnown = false;
    openedAt = nowMs;
  };

  const lookInMs = (nowMs: number) =>
    Math.min(isDaySpent ? Math.max(0, nextLookAt - nowMs) : LOOK_EVERY_MS, dayEndsAt - now());

  /** Why the day's calls are used up; undefined when they are not. */
  const spentDay = (nowMs: number): Admission | undefined => {
    beginDay();
    // Until midnight, whatever the upstream says.
    if (dayCount >= ownDay()) return { kind: 'day-spent', by: 'count', forMs: dayEndsAt - now() };
    if (!isDaySpent) return undefined;
    // Its answer is about to come, and who was told to come now shall not be sent away.
    if (isLooking) return { kind: 'wait', reason: 'concurrency', atMs: null };
    return nowMs < nextLookAt ? { kind: 'day-spent', by: 'upstream', forMs: lookInMs(nowMs) } : undefined;
  };

  const forgetPauses = () => {
    pausedUntil = Number.NEGATIVE_INFINITY;
    pauseMs = 0;
    concurrentAtMost = maxConcurrent;
  };

  /** An answer that is no refusal: the upstream has room again, step by step. */
  const onAnswer = () => {
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
      isDaySpent = true;
      nextLookAt = nowMs + Math.max(SHORTEST_LOOK_MS, retryAfterMs ?? LOOK_EVERY_MS);
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
    capacity: window.capacity,
    free: window.free,
    refillTimes: window.refillTimes,
    running: () => running,
    pausedUntil: () => pausedUntil,
    pauseUntil(atMs) {
      pausedUntil = Math.max(pausedUntil, atMs);
    },
    dayLeft() {
      beginDay();
      return isDaySpent ? 0 : Math.max(0, ownDay() - dayCount);
    },
    day() {
      beginDay();
      return { endsAt: dayEndsAt, calls: dailyCalls };
    },
    lookInMs() {
      beginDay();
      return lookInMs(monotonicMs());
    },
    spentLookInMs() {
      beginDay();
      return isDaySpent ? lookInMs(monotonicMs()) : null;
    },
    hearOfDay(inMs) {
      beginDay();
      if (inMs !== null) {
        isDaySpent = true;
        isKnown = true;
        if (!isLooking) nextLookAt = monotonicMs() + inMs;
      } else if (isDaySpent && isKnown) {
        openDay(monotonicMs());
      }
    },
    lookAgain() {
      forgetPauses();
      nextLookAt = monotonicMs();
    },
    renewDay() {
      forgetPauses();
      dayCount = 0;
      openDay(monotonicMs());
    },

    admission() {
      const nowMs = monotonicMs();
      const spent = spentDay(nowMs);
      if (spent !== undefined) return spent;
      if (nowMs < pausedUntil) return { kind: 'wait', reason: 'window', atMs: pausedUntil };
      const atMost = Math.min(concurrentAtMost, share?.maxConcurrent() ?? maxConcurrent);
      if (running >= atMost) return { kind: 'wait', reason: 'concurrency', atMs: null };
      return window.free() > 0 ? { kind: 'go' } : { kind: 'wait', reason: 'window', atMs: window.next() };
    },

    reserve() {
      const startMs = monotonicMs();
      beginDay();
      running += 1;
      window.reserve();
      dayCount += 1;
      // Calls from before the day was spent may still be answered; only one made since says that it is not.
      const isLook = isDaySpent;
      if (isLook) {
        isLooking = true;
        nextLookAt = startMs + LOOK_EVERY_MS;
      }
      let isRunning = true;
      return (verdict, retryAfterMs) => {
        if (!isRunning) return;
        isRunning = false;
        running -= 1;
        if (isLook) isLooking = false;
        window.end(verdict !== 'unsent');
        if (verdict === 'unsent') {
          dayCount = Math.max(0, dayCount - 1);
          if (isLook) nextLookAt = startMs;
          return;
        }
        const nowMs = monotonicMs();
        if (verdict === 'counted') {
          if (isLook && isDaySpent) openDay(nowMs);
          onAnswer();
        } else if (verdict === 'day-spent') {
          // Who was refused before has been told when the upstream is asked again.
          const isNews = startMs >= openedAt && (isLook || !isDaySpent);
          if (isNews) onRefusal(verdict, nowMs, retryAfterMs);
        } else if (verdict !== 'unclear') {
          // It did not say that the day is spent, and can be asked as soon as it has room.
          if (isLook) nextLookAt = nowMs;
          onRefusal(verdict, nowMs, retryAfterMs);
        }
      };
    },

    earliestStart: (nth) => Math.max(window.earliestStart(nth), pausedUntil),
  };
}
