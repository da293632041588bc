import type { Clock } from '../runtime/clock.ts';
import type { BudgetAdvice, CallVerdict } from '../upstream/outcome.ts';
import {
  beginCall,
  createSpentDay,
  type DayCall,
  endCall,
  learnFromPeers,
  msToProbe,
  reopen,
  type SpentDay,
  stateOf,
} from './spent-day.ts';
import { msToStandardMidnight, nextMidnightInChicago } from './chicago-time.ts';

/** The day's calls, which all replicas share. */
export type DayLimit = {
  /** In ms since 1970. */
  readonly endsAt: number;
  readonly calls: number;
};

/** Where in the day we are. */
export type DayTime = {
  /** Another number for each day, and after the upstream has forgotten the calls of one. */
  readonly count: number;
  readonly leftMs: number;
  /** 23, 24 or 25 hours. */
  readonly lengthMs: number;
  /** Calls that processes before this one are taken to have made in it, where no one knows: those of an even use. */
  readonly callsBefore: number;
};

/** `forMs` runs to midnight when our own count is used up, else to the next probe. */
export type DaySpent = {
  readonly kind: 'day-spent';
  readonly by: 'upstream' | 'count';
  readonly forMs: number;
};

export type DailyQuota = {
  /** `probing`: a call in flight will tell whether the day is still spent. */
  check(): DaySpent | 'probing' | 'open';
  /** Counts a call. */
  reserve(): DayCall;
  end(call: DayCall, verdict: CallVerdict, retryAfterMs: number | undefined, advice?: BudgetAdvice): void;
  /** Calls left, as far as we know. */
  left(): number;
  limit(): DayLimit;
  time(): DayTime;
  /** Ms until the next probe, if the day is spent or were spent now. */
  probeInMs(): number;
  /** The same; null while the day is not spent. */
  spentProbeInMs(): number | null;
  /** What other replicas know: ms until the next probe; null: the day is not spent. */
  learn(probeInMs: number | null): void;
  /** Calls of the day by everybody, as the upstream counts them. */
  learnTotal(calls: number): void;
  /** Lets the next call probe at once. */
  probeNow(): void;
  /** Forgets the calls of the day. */
  reset(): void;
};

/**
 * The calls of one day in US Central time. What the operator has set is a cap and holds until midnight, since others may
 * use the subscription; when the upstream calls the day spent before that, single calls probe whether it still is
 * (docs/dispatching.md#daily-quota).
 *
 * @param ownCalls calls of the day that this process may make
 * @param isKnown whether no process before this one has made calls of the day that are counted nowhere
 */
export function createDailyQuota(
  dailyCalls: number,
  { now, monotonicMs }: Pick<Clock, 'now' | 'monotonicMs'>,
  ownCalls: (day: DayLimit) => number = ({ calls }) => calls,
  isKnown = true,
): DailyQuota {
  const spent = createSpentDay();
  const counted = createDayCount(now, () => beginDay(spent), isKnown ? 0 : dailyCalls);
  const leftOf = () => {
    const own = ownCalls(limit());
    const calls = counted.calls();
    return Math.max(0, Math.min(own - calls, dailyCalls - counted.known().others - calls));
  };
  const cap = (): DayLimit => ({ endsAt: counted.today().endsAt, calls: dailyCalls });
  // Calls of others are none of the replicas', which share what these leave.
  const limit = (): DayLimit => ({ ...cap(), calls: Math.max(0, dailyCalls - counted.known().outside) });
  const msLeft = () => counted.today().endsAt - now();
  const probeInMs = () => Math.min(msLeft(), msToProbe(spent, monotonicMs()));

  return {
    check() {
      if (leftOf() <= 0) return { kind: 'day-spent', by: 'count', forMs: msLeft() };
      const state = stateOf(spent, monotonicMs());
      return state === 'spent' ? { kind: 'day-spent', by: 'upstream', forMs: probeInMs() } : state;
    },
    reserve() {
      counted.begin();
      return beginCall(spent, monotonicMs());
    },
    end(call, verdict, retryAfterMs, advice) {
      counted.end(verdict !== 'unsent');
      endCall(spent, call, verdict, retryAfterMs ?? msToLateMidnight(advice, now()), monotonicMs());
    },
    left() {
      const left = leftOf();
      return spent.isSpent ? 0 : left;
    },
    limit,
    time: () => timeOf(counted, now),
    probeInMs,
    spentProbeInMs() {
      const inMs = probeInMs();
      return spent.isSpent ? inMs : null;
    },
    learn(inMs) {
      counted.today();
      learnFromPeers(spent, inMs, monotonicMs());
    },
    learnTotal(total) {
      counted.learnTotal(total, Math.max(0, dailyCalls - ownCalls(cap())));
    },
    probeNow() {
      spent.nextProbeAt = monotonicMs();
    },
    reset() {
      counted.forget();
      reopen(spent, monotonicMs());
    },
  };
}

