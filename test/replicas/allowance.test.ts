import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { View } from '../../src/replicas/shared-state.ts';
import { standalone, returnsOfRoom, roomOf, coordinated } from '../../src/replicas/allowance.ts';
import { mostInWindow, play } from './coordination-model.ts';

const QUIET: View = {
  epochAgeMs: 1_000_000,
  pauseMs: 0,
  live: 3,
  activePeers: 3,
  othersDemand: 0,
  liveShare: 1,
  keptShare: 0,
  othersToday: 0,
  othersRunning: [],
  othersReturn: [],
  lookInMs: null,
  peers: [],
};
const OPTIONS = { share: 0.25, callsPerWindow: 100, unseen: 10, leaseMs: 22_000 };
const NOTHING = { running: 0, ends: [] };

describe('together', () => {
  test('everything is there that the others have not taken', () => {
    const view = { ...QUIET, othersRunning: [3000, 4000], othersReturn: [{ inMs: 500, calls: 30 }] };
    const rule = coordinated(view, 1000, 100);
    const own = { running: 3, ends: [200] };
    expect(roomOf(rule, 100, own, 1000)).toBe(100 - 32 - 4);
    expect(roomOf(rule, 100, own, 1500)).toBe(100 - 2 - 4);
  });

  test('the share of those who are away is theirs', () => {
    expect(roomOf(coordinated({ ...QUIET, keptShare: 0.25 }, 0, 100), 100, NOTHING, 0)).toBe(75);
  });

  test('room comes back with the calls of all, soonest first', () => {
    const view = { ...QUIET, othersReturn: [{ inMs: 700, calls: 98 }] };
    const times = returnsOfRoom(coordinated(view, 0, 100), 100, { running: 0, ends: [-19_900, -100] }, 0);
    expect(times).toHaveLength(100);
    expect([times[0], times[1], times[98], times[99]]).toEqual([100, 700, 700, 19_900]);
  });
});

describe('alone', () => {
  test('a replica that never saw the others has its share, rounded down', () => {
    const rule = standalone(undefined, 0, { ...OPTIONS, share: 0.3 });
    expect(roomOf(rule, 99, NOTHING, 0)).toBe(29);
    expect(roomOf(rule, 99, { running: 4, ends: [1] }, 2)).toBe(24);
  });

  test('it is a share of what all calls leave, those nobody saw included', () => {
    const view = { ...QUIET, othersRunning: [1000], othersReturn: [{ inMs: 5000, calls: 39 }] };
    const rule = standalone({ view, atMs: 0 }, 1600, OPTIONS);
    // 40 of the others, 10 unseen, 10 own from before: 40 are left.
    const own = { running: 0, ends: Array.from({ length: 10 }, () => -1000) };
    expect(roomOf(rule, 100, own, 1600)).toBe(10);
    expect(roomOf(rule, 100, own, 5000)).toBe(19);
    expect(roomOf(rule, 100, own, 19_000)).toBe(22);
    expect(roomOf(rule, 100, { running: 0, ends: [] }, 1600 + 22_000 + 20_000)).toBe(25);
  });

  test('own calls made alone count whole', () => {
    const rule = standalone({ view: QUIET, atMs: 0 }, 1600, { ...OPTIONS, unseen: 0 });
    expect(roomOf(rule, 100, { running: 1, ends: [1700, 1800] }, 2000)).toBe(22);
  });

  test('what was kept for others before stays theirs', () => {
    const view = { ...QUIET, keptShare: 0.5 };
    const rule = standalone({ view, atMs: 0 }, 0, { ...OPTIONS, unseen: 0 });
    expect(roomOf(rule, 100, NOTHING, 0)).toBe(25);
  });
});

const seconds = (from: number, to: number) =>
  fc.integer({ min: from * 20, max: to * 20 }).map((steps) => steps * 50);

/** Shares of two to five replicas that are the whole at most. */
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
  /** Replicas are cut off one after the other. */
  spread: fc.constantFrom(0, 200, 1000, 4000, 25_000),
  outage: seconds(0.5, 30),
  /** With the store itself all are cut off, and its memory may be lost; else each is for itself. */
  loss: fc.constantFrom('store', 'memory', 'replicas'),
  longestCallMs: fc.constantFrom(10, 300, 5000),
  eagerness: fc.constantFrom(0.02, 0.2, 1),
  seed: fc.infiniteStream(fc.double({ min: 0, max: 0.999_999, noNaN: true })),
});

test('whenever replicas lose the store, one by one or together, for long or short, with or without its memory: never more than the limit in 20 s', () => {
  let madeAlone = 0;
  fc.assert(
    fc.property(histories, ({ size, shares: parts, cut, spread, outage, loss, seed, ...history }) => {
      const random = () => seed.next().value ?? 0;
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
      madeAlone += played.madeAlone;
      expect(mostInWindow(played.booked)).toBeLessThanOrEqual(size);
    }),
    { numRuns: 150 },
  );
  expect(madeAlone).toBeGreaterThan(1000);
}, 120_000);
