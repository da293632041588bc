// A caller with a lead a second beside one with 60 a second that go alone, on three replicas as they are delivered (dist)
// and on one, at the same time, so that what else the machine does makes both slower; the sandboxes keep the documented
// limits:
//   node checks/redis/fairness.mjs [seconds of load] [path of redis-server] [hour in US Central time]
// With an hour, as 0.1 or 12, clocks show that time, and the day has 10,000 calls. Exits with 1 when a lead of the first is refused, or 19 of 20 wait more than twice as long on three as they may on one.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { hashKey } from '../../dist/access/api-key.js';
import { freePort, kill, sleep, startGateway, startRedis, startSandbox } from '../processes.mjs';

const [seconds = '40', redisServer = 'redis-server', hour] = process.argv.slice(2);
const LOUD_PER_SECOND = 60;
/** So that each replica knows of both callers. */
const HEAD_START_S = 5;
/** Between two calls of a subscription, in ms, and what one takes at most here. */
const SLOT_MS = 200;
const CALL_MS = 300;

const keys = { calm: `lgw_${'c'.repeat(43)}`, loud: `lgw_${'l'.repeat(43)}` };
const keysFile = join(mkdtempSync(join(tmpdir(), 'fairness-')), 'keys.json');
writeFileSync(
  keysFile,
  JSON.stringify({
    keys: Object.entries(keys).map(([name, key]) => ({
      name,
      hash: hashKey(key),
      kind: 'secret',
      attributes: ['*'],
      returnLead: true,
    })),
  }),
  { mode: 0o600 },
);

/** Has the clock of a program show that hour of a day in US Central standard time. */
function atHour(wanted) {
  const shift = Date.parse('2026-11-23T00:00:00-06:00') + Number(wanted) * 3_600_000 - Date.now();
  const code = `const Real = Date; const now = () => Real.now() + ${Math.round(shift)};
globalThis.Date = class extends Real {
  static now() { return now(); }
  constructor(...time) { super(...(time.length === 0 ? [now()] : time)); }
};`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

/** Early in the day the pace of its calls delays leads; without an hour that is not looked at. */
const day =
  hour === undefined ? { MARKETO_DAILY_CALLS: '1000000' } : { ...atHour(hour), MARKETO_DAILY_CALLS: '10000' };

async function put(pool, name, lead) {
  const from = performance.now();
  const { statusCode, body } = await pool.request({
    path: '/leads',
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${keys[name]}` },
    body: JSON.stringify(lead),
  });
  await body.dump();
  return { status: statusCode, ms: performance.now() - from };
}

async function waitsOn(replicas) {
  const sandbox = await startSandbox(hour === undefined ? {} : atHour(hour));
  const redisPort = await freePort();
  const redis = replicas > 1 ? await startRedis(redisPort, redisServer) : undefined;
  const gateways = await Promise.all(
    Array.from({ length: replicas }, () =>
      startGateway({
        ...sandbox.env,
        API_KEYS_FILE: keysFile,
        ...day,
        ...(redis && {
          REDIS_URL: `redis://127.0.0.1:${redisPort}`,
          REPLICA_SHARE: String(Math.floor(10_000 / replicas) / 10_000),
        }),
      }),
    ),
  );
  const pools = gateways.map(({ url }) => new Pool(url, { connections: null, pipelining: 1 }));
  await sleep(1000);
  const calm = [];
  const pending = [];
  const from = performance.now();
  for (let loud = 0; performance.now() - from < Number(seconds) * 1000; await sleep(10)) {
    const passed = (performance.now() - from) / 1000;
    for (; loud < (passed - HEAD_START_S) * LOUD_PER_SECOND; loud += 1) {
      const lead = { email: `loud${loud}@example.com`, returnLead: true };
      pending.push(put(pools[loud % replicas], 'loud', lead));
    }
    for (; calm.length < passed;) {
      calm.push(put(pools[calm.length % replicas], 'calm', { email: `calm${calm.length}@example.com` }));
    }
  }
  const answers = await Promise.all(calm);
  await Promise.all(pending);
  await Promise.all([...gateways.map(({ child }) => kill(child)), redis && kill(redis)]);
  const refused = answers.filter(({ status }) => status >= 300).map(({ status }) => status);
  assert.deepEqual(refused, [], 'no lead of the calm caller is refused');
  const times = answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const at = (part) => Math.round(times[Math.floor((times.length - 1) * part)]);
  return { p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}

const [one, three] = await Promise.all([waitsOn(1), waitsOn(3)]);
console.log(`one gateway: ${JSON.stringify(one)}`);
console.log(`three replicas: ${JSON.stringify(three)}`);
assert.ok(three.p95Ms <= 2 * Math.max(one.p95Ms, SLOT_MS + CALL_MS), 'within twice the time');
// The child processes end with the program.
process.exit(0);
