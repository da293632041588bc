// The scripts by which replicas coordinate, in a real Redis, as they are delivered (dist):
//   node checks/redis/shared-state.mjs [path of redis-server]
// Exits with 1 at the first failure.
import assert from 'node:assert/strict';
import { checkRedis } from '../../dist/cli/doctor/doctor.js';
import { createRedisKeys, createSharedState } from '../../dist/replicas/shared-state.js';
import { connectRedis } from '../../dist/replicas/redis.js';
import { freePort, kill, sleep, startRedis, until } from '../processes.mjs';

const [redisServer] = process.argv.slice(2);
const note = () => {};
const logger = { debug: note, info: note, warn: note, error: note };

const port = await freePort();
const server = await startRedis(port, redisServer);
const redis = await connectRedis(`redis://127.0.0.1:${port}`, logger, Math.random);
await until(() => redis.isReady(), 'a connection');

const redisKeys = createRedisKeys('https://example.com/soap', 'user', 'a-secret-key');
const dayEndsAt = Date.now() + 3_600_000;
const NOTHING = { today: 0, knownToday: 0, ownKnownToday: 0, peers: [], running: [], ended: [] };

/** A replica; `limits` in place of the usual ones. */
function replica(name, { share = 0.5, ...limits } = {}) {
  const sharedState = createSharedState(redis.send, {
    redisKeys,
    replica: name,
    share,
    limits: { callsPerWindow: 20, maxConcurrent: 5, maxUnseen: 100, ...limits },
  });
  let last = 0;
  const heartbeat = async (history, demandPerSecond = 0) =>
    sharedState.heartbeat({ sentAt: await sharedState.time(), demandPerSecond, dayEndsAt, history });
  return {
    ...sharedState,
    heartbeat,
    view: async (history) => {
      const reply = await heartbeat(history);
      assert.equal(reply.kind, 'view');
      return reply.view;
    },
    async ask(
      leads = [[`e${name}${last}`]],
      { leaseMs = 5000, lockMs = leaseMs, dailyCalls = 10_000, sentAgoMs = 0 } = {},
    ) {
      last += 1;
      const id = `${name}:${last}`;
      const locks = leads.map((keys) => keys.map(redisKeys.lock));
      const sentAt = (await sharedState.time()) - sentAgoMs;
      const times = { sentAt, leaseMs, lockMs, dayEndsAt };
      const reply = await sharedState.acquire({ id, ...times, dailyCalls, leads: locks });
      const end = (how = 'ended', pauseMs = 0, dayProbeMs = 0, runsForMs = 0, keptForMs = null) =>
        sharedState.release({
          id,
          how,
          runsForMs,
          keptForMs,
          pauseMs,
          dayProbeMs,
          dayEndsAt,
          locks: locks.flat(),
        });
      return { ...reply, id, end };
    },
  };
}

const ask = async (who, count) => {
  const asked = [];
  for (let index = 0; index < count; index += 1) asked.push(await who.ask());
  return asked;
};
const kinds = (asked) => asked.map(({ kind }) => kind);
const endAll = async (asked, how) => {
  for (const { kind, end } of asked) if (kind === 'granted') await end(how);
};
const near = (value, expected, by = 200) =>
  assert.ok(Math.abs(value - expected) <= by, `${value} is not near ${expected}`);

