import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createCoordinator } from '../../src/replicas/coordinator.ts';
import type {
  AcquireReply,
  CallRelease,
  SharedState,
  SignOfLife,
  View,
} from '../../src/replicas/shared-state.ts';
import { RedisRefusal } from '../../src/replicas/redis.ts';

const VIEW: View = {
  epochAgeMs: 1_000_000,
  pauseMs: 0,
  live: 2,
  activePeers: 1,
  othersDemand: 0,
  liveShare: 1,
  keptShare: 0,
  othersToday: 7,
  othersRunning: [],
  othersReturn: [],
  lookInMs: null,
  peers: [{ id: 'other', share: '0.5' }],
};

const monotonicMs = () => performance.now();
const never = () => new Promise<never>(() => {});

/** A coordinator of this replica and another, with a Redis that does as the test says. */
async function startFleet(limits: Partial<{ callsPerWindow: number; dailyCalls: number }> = {}) {
  const redis = {
    isThere: true,
    isReady: () => redis.isThere,
    renewals: 0,
    renew() {
      redis.renewals += 1;
    },
    view: VIEW,
    grant: (): Promise<AcquireReply> =>
      Promise.resolve({ kind: 'granted', redisMs: monotonicMs(), held: [] }),
    sign: () => Promise.resolve(),
  };
  const told = {
    signs: [] as SignOfLife[],
    released: [] as CallRelease[],
    locked: [] as string[],
    away: [] as string[],
    results: [] as string[],
    hasLeft: false,
    pauses: [] as number[],
    look: null as number | null,
    days: [] as (number | null)[],
  };
  const sharedState: SharedState = {
    time: async () => monotonicMs(),
    acquire: () => redis.grant(),
    async release(end) {
      told.released.push(end);
    },
    async lock(id) {
      told.locked.push(id);
    },
    async sync(sign) {
      told.signs.push(sign);
      await redis.sign();
      return { kind: 'view', redisMs: monotonicMs(), view: redis.view };
    },
    async leave() {
      told.hasLeft = true;
    },
  };
  const coordinator = createCoordinator({
    sharedState,
    redis,
    replica: 'me',
    lane: (key) => `lane:${key}`,
    share: 0.5,
    limits: { callsPerWindow: 100, maxConcurrent: 10, dailyCalls: 1000, ...limits },
    callTimeoutMs: 5000,
    monotonicMs,
    random: () => 0,
    observer: {
      onAcquire: (result) => told.results.push(result),
      onAway: (reason) => told.away.push(reason),
      onBack() {},
    },
  });
  onTestFinished(() => coordinator.leave());
  const member = {
    day: () => ({ endsAt: 86_400_000, calls: 1000 }),
    demandPerSecond: () => 3,
    pauseUntil: (atMs: number) => void told.pauses.push(atMs),
    spentLookInMs: () => told.look,
    hearOfDay: (lookInMs: number | null) => void told.days.push(lookInMs),
    wake() {},
  };
  await coordinator.join(member, 100);
  const acquire = async () => {
    const answer = await coordinator.permits.acquire([['ea']]);
    if (answer.kind !== 'granted') throw new Error('not granted');
    return answer;
  };
  return { coordinator, redis, told, acquire };
}

test('together, nothing is kept back: Redis judges', async () => {
  const { coordinator, told } = await startFleet();
  expect(coordinator.isCoordinated()).toBe(true);
  expect([
    coordinator.replicas(),
    coordinator.share.window.free(),
    coordinator.share.maxConcurrent(),
  ]).toEqual([2, 100, 10]);
  expect(coordinator.share.ownDay({ endsAt: 86_400_000, calls: 1000 })).toBe(993);
  expect(coordinator.warnings()).toEqual([]);
  expect(told.signs[0]).toMatchObject({ demandPerSecond: 3, memory: { today: 0, running: [], ended: [] } });
  await expect.poll(() => told.signs.length).toBeGreaterThan(2);
  expect(told.signs[1]?.memory).toBeUndefined();
  await coordinator.leave();
  expect(told.hasLeft).toBe(true);
});

test('a permit that is not answered is not used; the replica goes on alone after a lull, and gives it back later', async () => {
  const { coordinator, redis, told } = await startFleet();
  const before = await (async () => await coordinator.permits.acquire([['eb']]))();
  redis.isThere = false;
  redis.grant = never;
  const answer = await coordinator.permits.acquire([['ea'], ['ec']]);
  expect(answer.kind).toBe('denied');
  expect([coordinator.isCoordinated(), told.away, told.results]).toEqual([
    false,
    ['unanswered'],
    ['granted', 'unanswered'],
  ]);
  expect(coordinator.share.window.free()).toBe(0);
  await pause(1010);
  // Half of what 10 calls leave that may have been granted to others unseen.
  expect(coordinator.share.window.free()).toBe(45);
  expect([coordinator.share.maxConcurrent(), coordinator.replicas()]).toEqual([5, 1]);
  // One own call of the day, and half of what it, the 7 of the other and 10 unseen ones leave.
  expect(coordinator.share.ownDay({ endsAt: 86_400_000, calls: 1000 })).toBe(1 + 491);
  expect(coordinator.warnings()).toEqual([
    'Redis cannot be reached; this replica keeps to 50 % of the limits',
  ]);

  const alone = await coordinator.permits.acquire([['ed']]);
  expect(told.results.at(-1)).toBe('alone');
  if (before.kind === 'granted') before.release('counted', 0);
  expect(told.released).toEqual([]);
  redis.isThere = true;
  await expect.poll(() => coordinator.isCoordinated()).toBe(true);
  const memory = told.signs.at(-1)?.memory ?? told.signs.at(-2)?.memory;
  expect(memory?.running.map(({ id }) => id)).toEqual(['me:3']);
  expect(memory?.ended.map(({ id }) => id)).toEqual(['me:1']);
  expect(memory).toMatchObject({ today: 2, knownToday: 8, todayThen: 1, peers: VIEW.peers });
  expect(told.released.map(({ id, how, lanes }) => [id, how, lanes])).toEqual([
    ['me:2', 'unsent', ['lane:ea', 'lane:ec']],
    ['me:1', 'ended', ['lane:eb']],
  ]);
  expect(told.locked).toEqual(['me:3']);
  if (alone.kind === 'granted') alone.release('counted', 0);
  expect(told.released.at(-1)).toMatchObject({ id: 'me:3', how: 'ended' });
});

