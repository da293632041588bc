import { expect, test } from 'vitest';
import { parseAcquireReply, parseHeartbeatReply, parseTime } from '../../src/replicas/shared-state.ts';

test('a granted permit says which leads are held', () => {
  expect(parseAcquireReply(['granted', 1_700_000_000_000, 0, [1, 3]])).toEqual({
    kind: 'granted',
    redisMs: 1_700_000_000_000,
    held: [1, 3],
  });
});

test.each(['window', 'concurrency', 'day', 'paused', 'unseen', 'held'] as const)(
  'a denial says why: %s',
  (kind) => {
    expect(parseAcquireReply([kind, 5, 250])).toEqual({ kind, redisMs: 5, inMs: 250 });
  },
);

test.each(['stale', 'unknown'] as const)('%s has no time to wait', (kind) => {
  expect(parseAcquireReply([kind, 5])).toEqual({ kind, redisMs: 5, inMs: 0 });
  expect(parseHeartbeatReply([kind, 5])).toEqual({ kind, redisMs: 5 });
});

test('a view is read whole, fractions from strings', () => {
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
    700,
  ];
  expect(parseHeartbeatReply(reply)).toEqual({
    kind: 'view',
    redisMs: 9,
    view: {
      epochAgeMs: 4000,
      blankMs: 700,
      pauseMs: 0,
      connected: 3,
      activePeers: 2,
      peerDemand: 12.5,
      connectedShare: 0.75,
      reservedShare: 0.25,
      peersToday: 17,
      peerLeases: [900, 21_000],
      peerRefills: [
        { inMs: 50, calls: 2 },
        { inMs: 100, calls: 1 },
      ],
      dayProbeInMs: null,
      peers: [{ id: 'b', share: '0.25' }],
    },
  });
});

test("Redis' time is seconds and microseconds", () => {
  expect(parseTime(['1700000000', '123456'])).toBe(1_700_000_000_123);
});

test.each([[null], ['OK'], [[]], [['view']], [['granted', 'x']], [['granted', 1, 0, ['x']]], [['else', 1]]])(
  'anything but a reply of the scripts is rejected: %j',
  (reply) => {
    expect(() => parseAcquireReply(reply)).toThrow(/Redis answered/);
    expect(() => parseHeartbeatReply(reply)).toThrow(/Redis answered/);
  },
);

test('anything but a reply to TIME is rejected', () => {
  expect(() => parseTime([])).toThrow(/TIME/);
});
