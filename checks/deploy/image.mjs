// Builds what the image holds, as the Dockerfile says, and runs it as a container would: alone in a read-only root with
// Node and its libraries, as the first process, without privileges. No container engine is needed, but root is.
//
//   node checks/deploy/image.mjs [path of the node that runs it]
//
// Ends with exit code 1 at the first thing that is not as it should be; says what the image's parts measure.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, until } from '../processes.mjs';
import { build, lastOf, readDockerfile } from './dockerfile.mjs';

const CONTEXT = fileURLToPath(new URL('../..', import.meta.url));
const [node = process.execPath] = process.argv.slice(2);

const stages = readDockerfile(readFileSync(join(CONTEXT, 'Dockerfile'), 'utf8'));
const last = stages.at(-1);

for (const { base } of stages) {
  assert.match(base, /^[^:@]+:(?!latest$)[\w.-]+$/, `${base} is not pinned by a tag`);
}
assert.ok(
  !last.instructions.some(({ name }) => name === 'RUN'),
  'the last stage has no shell to RUN anything',
);
const [uid, gid] = /^([1-9]\d*):([1-9]\d*)$/.exec(lastOf(last, 'USER') ?? '')?.slice(1) ?? [];
assert.ok(uid !== undefined, 'USER names a user by a number other than 0');
// As JSON, else a shell would be asked.
const entrypoint = JSON.parse(lastOf(last, 'ENTRYPOINT'));
const command = JSON.parse(lastOf(last, 'CMD'));
const health = JSON.parse(lastOf(last, 'HEALTHCHECK').replace(/^.* CMD /, ''));
const env = Object.fromEntries(
  lastOf(last, 'ENV')
    .split(' ')
    .map((pair) => pair.split('=')),
);
assert.equal(env.PORT, lastOf(last, 'EXPOSE'));

const work = mkdtempSync(join(tmpdir(), 'image-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const root = build(stages, CONTEXT, work);

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const bytes = (files) => files.reduce((sum, file) => sum + statSync(file).size, 0);
const app = join(root, lastOf(last, 'WORKDIR'));
const files = filesIn(app);
const inMiB = (part) =>
  Number((bytes(files.filter((file) => file.startsWith(join(app, part)))) / 1_048_576).toFixed(2));
/** The browser client's, which the gateway serves beside it. */
const served = join(app, 'dist/client/client.d.ts');
assert.deepEqual(
  files.filter((file) => file !== served && /\.(?:map|ts|cts|mts)$|\/app\/(?:test|src|bench)\//.test(file)),
  [],
  'there are files only developers need',
);
const { devDependencies } = JSON.parse(readFileSync(join(CONTEXT, 'package.json'), 'utf8'));
const lock = JSON.parse(readFileSync(join(CONTEXT, 'package-lock.json'), 'utf8'));
for (const name of Object.keys(devDependencies)) {
  if (lock.packages[`node_modules/${name}`].dev !== true) continue;
  assert.ok(!files.some((file) => file.includes(`/node_modules/${name}/`)), `${name} is for developers`);
}

// What the base image brings: Node and the libraries it is linked with.
const libraries = execFileSync('ldd', [node], { encoding: 'utf8' }).match(/\/\S+(?= \(0x)/g);
for (const [from, to] of [[node, entrypoint[0]], ...libraries.map((path) => [path, path])]) {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  cpSync(from, join(root, to), { dereference: true });
}
for (const folder of ['proc', 'tmp']) mkdirSync(join(root, folder), { recursive: true });

/** The whole root read-only, a process tree of its own, the image's user and nothing it could become another by. */
const CONTAIN = `
mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount -o remount,bind,ro "$0" &&
exec unshare --root="$0" --wd="${lastOf(last, 'WORKDIR')}" --setgid=${gid} --setuid=${uid} -- "$@"`;

function contain(args, more = {}) {
  return spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', '--', 'sh', '-c', CONTAIN, root, ...args],
    { env: { PATH: process.env.PATH, ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
}

async function run(args, more) {
  const child = contain(args, more);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [exitCode] = await once(child, 'close');
  return { exitCode, output };
}

const writes = "require('node:fs').writeFileSync('/tmp/x', '')";
assert.match((await run([entrypoint[0], '-e', writes])).output, /EROFS/, 'the root is read-only here');
const bare = await run([...entrypoint, ...command]);
assert.equal(bare.exitCode, 78, 'without a decision about callers and upstream it does not start');
assert.match(bare.output, /HOST "0\.0\.0\.0" is not a loopback address/);
assert.match(bare.output, /MARKETO_SANDBOX=true/);

const port = await freePort();
const settings = {
  PORT: `${port}`,
  SANDBOX_PORT: `${await freePort()}`,
  MARKETO_SANDBOX: 'true',
  ALLOW_UNAUTHENTICATED: 'true',
};
assert.equal((await run(health, settings)).exitCode, 1, 'there is no healthy gateway yet');
const gateway = contain([...entrypoint, ...command], settings);
let log = '';
for (const stream of [gateway.stdout, gateway.stderr]) stream.on('data', (chunk) => (log += chunk));
await until(
  () => log.includes('listens on') || gateway.exitCode !== null,
  () => log,
  15_000,
);
assert.equal(gateway.exitCode, null, log);
const healthy = await run(health, settings);
assert.equal(healthy.exitCode, 0, healthy.output);
const url = `http://127.0.0.1:${port}`;
const put = await fetch(`${url}/leads`, {
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: '{"email":"jane@example.com"}',
});
assert.equal(put.status, 201);
const sandboxUrl = `http://127.0.0.1:${settings.SANDBOX_PORT}`;
for (const page of [
  `${url}/docs`,
  `${url}/docs/swagger-ui-bundle.js`,
  `${url}/docs/swagger-ui.css`,
  `${url}/openapi.json`,
  `${url}/metrics`,
  `${url}/client.js`,
  `${url}/client.d.ts`,
  `${url}/status`,
  `${sandboxUrl}/_sandbox`,
  `${sandboxUrl}/soap/mktows/2_9?WSDL`,
]) {
  assert.equal((await fetch(page)).status, 200, page);
}
const [first] = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8').split(' ');
const status = readFileSync(`/proc/${first}/status`, 'utf8');
assert.match(status, new RegExp(`^Uid:\\s+${uid}\\s`, 'm'));
assert.match(status, /^NSpid:\s+\d+\s+1$/m, 'it is the first process of its own');
assert.match(status, /^CapEff:\s+0+$/m, 'it has no privileges');
process.kill(Number(first), lastOf(last, 'STOPSIGNAL'));
const [exitCode] = await once(gateway, 'exit');
assert.equal(exitCode, 0, log);

console.log(
  JSON.stringify({
    node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
    files: files.length,
    dependenciesMiB: inMiB('node_modules/'),
    programMiB: inMiB('dist/'),
    allMiB: inMiB(''),
  }),
);
