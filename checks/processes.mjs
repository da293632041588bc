// Starts gateways, sandboxes and other servers as processes, for every check.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAX_OUTPUT = 20_000;
const MAX_ERRORS = 10;

const children = new Set();

// Whatever ends the program ends what it has started.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A folder that is gone when the program ends. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A free port of loopback. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/**
 * Starts a process in the repository's folder with nothing but PATH and `env`, and waits until `ready` stands in what it
 * has written. Gives the process, with `output()`: the last of that. Rejects when it ends before.
 */
export function start(command, args, env, ready, stdio = ['ignore', 'pipe', 'pipe']) {
  const child = spawn(command, args, { cwd: ROOT, env: { PATH: process.env.PATH, ...env }, stdio });
  children.add(child);
  let output = '';
  const errors = [];
  let isReady = false;
  child.output = () => output;
  return new Promise((resolve, reject) => {
    const see = (chunk) => {
      output = (output + chunk).slice(-MAX_OUTPUT);
      // Why a gateway ended by itself; warnings of what its stop cuts off come after it.
      errors.push(...(String(chunk).match(/^.*"level":"(?:error|fatal)".*$/gm) ?? []));
      errors.splice(0, errors.length - MAX_ERRORS);
      if (isReady || !ready.test(output)) return;
      isReady = true;
      resolve(child);
    };
    child.stdout?.on('data', see);
    child.stderr?.on('data', see);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      children.delete(child);
      const ended = `${command} ${args.join(' ')} ended with ${code ?? signal}: ${[...errors, output].join('\n')}`;
      // Maybe no one waits for it any more; what fails because of that says nothing of it.
      if (isReady && !child.killed) console.error(ended);
      reject(new Error(ended));
    });
  });
}

/** Ends a process at once, and waits until it has. */
export async function kill(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Redis on a port of loopback, without persistence. */
export function startRedis(port, redisServer = 'redis-server') {
  const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  return start(redisServer, options, {}, /Ready to accept/);
}

/** The sandbox alone, and the variables that make it a gateway's upstream. */
export async function startSandbox(env = {}, wantedPort) {
  const port = wantedPort ?? (await freePort());
  const child = await start(
    process.execPath,
    ['dist/main.js', 'sandbox'],
    { SANDBOX_PORT: `${port}`, ...env },
    /SOAP endpoint/,
  );
  return { child, port, url: `http://127.0.0.1:${port}`, env: upstreamEnv(`http://127.0.0.1:${port}`) };
}

/** The variables that make the sandbox at `origin` a gateway's upstream. */
export function upstreamEnv(origin) {
  return {
    MARKETO_SOAP_ENDPOINT: `${origin}/soap/mktows/2_9`,
    MARKETO_USER_ID: 'sandbox',
    MARKETO_ENCRYPTION_KEY: 'sandbox-encryption-key',
  };
}

// Told to, it collects garbage and says what is left.
const REPORTER = "process.on('message', () => { gc(); process.send(process.memoryUsage()); });";

/** A gateway with these variables: where it is, and what is alive in it. Its log goes to `log`, a descriptor, if given. */
export async function startGateway(env, log = 'pipe') {
  const child = await start(
    process.execPath,
    [
      '--expose-gc',
      '--import',
      `data:text/javascript,${encodeURIComponent(REPORTER)}`,
      'dist/main.js',
      'serve',
    ],
    { PORT: '0', ...env },
    /listens on/,
    ['ignore', log, 'pipe', 'ipc'],
  );
  const url = /listens on (http:\S+)/.exec(child.output())[1];
  return {
    child,
    url,
    /** After garbage collection, in MB. */
    async heapMb() {
      const answer = once(child, 'message');
      child.send('heap');
      const [{ heapUsed, external }] = await answer;
      return { heap: heapUsed / 1e6, external: external / 1e6 };
    },
    /** Gives the exit code. */
    async stop() {
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      return code;
    },
  };
}

/** A gateway with a sandbox of its own: also where that is. Its log has warnings only, unless `env` says otherwise. */
export async function startDemo(env = {}) {
  const gateway = await startGateway({ SANDBOX_PORT: '0', LOG_LEVEL: 'warn', ...env });
  const { origin } = new URL(/(http:\S+)\/_sandbox/.exec(gateway.child.output())[1]);
  return { ...gateway, sandboxUrl: origin };
}

/** Waits until `check` gives something true, asked 20 times a second. */
export async function until(check, what, timeoutMs = 10_000) {
  for (const startedMs = performance.now(); performance.now() - startedMs < timeoutMs;) {
    if (await check()) return;
    await sleep(50);
  }
  throw new Error(`not within ${timeoutMs} ms: ${typeof what === 'function' ? what() : what}`);
}

/** Whatever the sandbox's control API takes, as `POST`. */
export async function control(url, path, body) {
  const response = await fetch(`${url}/_sandbox${path}`, {
    method: path === '/limits' ? 'PUT' : 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

/**
 * One lead; never rejects. Gives its status (or the code of the error that came instead), the problem's type and how long
 * it took.
 */
export async function putLead(url, email, headers = {}) {
  const startedMs = performance.now();
  const took = () => Math.round(performance.now() - startedMs);
  try {
    const response = await fetch(`${url}/leads`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ email }),
    });
    const { type = null, retryable = null } = await response.json();
    return {
      status: response.status,
      type: type && new URL(type).pathname,
      retryable,
      retryAfter: response.headers.get('retry-after'),
      tookMs: took(),
    };
  } catch (error) {
    return { status: error.cause?.code ?? error.name, type: null, retryable: null, tookMs: took() };
  }
}

/** Sends leads one after the other until one is written; gives after how many ms that was. Rejects after 15 s. */
export async function msUntilServed(url) {
  const startedMs = performance.now();
  for (let index = 0; performance.now() - startedMs < 15_000; index += 1) {
    if ((await putLead(url, `back${index}@example.com`)).status < 300)
      return Math.round(performance.now() - startedMs);
    await sleep(50);
  }
  throw new Error('leads are not written any more');
}

/** What a process has in memory, in MiB (proc(5)). */
export function residentMiB(pid) {
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(kib) / 1024;
}

/** How many descriptors a process has open (proc(5)). */
export function openDescriptors(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The value below which a part of the numbers lies; NaN of none. */
export function quantile(numbers, part) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
