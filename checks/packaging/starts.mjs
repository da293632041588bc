// Gets the program in every way the README names, and starts and stops it in each as people and supervisors do:
//
//   node checks/packaging/starts.mjs [NODE NPM_CLI [brief]]
//
// NODE is the node that runs it (a path), NPM_CLI the npm-cli.js of the npm to use; brief leaves out what does not differ
// between versions of them. Needs git, tar and npm's registry.
// Ends with exit code 1 at the first thing that is not as it should be; says what the package measures.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, sleep, temporaryFolder, until } from '../processes.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAX_PACKAGE_BYTES = 700_000;
const [node = process.execPath, npm = npmOfPath(), mode] = process.argv.slice(2);
const isBrief = mode === 'brief';
const npx = join(dirname(npm), 'npx-cli.js');
// Not what an npm that runs this program hands down; a short shutdown delay keeps it short.
const inherited = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_cache$)/i.test(name));
const ENV = {
  ...Object.fromEntries(inherited),
  PATH: [dirname(node), process.env.PATH].join(delimiter),
  SHUTDOWN_DELAY_MS: '100',
  npm_config_update_notifier: 'false',
  npm_config_fund: 'false',
  npm_config_audit: 'false',
  // What is in the cache is not asked for again: the same packages are installed several times.
  npm_config_prefer_offline: 'true',
};
const SHELLS = ['/bin/dash', '/bin/bash'].filter(existsSync);
const EVERY_SIGNAL = ['SIGTERM', 'SIGINT'].flatMap((signal) => [
  { signal, toGroup: false },
  { signal, toGroup: true },
]);
const TERM = [{ signal: 'SIGTERM', toGroup: false }];
/** Of a supervisor, and of a terminal. */
const USUAL_SIGNALS = [...TERM, { signal: 'SIGINT', toGroup: true }];

const work = temporaryFolder();
const repository = fresh('repository');
/** Process groups, each by its leader's id. */
const groups = new Set();
process.on('exit', () => {
  for (const leader of groups) for (const { pid } of membersOf(leader)) process.kill(pid, 'SIGKILL');
});

commitEverything();
console.log(`Node ${version(node)}, npm ${output([npm, '--version']).trim()}, shells ${SHELLS.join(' ')}`);

const clone = cloneOf('clone');
quietly(clone, [npm, 'ci']);
assert.match(output([npx, 'lead-gateway', 'check-config'], clone), /The configuration is valid/);
// A shell that stays between npm and the program is the harder case; bash replaces itself.
const [usualShell, ...otherShells] = SHELLS;
await startAndStop(clone, [npm, 'start'], {
  shell: usualShell,
  stops: isBrief ? USUAL_SIGNALS : EVERY_SIGNAL,
});
await startAndStop(clone, [npx, 'lead-gateway'], { stops: TERM, exit: [0, 'SIGTERM'] });
for (const other of isBrief ? [] : otherShells) {
  await startAndStop(clone, [npm, 'start'], { shell: other, stops: USUAL_SIGNALS });
}
await startAndStop(clone, [npm, 'run', 'sandbox'], { stops: TERM });
if (!isBrief) aStaleProgramIsBuiltAnew();

const tarball = join(clone, output([npm, 'pack', '--silent'], clone).trim());
const bytes = lookInto(tarball);

const production = cloneOf('production');
quietly(production, [npm, 'ci', '--omit=dev']);
assert.ok(!existsSync(join(production, 'node_modules/typescript')));
await startAndStop(production, [npm, 'start'], { stops: TERM });

if (!isBrief) {
  await startsWithoutScripts();
  await startsUnpacked();
  await startsFromGit();
}
await startsInstalled();

console.log(
  JSON.stringify({
    packageBytes: bytes,
    installedMiB: Math.round(sizeOf(join(work, 'installed')) / 1_048_576),
  }),
);

