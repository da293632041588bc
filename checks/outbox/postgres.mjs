// The outbox in a real PostgreSQL (Debian's), which this program starts in a folder of its own:
//
//   node checks/outbox/postgres.mjs [rounds] [leads accepted in all, at least] [replicas] [random histories of each kind]
//
// First the tests of both stores, and random histories on one and on two replicas; then replicas accept and deliver while
// one of them, or PostgreSQL itself, is killed (kill -9) again and again: no lead that was answered with 202 is lost, sent
// out of its person's order, or still pending at the end.
// Needs a build (node build/build.mjs). PostgreSQL does not run as root: when root runs this, it runs as daemon.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  freePort,
  kill,
  putLead,
  sleep,
  start,
  startGateway,
  temporaryFolder,
  until,
} from '../processes.mjs';
import { createPeople, startUpstream, verify } from './people.mjs';

const [rounds = 6, leads = 0, REPLICAS = 3, histories = 56] = process.argv.slice(2).map(Number);
const PEOPLE = 1500;
const AT_A_TIME = 64;

const [version] = readdirSync('/usr/lib/postgresql').toSorted((a, b) => Number(b) - Number(a));
const programs = `/usr/lib/postgresql/${version}/bin`;
const folder = temporaryFolder();
const port = await freePort();
const isRoot = process.getuid() === 0;
if (isRoot) chownSync(folder, Number(idOf('-u')), Number(idOf('-g')));
const url = `postgres://gateway:secret-of-the-database@127.0.0.1:${port}/postgres`;

function idOf(option) {
  return execFileSync('id', [option, 'daemon'], { encoding: 'utf8' }).trim();
}

/** As PostgreSQL wants it: not as root. */
function asOther(program, args) {
  return isRoot
    ? ['setpriv', ['--reuid=daemon', '--regid=daemon', '--clear-groups', program, ...args]]
    : [program, args];
}

function startPostgres() {
  const args = ['-D', `${folder}/data`, '-p', `${port}`, '-k', folder, '-c', 'listen_addresses=127.0.0.1'];
  return start(...asOther(join(programs, 'postgres'), args), {}, /ready to accept connections/);
}

/** After kill -9 it does not start before its other processes have noticed, and ended. */
async function restartPostgres() {
  let restarted;
  await until(
    async () => (restarted = await startPostgres().catch(() => undefined)) !== undefined,
    'PostgreSQL starts again',
  );
  return restarted;
}

const init = asOther(join(programs, 'initdb'), [
  '-D',
  `${folder}/data`,
  '-U',
  'gateway',
  '-A',
  'trust',
  '-E',
  'UTF8',
]);
execFileSync(init[0], init[1], { stdio: 'ignore' });
let server = await startPostgres();

/** What test/support/fuzz.ts makes one history of. */
const ROUNDS_PER_HISTORY = 20;

function runTests(args, fuzzRounds) {
  const tests = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
    env: { ...process.env, TEST_POSTGRES_URL: url, FUZZ_ROUNDS: `${fuzzRounds}` },
    encoding: 'utf8',
  });
  assert.equal(tests.status, 0, tests.stdout + tests.stderr);
  console.log(/Tests .*/.exec(tests.stdout)?.[0]);
}

runTests(['test/outbox/store', 'test/outbox/operator', 'test/outbox/postgres'], 150);
const playedFrom = performance.now();
runTests(['test/outbox/random', '-t', 'whatever happens to them'], histories * ROUNDS_PER_HISTORY);
const playedSeconds = Math.round((performance.now() - playedFrom) / 1000);
console.log(JSON.stringify({ histories, onReplicas: [1, 2], seconds: playedSeconds }));

const upstream = await startUpstream();
const env = {
  ...upstream.env,
  LOG_LEVEL: 'warn',
  OUTBOX_URL: url,
  OUTBOX_ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
};
const people = createPeople(PEOPLE);
const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startGateway(env)));
let isOn = true;
const sending = people.send(
  () => replicas[Math.floor(Math.random() * REPLICAS)].url,
  AT_A_TIME,
  () => isOn,
);
for (let round = 0; round < rounds || people.leads() < leads; round += 1) {
  await sleep(500 + Math.random() * 1500);
  if (round % 2 === 0) {
    await kill(server);
    if (round === 0) await whileAway(replicas[0].url);
    server = await restartPostgres();
    if (round === 0) await whileSilent(replicas[0].url);
  } else {
    const index = Math.floor(Math.random() * REPLICAS);
    await kill(replicas[index].child);
    replicas[index] = await startGateway(env);
  }
}
await sleep(1000);
isOn = false;
await sending;
// A killed replica's leads wait for 40 s, and those of the same people behind them, which then go one after the other.
console.log(JSON.stringify({ rounds, ...(await verify(upstream, people, replicas[0].url, 300_000)) }));

const dump = execFileSync(
  join(programs, 'pg_dump'),
  ['-h', '127.0.0.1', '-p', `${port}`, '-U', 'gateway', 'postgres'],
  { encoding: 'utf8', maxBuffer: 1e9 },
);
// Ciphertext in base64 may have p1n2z, but no quotation mark.
assert.ok(!/person\d+@|FirstName|"p\d+n\d+z/.test(dump), 'nothing of a lead is readable');
for (const { child } of replicas) assert.doesNotMatch(child.output(), /secret-of-the-database/);
process.exit(0);

/** PostgreSQL takes connections and does not answer: direct leads go on after a second, and nothing hangs. */
async function whileSilent(gatewayUrl) {
  await until(async () => (await putLead(gatewayUrl, 'before@example.com')).status < 300, 'it is back');
  // The first makes the others.
  process.kill(server.pid, 'SIGSTOP');
  const children = execFileSync('pgrep', ['-P', `${server.pid}`], { encoding: 'utf8' }).match(/\d+/g);
  const processes = [server.pid, ...children.map(Number)];
  for (const one of processes) process.kill(one, 'SIGSTOP');
  try {
    const asked = putLead(gatewayUrl, 'silent@example.com', { prefer: 'respond-async' });
    const direct = await Promise.all(
      Array.from({ length: 5 }, (_, index) => putLead(gatewayUrl, `silent${index}@example.com`)),
    );
    for (const { status, type, tookMs } of direct) {
      assert.ok(status < 300, `direct leads go on: ${status} ${type}`);
      assert.ok(tookMs < 8000, `a direct lead waited ${tookMs} ms`);
    }
    assert.equal((await asked).status, 503);
  } finally {
    for (const one of processes) process.kill(one, 'SIGCONT');
  }
  await until(
    async () => (await putLead(gatewayUrl, 'after@example.com', { prefer: 'respond-async' })).status === 202,
    'leads are accepted again',
    60_000,
  );
}

/** Who asks to be accepted is told, and others go on. */
async function whileAway(gatewayUrl) {
  const asked = await putLead(gatewayUrl, 'away@example.com', { prefer: 'respond-async' });
  assert.equal(asked.status, 503);
  assert.match(asked.type, /unavailable$/);
  const direct = await putLead(gatewayUrl, 'direct@example.com');
  assert.ok(direct.status < 300, `direct leads go on: ${direct.status} ${direct.type}`);
  const { warnings } = await (await fetch(`${gatewayUrl}/readyz`)).json();
  assert.deepEqual(warnings, ['the database of the outbox cannot be reached']);
}
