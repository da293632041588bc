import { expect, test } from 'vitest';
import { readAcquireReply, readSyncReply, readTime } from '../../src/replicas/shared-state.ts';

test('a granted permit says which leads must not go', () => {
  expect(readAcquireReply(['granted', 1_700_000_000_000, 0, [1, 3]])).toEqual({
    kind: 'granted',
    redisMs: 1_700_000_000_000,
    held: [1, 3],
  });
});

test.each(['window', 'concurrency', 'day', 'paused', 'unseen', 'held'] as const)(
  'a denial says why: %s',
  (kind) => {
    expect(readAcquireReply([kind, 5, 250])).toEqual({ kind, redisMs: 5, inMs: 250 });
  },
);

test.each(['stale', 'unknown'] as const)('%s comes without a time to wait', (kind) => {
  expect(readAcquireReply([kind, 5])).toEqual({ kind, redisMs: 5, inMs: 0 });
  expect(readSyncReply([kind, 5])).toEqual({ kind, redisMs: 5 });
});

test('a view is read whole, fractions from text', () => {
  const reply = [
    'view',
    9,
    4000,
    0,
    3,
    2,
    '12.5',
    '0.75',
    '0.25',
    17,
    [900, 21_000],
    [50, 2, 100, 1],
    ['b', '0.25'],
    -1,
  ];
  expect(readSyncReply(reply)).toEqual({
    kind: 'view',
    redisMs: 9,
    view: {
      epochAgeMs: 4000,
      pauseMs: 0,
      live: 3,
      activePeers: 2,
      othersDemand: 12.5,
      liveShare: 0.75,
      keptShare: 0.25,
      othersToday: 17,
      othersRunning: [900, 21_000],
      othersReturn: [
        { inMs: 50, calls: 2 },
        { inMs: 100, calls: 1 },
      ],
      lookInMs: null,
      peers: [{ id: 'b', share: '0.25' }],
    },
  });
});

test("Redis' time is seconds and microseconds", () => {
  expect(readTime(['1700000000', '123456'])).toBe(1_700_000_000_123);
});

test.each([[null], ['OK'], [[]], [['view']], [['granted', 'x']], [['granted', 1, 0, ['x']]], [['else', 1]]])(
  'what is no answer of the scripts is not taken for one: %j',
  (reply) => {
    expect(() => readAcquireReply(reply)).toThrow(/Redis answered/);
    expect(() => readSyncReply(reply)).toThrow(/Redis answered/);
  },
);

test('an answer to TIME that is none is not taken for one', () => {
  expect(() => readTime([])).toThrow(/time/);
});