async function startsWithoutScripts() {
  const withoutScripts = cloneOf('without-scripts');
  assert.match(failure([npm, 'start'], withoutScripts), /Run: npm ci/);
  // What npm ci --ignore-scripts gives: all packages, and no program. No dependency has a script that is run.
  cpSync(join(clone, 'node_modules'), join(withoutScripts, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await startAndStop(withoutScripts, [npm, 'start'], { stops: TERM });
}

async function startsInstalled() {
  const installed = fresh('installed');
  run([npm, 'install', tarball], installed);
  for (const name of ['typescript', '@swc', 'lead-gateway-build']) {
    assert.ok(!existsSync(join(installed, 'node_modules', name)), `${name} comes with the package`);
  }
  await startAndStop(installed, [npx, 'lead-gateway'], { stops: TERM, exit: [0, 'SIGTERM'] });
}

async function startsUnpacked() {
  const unpacked = fresh('unpacked');
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', unpacked]);
  run([npm, 'install', '--omit=dev'], unpacked);
  await startAndStop(unpacked, [npm, 'start'], { stops: TERM });
}

async function startsFromGit() {
  const fromGit = fresh('from-git');
  run([npm, 'install', `git+file://${repository}`], fromGit);
  assert.match(output([npx, 'lead-gateway', 'check-config'], fromGit), /The configuration is valid/);
  await startAndStop(fromGit, [npx, 'lead-gateway'], { stops: TERM, exit: [0, 'SIGTERM'] });
}

function npmOfPath() {
  const found = process.env.PATH.split(delimiter)
    .map((folder) => join(folder, 'npm'))
    .find(existsSync);
  return realpathSync(found);
}

function version(program) {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
}

function fresh(name) {
  const folder = join(work, name);
  mkdirSync(folder);
  return folder;
}

/** What a commit of the working tree would hold. */
function commitEverything() {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
  });
  const present = files
    .toString()
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)));
  const archive = execFileSync('tar', ['--null', '-T', '-', '-cf', '-'], {
    cwd: ROOT,
    input: present.join('\0'),
    maxBuffer: 1e9,
  });
  execFileSync('tar', ['-xf', '-', '-C', repository], { input: archive });
  const git = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    [...git, 'commit', '-q', '-m', 'All'],
  ]) {
    execFileSync('git', args, { cwd: repository });
  }
}

function cloneOf(name) {
  const folder = join(work, name);
  execFileSync('git', ['clone', '-q', repository, folder]);
  return folder;
}

function run(args, cwd) {
  let { status, text } = finish(args, cwd);
  // A defect of npm's own, now and then when the registry is slow.
  if (text.includes('Exit handler never called')) ({ status, text } = finish(args, cwd));
  assert.equal(status, 0, `${args.join(' ')} in ${cwd}:\n${text}`);
  return text;
}

function failure(args, cwd) {
  const { status, text } = finish(args, cwd);
  assert.notEqual(status, 0, text);
  return text;
}

function finish(args, cwd) {
  try {
    return {
      status: 0,
      text: execFileSync('sh', ['-c', 'exec "$0" "$@" 2>&1', node, ...args], {
        cwd,
        env: ENV,
        encoding: 'utf8',
      }),
    };
  } catch (error) {
    return { status: error.status, text: error.stdout };
  }
}

