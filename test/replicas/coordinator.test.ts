import { expect, onTestFinished, test } from 'vitest';
import { createCoordinator } from '../../src/replicas/coordinator.ts';
import { RedisRefusal } from '../../src/replicas/redis.ts';
import {
  type AcquireReply,
  type CallRelease,
  COMMAND_TIMEOUT_MS,
  type Heartbeat,
  HEARTBEAT_MS,
  type SharedState,
  type View,
} from '../../src/replicas/shared-state.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const VIEW: View = {
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
  peers: [{ id: 'other', share: '0.5' }],
};

const never = () => new Promise<never>(() => {});

/** The coordinator of one of two replicas, in virtual time, with a Redis that the test controls. */
async function startReplica({ isConnected = true, view = VIEW, callsBefore = 0 } = {}) {
  const clock = createVirtualClock();
  const redis = {
    isThere: isConnected,
    isReady: () => redis.isThere,
    renewals: 0,
    renew() {
      redis.renewals += 1;
    },
    view,
    /** How far its clock is ahead. */
    aheadMs: 5_000_000,
    time: () => clock.monotonicMs() + redis.aheadMs,
    grant: (): Promise<AcquireReply> => Promise.resolve({ kind: 'granted', redisMs: redis.time(), held: [] }),
    heartbeat: () => Promise.resolve(),
    /** How releases fail, if they do. */
    failRelease: undefined as (() => Promise<void>) | undefined,
  };
  const recorded = {
    heartbeats: [] as Heartbeat[],
    released: [] as CallRelease[],
    locked: [] as string[],
    degraded: [] as string[],
    results: [] as string[],
    hasLeft: false,
    wakes: 0,
    pauses: [] as number[],
    dayProbe: null as number | null,
    dayProbes: [] as (number | null)[],
  };
  const sharedState: SharedState = {
    time: async () => redis.time(),
    acquire: () => redis.grant(),
    async release(end) {
      if (redis.failRelease !== undefined) return redis.failRelease();
      recorded.released.push(end);
    },
    async lock(id) {
      recorded.locked.push(id);
    },
    async heartbeat(heartbeat) {
      recorded.heartbeats.push(heartbeat);
      await redis.heartbeat();
      return { kind: 'view', redisMs: redis.time(), view: redis.view };
    },
    async leave() {
      recorded.hasLeft = true;
    },
  };
  const coordinator = createCoordinator({
    sharedState,
    redis,
    replica: 'me',
    lockOf: (key) => `lock:${key}`,
    share: 0.5,
    limits: { callsPerWindow: 100, maxConcurrent: 10, dailyCalls: 1000 },
    callsBefore,
    callTimeoutMs: 5000,
    mayCreateForMs: 0,
    clock,
    random: () => 0,
    observer: {
      onAcquire: (result) => recorded.results.push(result),
      onDegraded: (reason) => recorded.degraded.push(reason),
      onCoordinated() {},
    },
  });
  onTestFinished(() => coordinator.leave());
  const local = {
    day: () => ({ endsAt: 86_400_000, calls: 1000 }),
    demandPerSecond: () => 3,
    pauseUntil: (atMs: number) => void recorded.pauses.push(atMs),
    dayProbeInMs: () => recorded.dayProbe,
    onDayProbe: (inMs: number | null) => void recorded.dayProbes.push(inMs),
    wake() {
      recorded.wakes += 1;
    },
  };
  const joined = coordinator.join(local, 100);
  if (!isConnected) await clock.advance(100);
  await joined;
  const acquire = async () => {
    const answer = await coordinator.permits.acquire([['ea']]);
    if (answer.kind !== 'granted') throw new Error('no permit');
    return answer;
  };
  return { clock, coordinator, redis, recorded, acquire };
}

test('a coordinated replica holds nothing back: Redis decides', async () => {
  const { clock, coordinator, redis, recorded } = await startReplica();
  expect(coordinator.isCoordinated()).toBe(true);
  expect([
    coordinator.replicas(),
    coordinator.share.window.free(),
    coordinator.share.maxConcurrent(),
  ]).toEqual([2, 100, 10]);
  expect(coordinator.share.ownDay({ endsAt: 86_400_000, calls: 1000 })).toBe(993);
  expect(coordinator.warnings()).toEqual([]);
  expect(recorded.heartbeats[0]).toMatchObject({
    demandPerSecond: 3,
    history: { today: 0, running: [], ended: [] },
  });
  await clock.advance(2 * HEARTBEAT_MS);
  expect(recorded.heartbeats.map(({ sentAt }) => sentAt - redis.aheadMs)).toEqual([0, 200, 400]);
  expect(recorded.heartbeats[1]?.history).toBeUndefined();
  await coordinator.leave();
  expect(recorded.hasLeft).toBe(true);
  expect(clock.timers()).toBe(0);
});

