// Limits counted in a real Redis, by the limiter as it is delivered (dist):
//   node test/redis/limits.mjs [path of redis-server]
// Ends with exit code 1 at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createRedisLimiter } from '../../dist/http/access/rate-limit.js';

const [redisServer = 'redis-server'] = process.argv.slice(2);

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const port = await freePort();
const messages = [];
const note = (_fields, message) => messages.push(message);
const logger = { debug: note, info: note, warn: note, error: note };

async function startRedis() {
  const child = spawn(redisServer, [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ]);
  for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept')) break;
  redis = child;
  return async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
}

async function until(check, what) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await check()) return;
    await pause(100);
  }
  assert.fail(what);
}

const burst = { name: 'burst', requests: 4, windowSeconds: 60 };
// Two replicas. Redis is not there yet, and that stops neither of them.
const replicas = [
  await createRedisLimiter(`redis://127.0.0.1:${port}`, logger),
  await createRedisLimiter(`redis://127.0.0.1:${port}`, logger),
];
const [one, two] = replicas;
let stop;
let redis;
try {
  await until(() => messages.length === 2, 'both say that Redis cannot be reached');
  const alone = await Promise.all([1, 2, 3, 4, 5].map(() => one.take(burst, 'alone')));
  assert.deepEqual(
    alone.map(({ allowed }) => allowed),
    [true, true, true, true, false],
    'memory counts meanwhile',
  );
  assert.equal((await two.take(burst, 'alone')).allowed, true, 'each replica for itself');

  stop = await startRedis();
  await until(
    () => messages.filter((message) => message.includes('is back')).length === 2,
    'both find Redis',
  );
  const shared = [];
  for (const replica of [one, two, one, two, one, two]) shared.push(await replica.take(burst, 'shared'));
  assert.deepEqual(
    shared.map(({ allowed }) => allowed),
    [true, true, true, true, false, false],
  );
  assert.deepEqual(
    shared.map(({ remaining }) => remaining),
    [3, 2, 1, 0, 0, 0],
    'one count for both',
  );
  assert.ok(shared.every(({ resetSeconds }) => resetSeconds === 60));

  const short = { name: 'burst', requests: 1, windowSeconds: 1 };
  assert.equal((await one.take(short, 'x')).allowed, true);
  assert.equal((await two.take(short, 'x')).allowed, false);
  await pause(1100);
  assert.equal((await two.take(short, 'x')).allowed, true, 'a window ends');

  const at = performance.now();
  for (let index = 0; index < 1000; index += 1) await one.take({ ...burst, requests: 100_000 }, 'cost');
  const usPerRequest = Math.round(performance.now() - at);

  redis.kill('SIGSTOP');
  const stalled = performance.now();
  assert.equal((await one.take(burst, 'stalled')).allowed, true, 'a Redis that does not answer stops nobody');
  assert.ok(performance.now() - stalled < 1000);
  redis.kill('SIGCONT');

  await stop();
  stop = undefined;
  await until(async () => (await one.take(burst, 'shared')).allowed, 'without Redis memory counts again');
  process.stdout.write(
    `Limits are shared through Redis (${usPerRequest} µs a request) and survive its absence.\n`,
  );
} finally {
  await stop?.();
  for (const replica of replicas) await replica.close();
}
