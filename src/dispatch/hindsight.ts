import { createWaitCounts, type Waits } from './wait-counts.ts';

/** A wait that no caller has patience for, in ms. */
const LONGEST_MS = 600_000;

/**
 * What leads would have waited if the whole day had been known in advance: the shortest longest wait with which the calls
 * suffice, each call sent when its first lead has waited that long or when it is full. Undefined where no wait of up to ten
 * minutes is enough. Other limits than the day's do not count.
 *
 * @param arrivals in ms, ascending
 */
export function waitsInHindsight(arrivals: Float64Array, calls: number, maxBatch: number): Waits | undefined {
  if (callsFor(arrivals, LONGEST_MS, maxBatch) > calls) return undefined;
  if (arrivals.length <= calls) return { p50: 0, p99: 0, max: 0 };
  let [tooShort, enough] = [0, LONGEST_MS];
  while (enough - tooShort > 10) {
    const middle = (tooShort + enough) / 2;
    if (callsFor(arrivals, middle, maxBatch) > calls) tooShort = middle;
    else enough = middle;
  }
  const waits = createWaitCounts();
  callsFor(arrivals, enough, maxBatch, (waitMs) => waits.add(waitMs));
  return waits.percentiles();
}

/** How many calls it takes if no lead waits longer than that. */
function callsFor(
  arrivals: Float64Array,
  longestMs: number,
  maxBatch: number,
  onWait?: (waitMs: number) => void,
): number {
  let calls = 0;
  for (let first = 0; first < arrivals.length;) {
    const lastMs = (arrivals[first] ?? 0) + longestMs;
    let next = first;
    while (next - first < maxBatch && (arrivals[next] ?? Number.POSITIVE_INFINITY) <= lastMs) next += 1;
    const sentMs = next - first === maxBatch ? (arrivals[next - 1] ?? 0) : lastMs;
    if (onWait !== undefined) {
      for (let lead = first; lead < next; lead += 1) onWait(sentMs - (arrivals[lead] ?? 0));
    }
    calls += 1;
    first = next;
  }
  return calls;
}
