import type { Clock } from '../runtime/clock.ts';
import { type BudgetAdvice, type CallVerdict, MAY_RUN_MS } from '../upstream/outcome.ts';
import { type ConcurrencyLimit, createConcurrencyLimit } from './concurrency-limit.ts';
import {
  createDailyQuota,
  type DailyQuota,
  type DayLimit,
  type DaySpent,
  type DayTime,
} from './daily-quota.ts';
import { createHalvedWindow, type HalvedWindow } from './halved-window.ts';
import { createSlidingWindow, type SlidingWindow, WINDOW_MS } from './sliding-window.ts';

/** A subscription's limits (docs/marketo-soap.md#limits). */
export type QuotaLimits = {
  readonly callsPerWindow: number;
  readonly maxConcurrent: number;
  readonly dailyCalls: number;
};

/** The pause after the upstream has refused a call because too many ran at a time, in ms. */
const TOO_MANY_PAUSE_MS = 250;
/** The first pause after the upstream has called the 20 seconds spent, in ms; each further one is twice as long. */
const FIRST_PAUSE_MS = 1000;

export type Admission =
  | { readonly kind: 'go' }
  /** `atMs`, in monotonic ms, is null when it is the end of a running call that is waited for. */
  | { readonly kind: 'wait'; readonly reason: 'window' | 'concurrency'; readonly atMs: number | null }
  | DaySpent;

export type Quota = {
  /** Whether a call may be made now. */
  admission(): Admission;
  /** Books a call; the function it returns books its end, once. */
  reserve(): (verdict: CallVerdict, retryAfterMs?: number, advice?: BudgetAdvice) => void;
  /** Holds all calls back until then, in monotonic ms. */
  pauseUntil(atMs: number): void;
  /** Until when calls are held back, in monotonic ms. */
  pausedUntil(): number;
  /** Calls the window holds in all. */
  capacity(): number;
  /** Calls the window has room for now. */
  free(): number;
  /** When room comes back, in monotonic ms, soonest first; running calls are not among them. */
  refillTimes(): readonly number[];
  /** When the nth call from now can be made as far as the window goes, in monotonic ms. */
  earliestStart(nth: number): number;
  readonly limits: QuotaLimits;
  running(): number;
  /** When the first of the calls that were given up at their time-out gives its place back; null without any. */
  givenUpUntil(): number | null;
  /** Calls left today as far as we know. */
  dayLeft(): number;
  /** Ms until a call may probe again, if the day is spent or were spent now. */
  probeInMs(): number;
  /** The same; null while the day is not spent. */
  spentProbeInMs(): number | null;
  /** What other replicas know of the day: ms until the next probe; null: it is not spent. */
  learnOfDay(probeInMs: number | null): void;
  /** To be called when the upstream is known to have room again: the next call is made at once. */
  probeNow(): void;
  /** To be called when the upstream is known to have forgotten the calls of the day. */
  resetDay(): void;
  /** What the upstream says of the day: the calls that everybody has made so far. */
  learnTotal(calls: number): void;
  /** The day as a store for all replicas needs it. */
  day(): DayLimit;
  dayTime(): DayTime;
};

/** What other replicas of the gateway leave to this one. */
export type Share = {
  readonly window: SlidingWindow;
  /** Calls this process may run at a time. */
  maxConcurrent(): number;
  /** Calls of the day that this process may make in all. */
  ownDay(day: DayLimit): number;
};

/**
 * Counts calls against the three budgets, the day, the 20 seconds and the calls at a time, so that none is sent that
 * would be refused. Other users of the subscription are not seen; what the upstream says of them corrects the count.
 *
 * @param share what other replicas of the gateway leave to this one; without it all is its own
 * @param before calls that a process before this one may just have ended; 0: there was none that is not known of
 */
export function createQuota(
  limits: QuotaLimits,
  clock: Pick<Clock, 'now' | 'monotonicMs'>,
  share?: Share,
  before = 0,
): Quota {
  const { callsPerWindow, dailyCalls, maxConcurrent } = limits;
  const { monotonicMs } = clock;
  const window = createHalvedWindow(
    share?.window ?? createSlidingWindow(callsPerWindow, monotonicMs, before),
    monotonicMs,
  );
  const day = createDailyQuota(dailyCalls, clock, share?.ownDay, before === 0);
  const concurrency = createConcurrencyLimit(maxConcurrent, share?.maxConcurrent ?? (() => maxConcurrent));
  const pause = createPause(monotonicMs);
  const givenUp = createGivenUpCalls(monotonicMs);
  const books = { day, concurrency, window, pause, givenUp, monotonicMs };
  const restart = () => {
    pause.clear();
    window.restore();
    givenUp.endAll();
    concurrency.reset();
  };

  return {
    limits,
    capacity: window.capacity,
    free() {
      givenUp.update();
      return window.free();
    },
    refillTimes: window.refillTimes,
    running() {
      givenUp.update();
      return concurrency.running();
    },
    givenUpUntil: givenUp.nextMs,
    pausedUntil: pause.until,
    pauseUntil: pause.extendTo,
    dayLeft: day.left,
    learnTotal: day.learnTotal,
    day: day.limit,
    dayTime: day.time,
    probeInMs: day.probeInMs,
    spentProbeInMs: day.spentProbeInMs,
    learnOfDay: day.learn,
    probeNow() {
      restart();
      day.probeNow();
    },
    resetDay() {
      restart();
      day.reset();
    },

    admission: () => admit(books),
    reserve: () => reserve(books),
    earliestStart: (nth) => Math.max(window.earliestStart(nth), pause.until()),
  };
}

