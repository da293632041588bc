import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { View } from '../../src/replicas/shared-state.ts';
import { coordinated, refillTimesOf, roomIn, standalone } from '../../src/replicas/allowance.ts';
import { FUZZ_ROUNDS, fuzz } from '../support/fuzz.ts';
import { mostInWindow, play } from './coordination-model.ts';

const QUIET: View = {
  epochAgeMs: 1_000_000,
  blankMs: 0,
  pauseMs: 0,
  connected: 3,
  activePeers: 3,
  peerDemand: 0,
  connectedShare: 1,
  reservedShare: 0,
  peersToday: 0,
  peerLeases: [],
  peerRefills: [],
  dayProbeInMs: null,
  peers: [],
};
const OPTIONS = { share: 0.25, callsPerWindow: 100, unseen: 10, leaseMs: 22_000 };
const NOTHING = { running: 0, ends: [] };

describe('coordinated', () => {
  test('all is free that the peers have not taken', () => {
    const view = { ...QUIET, peerLeases: [3000, 4000], peerRefills: [{ inMs: 500, calls: 30 }] };
    const allowance = coordinated(view, 1000, 100);
    const own = { running: 3, ends: [200] };
    expect(roomIn(allowance, 100, own, 1000)).toBe(100 - 32 - 4);
    expect(roomIn(allowance, 100, own, 1500)).toBe(100 - 2 - 4);
  });

  test('the share of silent replicas is reserved', () => {
    expect(roomIn(coordinated({ ...QUIET, reservedShare: 0.25 }, 0, 100), 100, NOTHING, 0)).toBe(75);
  });

  test('the calls of all refill the window, soonest first', () => {
    const view = { ...QUIET, peerRefills: [{ inMs: 700, calls: 98 }] };
    const times = refillTimesOf(coordinated(view, 0, 100), 100, { running: 0, ends: [-19_900, -100] }, 0);
    expect(times).toHaveLength(100);
    expect([times[0], times[1], times[98], times[99]]).toEqual([100, 700, 700, 19_900]);
  });
});

describe('standalone', () => {
  test('a replica that never saw its peers has its share, rounded down', () => {
    const allowance = standalone(undefined, 0, { ...OPTIONS, share: 0.3 });
    expect(roomIn(allowance, 99, NOTHING, 0)).toBe(29);
    expect(roomIn(allowance, 99, { running: 4, ends: [1] }, 2)).toBe(24);
  });

  test('it is a share of what all calls leave, unseen ones included', () => {
    const view = { ...QUIET, peerLeases: [1000], peerRefills: [{ inMs: 5000, calls: 39 }] };
    const allowance = standalone({ view, atMs: 0 }, 1600, OPTIONS);
    // 40 of the peers, 10 unseen, 10 own from before: 40 are left.
    const own = { running: 0, ends: Array.from({ length: 10 }, () => -1000) };
    expect(roomIn(allowance, 100, own, 1600)).toBe(10);
    expect(roomIn(allowance, 100, own, 5000)).toBe(19);
    expect(roomIn(allowance, 100, own, 19_000)).toBe(22);
    expect(roomIn(allowance, 100, { running: 0, ends: [] }, 1600 + 22_000 + 20_000)).toBe(25);
  });

  test('own calls made standalone count whole', () => {
    const allowance = standalone({ view: QUIET, atMs: 0 }, 1600, { ...OPTIONS, unseen: 0 });
    expect(roomIn(allowance, 100, { running: 1, ends: [1700, 1800] }, 2000)).toBe(22);
  });

  test('what was reserved for silent replicas stays reserved', () => {
    const view = { ...QUIET, reservedShare: 0.5 };
    const allowance = standalone({ view, atMs: 0 }, 0, { ...OPTIONS, unseen: 0 });
    expect(roomIn(allowance, 100, NOTHING, 0)).toBe(25);
  });
});

const seconds = (from: number, to: number) =>
  fc.integer({ min: from * 20, max: to * 20 }).map((steps) => steps * 50);

/** Shares of two to five replicas, of at most 1 in all. */
const shares = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 5 }).chain((parts) =>
  fc.constantFrom(1, 0.8).map((whole) => {
    const sum = parts.reduce((a, b) => a + b, 0);
    return parts.map((part) => Math.floor((part / sum) * whole * 10_000) / 10_000);
  }),
);

const histories = fc.record({
  size: fc.constantFrom(10, 37, 100, 250),
  shares,
  cut: seconds(0.5, 40),
  /** All replicas are cut off within this many ms. */
  spread: fc.constantFrom(0, 200, 1000, 4000, 25_000),
  outage: seconds(0.5, 30),
  /** `store`: all are cut off; `memory`: it loses its memory as well; `replicas`: each is cut off by itself. */
  loss: fc.constantFrom('store', 'memory', 'replicas'),
  longestCallMs: fc.constantFrom(10, 300, 5000),
  eagerness: fc.constantFrom(0.02, 0.2, 1),
  seed: fc.integer({ min: 1, max: 2_147_483_646 }),
});

/** Park and Miller's generator: numbers from 0 up to but not 1. A history needs thousands, too many for fast-check's. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

test('whenever replicas lose Redis, one by one or all at once, for long or short, with or without its memory: never more than the limit in 20 s', () => {
  let madeStandalone = 0;
  fc.assert(
    fc.property(histories, ({ size, shares: parts, cut, spread, outage, loss, seed, ...history }) => {
      const random = createRandom(seed);
      const later = (ms: number) => Math.floor((random() * ms) / 50) * 50;
      const cuts = parts.map(() => {
        const from = cut + later(spread);
        const to = loss === 'replicas' ? from + 50 + later(outage) : cut + spread + outage + later(1000);
        return { from, to };
      });
      const played = play({
        ...history,
        size,
        shares: parts,
        cuts,
        isMemoryLost: loss === 'memory',
        wishes: () => (random() < history.eagerness ? Math.floor(random() * 8) : 0),
        random,
        endsAt: cut + spread + outage + 45_000,
      });
      madeStandalone += played.madeStandalone;
      expect(mostInWindow(played.booked)).toBeLessThanOrEqual(size);
    }),
    fuzz(30),
  );
  expect(madeStandalone).toBeGreaterThan(FUZZ_ROUNDS / 2);
}, 120_000);
