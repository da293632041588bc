// A gateway at rest: how often it wakes, before and after it had something to do, and whether a balancer's connection that
// was idle for longer than usual still works.
//
//   node checks/resilience/at-rest.mjs [seconds idle]
//
// Needs a build (node build/build.mjs) and Linux.
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { putLead, sleep, startDemo, temporaryFolder } from '../processes.mjs';

/** Longer than 65 s, how long connections are kept by default. */
const IDLE_MS = Number(process.argv[2] ?? 70) * 1000;
const SPELLS = 5;
const SPELL_MS = 3000;
/** Of all threads together, in a second. The looks at connections, a second apart, and the key file are most of them. */
const MAX_WAKES = 6;
const MAX_CPU = 0.01;

const keysFile = join(temporaryFolder(), 'keys.json');
writeFileSync(keysFile, '{ "keys": [] }', { mode: 0o600 });
const settings = {
  'the usual one': {},
  'with keys, a port for metrics and a longer keep-alive': {
    API_KEYS_FILE: keysFile,
    METRICS_PORT: '0',
    KEEP_ALIVE_TIMEOUT_MS: '620000',
  },
};
const faults = [];

function wakesOf(pid) {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return sum + Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)[1]);
  }, 0);
}

/** Ticks of a hundredth of a second. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Of several spells the one in the middle: V8 tidies its heap up some time after work, once. */
async function watch(name, { child: { pid } }) {
  const spells = [];
  for (let index = 0; index < SPELLS; index += 1) {
    const before = { wakes: wakesOf(pid), cpu: cpuOf(pid) };
    await sleep(SPELL_MS);
    const seconds = SPELL_MS / 1000;
    spells.push({
      wakes: (wakesOf(pid) - before.wakes) / seconds,
      cpu: (cpuOf(pid) - before.cpu) / 100 / seconds,
    });
  }
  const middle = (values) => values.toSorted((one, other) => one - other)[SPELLS >> 1];
  const wakes = middle(spells.map((spell) => spell.wakes));
  const cpu = middle(spells.map((spell) => spell.cpu));
  console.log(`${name}: ${wakes} wakes a second, ${(cpu * 100).toFixed(1)} % of a CPU`);
  if (wakes > MAX_WAKES) faults.push(`${name}: ${wakes} wakes a second`);
  if (cpu > MAX_CPU) faults.push(`${name}: ${cpu} of a CPU`);
}

async function putLeads({ url }) {
  for (let index = 0; index < 50; index += 1) {
    await putLead(url, `lead${index}@example.com`);
  }
}

/** A connection that has had an answer; asks once more. */
async function dial({ url }) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  const ask = async () => {
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    const [data] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return String(data);
  };
  return { ask, first: await ask(), close: () => socket.destroy() };
}

const startedAt = performance.now();
const gateways = await Promise.all(
  Object.entries(settings).map(async ([name, env]) => ({
    name,
    ...(await startDemo(env)),
  })),
);
const watchAll = (when) => Promise.all(gateways.map((gateway) => watch(gateway.name + when, gateway)));
const [, patient] = gateways;
const connection = await dial(patient);
if (!connection.first.includes('Keep-Alive: timeout=620\r\n')) faults.push('the keep-alive is not announced');
// What starting has left is over.
await sleep(3000);
await watchAll('');
for (const gateway of gateways) await putLeads(gateway);
await sleep(5000);
await watchAll(', after some leads');
await sleep(Math.max(0, IDLE_MS - (performance.now() - startedAt)));
if (!(await connection.ask()).startsWith('HTTP/1.1 200')) faults.push('an idle connection was closed');
connection.close();
for (const gateway of gateways) if ((await gateway.stop()) !== 0) faults.push('it did not stop well');
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
