import { NO_PEERS, type PeerLoad } from './permits.ts';
import type { Quota } from './quota.ts';
import { WINDOW_MS } from './sliding-window.ts';

/** How fast past demand fades from the average. */
const FADE_MS = 1000;

/** Short bursts go at once, as long as more than this share of the window is left. */
export const BURST_SHARE = 0.75;

/** Leads that cannot be batched gain nothing by waiting; they leave this share of the window to the others. */
export const RESERVED_SHARE = 0.25;

/** More than a burst: demand of this many times what the window could carry call by call … */
const OVERLOAD = 2;

/** … and of at least this many leads a second, since a few requests on a small subscription are no overload. */
const LEAST_OVERLOAD = 10;

/** Leads a second, as an exponentially fading average of arrivals. */
export type Demand = { arrived(): void; perSecond(): number };

export function createDemand(monotonicMs: () => number): Demand {
  let rate = 0;
  let at = monotonicMs();
  const fade = () => {
    const nowMs = monotonicMs();
    rate *= Math.exp(-Math.max(0, nowMs - at) / FADE_MS);
    at = nowMs;
  };
  return {
    arrived() {
      fade();
      rate += 1000 / FADE_MS;
    },
    perSecond() {
      fade();
      return rate;
    },
  };
}

/**
 * The gap to leave between the starts of two calls, in ms; 0 for none. If single leads spent the window while many more
 * come, nothing would be left for 20 seconds: under such demand calls are spread evenly, and each takes along the leads
 * that have gathered. The pace is the fastest even one that never runs dry; replicas that share a window take turns.
 *
 * @param freeShare the share of the window above which no lead has to wait
 */
export function paceMs(
  quota: Pick<Quota, 'capacity' | 'free' | 'refillTimes'>,
  demandPerSecond: number,
  freeShare: number,
  nowMs: number,
  peers: PeerLoad = NO_PEERS,
): number {
  const callsPerWindow = quota.capacity();
  const perSecond = (callsPerWindow * 1000) / WINDOW_MS;
  const free = quota.free();
  const overload = Math.max(perSecond * OVERLOAD, LEAST_OVERLOAD);
  if (free > callsPerWindow * freeShare || demandPerSecond + peers.demandPerSecond <= overload) return 0;
  let perMs = perSecond / 1000;
  for (const [index, at] of quota.refillTimes().entries()) {
    perMs = Math.min(perMs, (free + index) / Math.max(1, at - nowMs));
  }
  return perMs === 0 ? 0 : peers.activePeers / perMs;
}
