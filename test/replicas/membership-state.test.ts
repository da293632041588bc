import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WINDOW_MS } from '../../src/dispatch/sliding-window.ts';
import { standalone } from '../../src/replicas/allowance.ts';
import {
  allowancesIn,
  degradedReason,
  initialState,
  isCoordinated,
  isOnProbation,
  type MembershipEvent,
  type MembershipState,
  reduce,
  sightingOf,
} from '../../src/replicas/membership-state.ts';
import type { View } from '../../src/replicas/shared-state.ts';
import { fuzz } from '../support/fuzz.ts';

const OPTIONS = { share: 0.5, callsPerWindow: 100, unseen: 10, leaseMs: 7000 };
const DAY = { endsAt: 86_400_000, ownCalls: 3 };
const OLD: View = {
  epochAgeMs: 1_000_000,
  blankMs: 0,
  pauseMs: 0,
  connected: 2,
  activePeers: 1,
  peerDemand: 0,
  connectedShare: 1,
  reservedShare: 0,
  peersToday: 7,
  peerLeases: [],
  peerRefills: [],
  dayProbeInMs: null,
  peers: [],
};

const seen = (atMs: number, view: Partial<View> = {}): MembershipEvent => ({
  kind: 'seen',
  sighting: sightingOf({ ...OLD, ...view }, atMs, DAY, OPTIONS),
});
const started = (atMs: number): MembershipEvent => ({ kind: 'join-started', atMs });
const failed = (atMs: number): MembershipEvent => ({ kind: 'join-failed', reason: 'stale', atMs });
const degraded = (atMs: number): MembershipEvent => ({ kind: 'degraded', reason: 'unanswered', atMs });

const after = (...events: readonly MembershipEvent[]): MembershipState =>
  events.reduce((state, event) => reduce(state, event, OPTIONS), initialState(OPTIONS));

describe('states and events', () => {
  const YOUNG = { epochAgeMs: 500 };
  test.each<[string, readonly MembershipEvent[], MembershipState['kind']]>([
    ['at first', [], 'standalone'],
    ['a join is in progress', [started(0)], 'joining'],
    ['another one starts meanwhile', [started(0), started(1)], 'joining'],
    ['it fails', [started(0), failed(1)], 'standalone'],
    ['another command fails meanwhile', [started(0), degraded(1)], 'joining'],
    ['it has its reply', [started(0), seen(1)], 'coordinated'],
    ['Redis has just lost its memory', [started(0), seen(1, YOUNG)], 'probation'],
    ['a join starts too late', [started(0), seen(1), started(2)], 'coordinated'],
    ['heartbeats go on', [started(0), seen(1), seen(201)], 'coordinated'],
    ['Redis loses its memory', [started(0), seen(1), seen(201, YOUNG)], 'probation'],
    [
      'and has known of all calls for a whole window',
      [started(0), seen(1, YOUNG), seen(20_000)],
      'coordinated',
    ],
    ['a command fails', [started(0), seen(1), degraded(2)], 'standalone'],
    ['one fails on probation', [started(0), seen(1, YOUNG), degraded(2)], 'standalone'],
    ['a view comes after that', [started(0), seen(1), degraded(2), seen(3)], 'standalone'],
    ['a join fails that did not start', [started(0), seen(1), failed(2)], 'standalone'],
  ])('%s', (_when, events, kind) => {
    expect(after(...events).kind).toBe(kind);
  });
});

test('the reason is that of the last failure, until it is coordinated', () => {
  expect(degradedReason(after())).toBeUndefined();
  expect(degradedReason(after(degraded(0)))).toBe('unanswered');
  expect(degradedReason(after(degraded(0), started(1), failed(2)))).toBe('stale');
  expect(degradedReason(after(started(0), degraded(1)))).toBe('unanswered');
  expect(degradedReason(after(degraded(0), started(1), seen(2)))).toBeUndefined();
});