/** What a call is booked with. */
type Books = {
  readonly day: DailyQuota;
  readonly concurrency: ConcurrencyLimit;
  readonly window: HalvedWindow;
  readonly pause: Pause;
  readonly givenUp: GivenUpCalls;
  readonly monotonicMs: () => number;
};

function admit({ day, concurrency, window, pause, givenUp, monotonicMs }: Books): Admission {
  givenUp.update();
  const today = day.check();
  if (today === 'probing') return waitForEnd(null);
  if (today !== 'open') return today;
  const pausedUntil = pause.until();
  if (monotonicMs() < pausedUntil) return { kind: 'wait', reason: 'window', atMs: pausedUntil };
  if (concurrency.isFull()) return waitForEnd(givenUp.nextMs());
  return window.free() > 0 ? GO : { kind: 'wait', reason: 'window', atMs: window.next() };
}

/** Books a call with every budget. */
function reserve(books: Books): ReturnType<Quota['reserve']> {
  const { day, concurrency, window, pause, givenUp } = books;
  const startMs = books.monotonicMs();
  const call = day.reserve();
  concurrency.begin();
  window.reserve();
  let isRunning = true;
  return (verdict, retryAfterMs, advice = NO_ADVICE) => {
    if (!isRunning) return;
    isRunning = false;
    if (verdict === 'given-up') {
      concurrency.giveUp();
      givenUp.add(startMs + (advice.mayRunMs ?? MAY_RUN_MS), () => {
        concurrency.endGivenUp();
        window.end(true);
      });
    } else {
      concurrency.end();
      window.end(verdict !== 'unsent');
    }
    day.end(call, verdict, retryAfterMs, advice);
    if (verdict === 'counted') {
      pause.onAnswer();
      concurrency.onAnswer();
    } else if (verdict === 'rate-limited') {
      pause.onRateLimit(retryAfterMs);
      if (advice.halfPaceMs !== undefined) window.halveFor(advice.halfPaceMs);
      concurrency.toOne();
    } else if (verdict === 'too-many-at-once') {
      pause.onTooMany(retryAfterMs, advice.leastPauseMs);
      concurrency.onTooMany();
    }
  };
}

const NO_ADVICE: BudgetAdvice = {};

type GivenUpCalls = ReturnType<typeof createGivenUpCalls>;

/** Calls given up at their time-out, which may still run at the upstream: they keep their place until it has ended them. */
function createGivenUpCalls(monotonicMs: () => number) {
  let calls: { readonly untilMs: number; readonly end: () => void }[] = [];
  const endUntil = (nowMs: number) => {
    if (calls.length === 0) return;
    const over = calls.filter(({ untilMs }) => untilMs <= nowMs);
    calls = calls.filter(({ untilMs }) => untilMs > nowMs);
    for (const { end } of over) end();
  };
  return {
    add: (untilMs: number, end: () => void) => void calls.push({ untilMs, end }),
    /** Ends those that are over by now. */
    update: () => endUntil(monotonicMs()),
    endAll: () => endUntil(Number.POSITIVE_INFINITY),
    /** When the next one is over, in monotonic ms; null without any. */
    nextMs: () => (calls.length === 0 ? null : Math.min(...calls.map(({ untilMs }) => untilMs))),
  };
}

const GO: Admission = { kind: 'go' };
const waitForEnd = (atMs: number | null): Admission => ({ kind: 'wait', reason: 'concurrency', atMs });

type Pause = ReturnType<typeof createPause>;

/** How long calls are held back after a refusal. Times are monotonic ms. */
function createPause(monotonicMs: () => number) {
  let until = Number.NEGATIVE_INFINITY;
  let lastMs = 0;
  return {
    until: () => until,
    extendTo(atMs: number): void {
      until = Math.max(until, atMs);
    },
    onAnswer(): void {
      lastMs = 0;
    },
    onRateLimit(retryAfterMs: number | undefined): void {
      const usualMs = Math.min(Math.max(FIRST_PAUSE_MS, lastMs * 2), WINDOW_MS);
      // "Now" from the one that has just refused says nothing: it would be asked again without end.
      lastMs = retryAfterMs === undefined || retryAfterMs <= 0 ? usualMs : retryAfterMs;
      until = monotonicMs() + lastMs;
    },
    onTooMany(retryAfterMs = 0, leastMs = TOO_MANY_PAUSE_MS): void {
      until = monotonicMs() + Math.max(leastMs, retryAfterMs);
    },
    clear(): void {
      until = Number.NEGATIVE_INFINITY;
      lastMs = 0;
    },
  };
}
