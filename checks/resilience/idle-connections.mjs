// Ten thousand idle connections, 500 half-open ones, headers of a mebibyte and pipelined garbage at once, twice, and what
// that costs: others are answered all the while, and memory stays bounded and comes back.
//
//   node checks/resilience/idle-connections.mjs [connections]
//
// Needs a build (npm run build), Linux, and a limit of descriptors above that number (ulimit -n).
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import {
  control,
  openDescriptors,
  quantile,
  residentMiB,
  sleep,
  startGateway,
  startSandbox,
} from '../processes.mjs';

const CONNECTIONS = Number(process.argv[2] ?? 10_000);
const HALF_OPEN = 500;
const LEADS = 200;
const MAX_KIB_A_CONNECTION = 40;
const MAX_P99_MS = 1000;

const sandbox = await startSandbox();
await control(sandbox.url, '/limits', { enabled: false });
// No lead waits for the subscription: what is measured is the server.
const gateway = await startGateway({
  ...sandbox.env,
  LOG_LEVEL: 'warn',
  MARKETO_MAX_CALLS_PER_20S: '1000000',
  MARKETO_DAILY_CALLS: '1000000',
});
const { pid } = gateway.child;
const { hostname, port } = new URL(gateway.url);

const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
const outcomes = {};
const count = (outcome) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);

/** From one of several addresses of loopback, so that ports suffice. */
async function dial(bytes, index) {
  const socket = connect({
    host: hostname,
    port: Number(port),
    localAddress: `127.0.0.${2 + (index % 8)}`,
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

async function idle(index) {
  const socket = await dial(HEALTH, index);
  await once(socket, 'data');
  return socket;
}

async function inGroups(total, size, make) {
  const made = [];
  for (let start = 0; start < total; start += size) {
    made.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(size, total - start) }, (_, index) => make(start + index)),
      )),
    );
  }
  return made;
}

/**
 * Sends bytes and counts what the first answer's status is, or that the connection was closed without one. The gateway
 * waits half a second for the rest of what it has refused; a busy machine may take longer to write a mebibyte, and then
 * the write fails before the answer is read.
 */
async function attack(kind, bytes, index) {
  try {
    const socket = await dial(bytes, index);
    const [first] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])]);
    count(`${kind} ${first === undefined ? 'closed' : String(first).slice(9, 12)}`);
    setTimeout(() => socket.destroy(), 500);
  } catch (error) {
    count(`${kind} ${error.code}`);
  }
}

const agent = new Agent({ keepAlive: true });

function putLead(index) {
  const startedMs = performance.now();
  const body = JSON.stringify({ email: `lead${index}@example.com` });
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise((resolve) => {
    const outgoing = request(
      { hostname, port, path: '/leads', method: 'PUT', agent, headers },
      (response) => {
        response.resume().once('end', () => {
          count(`lead ${response.statusCode}`);
          resolve(performance.now() - startedMs);
        });
      },
    );
    outgoing.once('error', (error) => {
      count(`lead ${error.code}`);
      resolve(Number.NaN);
    });
    outgoing.end(body);
  });
}

async function measure() {
  const { heap, external } = await gateway.heapMb();
  return { rssMiB: residentMiB(pid), heapMb: heap, externalMb: external, descriptors: openDescriptors(pid) };
}

/** Everything at once; gives what it cost. */
async function wave() {
  const before = await measure();
  const idlers = await inGroups(CONNECTIONS, 200, idle);
  const during = await measure();
  const halfOpen = await inGroups(HALF_OPEN, 100, (index) =>
    dial('PUT /leads HTTP/1.1\r\nHost: x\r\nX-Slow', index),
  );
  let attacks = 0;
  const attackers = setInterval(() => {
    attacks += 1;
    void attack('mebibyte', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(1_048_576)}\r\n\r\n`, attacks);
    void attack('garbage', HEALTH.repeat(20) + '\u0000\u0001 no HTTP '.repeat(200), attacks);
  }, 50);
  const waitsMs = [];
  let peakMiB = 0;
  for (let index = 0; index < LEADS; index += 1) {
    waitsMs.push(await putLead(index));
    peakMiB = Math.max(peakMiB, residentMiB(pid));
    await sleep(20);
  }
  clearInterval(attackers);
  // Connections that were idle are still served.
  const served = await Promise.all(
    idlers.slice(0, 500).map(async (socket) => {
      socket.write(HEALTH);
      const [data] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])]);
      return String(data).startsWith('HTTP/1.1 200');
    }),
  );
  for (const socket of [...idlers, ...halfOpen]) socket.destroy();
  agent.destroy();
  await sleep(5000);
  const after = await measure();
  return {
    rssMiB: { before: before.rssMiB, idle: during.rssMiB, peak: peakMiB, after: after.rssMiB },
    heapMb: { before: before.heapMb, idle: during.heapMb, after: after.heapMb },
    descriptors: { before: before.descriptors, idle: during.descriptors, after: after.descriptors },
    kibAConnection: ((during.rssMiB - before.rssMiB) * 1024) / CONNECTIONS,
    p50Ms: quantile(waitsMs, 0.5),
    p99Ms: quantile(waitsMs, 0.99),
    idleServed: served.filter(Boolean).length,
  };
}

const rounded = (value) =>
  JSON.stringify(value, (_key, item) => (typeof item === 'number' ? Math.round(item * 10) / 10 : item));

for (let index = 0; index < 500; index += 1) await putLead(index);
agent.destroy();
await sleep(1000);
const first = await wave();
console.log(rounded(first));
const second = await wave();
console.log(rounded(second));
console.log(rounded(outcomes));
const exitCode = await gateway.stop();

const OUTCOMES = new Set([
  'lead 200',
  'lead 201',
  'garbage 200',
  'mebibyte 431',
  'mebibyte EPIPE',
  'mebibyte ECONNRESET',
]);
const faults = [
  [first.kibAConnection > MAX_KIB_A_CONNECTION, 'an idle connection costs too much'],
  [Math.max(first.p99Ms, second.p99Ms) > MAX_P99_MS, 'others wait too long'],
  [Object.keys(outcomes).some((outcome) => !OUTCOMES.has(outcome)), 'not all got the answer they should'],
  [outcomes['mebibyte 431'] === undefined, 'a head that is too large is not told so'],
  [first.idleServed + second.idleServed < 1000, 'idle connections are not served any more'],
  [second.rssMiB.peak > first.rssMiB.peak * 1.2, 'the second time takes more memory than the first'],
  [second.heapMb.after - first.heapMb.after > 2, 'something is left on the heap'],
  [second.descriptors.after > second.descriptors.before, 'descriptors stay open'],
  [exitCode !== 0, 'it did not stop well'],
].flatMap(([isTrue, fault]) => (isTrue ? [fault] : []));
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