test('the first view has no calls of this replica from before: what it shows counts at once', () => {
  const state = after(started(0), seen(100, { epochAgeMs: 500, peerRefills: [{ inMs: 5000, calls: 20 }] }));
  const { view } = (isCoordinated(state) && state.last) || { view: OLD };
  expect(allowancesIn(state, 100)).toHaveLength(2);
  expect(allowancesIn(state, 100)[0]).toEqual(
    standalone({ view, atMs: 100 }, 100, { ...OPTIONS, unseen: 0 }),
  );
});

test('probation ends by itself when Redis has known of all calls for a whole window', () => {
  const state = after(started(0), seen(100, { epochAgeMs: 500 }));
  const endsAt = 100 + WINDOW_MS - 500;
  expect([isOnProbation(state, endsAt - 1), isOnProbation(state, endsAt)]).toEqual([true, false]);
  expect([allowancesIn(state, endsAt - 1).length, allowancesIn(state, endsAt).length]).toEqual([2, 1]);
});

test('a replica that loses Redis waits a second, then has its share of what may have been granted unseen', () => {
  const [allowance, ...others] = allowancesIn(after(started(0), seen(100), degraded(150)), 150);
  expect(others).toEqual([]);
  expect(allowance).toMatchObject({ share: 0.5, opensAt: 1150, standaloneSince: 1150 });
  expect(allowance.peerRefills).toEqual([{ atMs: 1150 + OPTIONS.leaseMs + WINDOW_MS, calls: 10 }]);
});

test('a failed join gives the allowance of before back', () => {
  const lost = after(started(0), seen(100), degraded(150));
  const joiningState = reduce(lost, started(2000), OPTIONS);
  expect(allowancesIn(joiningState, 2000)[0].opensAt).toBe(3000);
  const [before] = allowancesIn(lost, 2100);
  expect(allowancesIn(reduce(joiningState, failed(2100), OPTIONS), 2100)).toEqual([before]);
});

test('calls made standalone still count when it is coordinated again, as those of peers', () => {
  const lost = [started(0), seen(100), degraded(150)];
  const state = after(...lost, started(5000), seen(5010, { epochAgeMs: 3000 }));
  const [allowance] = allowancesIn(state, 5010);
  expect(allowance).toMatchObject({ share: 0.5, opensAt: -Infinity, standaloneSince: 1150 });
});

/** Any events, at any times in order. */
const histories = fc
  .array(
    fc.record({
      kind: fc.constantFrom('join-started', 'join-failed', 'seen', 'degraded'),
      afterMs: fc.integer({ min: 0, max: 8000 }),
      epochAgeMs: fc.integer({ min: 0, max: 40_000 }),
    }),
    { maxLength: 30 },
  )
  .map((steps) => {
    let atMs = 0;
    return steps.map(({ kind, afterMs, epochAgeMs }): MembershipEvent => {
      atMs += afterMs;
      if (kind === 'seen') return seen(atMs, { epochAgeMs });
      if (kind === 'join-started') return started(atMs);
      return kind === 'join-failed' ? failed(atMs) : degraded(atMs);
    });
  });

const timeOf = (event: MembershipEvent) => (event.kind === 'seen' ? event.sighting.atMs : event.atMs);

test('in any order of events: coordinated only by a view after a join, and never more than one share without it', () => {
  fc.assert(
    fc.property(histories, (events) => {
      let state = initialState(OPTIONS);
      for (const event of events) {
        const before = state;
        state = reduce(before, event, OPTIONS);
        const nowMs = timeOf(event);
        const [first] = allowancesIn(state, nowMs);
        if (isCoordinated(state) && !isCoordinated(before)) {
          expect([before.kind, event.kind]).toEqual(['joining', 'seen']);
        }
        if (!isCoordinated(state)) expect(first.share).toBe(OPTIONS.share);
        if (isOnProbation(state, nowMs)) expect(first.share).toBe(OPTIONS.share);
        // Calls that peers have begun get time to end.
        if (isCoordinated(before) && !isCoordinated(state)) expect(first.opensAt).toBeGreaterThan(nowMs);
      }
    }),
    fuzz(4),
  );
});
