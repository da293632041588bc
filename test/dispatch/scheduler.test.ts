import { describe, expect, test } from 'vitest';
import type { BreakerState } from '../../src/dispatch/breaker.ts';
import type { Admission } from '../../src/dispatch/quota.ts';
import type { Kind } from '../../src/dispatch/ready-queue.ts';
import { type Move, nextMove, startsInMs } from '../../src/dispatch/scheduler.ts';
import type { GatewayError } from '../../src/leads/errors.ts';

const NOW = 50_000;

type Situation = {
  readonly admission?: Admission;
  readonly circuit?: BreakerState;
  /** Of a window of 100 calls that refills evenly, one in 200 ms. */
  readonly free?: number;
  readonly demandPerSecond?: number;
  readonly peers?: { readonly demandPerSecond: number; readonly activePeers: number };
  readonly lastStartMs?: number;
  readonly hasFullBatch?: boolean;
  /** Several callers have leads. */
  readonly isShared?: boolean;
  /** Calls that the ready jobs take. */
  readonly calls?: number;
  readonly isNextNew?: boolean;
  readonly mayPass?: boolean;
  readonly hasBatchable?: boolean;
  readonly hasSingle?: boolean;
  readonly gatherUntilMs?: number;
  /** The kind of leads that the rest of the day's calls are not for. */
  readonly reservedAgainst?: Kind;
};

function moveIn({ free = 100, ...situation }: Situation): Move {
  return nextMove(
    {
      quota: {
        admission: () => situation.admission ?? { kind: 'go' },
        capacity: () => 100,
        free: () => free,
        refillTimes: () => Array.from({ length: 100 - free }, (_, index) => NOW + (index + 1) * 200),
      },
      breaker: { check: () => situation.circuit ?? { kind: 'go' } },
      readyQueue: {
        hasFullBatch: () => situation.hasFullBatch ?? false,
        hasBatchable: () => situation.hasBatchable ?? true,
        hasSingle: () => situation.hasSingle ?? false,
        calls: () => situation.calls ?? 1,
        isNextNew: () => situation.isNextNew ?? false,
      },
      sharing: {
        isShared: () => situation.isShared ?? false,
        mayPass: () => situation.mayPass ?? true,
      },
      dayPace: {
        gatherUntil: () => situation.gatherUntilMs ?? NOW,
        mayGo: (kind) => kind !== situation.reservedAgainst,
      },
      longestGatherMs: () => 20_000,
      lastStartMs: () => situation.lastStartMs ?? NOW,
      demandPerSecond: () => situation.demandPerSecond ?? 0,
      peerLoad: () => situation.peers ?? { demandPerSecond: 0, activePeers: 1 },
    },
    NOW,
  );
}

const call: Move = { kind: 'call', onlyGathered: false };
const until = (untilMs: number | null): Move => ({ kind: 'wait', untilMs });