const checks = {
  async 'a replica is unknown before it has joined'() {
    const one = replica('one');
    assert.equal((await one.heartbeat()).kind, 'unknown');
    assert.equal((await one.ask()).kind, 'unknown');
    const view = await one.view(NOTHING);
    assert.equal(view.connected, 1);
    near(view.epochAgeMs, 0);
  },

  async 'calls of peers are seen, own ones are not'() {
    const [one, two] = await pair();
    const call = await one.ask();
    assert.equal(call.kind, 'granted');
    const [leftMs] = (await two.view()).peerLeases;
    near(leftMs, 5000);
    assert.deepEqual((await one.view()).peerLeases, []);
    await call.end();
    const { peerLeases, peerRefills, peersToday, connected } = await two.view();
    assert.deepEqual([peerLeases, peersToday, connected], [[], 1, 2]);
    assert.equal(peerRefills.length, 1);
    near(peerRefills[0].inMs, 20_000);
    assert.deepEqual((await one.view()).peerRefills, []);
  },

  async 'demand makes a replica an active peer'() {
    const [one, two] = await pair();
    assert.equal((await two.view()).activePeers, 1);
    await one.heartbeat(undefined, 12.5);
    const { activePeers, peerDemand } = await two.view();
    assert.deepEqual([activePeers, peerDemand], [2, 12.5]);
  },

  async 'the calls at a time are limited for all together'() {
    const [one, two] = await pair();
    const asked = [...(await ask(one, 3)), ...(await ask(two, 3))];
    assert.deepEqual(kinds(asked), [...Array(5).fill('granted'), 'concurrency']);
    await asked[0].end();
    assert.equal((await two.ask()).kind, 'granted');
  },

  async 'the window slides, to the ms, and says when there is room'() {
    const [one, two] = await pair();
    const ended = Array.from({ length: 18 }, (_, index) => ({
      id: `one:old${index}`,
      ageMs: 19_400 - 100 * index,
    }));
    await one.view({ ...NOTHING, ended });
    await one.view();
    await endAll(await ask(one, 2));
    const denied = await two.ask();
    assert.equal(denied.kind, 'window');
    near(denied.inMs, 600);
    await sleep(denied.inMs + 5);
    assert.equal((await two.ask()).kind, 'granted');
    assert.equal((await two.ask()).kind, 'window');
  },

  async 'a lead gets all its locks or none, and only their owner releases them'() {
    const [one, two] = await pair();
    const held = await one.ask([['ex@example.com', 'i7']]);
    const mixed = await two.ask([['ex@example.com', 'i8'], ['ey@example.com']]);
    assert.equal(mixed.kind, 'granted');
    assert.deepEqual(mixed.held, [0]);
    const { id } = await one.ask([['i8']]);
    assert.ok(id, 'the free lock of a lead that was held stays free');
    await mixed.end();
    const nothing = await two.ask([['i7']]);
    assert.equal(nothing.kind, 'held');
    assert.equal((await one.view()).peerLeases.length, 0, 'nothing is booked for it');
    await two.release({
      id: nothing.id,
      how: 'unsent',
      keptForMs: null,
      pauseMs: 0,
      dayProbeMs: 0,
      dayEndsAt,
      locks: [redisKeys.lock('i7')],
    });
    assert.equal((await two.ask([['i7']])).kind, 'held');
    await held.end();
    assert.equal((await two.ask([['i7']])).kind, 'granted');
  },

  async 'a call whose replica died ends with its lease, as do its locks'() {
    const [one, two] = await pair();
    await one.ask([['i1']], { leaseMs: 400 });
    assert.equal((await two.ask([['i1']])).kind, 'held');
    await sleep(450);
    const { peerLeases, peerRefills } = await two.view();
    assert.deepEqual(peerLeases, []);
    near(peerRefills[0].inMs, 20_000 - 50);
    assert.equal((await two.ask([['i1']])).kind, 'granted');
  },

  async 'locks outlast the lease where a call of a replica that died may still create leads'() {
    const [one, two] = await pair();
    await one.ask([['ecreated@example.com']], { leaseMs: 200, lockMs: 700 });
    await sleep(300);
    assert.deepEqual((await two.view()).peerLeases, []);
    assert.equal((await two.ask([['ecreated@example.com']])).kind, 'held');
    await sleep(450);
    assert.equal((await two.ask([['ecreated@example.com']])).kind, 'granted');
  },

  async 'a call that is given up keeps its place and its keys until the upstream must have ended it'() {
    const [one, two] = await pair();
    const call = await one.ask([['i1']], { leaseMs: 300 });
    await call.end('ended', 0, 0, 800);
    near((await two.view()).peerLeases[0], 800);
    await sleep(400);
    assert.equal((await two.ask([['i1']])).kind, 'held');
    assert.equal((await one.ask([['i1']])).kind, 'held', 'also for its own replica');
    await sleep(450);
    assert.equal((await two.ask([['i1']])).kind, 'granted');
    near((await two.view()).peerRefills[0].inMs, 20_000 - 50);
  },

  async 'keys that an earlier call may still create leads with are kept from other replicas'() {
    const [one, two] = await pair();
    const lost = await one.ask([['ekept@example.com']], { leaseMs: 300 });
    await lost.end('ended', 0, 0, 0, 600);
    assert.equal((await two.ask([['ekept@example.com']])).kind, 'held');
    const find = await one.ask([['ekept@example.com']]);
    assert.equal(find.kind, 'granted', 'its own replica goes on');
    await find.end();
    assert.equal((await two.ask([['ekept@example.com']])).kind, 'held', 'also after that');
    await sleep(650);
    assert.equal((await two.ask([['ekept@example.com']])).kind, 'granted');
    const timedOut = await one.ask([['i5']]);
    await timedOut.end('ended', 0, 0, 800, 0);
    near((await two.view()).peerLeases.at(-1), 800);
    assert.equal(
      (await two.ask([['i5']])).kind,
      'granted',
      'a call that may be repeated keeps its place alone',
    );
  },

  async 'an operator’s cap of the day holds for three replicas, whatever the upstream would take'() {
    const all = [replica('cap1'), replica('cap2'), replica('cap3')];
    for (const one of all) await one.view(NOTHING);
    let granted = 0;
    for (let round = 0; round < 12; round += 1) {
      const asked = await Promise.all(all.map((one) => one.ask(undefined, { dailyCalls: 9 })));
      granted += asked.filter(({ kind }) => kind === 'granted').length;
      // The upstream called the day spent, and then did not.
      for (const { kind, end } of asked) if (kind === 'granted') await end('ended', 0, round % 2 ? -1 : 1);
    }
    assert.equal(granted, 9);
  },

  async 'the day is shared, and a call that was not sent does not count'() {
    const [one, two] = await pair();
    const first = await one.ask(undefined, { dailyCalls: 2 });
    await two.ask(undefined, { dailyCalls: 2 });
    assert.equal((await one.ask(undefined, { dailyCalls: 2 })).kind, 'day');
    assert.equal((await one.ask(undefined, { dailyCalls: 3 })).kind, 'granted');
    await first.end('unsent');
    assert.equal((await two.view()).peersToday, 1);
    assert.equal((await two.view()).peerRefills.length, 0);
  },

  async 'a pause reported by one replica applies to all'() {
    const [one, two] = await pair();
    await (await one.ask()).end('ended', 500);
    const denied = await two.ask();
    assert.equal(denied.kind, 'paused');
    near(denied.inMs, 500);
    near((await one.view()).pauseMs, 500);
    await sleep(denied.inMs + 5);
    assert.equal((await two.ask()).kind, 'granted');
  },

  async 'all replicas know of a spent day and when the upstream is asked again, until one finds it open'() {
    const [one, two] = [replica('a'), replica('b')];
    await one.view(NOTHING);
    await two.view(NOTHING);
    assert.equal((await two.view()).dayProbeInMs, null);
    await (await one.ask()).end('ended', 0, 700);
    near((await two.view()).dayProbeInMs, 700);
    await sleep(750);
    assert.equal((await two.view()).dayProbeInMs, 0);
    await (await two.ask()).end('ended', 0, -1);
    assert.equal((await one.view()).dayProbeInMs, null);
  },

  async 'calls that a peer has not seen are limited, until it has seen them'() {
    const [one, two] = await pair({ maxUnseen: 3 });
    assert.deepEqual(kinds(await ask(one, 4)), ['granted', 'granted', 'granted', 'unseen']);
    assert.equal((await two.ask()).kind, 'granted', 'own calls need not be seen');
    await one.view();
    assert.equal((await one.ask()).kind, 'unseen');
    await two.view();
    assert.equal((await one.ask()).kind, 'granted');
  },

  async 'the share of a silent replica is reserved, until it leaves'() {
    const [one, two] = await pair({ maxConcurrent: 100 });
    await sleep(1000);
    await one.view();
    await sleep(600);
    const { reservedShare, connected } = await one.view();
    assert.deepEqual([reservedShare, connected], [0.5, 1]);
    const asked = await ask(one, 11);
    assert.deepEqual(kinds(asked), [...Array(10).fill('granted'), 'window']);
    await two.leave();
    assert.equal((await one.view()).reservedShare, 0);
    assert.equal((await one.ask()).kind, 'granted');
  },

  async 'no more is reserved for silent replicas than the others leave'() {
    const [one] = await pair();
    await sleep(1000);
    await one.view();
    await sleep(600);
    const three = replica('three');
    assert.equal((await three.view(NOTHING)).reservedShare, 0);
    await three.view();
    const { connectedShare, reservedShare } = await one.view();
    assert.deepEqual([connectedShare, reservedShare], [1, 0]);
  },

  async 'a joining replica keeps its share until its next heartbeat'() {
    const [one, two] = await pair();
    await two.view(NOTHING);
    const unsure = await one.view();
    assert.deepEqual([unsure.reservedShare, unsure.connected], [0.5, 2]);
    await two.view();
    assert.equal((await one.view()).reservedShare, 0);
  },

  async 'a late command does nothing'() {
    const [one] = await pair();
    assert.equal((await one.ask([['i1']], { sentAgoMs: 600 })).kind, 'stale');
    assert.equal((await one.ask([['i1']], { sentAgoMs: 300 })).kind, 'granted');
  },

  async 'the history of a joining replica replaces what was known of it, however often'() {
    const [one, two] = await pair();
    const [lost] = await ask(one, 2);
    const history = {
      ...NOTHING,
      today: 5,
      running: [{ id: lost.id, leftMs: 3000 }],
      ended: [{ id: 'one:90', ageMs: 10_000 }],
    };
    for (let again = 0; again < 2; again += 1) {
      await one.view(history);
      const { peerLeases, peerRefills, peersToday } = await two.view();
      assert.equal(peerLeases.length, 1);
      near(peerLeases[0], 3000);
      assert.equal(peerRefills.length, 1);
      near(peerRefills[0].inMs, 10_000);
      assert.equal(peersToday, 5);
    }
  },

  async 'after a loss of memory the replicas restore calls, the day and their peers'() {
    const [one, two] = await pair();
    await redis.send(['FLUSHALL']);
    assert.equal((await one.heartbeat()).kind, 'unknown');
    assert.equal((await one.ask()).kind, 'unknown');
    // 100 calls were known, 40 of one's and 60 of two's; since then they have made 1 and 2 standalone.
    const peers = [{ id: 'two', share: '0.5' }];
    const view = await one.view({ ...NOTHING, today: 41, knownToday: 100, ownKnownToday: 40, peers });
    near(view.epochAgeMs, 0);
    assert.deepEqual([view.reservedShare, view.connected, view.peersToday], [0.5, 1, 60]);
    await two.view({ ...NOTHING, today: 62, knownToday: 100, ownKnownToday: 60 });
    await two.view();
    const { reservedShare, connected, peersToday } = await one.view();
    assert.deepEqual([reservedShare, connected, peersToday], [0, 2, 62]);
    // One that saw more than the others before the loss restores that, too.
    const three = replica('three', { share: 0 });
    await three.view({ ...NOTHING, today: 5, knownToday: 104, ownKnownToday: 3 });
    assert.equal((await one.view()).peersToday, 103 + 4 + 2 - 41);
  },

  async 'an epoch begins when no replica was there for a while'() {
    const [one, two] = await pair();
    await sleep(500);
    near((await one.view()).epochAgeMs, 500);
    await sleep(1600);
    near((await two.view()).epochAgeMs, 0);
  },

  async 'a call in flight without a permit takes the locks that are free'() {
    const [one, two] = await pair();
    await two.ask([['i2']]);
    await one.lock('one:99', [redisKeys.lock('i1'), redisKeys.lock('i2')], 400);
    assert.equal((await two.ask([['i1']])).kind, 'held');
    await sleep(450);
    assert.equal((await two.ask([['i1']])).kind, 'granted');
  },

  async 'Redis holds nothing personal, all keys have one hash tag, and all expire'() {
    const [one] = await pair();
    // Ids that no time of Redis and no digest contains by chance.
    await one.ask([['ejane@example.com', 'fSFDC 007', 'cid:1&token:x'], ['i2718281828459045']]);
    await (await one.ask()).end('ended', 5000);
    const keys = await redis.send(['KEYS', '*']);
    const shape =
      /^lead-gateway:\{[0-9a-f]{12}\}:(?:running|ended|heartbeats|replicas|counts|pause|day:\d+|lock:[\w-]{22})$/;
    assert.ok(keys.length >= 10);
    for (const key of keys) {
      assert.match(key, shape);
      const type = await redis.send(['TYPE', key]);
      const read = { string: ['GET', key], hash: ['HGETALL', key], zset: ['ZRANGE', key, '0', '-1'] }[type];
      assert.doesNotMatch(JSON.stringify(await redis.send(read)), /jane|SFDC|token:|secret|2718281828/);
      assert.ok((await redis.send(['PTTL', key])) > 0, `${key} never expires`);
    }
  },

  async 'the doctor says what is wrong with a Redis'() {
    const check = (url) => checkRedis({ redisUrl: { reveal: () => url }, share: 0.5 });
    const url = `redis://127.0.0.1:${port}`;
    assert.equal((await check(url)).state, 'ok');
    await redis.send(['CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru']);
    const evicting = await check(url);
    await redis.send(['CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction']);
    assert.equal(evicting.state, 'note');
    assert.match(evicting.message, /allkeys-lru/);
    await redis.send(['ACL', 'SETUSER', 'limited', 'on', '>hidden', '~*', '+@all', '-@scripting']);
    const limited = await check(`redis://limited:hidden@127.0.0.1:${port}`);
    assert.equal(limited.state, 'fault');
    assert.match(limited.message, /NOPERM/);
    const wrong = await check(`redis://limited:wrong@127.0.0.1:${port}`);
    assert.equal(wrong.state, 'fault');
    assert.match(wrong.message, /WRONGPASS/);
    assert.doesNotMatch(JSON.stringify([limited, wrong]), /hidden|wrong@|limited/);
  },

  async 'an error reply becomes a RedisRefusal'() {
    const [one] = await pair();
    await redis.send(['SET', redisKeys.fixed[0], 'not a sorted set']);
    await assert.rejects(one.ask(), { name: 'RedisRefusal', code: 'WRONGTYPE' });
  },
};

async function pair(limits) {
  const both = [replica('one', limits), replica('two', limits)];
  for (const each of both) await each.view(NOTHING);
  for (const each of both) await each.view();
  return both;
}

try {
  for (const [name, check] of Object.entries(checks)) {
    await redis.send(['FLUSHALL']);
    await check().catch((error) => {
      throw new Error(name, { cause: error });
    });
    console.log(`ok  ${name}`);
  }
} finally {
  redis.close();
  await kill(server);
}