function timeOf({ today, count, callsBefore }: DayCount, now: () => number): DayTime {
  const { startsAt, endsAt } = today();
  return { count: count(), leftMs: endsAt - now(), lengthMs: endsAt - startsAt, callsBefore: callsBefore() };
}

function beginDay(spent: SpentDay): void {
  spent.isSpent = false;
  spent.isShared = false;
}

/** Where the upstream may keep to standard time, and midnight is not long ago. */
function msToLateMidnight(advice: BudgetAdvice | undefined, nowMs: number): number | undefined {
  return advice?.isDayInStandardTime === true ? msToStandardMidnight(nowMs) : undefined;
}

/** A day in US Central time, in ms since 1970, and the calls made in it. */
type CountedDay = { readonly startsAt: number; readonly endsAt: number; calls: number };

/** Calls of the day that the upstream counts beyond our own, and those of them that are no replica's. */
const NO_OTHERS = { others: 0, outside: 0 };

function othersOf(calls: number, byPeers: number): typeof NO_OTHERS {
  return { others: Math.max(0, calls), outside: Math.max(0, calls - byPeers) };
}

type DayCount = ReturnType<typeof createDayCount>;

/**
 * Counts the calls of the day that the clock shows. The clock may be set: the calls of a day that it leaves and comes back
 * to are remembered, and so are those made in between.
 *
 * @param evenUse calls a day that processes before this one are taken to have made on the first day
 */
function createDayCount(now: () => number, onNewDay: () => void, evenUse: number) {
  let day: CountedDay = { startsAt: 0, endsAt: 0, calls: 0 };
  let before = day;
  let count = 0;
  let running = 0;
  let known = NO_OTHERS;
  let callsBefore = 0;

  const change = (wallMs: number) => {
    const endsAt = wallMs + msToQuotaReset(wallMs);
    const startsAt = startOfDay(endsAt);
    count += 1;
    known = NO_OTHERS;
    callsBefore = count === 1 ? (evenUse * (wallMs - startsAt)) / (endsAt - startsAt) : 0;
    if (startsAt < day.startsAt) {
      day = { startsAt, endsAt, calls: day.calls + (before.startsAt === startsAt ? before.calls : 0) };
      return;
    }
    before = day;
    // A call in flight at midnight may be booked on either day.
    day = { startsAt, endsAt, calls: running };
    onNewDay();
  };
  const today = (): CountedDay => {
    const wallMs = now();
    if (wallMs >= day.endsAt || wallMs < day.startsAt) change(wallMs);
    return day;
  };

  // The guess is about the time before the start.
  today();
  return {
    today,
    count: () => count,
    callsBefore: () => callsBefore,
    calls: () => day.calls,
    begin(): void {
      today();
      day.calls += 1;
      running += 1;
    },
    end(isCounted: boolean): void {
      running -= 1;
      if (!isCounted) day.calls = Math.max(0, day.calls - 1);
    },
    known: () => known,
    /** @param byPeers calls of other replicas, at least */
    learnTotal(total: number, byPeers: number): void {
      today();
      known = othersOf(total - day.calls, byPeers);
      callsBefore = 0;
    },
    forget(): void {
      day.calls = 0;
      known = NO_OTHERS;
      callsBefore = 0;
      count += 1;
    },
  };
}

/**
 * The ms from `nowMs` to the next midnight in US Central time, when the daily quota is reset
 * (docs/marketo-soap.md#limits). Days of 23 and 25 hours included; at midnight itself it is a whole day.
 */
export function msToQuotaReset(nowMs: number): number {
  return nextMidnightInChicago(nowMs) - nowMs;
}

const HOUR_MS = 3_600_000;

/** When the day that ends then has begun, both in ms since 1970. */
function startOfDay(endsAt: number): number {
  const dayBefore = endsAt - 26 * HOUR_MS;
  return dayBefore + msToQuotaReset(dayBefore);
}