test('a start waits for the connection, within limits', async () => {
  const { clock, coordinator, redis, recorded } = await startReplica({ isConnected: false });
  expect([clock.monotonicMs(), coordinator.isCoordinated(), recorded.heartbeats]).toEqual([100, false, []]);
  redis.isThere = true;
  await clock.advance(HEARTBEAT_MS);
  expect(coordinator.isCoordinated()).toBe(true);
});

test('a permit without a reply is not used: the replica continues standalone after a pause, and returns the permit later', async () => {
  const { clock, coordinator, redis, recorded } = await startReplica();
  const before = await coordinator.permits.acquire([['eb']]);
  redis.isThere = false;
  redis.grant = never;
  const asked = coordinator.permits.acquire([['ea'], ['ec']]);
  await clock.advance(COMMAND_TIMEOUT_MS);
  const answer = await asked;
  expect(answer).toEqual({ kind: 'denied', retryAtMs: COMMAND_TIMEOUT_MS + 20 });
  expect([coordinator.isCoordinated(), recorded.degraded, recorded.results]).toEqual([
    false,
    ['unanswered'],
    ['granted', 'unanswered'],
  ]);
  await clock.advance(999);
  expect(coordinator.share.window.free()).toBe(0);
  await clock.advance(1);
  // Half of what 10 calls leave that may have been granted to others unseen.
  expect(coordinator.share.window.free()).toBe(45);
  expect([coordinator.share.maxConcurrent(), coordinator.replicas()]).toEqual([5, 1]);
  // One own call of the day, and half of what it, the 7 of the other and 10 unseen ones leave.
  expect(coordinator.share.ownDay({ endsAt: 86_400_000, calls: 1000 })).toBe(1 + 491);
  expect(coordinator.warnings()).toEqual([
    'Redis cannot be reached; this replica keeps to 50 % of the limits',
  ]);

  const standalone = await coordinator.permits.acquire([['ed']]);
  expect(recorded.results.at(-1)).toBe('alone');
  if (before.kind === 'granted') before.release('counted', 0);
  expect(recorded.released).toEqual([]);
  redis.isThere = true;
  // The next heartbeat is due at 1600 ms.
  await clock.advance(100);
  expect(coordinator.isCoordinated()).toBe(true);
  const history = recorded.heartbeats.at(-1)?.history;
  expect(history?.running).toEqual([{ id: 'me:3', leftMs: 6900 }]);
  expect(history?.ended).toEqual([{ id: 'me:1', ageMs: 100 }]);
  expect(history).toMatchObject({ today: 2, knownToday: 8, ownKnownToday: 1, peers: VIEW.peers });
  expect(recorded.released.map(({ id, how, locks }) => [id, how, locks])).toEqual([
    ['me:2', 'unsent', ['lock:ea', 'lock:ec']],
    ['me:1', 'ended', ['lock:eb']],
  ]);
  expect(recorded.locked).toEqual(['me:3']);
  if (standalone.kind === 'granted') standalone.release('counted', 0);
  expect(recorded.released.at(-1)).toMatchObject({ id: 'me:3', how: 'ended' });
});

test.each([
  ['is refused', () => Promise.reject(new Error('Socket closed unexpectedly'))],
  ['has no reply', never],
])('a release that %s when the replica joins again is reported with the next join', async (_how, fail) => {
  const { clock, redis, recorded, acquire } = await startReplica();
  const { release } = await acquire();
  let failed = 0;
  redis.failRelease = () => {
    failed += 1;
    return fail();
  };
  release('counted', 0);
  await clock.advance(2 * COMMAND_TIMEOUT_MS + 2 * HEARTBEAT_MS);
  expect(failed).toBeGreaterThan(1);
  redis.failRelease = undefined;
  await clock.advance(COMMAND_TIMEOUT_MS + 2 * HEARTBEAT_MS);
  expect(recorded.released.map(({ id, how, locks }) => [id, how, locks])).toEqual([
    ['me:1', 'ended', ['lock:ea']],
  ]);
});

