import type { CallVerdict } from '../upstream/outcome.ts';

/** While the upstream calls the day spent, one call in this time probes whether it still is. */
const PROBE_INTERVAL_MS = 60_000;
/** However soon the upstream asks to be called again. */
const MIN_PROBE_INTERVAL_MS = 1000;

/** A call as the day counts it. */
export type DayCall = { readonly startMs: number; readonly isProbe: boolean };

/** Whether the upstream has called the day spent, and when it is probed again. Times are monotonic ms. */
export type SpentDay = {
  isSpent: boolean;
  nextProbeAt: number;
  isProbing: boolean;
  /** Whether other replicas know that the day is spent. */
  isShared: boolean;
  /** When the day was last found open; an earlier call's refusal means the time before. */
  openedAt: number;
};

export function createSpentDay(): SpentDay {
  const openedAt = Number.NEGATIVE_INFINITY;
  return { isSpent: false, nextProbeAt: 0, isProbing: false, isShared: false, openedAt };
}

export function stateOf(
  { isSpent, isProbing, nextProbeAt }: SpentDay,
  nowMs: number,
): 'open' | 'probing' | 'spent' {
  if (!isSpent) return 'open';
  // The answer is about to come: leads told to come back now are not sent away.
  if (isProbing) return 'probing';
  return nowMs >= nextProbeAt ? 'open' : 'spent';
}

export function msToProbe({ isSpent, nextProbeAt }: SpentDay, nowMs: number): number {
  return isSpent ? Math.max(0, nextProbeAt - nowMs) : PROBE_INTERVAL_MS;
}

export function reopen(day: SpentDay, nowMs: number): void {
  day.isSpent = false;
  day.isShared = false;
  day.openedAt = nowMs;
}

export function beginCall(day: SpentDay, startMs: number): DayCall {
  if (day.isSpent) {
    day.isProbing = true;
    day.nextProbeAt = startMs + PROBE_INTERVAL_MS;
  }
  return { startMs, isProbe: day.isSpent };
}

export function endCall(
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
  if (!isProbe || !day.isSpent || verdict === 'unclear' || verdict === 'given-up') return;
  if (verdict === 'counted') reopen(day, nowMs);
  else day.nextProbeAt = verdict === 'unsent' ? startMs : nowMs;
}

export function learnFromPeers(day: SpentDay, probeInMs: number | null, nowMs: number): void {
  if (probeInMs !== null) {
    day.isSpent = true;
    day.isShared = true;
    if (!day.isProbing) day.nextProbeAt = nowMs + probeInMs;
  } else if (day.isSpent && day.isShared) {
    reopen(day, nowMs);
  }
}
