// Three replicas of one subscription, as they are delivered (dist), on a sandbox that keeps the documented limits:
//   node checks/redis/replicas.mjs [seconds of load] [leads a second] [path of redis-server]
// Exits with 1 when a request fails, the sandbox refuses a call for its limits, or a lead is created twice.
import assert from 'node:assert/strict';
import { Pool } from 'undici';
import { freePort, kill, sleep, startGateway, startRedis, startSandbox, until } from '../processes.mjs';

const [seconds = '25', rate = '1000', redisServer] = process.argv.slice(2);
const REPLICAS = 3;
const CALL_TIMEOUT_MS = 6000;
/** How long a lead of a dead replica stays locked: the call's timeout and 2 s. */
const LEASE_MS = CALL_TIMEOUT_MS + 2000;

const redisPort = await freePort();
const sandbox = await startSandbox();

async function control(method, path, body) {
  const response = await fetch(`${sandbox.url}/_sandbox${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? undefined : response.json();
}

async function startReplica() {
  const { child, url } = await startGateway({
    ...sandbox.env,
    // Early in the day the pace of its calls would delay leads.
    MARKETO_DAILY_CALLS: '1000000',
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    REPLICA_SHARE: String(Math.floor(10_000 / REPLICAS) / 10_000),
    UPSTREAM_TIMEOUT_MS: String(CALL_TIMEOUT_MS),
  });
  return {
    child,
    pool: new Pool(url, { connections: null, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 }),
    async metric(name) {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    },
    ready: async () => (await fetch(`${url}/readyz`)).json(),
  };
}

async function put(replica, lead) {
  const answer = await replica.pool.request({
    path: '/leads',
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(lead),
  });
  return { status: answer.statusCode, body: await answer.body.json() };
}

let lastLead = 0;

/** Sends leads with distinct keys to the replicas in turn, at a fixed rate whether or not answers come. */
async function load(replicas, leadsPerSecond, forSeconds) {
  const outcomes = {};
  const waits = [];
  const pending = [];
  const offer = async (replica) => {
    lastLead += 1;
    const email = `lead${lastLead}@example.com`;
    const from = performance.now();
    const outcome = await put(replica, { email, attributes: { FirstName: 'Jane' } }).then(
      ({ status, body }) => (status < 300 ? status : `${status} ${body.type}`),
      (error) => error.code ?? error.message,
    );
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    waits.push(performance.now() - from);
  };
  const from = performance.now();
  for (let sent = 0; performance.now() - from < forSeconds * 1000; await sleep(5)) {
    const due = ((performance.now() - from) / 1000) * leadsPerSecond;
    for (; sent < due; sent += 1) pending.push(offer(replicas[sent % replicas.length]));
  }
  await Promise.all(pending);
  waits.sort((a, b) => a - b);
  const at = (part) => Math.round(waits[Math.floor((waits.length - 1) * part)]);
  return { sent: waits.length, outcomes, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

/** Fails if a call was refused for a limit; returns the calls since the log was last cleared. */
async function callsWithinLimits() {
  const { calls } = await control('GET', '/calls');
  const refused = calls.filter(({ faultCode }) => faultCode !== undefined).map(({ faultCode }) => faultCode);
  assert.deepEqual(refused, [], 'the sandbox refused calls');
  return calls.length;
}

function report(what, figures) {
  console.log(`${what}: ${JSON.stringify(figures)}`);
}

function allStored({ sent, outcomes }) {
  const stored = (outcomes[200] ?? 0) + (outcomes[201] ?? 0);
  assert.equal(stored, sent, `all are stored: ${JSON.stringify(outcomes)}`);
}

const steps = {
  /** All leads are stored, and the limits hold for all replicas together. */
  async steady(replicas) {
    const steady = await load(replicas, Number(rate), Number(seconds));
    report('steady', { ...steady, calls: await callsWithinLimits() });
    allStored(steady);
  },

  async oneKey(replicas) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        put(replicas[index % REPLICAS], { email: 'new@example.com', attributes: { LeadScore: index % 5 } }),
      ),
    );
    const created = answers.filter(({ status }) => status === 201).length;
    const updated = answers.filter(({ status }) => status === 200).length;
    const ids = new Set(answers.map(({ body }) => body.leadId)).size;
    report('one key', { created, updated, ids, calls: await callsWithinLimits() });
    assert.deepEqual({ created, updated, ids }, { created: 1, updated: 99, ids: 1 });
  },

  /** Redis is killed under load and comes back without its memory. */
  async lostRedis(replicas, redis) {
    const loading = load(replicas, Number(rate), Number(seconds));
    await sleep(Number(seconds) * 300);
    await kill(redis);
    await until(async () => (await replicas[0].metric('lead_gateway_shared_store_up')) === 0, 'they notice');
    const { status, warnings } = await replicas[0].ready();
    assert.equal(status, 'ready');
    assert.match(warnings.join(), /Redis cannot be reached; this replica keeps to 33 % of the limits/);
    await sleep(Number(seconds) * 200);
    const again = await startRedis(redisPort, redisServer);
    await until(
      async () => (await replicas[0].metric('lead_gateway_shared_store_up')) === 1,
      'they are back',
    );
    const lost = await loading;
    report('Redis killed and back', { ...lost, calls: await callsWithinLimits() });
    allStored(lost);
    assert.equal((await replicas[0].ready()).warnings, undefined);
    return again;
  },

  /** Redis hangs for a while, and then runs commands that are too late. */
  async stalledRedis(replicas, redis) {
    const loading = load(replicas, Number(rate) / 5, 8);
    await sleep(2000);
    redis.kill('SIGSTOP');
    await until(async () => (await replicas[0].metric('lead_gateway_shared_store_up')) === 0, 'they notice');
    await sleep(3000);
    redis.kill('SIGCONT');
    const stalled = await loading;
    report('Redis stalled', { ...stalled, calls: await callsWithinLimits() });
    allStored(stalled);
    await until(
      async () => (await replicas[0].metric('lead_gateway_shared_store_up')) === 1,
      'they are back',
    );
  },

  /** A replica dies with a lead in flight: the lead is held until its lease is over, all others go on. */
  async deadReplica([one, two, three]) {
    await control('POST', '/next', { delayMs: 2500 });
    const lost = put(three, { email: 'held@example.com' }).catch(() => 'lost');
    await sleep(300);
    await kill(three.child);
    assert.equal(await lost, 'lost');
    const from = performance.now();
    const held = put(one, { email: 'held@example.com' }).catch(() => ({ status: 'lost' }));
    const others = await load([one, two], Number(rate) / 10, 5);
    report('a replica killed', { ...others, calls: await callsWithinLimits() });
    allStored(others);
    assert.ok(others.maxMs < LEASE_MS, 'the others go on');
    assert.ok((await held).status < 300);
    const heldMs = performance.now() - from;
    report('its lead', { heldMs: Math.round(heldMs) });
    assert.ok(heldMs > 2000 && heldMs < LEASE_MS + 1000, 'the lead waits for the end of the lease');
    assert.equal(await one.metric('lead_gateway_replicas'), 2);
  },

  /** A replica that stops announces it, and its capacity goes to the one that stays. */
  async stoppedReplica([one, two]) {
    const loading = load([one], Number(rate) / 20, 4);
    two.child.kill('SIGTERM');
    await until(async () => (await one.metric('lead_gateway_replicas')) === 1, 'its peer knows that it left');
    const stopped = await loading;
    report('a replica stopped', { ...stopped, calls: await callsWithinLimits() });
    allStored(stopped);
  },
};

const redis = await startRedis(redisPort, redisServer);
const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startReplica()));
await until(
  async () => (await replicas[0].metric('lead_gateway_replicas')) === REPLICAS,
  'all know each other',
);
await steps.steady(replicas);
await steps.oneKey(replicas);
const again = await steps.lostRedis(replicas, redis);
await steps.stalledRedis(replicas, again);
await steps.deadReplica(replicas);
await steps.stoppedReplica(replicas);
// The child processes end with the program.
process.exit(0);
