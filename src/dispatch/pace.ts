import { NO_PEERS, type PeerLoad } from './permits.ts';
import type { Quota } from './quota.ts';
import { WINDOW_MS } from './sliding-window.ts';

/** How fast the memory of past demand fades. */
const MEMORY_MS = 1000;

/** Short bursts go at once: as long as more than this share of the window is left. */
export const BURST_SHARE = 0.75;

/** Leads that cannot go together gain nothing by waiting; they leave this share of the window to the others. */
export const RESERVED_SHARE = 0.25;

/** Demand of this many times what the window could carry call by call is more than a burst … */
const OVERLOAD = 2;

/** … if it is this many leads a second as well: a few requests on a small subscription are none. */
const LEAST_OVERLOAD = 10;

/** Leads a second, as an exponentially fading average of arrivals. */
export type Demand = { arrived(): void; perSecond(): number };

/** @param monotonicMs a clock that does not jump, in ms */
export function createDemand(monotonicMs: () => number): Demand {
  let rate = 0;
  let at = monotonicMs();
  const fade = () => {
    const nowMs = monotonicMs();
    rate *= Math.exp(-Math.max(0, nowMs - at) / MEMORY_MS);
    at = nowMs;
  };
  return {
    arrived() {
      fade();
      rate += 1000 / MEMORY_MS;
    },
    perSecond() {
      fade();
      return rate;
    },
  };
}

/**
 * How long to leave between the starts of two calls, in ms; 0 for none. Spending the window on single leads while many
 * more come would leave nothing for 20 seconds: under such demand calls are spread evenly, so that each takes along
 * what has gathered. The pace is the fastest even one that never runs dry; replicas that share a window take turns.
 *
 * @param freeShare the share of the window above which nobody is made to wait
 */
export function paceMs(
  quota: Pick<Quota, 'capacity' | 'free' | 'refillTimes'>,
  demandPerSecond: number,
  freeShare: number,
  nowMs: number,
  rivals: PeerLoad = NO_PEERS,
): number {
  const callsPerWindow = quota.capacity();
  const perSecond = (callsPerWindow * 1000) / WINDOW_MS;
  const free = quota.free();
  const overload = Math.max(perSecond * OVERLOAD, LEAST_OVERLOAD);
  if (free > callsPerWindow * freeShare || demandPerSecond + rivals.demandPerSecond <= overload) return 0;
  let perMs = perSecond / 1000;
  for (const [index, at] of quota.refillTimes().entries()) {
    perMs = Math.min(perMs, (free + index) / Math.max(1, at - nowMs));
  }
  return perMs === 0 ? 0 : rivals.activePeers / perMs;
}
