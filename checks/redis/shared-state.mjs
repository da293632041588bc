// The scripts by which replicas agree, in a real Redis, by the ledger as it is delivered (dist):
//   node checks/redis/shared-state.mjs [path of redis-server]
// Ends with exit code 1 at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { checkRedis } from '../../dist/cli/doctor/redis.js';
import { createSharedState } from '../../dist/replicas/shared-state.js';
import { createRedisKeys } from '../../dist/replicas/shared-state.js';
import { connectRedis } from '../../dist/replicas/redis.js';
import { freePort, kill, sleep, startRedis, until } from '../processes.mjs';

const [redisServer] = process.argv.slice(2);
const note = () => {};
const logger = { debug: note, info: note, warn: note, error: note };

const port = await freePort();
const server = await startRedis(port, redisServer);
const redis = await connectRedis(`redis://127.0.0.1:${port}`, logger, Math.random);
await until(() => redis.isReady(), 'a connection');

const names = createRedisKeys('https://example.com/soap', 'user', 'a-secret-key');
const dayEndsAt = Date.now() + 3_600_000;
const NOTHING = { today: 0, knownToday: 0, todayThen: 0, peers: [], running: [], ended: [] };

/** A replica with its ledger; `limits` in place of the usual ones. */
function replica(name, { share = 0.5, ...limits } = {}) {
  const ledger = createSharedState(redis.send, {
    names,
    replica: name,
    share,
    limits: { callsPerWindow: 20, maxConcurrent: 5, maxUnseen: 100, ...limits },
  });
  let last = 0;
  const sync = async (memory, demandPerSecond = 0) =>
    ledger.sync({ sentAt: await ledger.time(), demandPerSecond, dayEndsAt, memory });
  return {
    ...ledger,
    sync,
    view: async (memory) => {
      const reply = await sync(memory);
      assert.equal(reply.kind, 'view');
      return reply.view;
    },
    async ask(leads = [[`e${name}${last}`]], { leaseMs = 5000, dailyCalls = 10_000, sentAgoMs = 0 } = {}) {
      last += 1;
      const id = `${name}:${last}`;
      const lanes = leads.map((keys) => keys.map(names.lane));
      const sentAt = (await ledger.time()) - sentAgoMs;
      const reply = await ledger.acquire({ id, sentAt, leaseMs, dailyCalls, dayEndsAt, leads: lanes });
      const end = (how = 'ended', pauseMs = 0, lookMs = 0) =>
        ledger.release({ id, how, pauseMs, lookMs, dayEndsAt, lanes: lanes.flat() });
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
  async 'nobody is known before it has brought what it knows'() {
    const one = replica('one');
    assert.equal((await one.sync()).kind, 'unknown');
    assert.equal((await one.ask()).kind, 'unknown');
    const view = await one.view(NOTHING);
    assert.equal(view.live, 1);
    near(view.epochAgeMs, 0);
  },

  async 'the others are seen, own calls are not'() {
    const [one, two] = await pair();
    const call = await one.ask();
    assert.equal(call.kind, 'granted');
    const [leftMs] = (await two.view()).othersRunning;
    near(leftMs, 5000);
    assert.deepEqual((await one.view()).othersRunning, []);
    await call.end();
    const { othersRunning, othersReturn, othersToday, live } = await two.view();
    assert.deepEqual([othersRunning, othersToday, live], [[], 1, 2]);
    assert.equal(othersReturn.length, 1);
    near(othersReturn[0].inMs, 20_000);
    assert.deepEqual((await one.view()).othersReturn, []);
  },

  async 'demand makes a replica one of those that take turns'() {
    const [one, two] = await pair();
    assert.equal((await two.view()).activePeers, 1);
    await one.sync(undefined, 12.5);
    const { activePeers, othersDemand } = await two.view();
    assert.deepEqual([activePeers, othersDemand], [2, 12.5]);
  },

  async 'no more run at a time than may, whoever asks'() {
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

  async 'a lead gets all its lanes or none, and nobody unlocks what is not theirs'() {
    const [one, two] = await pair();
    const held = await one.ask([['ex@example.com', 'i7']]);
    const mixed = await two.ask([['ex@example.com', 'i8'], ['ey@example.com']]);
    assert.equal(mixed.kind, 'granted');
    assert.deepEqual(mixed.held, [0]);
    const { id } = await one.ask([['i8']]);
    assert.ok(id, 'the free lane of a lead that was held is free');
    await mixed.end();
    const nothing = await two.ask([['i7']]);
    assert.equal(nothing.kind, 'held');
    assert.equal((await one.view()).othersRunning.length, 0, 'nothing is booked for it');
    await two.release({
      id: nothing.id,
      how: 'unsent',
      pauseMs: 0,
      lookMs: 0,
      dayEndsAt,
      lanes: [names.lane('i7')],
    });
    assert.equal((await two.ask([['i7']])).kind, 'held');
    await held.end();
    assert.equal((await two.ask([['i7']])).kind, 'granted');
  },

  async 'a call whose replica died ends with its lease, and so do its locks'() {
    const [one, two] = await pair();
    await one.ask([['i1']], { leaseMs: 400 });
    assert.equal((await two.ask([['i1']])).kind, 'held');
    await sleep(450);
    const { othersRunning, othersReturn } = await two.view();
    assert.deepEqual(othersRunning, []);
    near(othersReturn[0].inMs, 20_000 - 50);
    assert.equal((await two.ask([['i1']])).kind, 'granted');
  },

  async 'the day is one for all, and a call that was not sent is none'() {
    const [one, two] = await pair();
    const first = await one.ask(undefined, { dailyCalls: 2 });
    await two.ask(undefined, { dailyCalls: 2 });
    assert.equal((await one.ask(undefined, { dailyCalls: 2 })).kind, 'day');
    assert.equal((await one.ask(undefined, { dailyCalls: 3 })).kind, 'granted');
    await first.end('unsent');
    assert.equal((await two.view()).othersToday, 1);
    assert.equal((await two.view()).othersReturn.length, 0);
  },

  async 'a pause one was told of is kept by all'() {
    const [one, two] = await pair();
    await (await one.ask()).end('ended', 500);
    const denied = await two.ask();
    assert.equal(denied.kind, 'paused');
    near(denied.inMs, 500);
    near((await one.view()).pauseMs, 500);
    await sleep(denied.inMs + 5);
    assert.equal((await two.ask()).kind, 'granted');
  },

  async 'a spent day is known to all with the time until the upstream is asked again, until it is opened'() {
    const [one, two] = [replica('a'), replica('b')];
    await one.view(NOTHING);
    await two.view(NOTHING);
    assert.equal((await two.view()).lookInMs, null);
    await (await one.ask()).end('ended', 0, 700);
    near((await two.view()).lookInMs, 700);
    await sleep(750);
    assert.equal((await two.view()).lookInMs, 0);
    await (await two.ask()).end('ended', 0, -1);
    assert.equal((await one.view()).lookInMs, null);
  },

  async 'no more is granted than others may not have seen, until they have'() {
    const [one, two] = await pair({ maxUnseen: 3 });
    assert.deepEqual(kinds(await ask(one, 4)), ['granted', 'granted', 'granted', 'unseen']);
    assert.equal((await two.ask()).kind, 'granted', 'own calls are no news');
    await one.view();
    assert.equal((await one.ask()).kind, 'unseen');
    await two.view();
    assert.equal((await one.ask()).kind, 'granted');
  },

  async 'what is away keeps its share, until it says that it goes'() {
    const [one, two] = await pair({ maxConcurrent: 100 });
    await sleep(1000);
    await one.view();
    await sleep(600);
    const { keptShare, live } = await one.view();
    assert.deepEqual([keptShare, live], [0.5, 1]);
    const asked = await ask(one, 11);
    assert.deepEqual(kinds(asked), [...Array(10).fill('granted'), 'window']);
    await two.leave(dayEndsAt);
    assert.equal((await one.view()).keptShare, 0);
    assert.equal((await one.ask()).kind, 'granted');
  },

  async 'what is away keeps no more than the others leave'() {
    const [one] = await pair();
    await sleep(1000);
    await one.view();
    await sleep(600);
    const three = replica('three');
    assert.equal((await three.view(NOTHING)).keptShare, 0);
    await three.view();
    const { liveShare, keptShare } = await one.view();
    assert.deepEqual([liveShare, keptShare], [1, 0]);
  },

  async 'one that comes back keeps its share until it shows that it was answered'() {
    const [one, two] = await pair();
    await two.view(NOTHING);
    const unsure = await one.view();
    assert.deepEqual([unsure.keptShare, unsure.live], [0.5, 2]);
    await two.view();
    assert.equal((await one.view()).keptShare, 0);
  },

  async 'a command that comes late does nothing'() {
    const [one] = await pair();
    assert.equal((await one.ask([['i1']], { sentAgoMs: 600 })).kind, 'stale');
    assert.equal((await one.ask([['i1']], { sentAgoMs: 300 })).kind, 'granted');
  },

  async 'what a replica brings replaces what was thought of it, however often'() {
    const [one, two] = await pair();
    const [lost] = await ask(one, 2);
    const memory = {
      ...NOTHING,
      today: 5,
      running: [{ id: lost.id, leftMs: 3000 }],
      ended: [{ id: 'one:90', ageMs: 10_000 }],
    };
    for (let again = 0; again < 2; again += 1) {
      await one.view(memory);
      const { othersRunning, othersReturn, othersToday } = await two.view();
      assert.equal(othersRunning.length, 1);
      near(othersRunning[0], 3000);
      assert.equal(othersReturn.length, 1);
      near(othersReturn[0].inMs, 10_000);
      assert.equal(othersToday, 5);
    }
  },

  async 'after a loss of memory all bring theirs: calls, the day, and who else there was'() {
    const [one, two] = await pair();
    await redis.send(['FLUSHALL']);
    assert.equal((await one.sync()).kind, 'unknown');
    assert.equal((await one.ask()).kind, 'unknown');
    // 100 calls were known, 40 of one's and 60 of two's; since then they have made 1 and 2 alone.
    const peers = [{ id: 'two', share: '0.5' }];
    const view = await one.view({ ...NOTHING, today: 41, knownToday: 100, todayThen: 40, peers });
    near(view.epochAgeMs, 0);
    assert.deepEqual([view.keptShare, view.live, view.othersToday], [0.5, 1, 60]);
    await two.view({ ...NOTHING, today: 62, knownToday: 100, todayThen: 60 });
    await two.view();
    const { keptShare, live, othersToday } = await one.view();
    assert.deepEqual([keptShare, live, othersToday], [0, 2, 62]);
    // Who saw more than the others before the loss brings that, too.
    const three = replica('three', { share: 0 });
    await three.view({ ...NOTHING, today: 5, knownToday: 104, todayThen: 3 });
    assert.equal((await one.view()).othersToday, 103 + 4 + 2 - 41);
  },

  async 'an epoch begins when nobody was there for a while'() {
    const [one, two] = await pair();
    await sleep(500);
    near((await one.view()).epochAgeMs, 500);
    await sleep(1600);
    near((await two.view()).epochAgeMs, 0);
  },

  async 'a call that runs without a permit takes the lanes that are free'() {
    const [one, two] = await pair();
    await two.ask([['i2']]);
    await one.lock('one:99', [names.lane('i1'), names.lane('i2')], 400, dayEndsAt);
    assert.equal((await two.ask([['i1']])).kind, 'held');
    await sleep(450);
    assert.equal((await two.ask([['i1']])).kind, 'granted');
  },

  async 'nothing in Redis tells of a person, all has one hash tag, and all is forgotten one day'() {
    const [one] = await pair();
    // Ids no time of Redis and no digest has by chance.
    await one.ask([['ejane@example.com', 'fSFDC 007', 'cid:1&token:x'], ['i2718281828459045']]);
    await (await one.ask()).end('ended', 5000);
    const keys = await redis.send(['KEYS', '*']);
    const shape =
      /^lead-gateway:\{[0-9a-f]{12}\}:(?:running|ended|beats|about|counts|pause|day:\d+|lane:[\w-]{22})$/;
    assert.ok(keys.length >= 10);
    for (const key of keys) {
      assert.match(key, shape);
      const type = await redis.send(['TYPE', key]);
      const read = { string: ['GET', key], hash: ['HGETALL', key], zset: ['ZRANGE', key, '0', '-1'] }[type];
      assert.doesNotMatch(JSON.stringify(await redis.send(read)), /jane|SFDC|token:|secret|2718281828/);
      assert.ok((await redis.send(['PTTL', key])) > 0, `${key} is kept for ever`);
    }
  },

  async 'the doctor says what is wrong with a Redis'() {
    const examine = (url) => checkRedis({ redisUrl: { reveal: () => url }, share: 0.5 });
    const url = `redis://127.0.0.1:${port}`;
    assert.equal((await examine(url)).state, 'ok');
    await redis.send(['CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru']);
    const evicting = await examine(url);
    await redis.send(['CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction']);
    assert.equal(evicting.state, 'note');
    assert.match(evicting.words, /allkeys-lru/);
    await redis.send(['ACL', 'SETUSER', 'limited', 'on', '>hidden', '~*', '+@all', '-@scripting']);
    const limited = await examine(`redis://limited:hidden@127.0.0.1:${port}`);
    assert.equal(limited.state, 'fault');
    assert.match(limited.words, /NOPERM/);
    const wrong = await examine(`redis://limited:wrong@127.0.0.1:${port}`);
    assert.equal(wrong.state, 'fault');
    assert.match(wrong.words, /WRONGPASS/);
    assert.doesNotMatch(JSON.stringify([limited, wrong]), /hidden|wrong@|limited/);
  },

  async 'a Redis that refuses is told from one that is not there'() {
    const [one] = await pair();
    await redis.send(['SET', names.fixed[0], 'not a sorted set']);
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