function output(args, cwd = work) {
  return execFileSync(node, args, { cwd, env: ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Installs, and prints nothing that looks like a warning. */
function quietly(cwd, args) {
  assert.doesNotMatch(run(args, cwd), /warn|deprecat|error/i);
}

function aStaleProgramIsBuiltAnew() {
  const help = join(clone, 'src/cli/cli.ts');
  writeFileSync(
    help,
    readFileSync(help, 'utf8').replace('Usage: lead-gateway', 'Changed usage: lead-gateway'),
  );
  writeFileSync(join(clone, 'dist/removed.js'), '');
  // What npm ci runs once the packages are there, as the first one did.
  quietly(clone, [npm, 'run', 'prepare']);
  assert.match(output([npx, 'lead-gateway', '--help'], clone), /Changed usage/);
  assert.ok(!existsSync(join(clone, 'dist/removed.js')), 'what has no source any more is removed');
  execFileSync('git', ['checkout', '-q', '.'], { cwd: clone });
}

/** Holds the package's files against what they are for; says its size. */
function lookInto(file) {
  const paths = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' })
    .split('\n')
    .map((path) => path.replace('package/', ''));
  for (const path of [
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    '.env.example',
    'dist/main.js',
    'openapi/openapi.json',
    'assets/docs/start.js',
    'assets/sandbox/index.html',
    'assets/wsdl/mktows.wsdl',
  ]) {
    assert.ok(paths.includes(path), `${path} is not in the package`);
  }
  // The types of the browser client are for those who import it.
  const unwanted = paths
    .filter((path) => path !== 'dist/client/client.d.ts')
    .filter((path) =>
      /\.(?:map|ts)$|^(?:src|test|checks|bench|deploy|\.(?!env\.example$))|spectral|redocly|released/.test(
        path,
      ),
    );
  assert.deepEqual(unwanted, []);
  const { size } = statSync(file);
  assert.ok(size < MAX_PACKAGE_BYTES, `the package has ${size} bytes`);
  return size;
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/**
 * Starts a command as the leader of a group of its own, sends it a signal while a lead is on its way, and sees the lead
 * answered, the port free and nothing of the group left.
 */
async function startAndStop(cwd, args, { shell = SHELLS[0], stops, exit: exits = [0] }) {
  for (const { signal, toGroup } of stops) {
    const [port, sandboxPort] = [await freePort(), await freePort()];
    const child = spawn(node, args, {
      cwd,
      detached: true,
      env: { ...ENV, PORT: `${port}`, SANDBOX_PORT: `${sandboxPort}`, npm_config_script_shell: shell },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    groups.add(child.pid);
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += chunk));
    const name = `${signal} to ${toGroup ? 'the group of ' : ''}${args.slice(0, 2).join(' ')} by ${shell} in ${cwd}`;
    await until(
      () => log.includes('listens on'),
      () => `no start: ${name}\n${log}`,
      60_000,
    );
    const answer = args.includes('sandbox') ? undefined : await slowLead(port, sandboxPort);
    const exited = once(child, 'exit');
    process.kill(toGroup ? -Number(child.pid) : Number(child.pid), signal);
    const [exitCode, exitSignal] = await exited;
    const result = exitCode ?? exitSignal;
    assert.ok(
      [...exits, ...(toGroup ? [signal] : [])].includes(result),
      `${name} ended with ${result}\n${log}`,
    );
    if (answer !== undefined) assert.equal(await answer.lead, 201, `${name}\n${log}`);
    await until(
      () => membersOf(child.pid).length === 0,
      () => `${name} left ${JSON.stringify(membersOf(child.pid))}`,
      60_000,
    );
    await isFree(port);
    groups.delete(child.pid);
    console.log(`ok ${name}: ${result}`);
  }
}

/** Resolves when the lead's call is on the wire; gives the status of its answer, or what went wrong. */
async function slowLead(port, sandboxPort) {
  const json = { 'content-type': 'application/json' };
  const control = `http://127.0.0.1:${sandboxPort}/_sandbox/next`;
  await fetch(control, { method: 'POST', headers: json, body: '{"delayMs":1200,"times":1}' });
  const lead = fetch(`http://127.0.0.1:${port}/leads`, {
    method: 'PUT',
    headers: json,
    body: '{"email":"jane@example.com"}',
  }).then(
    ({ status }) => status,
    (error) => String(error.cause ?? error),
  );
  await sleep(300);
  return { lead };
}

async function isFree(port) {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
}

/** The living processes of a group, as `/proc/PID/stat` has them. */
function membersOf(leader) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return state !== 'Z' && Number(group) === leader ? [{ pid: Number(pid), command }] : [];
      } catch {
        return [];
      }
    });
}
