// A disk that is full, one that is read-only, and a file of somebody else: a clear message each, and no lead is lost.
//
//   node checks/outbox/full-disk.mjs [rounds]
//
// Then, as often as `rounds` says, the disk fills up at a random moment, the gateway is killed (kill -9) while it is full or
// soon after there is room again, and no lead that was answered with 202 is lost or sent out of its person's order.
//
// Mounts a small tmpfs, so it needs Linux and root. Needs a build (node build/build.mjs).
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kill, putLead, sleep, startGateway, temporaryFolder, until } from '../processes.mjs';
import { createPeople, startUpstream, verify } from './people.mjs';

const [rounds = 4] = process.argv.slice(2).map(Number);
const SMALL = '3m';
const PEOPLE = 600;
const AT_A_TIME = 32;

const folder = temporaryFolder();
chmodSync(folder, 0o755);
const disk = join(folder, 'disk');
mkdirSync(disk);
const mount = (...args) => execFileSync('mount', args, { stdio: 'inherit' });
mount('-t', 'tmpfs', '-o', `size=${SMALL},mode=755`, 'tmpfs', disk);
const unmount = () => spawnSync('umount', ['--lazy', disk]);
process.on('exit', unmount);

const upstream = await startUpstream();
const env = { ...upstream.env, OUTBOX_URL: `file:${join(disk, 'outbox.db')}` };
let gateway = await startGateway(env);
const people = createPeople(PEOPLE);

// Marketo is away, so leads stay.
upstream.set(false);
let isFull = false;
const sending = people.send(
  () => gateway.url,
  AT_A_TIME,
  () => !isFull,
);
let refused;
await until(
  async () => {
    refused = await putLead(gateway.url, 'full@example.com', { prefer: 'respond-async' });
    isFull = refused.status !== 202;
    return isFull;
  },
  'the disk is full',
  60_000,
);
await sending;
assert.equal(refused.status, 503);
assert.match(refused.type, /unavailable$/);
assert.equal(refused.retryAfter, '5');
assert.ok(people.receipts.length > 100, `${people.receipts.length} were accepted before`);

upstream.set(true);
const direct = await putLead(gateway.url, 'direct@example.com');
assert.ok(direct.status < 300, `direct leads go on: ${direct.status} ${direct.type}`);

// It is killed with a full disk, and there is room after that.
await kill(gateway.child);
mount('-o', 'remount,size=64m', disk);
gateway = await startGateway(env);
console.log(JSON.stringify(await verify(upstream, people, gateway.url, 60_000)));

const ballast = join(disk, 'ballast');
const fill = () => {
  for (const size of [2 ** 20, 2 ** 12, 1]) {
    try {
      for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // The disk is full, for as much.
    }
  }
};
let isOn = true;
const going = people.send(
  () => gateway.url,
  AT_A_TIME,
  () => isOn,
);
for (let round = 0; round < rounds; round += 1) {
  upstream.set(round % 2 === 0);
  await sleep(Math.random() * 700);
  fill();
  await sleep(Math.random() * 700);
  if (round % 2 === 0) await kill(gateway.child);
  rmSync(ballast, { force: true });
  await sleep(Math.random() * 100);
  await kill(gateway.child);
  gateway = await startGateway(env);
}
isOn = false;
await going;
upstream.set(true);
console.log(JSON.stringify({ rounds, ...(await verify(upstream, people, gateway.url, 60_000)) }));
await kill(gateway.child);

/** How a gateway ends that cannot use its file. */
function refusal(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    env: { PATH: process.env.PATH, ...env, PORT: '0', METRICS_PORT: '0' },
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, text: stdout + stderr };
}
const gatewayArgs = [process.execPath, 'dist/main.js', 'serve'];

const foreign = refusal('setpriv', ['--reuid=daemon', '--regid=daemon', '--clear-groups', ...gatewayArgs]);
assert.equal(foreign.status, 78, foreign.text);
assert.match(foreign.text, /OUTBOX_URL: .*outbox\.db.* cannot be used: .*(?:permission denied|EACCES)/i);

mount('-o', 'remount,ro', disk);
const readOnly = refusal(gatewayArgs[0], gatewayArgs.slice(1));
assert.equal(readOnly.status, 78, readOnly.text);
assert.match(readOnly.text, /OUTBOX_URL: .*outbox\.db.* cannot be used: .*(?:read-only|EROFS)/i);
mount('-o', 'remount,rw', disk);
unmount();
process.exit(0);
