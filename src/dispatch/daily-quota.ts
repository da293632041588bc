import type { Clock } from '../runtime/clock.ts';
import type { CallVerdict } from '../upstream/outcome.ts';
import { nextMidnightInChicago } from './us-central-time.ts';

/** While the upstream calls the day spent, one call in this time probes whether it still is. */
const PROBE_INTERVAL_MS = 60_000;
/** However soon the upstream asks to be called again. */
const MIN_PROBE_INTERVAL_MS = 1000;

/** The day's calls, which all replicas share. */
export type DayLimit = {
  /** In ms since 1970. */
  readonly endsAt: number;
  readonly calls: number;
};

/** `forMs` runs to midnight when our own count is used up, else to the next probe. */
export type DaySpent = {
  readonly kind: 'day-spent';
  readonly by: 'upstream' | 'count';
  readonly forMs: number;
};

/** A call as the day counts it. */
export type DayCall = { readonly startMs: number; readonly isProbe: boolean };

export type DailyQuota = {
  /** `probing`: a call in flight will tell whether the day is still spent. */
  check(): DaySpent | 'probing' | 'open';
  /** Counts a call. */
  reserve(): DayCall;
  end(call: DayCall, verdict: CallVerdict, retryAfterMs: number | undefined): void;
  /** Calls left, as far as we know. */
  left(): number;
  limit(): DayLimit;
  /** Ms until the next probe, if the day is spent or were spent now. */
  probeInMs(): number;
  /** The same; null while the day is not spent. */
  spentProbeInMs(): number | null;
  /** What other replicas know: ms until the next probe; null: the day is not spent. */
  learn(probeInMs: number | null): void;
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
 */
export function createDailyQuota(
  dailyCalls: number,
  { now, monotonicMs }: Pick<Clock, 'now' | 'monotonicMs'>,
  ownCalls: (day: DayLimit) => number = ({ calls }) => calls,
): DailyQuota {
  const spent = createSpentDay();
  let endsAt = 0;
  let count = 0;

  const today = (): DayLimit => {
    const wallMs = now();
    if (wallMs >= endsAt) {
      endsAt = wallMs + msToQuotaReset(wallMs);
      count = 0;
      spent.isSpent = false;
      spent.isShared = false;
    }
    return { endsAt, calls: dailyCalls };
  };
  const probeInMs = () => Math.min(today().endsAt - now(), msToProbe(spent, monotonicMs()));

  return {
    check() {
      const calls = ownCalls(today());
      if (count >= calls) return { kind: 'day-spent', by: 'count', forMs: endsAt - now() };
      const state = stateOf(spent, monotonicMs());
      return state === 'spent' ? { kind: 'day-spent', by: 'upstream', forMs: probeInMs() } : state;
    },
    reserve() {
      today();
      count += 1;
      return beginCall(spent, monotonicMs());
    },
    end(call, verdict, retryAfterMs) {
      if (verdict === 'unsent') count = Math.max(0, count - 1);
      endCall(spent, call, verdict, retryAfterMs, monotonicMs());
    },
    left() {
      const left = Math.max(0, ownCalls(today()) - count);
      return spent.isSpent ? 0 : left;
    },
    limit: today,
    probeInMs,
    spentProbeInMs() {
      const inMs = probeInMs();
      return spent.isSpent ? inMs : null;
    },
    learn(inMs) {
      today();
      learnFromPeers(spent, inMs, monotonicMs());
    },
    probeNow() {
      spent.nextProbeAt = monotonicMs();
    },
    reset() {
      count = 0;
      reopen(spent, monotonicMs());
    },
  };
}

/** Whether the upstream has called the day spent, and when it is probed again. Times are monotonic ms. */
type SpentDay = {
  isSpent: boolean;
  nextProbeAt: number;
  isProbing: boolean;
  /** Whether other replicas know that the day is spent. */
  isShared: boolean;
  /** When the day was last found open; an earlier call's refusal means the time before. */
  openedAt: number;
};

function createSpentDay(): SpentDay {
  const openedAt = Number.NEGATIVE_INFINITY;
  return { isSpent: false, nextProbeAt: 0, isProbing: false, isShared: false, openedAt };
}

function stateOf({ isSpent, isProbing, nextProbeAt }: SpentDay, nowMs: number): 'open' | 'probing' | 'spent' {
  if (!isSpent) return 'open';
  // The answer is about to come: leads told to come back now are not sent away.
  if (isProbing) return 'probing';
  return nowMs >= nextProbeAt ? 'open' : 'spent';
}

function msToProbe({ isSpent, nextProbeAt }: SpentDay, nowMs: number): number {
  return isSpent ? Math.max(0, nextProbeAt - nowMs) : PROBE_INTERVAL_MS;
}

function reopen(day: SpentDay, nowMs: number): void {
  day.isSpent = false;
  day.isShared = false;
  day.openedAt = nowMs;
}

function beginCall(day: SpentDay, startMs: number): DayCall {
  if (day.isSpent) {
    day.isProbing = true;
    day.nextProbeAt = startMs + PROBE_INTERVAL_MS;
  }
  return { startMs, isProbe: day.isSpent };
}

function endCall(
  day: SpentDay,
  { startMs, isProbe }: DayCall,
  verdict: CallVerdict,
  retryAfterMs: number | undefined,
  nowMs: number,
): void {
  if (isProbe) day.isProbing = false;
  if (verdict === 'day-spent') {
    // A call refused earlier has already said when to probe again.
    if (startMs < day.openedAt || (day.isSpent && !isProbe)) return;
    day.isSpent = true;
    day.nextProbeAt = nowMs + Math.max(MIN_PROBE_INTERVAL_MS, retryAfterMs ?? PROBE_INTERVAL_MS);
    return;
  }
  // Calls made before the day was spent may still be answered; only a probe proves that it is open.
  if (!isProbe || !day.isSpent || verdict === 'unclear') return;
  if (verdict === 'counted') reopen(day, nowMs);
  else day.nextProbeAt = verdict === 'unsent' ? startMs : nowMs;
}

function learnFromPeers(day: SpentDay, probeInMs: number | null, nowMs: number): void {
  if (probeInMs !== null) {
    day.isSpent = true;
    day.isShared = true;
    if (!day.isProbing) day.nextProbeAt = nowMs + probeInMs;
  } else if (day.isSpent && day.isShared) {
    reopen(day, nowMs);
  }
}

/**
 * The ms from `nowMs` to the next midnight in US Central time, when the daily quota is reset
 * (docs/marketo-soap.md#limits). Days of 23 and 25 hours included; at midnight itself it is a whole day.
 */
export function msToQuotaReset(nowMs: number): number {
  return nextMidnightInChicago(nowMs) - nowMs;
}