test('a Redis that does not know of all calls yet is believed only inside the share', async () => {
  const { coordinator, redis, told } = await startFleet();
  redis.view = { ...VIEW, epochAgeMs: 19_500, othersReturn: [{ inMs: 5000, calls: 20 }] };
  await expect.poll(() => coordinator.share.maxConcurrent()).toBe(5);
  expect(coordinator.share.window.free()).toBe(40);
  expect(coordinator.permits.peerLoad()).toEqual({ demandPerSecond: 0, activePeers: 1 });
  redis.view = { ...redis.view, epochAgeMs: 20_100 };
  await expect.poll(() => coordinator.share.maxConcurrent()).toBe(10);
  expect(coordinator.share.window.free()).toBe(80);
  expect(told.away).toEqual([]);
});

test('a permit that says who is on the way elsewhere, or when there is room, says so', async () => {
  const { coordinator, redis } = await startFleet();
  redis.grant = async () => ({ kind: 'granted', redisMs: monotonicMs(), held: [1] });
  expect(await coordinator.permits.acquire([['ea'], ['eb']])).toMatchObject({ held: new Set([1]) });
  redis.grant = async () => ({ kind: 'held', redisMs: monotonicMs(), inMs: 0 });
  expect(await coordinator.permits.acquire([['ea'], ['eb']])).toMatchObject({ held: new Set([0, 1]) });
  redis.grant = async () => ({ kind: 'window', redisMs: monotonicMs(), inMs: 700 });
  const waitMs = async () => {
    const denied = await coordinator.permits.acquire([['ea']]);
    return denied.kind === 'denied' ? denied.retryAtMs - monotonicMs() : 0;
  };
  expect(Math.abs((await waitMs()) - 720)).toBeLessThan(50);
  redis.grant = async () => ({ kind: 'window', redisMs: monotonicMs(), inMs: 15_000 });
  expect(Math.abs((await waitMs()) - 1020)).toBeLessThan(50);
});

test('only what the upstream refused for its limits makes the others pause', async () => {
  const { told, acquire } = await startFleet();
  (await acquire()).release('rate-limited', 2000);
  (await acquire()).release('too-many-at-once', 250);
  (await acquire()).release('counted', 1500);
  expect(told.released.map(({ pauseMs }) => pauseMs)).toEqual([2000, 250, 0]);
});

test('a day that the upstream calls spent is told to the others, and so is its end', async () => {
  const { redis, told, acquire } = await startFleet();
  told.look = 60_000;
  (await acquire()).release('day-spent', 0);
  (await acquire()).release('counted', 0);
  redis.view = { ...VIEW, lookInMs: 59_000 };
  await expect.poll(() => told.days).toContain(59_000);
  told.look = null;
  (await acquire()).release('counted', 0);
  expect(told.released.map(({ lookMs }) => lookMs)).toEqual([60_000, 0, -1]);
});

test('a pause of others is kept', async () => {
  const { redis, told } = await startFleet();
  redis.view = { ...VIEW, pauseMs: 3000 };
  await expect.poll(() => told.pauses.length).toBeGreaterThan(0);
  expect(Math.abs((told.pauses[0] ?? 0) - monotonicMs() - 3000)).toBeLessThan(500);
});

test('a Redis that refuses is told from one that is away, once, and costs no share', async () => {
  const { coordinator, redis, told } = await startFleet();
  redis.sign = () => Promise.reject(new RedisRefusal(new Error('NOPERM no permission')));
  await expect.poll(() => told.away).toEqual(['refused']);
  expect(coordinator.warnings()[0]).toMatch(/^Redis refuses what replicas need/);
  await pause(1100);
  expect(told.away).toEqual(['refused']);
  expect(coordinator.share.window.free()).toBe(45);
});

test('tries to come back that get no answer cost nothing but the moment', async () => {
  const { coordinator, redis, told } = await startFleet();
  redis.sign = () => Promise.reject(new Error('broken'));
  await expect.poll(() => told.signs.length, { timeout: 5000 }).toBeGreaterThan(8);
  expect(told.away).toEqual(['unanswered']);
  expect(coordinator.share.window.free()).toBe(45);
  redis.sign = () => Promise.resolve();
  await expect.poll(() => coordinator.isCoordinated()).toBe(true);
  expect(coordinator.share.window.free()).toBe(100);
});

test('a connection on which nothing comes back is made anew', async () => {
  const { coordinator, redis } = await startFleet();
  redis.sign = never;
  await expect.poll(() => redis.renewals, { timeout: 15_000 }).toBe(1);
  expect(coordinator.isCoordinated()).toBe(false);
});

test('shares that are more than the whole are warned of', async () => {
  const { coordinator, redis } = await startFleet();
  redis.view = { ...VIEW, live: 3, liveShare: 1.5 };
  await expect
    .poll(() => coordinator.warnings())
    .toEqual([expect.stringMatching(/^3 replicas .* lower REPLICA_SHARE$/)]);
});