test('no call begins while a join is in progress', async () => {
  const { clock, coordinator, redis } = await startReplica();
  redis.heartbeat = () => Promise.reject(new Error('broken'));
  await clock.advance(1500);
  expect(coordinator.share.window.free()).toBe(45);
  redis.heartbeat = never;
  await clock.advance(HEARTBEAT_MS);
  expect(coordinator.share.window.free()).toBe(0);
  await clock.advance(COMMAND_TIMEOUT_MS);
  expect(coordinator.share.window.free()).toBe(45);
});

test('a Redis that has not seen all calls is trusted only within the share', async () => {
  const { clock, coordinator, redis, recorded } = await startReplica();
  redis.view = { ...VIEW, epochAgeMs: 19_500, peerRefills: [{ inMs: 5000, calls: 20 }] };
  await clock.advance(HEARTBEAT_MS);
  expect(coordinator.share.maxConcurrent()).toBe(5);
  expect(coordinator.share.window.free()).toBe(40);
  expect(coordinator.permits.peerLoad()).toEqual({ demandPerSecond: 0, activePeers: 1 });
  redis.view = { ...redis.view, epochAgeMs: 20_100 };
  await clock.advance(HEARTBEAT_MS);
  expect(coordinator.share.maxConcurrent()).toBe(10);
  expect(coordinator.share.window.free()).toBe(80);
  expect(recorded.degraded).toEqual([]);
});

test('a permit names the leads held elsewhere, a denial the time until there is room', async () => {
  const { clock, coordinator, redis } = await startReplica();
  redis.grant = async () => ({ kind: 'granted', redisMs: redis.time(), held: [1] });
  expect(await coordinator.permits.acquire([['ea'], ['eb']])).toMatchObject({ held: new Set([1]) });
  redis.grant = async () => ({ kind: 'held', redisMs: redis.time(), inMs: 0 });
  expect(await coordinator.permits.acquire([['ea'], ['eb']])).toMatchObject({ held: new Set([0, 1]) });
  redis.grant = async () => ({ kind: 'window', redisMs: redis.time(), inMs: 700 });
  const waitMs = async () => {
    const denied = await coordinator.permits.acquire([['ea']]);
    return denied.kind === 'denied' ? denied.retryAtMs - clock.monotonicMs() : 0;
  };
  expect(await waitMs()).toBe(720);
  redis.grant = async () => ({ kind: 'window', redisMs: redis.time(), inMs: 15_000 });
  expect(await waitMs()).toBe(1020);
});

test.each(['stale', 'unknown'] as const)('a denial as %s degrades the replica', async (kind) => {
  const { coordinator, redis, recorded } = await startReplica();
  redis.grant = async () => ({ kind, redisMs: redis.time(), inMs: 0 });
  expect((await coordinator.permits.acquire([['ea']])).kind).toBe('denied');
  expect([coordinator.isCoordinated(), recorded.degraded]).toEqual([false, [kind]]);
});

test('only refusals for the limits of the upstream make peers pause', async () => {
  const { recorded, acquire } = await startReplica();
  (await acquire()).release('rate-limited', 2000);
  (await acquire()).release('too-many-at-once', 250);
  (await acquire()).release('counted', 1500);
  expect(recorded.released.map(({ pauseMs }) => pauseMs)).toEqual([2000, 250, 0]);
});

test('a call given up keeps its place and its keys as long as the upstream may work on it', async () => {
  const { clock, recorded, acquire } = await startReplica();
  const call = await acquire();
  const short = await acquire();
  await clock.advance(5000);
  call.release('given-up', 0);
  short.release('given-up', 0, 60_000);
  expect(recorded.released).toMatchObject([
    { id: 'me:1', runsForMs: 85_000, locks: ['lock:ea'] },
    { id: 'me:2', runsForMs: 55_000 },
  ]);
  (await acquire()).release('counted', 0);
  expect(recorded.released.at(-1)).toMatchObject({ id: 'me:3', runsForMs: 0 });
});

test('keys may be kept from peers longer than the call, or not at all', async () => {
  const { clock, recorded, acquire } = await startReplica();
  const [unknown, repeatable, usual] = [await acquire(), await acquire(), await acquire()];
  await clock.advance(5000);
  unknown.release('unclear', 0, undefined, 90_000);
  repeatable.release('given-up', 0, 60_000, 0);
  usual.release('counted', 0);
  expect(recorded.released).toMatchObject([
    { runsForMs: 0, keptForMs: 85_000 },
    { runsForMs: 55_000, keptForMs: 0 },
    { runsForMs: 0, keptForMs: null },
  ]);
});

