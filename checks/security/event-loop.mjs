// How long requests hold the event loop of a gateway up: sends the worst ones known, one after the other, with a body of
// 1 MiB or a head as long as it may be, and fails when one takes longer than 20 ms.
//
//   node checks/security/event-loop.mjs [ms] [--processes 1] [--tries 4] [--all] [--full] [--only REGEX]
//
// Needs a build (npm run build). Tries again what takes longer; with --all, whatever it takes. Prints the best of the first
// tries in ms, where nothing is compiled yet; the best of all; the best CPU time, which counts where the system tells it,
// since other programs take a part of the rest; and the last status. --full: with half a million leads that are refused.
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { control, kill, sleep, start, startSandbox, temporaryFolder } from '../processes.mjs';
import { longRequests } from './long-requests.mjs';
import { newKey, ORIGIN, writeKeyFile } from './target.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    processes: { type: 'string', default: '1' },
    tries: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    all: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
  },
});
const maxMs = Number(positionals[0] ?? 20);
const tries = Number(values.tries);
const PROBE = fileURLToPath(new URL('event-loop-probe.mjs', import.meta.url));
const SECRET = `whsec_${Buffer.from('a secret of a webhook').toString('base64')}`;
/** What an answer may take: a lead that waits for its turn, and more. */
const MAX_WAIT_MS = 60_000;

const keys = {
  secret: newKey(),
  page: newKey('publishable'),
  map: newKey('webhook'),
  standard: newKey('webhook'),
  stripe: newKey('webhook'),
};
const attributes = Object.fromEntries(
  Array.from({ length: 200 }, (_, index) => [`A${index}`, index % 2 ? `/payload/a/${index}` : `/a${index}`]),
);
const elements = Object.fromEntries(
  Array.from({ length: 20 }, (_, index) => [
    `E${index}`,
    { list: '/list', where: { '/key': `${index}` }, value: '/value' },
  ]),
);
const signature = (scheme) => ({ scheme, secretEnv: 'HOOK_SECRET' });
const keysFile = writeKeyFile([
  {
    name: 'secret',
    key: keys.secret,
    kind: 'secret',
    attributes: ['*'],
    returnLead: true,
    byId: true,
    byForeignId: true,
    metrics: true,
    outbox: true,
  },
  {
    name: 'page',
    key: keys.page,
    kind: 'publishable',
    origins: [ORIGIN],
    attributes: ['a*'],
    honeypot: 'trap',
  },
  {
    name: 'map',
    key: keys.map,
    kind: 'webhook',
    attributes: ['A*', 'E*'],
    map: { email: '/email', attributes: { ...attributes, ...elements } },
  },
  { name: 'standard', key: keys.standard, kind: 'webhook', signature: signature('standard-webhooks') },
  { name: 'stripe', key: keys.stripe, kind: 'webhook', signature: signature('stripe') },
]);

const sandbox = await startSandbox();
await control(sandbox.url, '/limits', { enabled: false });

async function startGateway() {
  const child = await start(
    process.execPath,
    ['--import', PROBE, 'dist/main.js', 'serve'],
    {
      PORT: '0',
      LOG_LEVEL: 'warn',
      API_KEYS_FILE: keysFile,
      OUTBOX_URL: `file:${join(temporaryFolder(), 'outbox.db')}`,
      HOOK_SECRET: SECRET,
      AUTH_FAILURES_PER_MINUTE: '1000000',
      PUBLISHABLE_PER_MINUTE: '1000000',
      TRUSTED_PROXIES: '2',
      MARKETO_MAX_CALLS_PER_20S: '10000000',
      MARKETO_DAILY_CALLS: '1000000000',
      ...sandbox.env,
    },
    /listens on/,
    ['ignore', 'ignore', 'pipe', 'ipc'],
  );
  return { child, url: /listens on (http:\S+)/.exec(child.output())[1] };
}

/** What the probe has seen since it was last asked. */
async function stallOf(child) {
  const answer = once(child, 'message');
  child.send('stall');
  const [stall] = await answer;
  return stall;
}

/** Sends a request on a connection of its own; gives the status, or the code of the error that came instead. */
function send(url, { method, path, headers, body }) {
  const { hostname, port } = new URL(url);
  const given = Object.entries(headers).filter(([, value]) => value !== undefined);
  const length =
    method === 'GET' || method === 'OPTIONS' ? [] : [['content-length', Buffer.byteLength(body)]];
  return new Promise((resolve) => {
    const outgoing = request(
      {
        host: hostname,
        port,
        path,
        method,
        headers: Object.fromEntries([...given, ...length]),
        agent: false,
        signal: AbortSignal.timeout(MAX_WAIT_MS),
      },
      (incoming) => {
        incoming.resume();
        incoming.on('end', () => resolve(incoming.statusCode)).on('error', ({ code }) => resolve(code));
      },
    );
    outgoing.on('error', ({ code }) => resolve(code)).end(body);
  });
}

/** CPU time where it is known: the other is also that of other programs. */
const heldMs = ({ ms, cpuMs }) => (Number.isNaN(cpuMs) ? ms : cpuMs);
/** What is better than this is not tried again. */
const enoughMs = values.all ? 0 : maxMs;
const requests = longRequests(keys, values.full).filter(({ name }) => new RegExp(values.only).test(name));
const results = new Map(
  requests.map(({ name }) => [name, { first: Infinity, ms: Infinity, cpuMs: Infinity, status: 0 }]),
);
for (let round = 0; round < Number(values.processes); round += 1) {
  const { child, url } = await startGateway();
  await sleep(200);
  for (const one of requests) {
    const result = results.get(one.name);
    for (let attempt = 0; attempt < tries; attempt += 1) {
      await stallOf(child);
      result.status = await send(url, one);
      await sleep(5);
      const { ms, cpuMs } = await stallOf(child);
      if (attempt === 0) result.first = Math.min(result.first, ms);
      result.ms = Math.min(result.ms, ms);
      result.cpuMs = Math.min(result.cpuMs, cpuMs);
      if (heldMs(result) <= enoughMs) break;
    }
  }
  await kill(child);
}
const worst = [...results].toSorted(([, one], [, other]) => heldMs(other) - heldMs(one));
for (const [name, { first, ms, cpuMs, status }] of worst)
  console.log(`${[first, ms, cpuMs].map((one) => one.toFixed(1).padStart(6)).join(' ')}  ${status}  ${name}`);
const [[name, result]] = worst;
console.log(JSON.stringify({ requests: requests.length, worst: { name, ms: heldMs(result) } }));
process.exit(heldMs(result) > maxMs ? 1 : 0);
