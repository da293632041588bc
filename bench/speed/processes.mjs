// The processes of the benchmark: each is pinned to a core where there are two and taskset, and ended at the end.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));

function isPinnable() {
  try {
    execFileSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' });
    return availableParallelism() >= 2;
  } catch {
    return false;
  }
}

export const pinned = isPinnable();
// With other programs on the machine, a busy core of theirs falls on whatever is measured: compare within one run only.
export const MEASURED_CORE = '0';
export const OTHER_CORE = '1';

/** A folder of its own, for keys and logs. */
export const work = mkdtempSync(join(tmpdir(), 'lead-gateway-speed-'));
const children = [];

export function cleanUp() {
  for (const child of children) child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
}

/** The command that runs Node on a core, as program and arguments. */
export function nodeOn(core, args) {
  const command = [process.execPath, ...args];
  return pinned ? ['taskset', ['-c', core, ...command]] : [command[0], command.slice(1)];
}

function start(core, args, options) {
  const child = spawn(...nodeOn(core, args), options);
  children.push(child);
  return child;
}

/** Starts a server of this folder; resolves with its port. */
export async function startServer(file, core, env = {}) {
  const child = start(core, [join(HERE, file)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const port = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error(`${file} ended`)));
  });
  return { child, port, pid: child.pid };
}

/** Makes a file of keys with one key. */
export function createKey(main) {
  const file = join(work, 'keys.json');
  const args = [main, 'keys', 'create', '--file', file, '--name', 'bench'];
  const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
  return { file, key: execFileSync(process.execPath, args, options).trim() };
}

/** Not beside the keys: the gateway looks at them whenever their folder changes. */
const logFolder = join(work, 'logs');
mkdirSync(logFolder);
let logs = 0;

function credentials(api, upstream) {
  return api === 'rest'
    ? {
        MARKETO_REST_ENDPOINT: `${upstream}/rest`,
        MARKETO_CLIENT_ID: 'b4c1e3a2-1f0d-4c7e-9a55-6c2f8d7e9b10',
        MARKETO_CLIENT_SECRET: 'a-client-secret-of-the-benchmark',
      }
    : {
        MARKETO_SOAP_ENDPOINT: `${upstream}/soap/mktows/2_9`,
        MARKETO_USER_ID: 'demo17_1_809934544BFABAE58E5D27',
        MARKETO_ENCRYPTION_KEY: '27272727aa',
      };
}

/**
 * Starts the gateway as an operator would, with its log going to a file.
 *
 * @param main the program, dist/main.js of this checkout or of another
 * @param api the API by which the upstream is reached
 * @param probe a module to preload, which answers messages
 */
export async function startGateway({
  main,
  upstream,
  api = 'soap',
  keysFile,
  callsAtATime,
  env = {},
  probe,
}) {
  const log = openSync(join(logFolder, `gateway-${(logs += 1)}.log`), 'a');
  const child = start(MEASURED_CORE, [...(probe === undefined ? [] : ['--import', probe]), main, 'serve'], {
    env: {
      ...process.env,
      PORT: '0',
      LOG_LEVEL: 'info',
      API_KEYS_FILE: keysFile,
      ...credentials(api, upstream),
      // So large that the budgets of calls do not limit: what is measured is the gateway.
      MARKETO_MAX_CALLS_PER_20S: '10000000',
      MARKETO_DAILY_CALLS: '1000000000',
      MARKETO_MAX_CONCURRENT: String(callsAtATime),
      ...env,
    },
    stdio: ['ignore', log, 'pipe', ...(probe === undefined ? [] : ['ipc'])],
  });
  closeSync(log);
  let output = '';
  const port = await new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
      const found = /listens on http:\/\/[^:\s]+:(\d+)/.exec(output);
      if (found !== null) resolve(Number(found[1]));
    });
    child.once('exit', () => reject(new Error(output)));
  });
  return { child, port, pid: child.pid };
}

/** Has the load generator send leads to a target; resolves with what it measured. */
export async function askLoader({ child }, { port, headers, name }, task) {
  const { result, error } = await askChild(child, { host: '127.0.0.1', port, headers, ...task });
  if (error !== undefined) throw new Error(`${name}: ${error}`);
  if (Object.keys(result.failures).length > 0) {
    throw new Error(`${name} answered ${JSON.stringify(result.failures)}`);
  }
  return result;
}

/** Calls to the upstream, and leads in them, since this was asked before. */
export function askStub({ child }) {
  return askChild(child, 'how many?');
}

export function askChild(child, message) {
  return new Promise((resolve) => {
    child.once('message', resolve);
    child.send(message);
  });
}

/** Ends a process; at once, unless the signal lets it end by itself. */
export async function kill({ child }, signal = 'SIGKILL') {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await exited;
}

/** CPU time a process has taken, user and system, in µs; NaN where there is no /proc. */
export function cpuMicros(pid) {
  try {
    // After the name in brackets, which may hold anything: fields 14 and 15, in ticks of 10 ms.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return Number.NaN;
  }
}

export function residentMegabytes(pid) {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}