test('a replica that is alone with an empty Redis holds back what a process before it may have called', async () => {
  const view = { ...VIEW, epochAgeMs: 0, peers: [], peersToday: 0, connected: 1, connectedShare: 0.5 };
  const blank = await startReplica({ view: { ...view, blankMs: 20_000 }, callsBefore: 90 });
  expect(blank.coordinator.share.window.free()).toBe(5);
  blank.redis.view = { ...VIEW, epochAgeMs: 20_000 };
  await blank.clock.advance(20_000);
  expect(blank.coordinator.share.window.free()).toBe(100);

  const known = await startReplica({
    view: { ...view, peerRefills: [{ inMs: 9000, calls: 20 }] },
    callsBefore: 90,
  });
  expect(known.coordinator.share.window.free()).toBe(40);

  const beside = await startReplica({ view: VIEW, callsBefore: 90 });
  expect(beside.coordinator.share.window.free()).toBe(100);

  const without = await startReplica({ isConnected: false, callsBefore: 90 });
  expect(without.coordinator.share.window.free()).toBe(5);
  await without.clock.advance(20_000);
  expect(without.coordinator.share.window.free()).toBe(50);
});

test('peers learn that the upstream calls the day spent, and when it no longer does', async () => {
  const { clock, redis, recorded, acquire } = await startReplica();
  recorded.dayProbe = 60_000;
  (await acquire()).release('day-spent', 0);
  (await acquire()).release('counted', 0);
  redis.view = { ...VIEW, dayProbeInMs: 59_000 };
  await clock.advance(HEARTBEAT_MS);
  expect(recorded.dayProbes.at(-1)).toBe(59_000);
  recorded.dayProbe = null;
  (await acquire()).release('counted', 0);
  expect(recorded.released.map(({ dayProbeMs }) => dayProbeMs)).toEqual([60_000, 0, -1]);
});

test('a pause of a peer applies here', async () => {
  const { clock, redis, recorded } = await startReplica();
  redis.view = { ...VIEW, pauseMs: 3000 };
  await clock.advance(HEARTBEAT_MS);
  expect(recorded.pauses).toEqual([HEARTBEAT_MS + 3000]);
});

test('a Redis that refuses is reported as such, once, and leaves the replica its share', async () => {
  const { clock, coordinator, redis, recorded } = await startReplica();
  redis.heartbeat = () => Promise.reject(new RedisRefusal(new Error('NOPERM no permission')));
  await clock.advance(HEARTBEAT_MS);
  expect(recorded.degraded).toEqual(['refused']);
  expect(coordinator.warnings()[0]).toMatch(/^Redis refuses what replicas need/);
  await clock.advance(1100);
  expect(recorded.degraded).toEqual(['refused']);
  expect(coordinator.share.window.free()).toBe(45);
});

test('failed joins cost nothing but their time', async () => {
  const { clock, coordinator, redis, recorded } = await startReplica();
  redis.heartbeat = () => Promise.reject(new Error('broken'));
  await clock.advance(9 * HEARTBEAT_MS);
  expect(recorded.heartbeats).toHaveLength(10);
  expect(recorded.degraded).toEqual(['unanswered']);
  expect(coordinator.share.window.free()).toBe(45);
  redis.heartbeat = () => Promise.resolve();
  await clock.advance(HEARTBEAT_MS);
  expect(coordinator.isCoordinated()).toBe(true);
  expect(coordinator.share.window.free()).toBe(100);
});

test('a connection without replies is replaced', async () => {
  const { clock, coordinator, redis } = await startReplica();
  redis.heartbeat = never;
  await clock.advance(10 * (HEARTBEAT_MS + COMMAND_TIMEOUT_MS) - 1);
  expect(redis.renewals).toBe(0);
  await clock.advance(1);
  expect(redis.renewals).toBe(1);
  expect(coordinator.isCoordinated()).toBe(false);
});

test('a sum of shares over 1 causes a warning', async () => {
  const { clock, coordinator, redis } = await startReplica();
  redis.view = { ...VIEW, connected: 3, connectedShare: 1.5 };
  await clock.advance(HEARTBEAT_MS);
  expect(coordinator.warnings()).toEqual([expect.stringMatching(/^3 replicas .* lower REPLICA_SHARE$/)]);
});