test.each<[what: string, Situation, Move]>([
  ['budgets and circuit allow it', {}, call],
  ['the window is full', { admission: { kind: 'wait', reason: 'window', atMs: 51_000 } }, until(51_000)],
  [
    'as many calls run as may',
    { admission: { kind: 'wait', reason: 'concurrency', atMs: null } },
    until(null),
  ],
  ['a probe of the circuit is in flight', { circuit: { kind: 'probing', untilMs: 53_000 } }, until(53_000)],
  ['demand is high and the window is not', { demandPerSecond: 1000, free: 76 }, call],
  ['demand is high and the window is low', { demandPerSecond: 1000, free: 10 }, until(NOW + 200)],
  ['the last call is long past', { demandPerSecond: 1000, free: 10, lastStartMs: NOW - 200 }, call],
  ['demand is ordinary', { demandPerSecond: 9, free: 10 }, call],
  [
    'several callers have leads: full batches leave calls to the others',
    { isShared: true, hasFullBatch: true, calls: 9, free: 10 },
    until(NOW + 200),
  ],
  [
    'several callers have leads, and most of the window is left',
    { isShared: true, calls: 9, free: 76 },
    call,
  ],
  ['several callers have leads, but only one waits', { isShared: true, free: 10 }, call],
  [
    'a caller that had nothing waiting is next among several',
    { isShared: true, calls: 9, free: 10, isNextNew: true },
    call,
  ],
  [
    'such callers have taken as many calls as they may',
    { isShared: true, calls: 9, free: 10, isNextNew: true, mayPass: false },
    until(NOW + 200),
  ],
  ['a batch is full', { demandPerSecond: 1000, free: 10, hasFullBatch: true }, call],
  [
    'no lead could share a call: only the reserved share makes it wait',
    { demandPerSecond: 1000, free: 26, hasBatchable: false },
    call,
  ],
  [
    'no lead could share a call, and the reserved share is all that is left',
    { demandPerSecond: 1000, free: 10, hasBatchable: false },
    until(NOW + 200),
  ],
  [
    'peers have the demand: replicas take turns',
    { demandPerSecond: 1, free: 10, peers: { demandPerSecond: 1000, activePeers: 3 } },
    until(NOW + 600),
  ],
  ['leads gather for the day', { gatherUntilMs: NOW + 3000 }, until(NOW + 3000)],
  [
    'leads gather for the day, and one waits that can only go alone',
    { gatherUntilMs: NOW + 3000, hasSingle: true },
    { kind: 'call', onlyGathered: true },
  ],
  [
    'leads gather for the day until a batch is full',
    { gatherUntilMs: NOW + 3000, hasFullBatch: true },
    { kind: 'call', onlyGathered: true },
  ],
  [
    'the next day is near',
    { admission: { kind: 'day-spent', by: 'count', forMs: 20_000 } },
    until(NOW + 20_000),
  ],
])('the next move while %s', (_what, situation, move) => {
  const actual = moveIn(situation);
  expect(actual).toEqual(
    move.kind === 'wait' && move.untilMs !== null
      ? { kind: 'wait', untilMs: expect.closeTo(move.untilMs, 3) }
      : move,
  );
});

describe('all that wait are rejected', () => {
  test.each<[Situation, code: string, retryAfterSeconds: number]>([
    [{ admission: { kind: 'day-spent', by: 'upstream', forMs: 59_001 } }, 'daily-quota-exhausted', 60],
    [{ admission: { kind: 'day-spent', by: 'count', forMs: 3_600_000 } }, 'daily-quota-exhausted', 3600],
    [{ circuit: { kind: 'open', retryAfterMs: 700 } }, 'upstream-unreachable', 1],
  ])('%o', (situation, code, retryAfterSeconds) => {
    const move = moveIn(situation);
    if (move.kind !== 'reject') throw new Error(move.kind);
    const error: GatewayError = move.error;
    expect(error).toMatchObject({ code, retryAfterSeconds });
  });
});

test.each<[Kind, Situation]>([
  ['single', { reservedAgainst: 'single', hasSingle: true }],
  ['batchable', { reservedAgainst: 'batchable' }],
])('leads of the kind %s are rejected while the rest of the day is reserved for others', (of, situation) => {
  expect(moveIn(situation)).toMatchObject({
    kind: 'reject',
    of,
    error: { code: 'daily-quota-exhausted', retryAfterSeconds: 900 },
  });
});

test('a call is neither begun with the breaker nor booked by the decision', () => {
  const situation: Situation = {};
  expect([moveIn(situation), moveIn(situation)]).toEqual([call, call]);
});

describe('until the nth call from now can start', () => {
  const estimate = (running: number, activePeers = 1, windowMs = 0) => ({
    quota: {
      earliestStart: (nth: number) => NOW + windowMs * nth,
      running: () => running,
      limits: { callsPerWindow: 100, maxConcurrent: 10, dailyCalls: 1000 },
    },
    usualCallMs: () => 300,
    peerLoad: () => ({ demandPerSecond: 0, activePeers }),
  });

  test.each([
    ['at once while calls can run', estimate(0), 1, 0],
    ['after one that runs', estimate(10), 1, 300],
    ['after two rounds of calls', estimate(10), 11, 600],
    ['when the window has room', estimate(0, 1, 5), 7, 35],
    ['in turn with its peers', estimate(0, 3, 5), 7, 105],
  ])('%s', (_what, state, nth, ms) => {
    expect(startsInMs(state, nth, NOW)).toBe(ms);
  });
});
