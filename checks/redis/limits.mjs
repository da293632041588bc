// Rate limits counted in a real Redis, by the limiter as it is delivered (dist):
//   node checks/redis/limits.mjs [path of redis-server]
// Exits with 1 at the first failure.
import assert from 'node:assert/strict';
import { createRedisLimiter } from '../../dist/access/rate-limiter.js';
import { connectRedis } from '../../dist/replicas/redis.js';
import { freePort, kill, sleep, startRedis, until } from '../processes.mjs';

const [redisServer] = process.argv.slice(2);

const port = await freePort();
const messages = [];
const note = (_fields, message) => messages.push(message);
const logger = { debug: note, info: note, warn: note, error: note };

const burst = { name: 'burst', requests: 4, windowSeconds: 60 };
// Two replicas start before Redis does.
const connect = () => connectRedis(`redis://127.0.0.1:${port}`, logger, Math.random);
const connections = [await connect(), await connect()];
const [one, two] = connections.map((redis) => createRedisLimiter(redis));
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

  redis = await startRedis(port, redisServer);
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
  await sleep(1100);
  assert.equal((await two.take(short, 'x')).allowed, true, 'a window ends');

  // What remains of a window whose clock was set back by an hour.
  await connections[0].send(['PEXPIRE', 'lead-gateway:burst:1:1:x', '3601000']);
  const back = await one.take(short, 'x');
  assert.deepEqual(
    [back.allowed, back.resetSeconds],
    [false, 1],
    'a window is never longer than it should be',
  );
  await sleep(1100);
  assert.equal((await two.take(short, 'x')).allowed, true, 'and ends');

  const at = performance.now();
  for (let index = 0; index < 1000; index += 1) await one.take({ ...burst, requests: 100_000 }, 'cost');
  const usPerRequest = Math.round(performance.now() - at);

  redis.kill('SIGSTOP');
  const stalled = performance.now();
  assert.equal(
    (await one.take(burst, 'stalled')).allowed,
    true,
    'a Redis that does not answer refuses no request',
  );
  assert.ok(performance.now() - stalled < 1000);
  redis.kill('SIGCONT');

  await kill(redis);
  await until(async () => (await one.take(burst, 'shared')).allowed, 'without Redis memory counts again');
  process.stdout.write(
    `Limits are shared through Redis (${usPerRequest} µs a request) and survive its absence.\n`,
  );
} finally {
  if (redis !== undefined) await kill(redis);
  for (const connection of connections) connection.close();
}
