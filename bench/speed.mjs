// What the gateway costs, with everything on: keys, logs to a file, metrics, security headers, validation, the
// dispatcher. Beside it, in one run, a relay that understands nothing and node-soap behind express. The gateway is there
// twice: with ten calls at a time, as the vendor documents, where leads that have to wait go together; and with
// enough calls for every lead to have its own. Loopback only. Prints tables, writes speed.json and speed.svg.
//
//   npm run bench:speed -- [--rounds 5] [--seconds 2] [--requests 200000] [--latency-rounds 5] [--latency-seconds 4]
//                          [--starts 9] [--attributes 6] [--only throughput,latency,batch,batches,start,memory] [--out FOLDER]
//                          [--against ../other/dist/main.js] [--upstream soap]
//
// --upstream rest measures the gateway on the REST API, beside relays that read and write JSON instead of node-soap, and
// writes speed-rest.json and speed-rest.svg.
// --against measures another build beside this one. Programs under another version of Node: npx -y node@24 bench/speed.mjs.
// With two cores or more and taskset, what is measured has a core of its own; the upstream and the load share another.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureBatches } from './speed/batches.mjs';
import { attributesOf } from './speed/leads.mjs';
import { speedPlot } from './speed/plot.mjs';
import {
  askLoader,
  askStub,
  cleanUp,
  cpuMicros,
  createKey,
  kill,
  MEASURED_CORE,
  nodeOn,
  OTHER_CORE,
  pinned,
  residentMegabytes,
  startGateway,
  startServer,
} from './speed/processes.mjs';
import { figure, median, table } from './speed/report.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const MAIN = join(HERE, '..', 'dist', 'main.js');
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    requests: { type: 'string', default: '200000' },
    'latency-seconds': { type: 'string', default: '4' },
    'latency-rounds': { type: 'string', default: '5' },
    starts: { type: 'string', default: '9' },
    attributes: { type: 'string', default: '6' },
    only: { type: 'string' },
    against: { type: 'string' },
    upstream: { type: 'string', default: 'soap' },
    out: { type: 'string', default: HERE },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const CONNECTIONS = 64;
/** Of 1000 leads each. */
const BATCHES = 40;
const PROBE = join(HERE, '..', 'checks', 'security', 'event-loop-probe.mjs');
const RATE = 500;
/** Enough for memory to stop growing. */
const requests = Number(values.requests);
/** Of each lead. */
const attributes = Number(values.attributes);
const api = values.upstream;
if (api !== 'soap' && api !== 'rest') throw new Error('--upstream is soap or rest');
const isRest = api === 'rest';

/** Calls at a time that the vendor allows, the gateway's default. */
const DOCUMENTED_CALLS = 10;

let stub;
let loader;
const load = (target, task) => askLoader(loader, target, { connections: CONNECTIONS, attributes, ...task });

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One round under full load: answers a second, and CPU time an answer. */
async function round(target, length = seconds) {
  await askStub(stub);
  const cpuBefore = cpuMicros(target.pid);
  const { answered, perSecond, monotonicMs } = await load(target, { seconds: length });
  const cpu = cpuMicros(target.pid) - cpuBefore;
  const { calls, leads } = await askStub(stub);
  return {
    perSecond,
    cpuMicros: cpu / answered,
    busy: cpu / (monotonicMs * 1000),
    leadsPerCall: leads / calls,
  };
}

async function throughput(targets) {
  for (const target of targets) await round(target, 3);
  const measured = new Map(targets.map(({ name }) => [name, []]));
  for (let turn = 0; turn < rounds; turn += 1) {
    for (const target of targets) measured.get(target.name).push(await round(target));
  }
  const of = (name, member) => median(measured.get(name).map((one) => one[member]));
  return targets.map(({ name }) => ({
    name,
    perSecond: of(name, 'perSecond'),
    // Ratios within a round, so that what else the machine does falls on both.
    ratio: median(
      measured.get(name).map((one, turn) => one.perSecond / measured.get('bare relay')[turn].perSecond),
    ),
    cpuMicros: of(name, 'cpuMicros'),
    cpuRatio: median(
      measured.get(name).map((one, turn) => one.cpuMicros / measured.get('bare relay')[turn].cpuMicros),
    ),
    busy: of(name, 'busy'),
    leadsPerCall: of(name, 'leadsPerCall'),
  }));
}

async function latency(targets) {
  const length = Number(values['latency-seconds']);
  const measured = new Map(targets.map(({ name }) => [name, []]));
  for (let turn = 0; turn < Number(values['latency-rounds']); turn += 1) {
    for (const target of targets) {
      measured.get(target.name).push(await load(target, { seconds: length, rate: RATE, connections: 8 }));
    }
  }
  return targets.map(({ name }) => {
    const over = (member) =>
      median(measured.get(name).map((one, turn) => one[member] - measured.get('bare relay')[turn][member]));
    const of = (member) => median(measured.get(name).map((one) => one[member]));
    return { name, p50: of('p50'), p99: of('p99'), addedP50: over('p50'), addedP99: over('p99') };
  });
}

/** Resident memory before, after, and after half as many requests again. */
async function memory(target) {
  const before = residentMegabytes(target.pid);
  await load(target, { total: requests });
  const after = residentMegabytes(target.pid);
  await load(target, { total: Math.ceil(requests / 2) });
  return { name: target.name, before, after, later: residentMegabytes(target.pid) };
}

/** From the start of the process to the first lead that was answered. */
async function startOnce({ start, headers }, signal) {
  const startedAt = performance.now();
  const server = await start();
  const answer = await fetch(`http://127.0.0.1:${server.port}/leads`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"email":"first@example.com"}',
  });
  await answer.text();
  if (!answer.ok) throw new Error(`the first answer was ${answer.status}`);
  const ms = performance.now() - startedAt;
  await kill(server, signal);
  return ms;
}

/** Medians of starts in turn, and of their ratios to the relay's. */
async function startUp(targets) {
  const times = targets.map(() => []);
  // The first of each reads its files from the disk, and keeps compiled code at its end where the runtime does.
  for (const target of targets) await startOnce(target, 'SIGTERM');
  for (let turn = 0; turn < Number(values.starts); turn += 1) {
    for (const [index, target] of targets.entries()) times[index].push(await startOnce(target));
  }
  return targets.map(({ name }, index) => ({
    name,
    ms: median(times[index]),
    ratio: median(times[index].map((ms, turn) => ms / times[0][turn])),
  }));
}

function batch() {
  const [program, args] = nodeOn(MEASURED_CORE, [
    join(HERE, 'speed', isRest ? 'rest-batch.mjs' : 'batch.mjs'),
  ]);
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' }));
}

/** What is measured of a batch. */
const PARTS = {
  plan: 'planning',
  write: 'writing',
  read: 'reading',
  readUnusual: isRest ? 'reading, each lead refused' : 'reading, one failed with its words in CDATA',
};

const wanted = (what) => (values.only ?? what).split(',').includes(what);

try {
  const startedAt = performance.now();
  stub = await startServer(isRest ? 'rest-stub.mjs' : 'stub.mjs', OTHER_CORE);
  const upstream = `http://127.0.0.1:${stub.port}`;
  loader = await startServer('load.mjs', OTHER_CORE);
  const keys = createKey(MAIN);
  const serverOf = async (name, file, env) => {
    const start = () => startServer(file, MEASURED_CORE, { UPSTREAM: upstream, UPSTREAM_API: api, ...env });
    return { name, headers: {}, start, ...(await start()) };
  };
  const gatewayOf = async (name, { main = MAIN, callsAtATime = DOCUMENTED_CALLS, env, probe } = {}) => {
    const start = () => startGateway({ main, upstream, api, keysFile: keys.file, callsAtATime, env, probe });
    return { name, headers: { Authorization: `Bearer ${keys.key}` }, start, ...(await start()) };
  };
  const relay = await serverOf('bare relay', 'relay.mjs', { ATTRIBUTES: String(attributes) });
  const nodeSoap = isRest ? [] : [await serverOf('node-soap behind express', 'node-soap.mjs')];
  const jsonRelays = isRest
    ? [
        await serverOf('a relay that reads and writes JSON', 'json-relay.mjs'),
        await serverOf('the same behind express 5', 'json-relay.mjs', { FRAMEWORK: 'express' }),
      ]
    : [];
  const gateway = await gatewayOf('lead-gateway');
  const oneByOne = await gatewayOf('lead-gateway, a call for each lead', { callsAtATime: CONNECTIONS });
  const silent = await gatewayOf('lead-gateway without a log', { env: { LOG_LEVEL: 'silent' } });
  const other = values.against === undefined ? undefined : resolvePath(values.against);
  const against =
    other === undefined
      ? []
      : [
          await gatewayOf('the other build', { main: other }),
          await gatewayOf('the other build, a call for each lead', {
            main: other,
            callsAtATime: CONNECTIONS,
          }),
        ];

  const report = {
    upstream: api,
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    pinned,
    rounds,
    seconds,
    connections: CONNECTIONS,
    attributes,
  };
  console.log(
    `Node ${report.node}, ${report.cores} cores (${report.cpu})${pinned ? ', the measured process pinned to one of them' : ''}`,
  );
  if (wanted('throughput')) {
    report.throughput = await throughput([relay, ...jsonRelays, gateway, oneByOne, ...nodeSoap, ...against]);
    const of = (target) => report.throughput.find(({ name }) => name === target.name);
    for (const slow of nodeSoap) report.timesNodeSoap = of(gateway).perSecond / of(slow).perSecond;
    console.log(`\n${CONNECTIONS} connections, medians of ${rounds} interleaved rounds of ${seconds} s`);
    console.log(
      table(report.throughput, [
        ['', ({ name }) => name],
        ['answers/s', ({ perSecond }) => figure(perSecond, 0)],
        ['x bare relay', ({ ratio }) => figure(ratio)],
        ['CPU/request', ({ cpuMicros: micros }) => `${figure(micros, 0)} µs`],
        ['x bare relay', ({ cpuRatio }) => figure(cpuRatio)],
        ['core busy', ({ busy }) => `${figure(busy * 100, 0)} %`],
        ['leads/call', ({ leadsPerCall }) => figure(leadsPerCall, 1)],
      ]),
    );
    if (!isRest) {
      console.log(`The gateway answers ${figure(report.timesNodeSoap, 1)} times as many as node-soap.`);
    }
  }
  if (wanted('latency')) {
    await pause(500);
    report.latency = await latency([relay, gateway, silent, ...against.slice(0, 1)]);
    console.log(`\n${RATE} requests a second with Poisson arrivals, ms`);
    console.log(
      table(report.latency, [
        ['', ({ name }) => name],
        ['p50', ({ p50 }) => figure(p50, 3)],
        ['p99', ({ p99 }) => figure(p99)],
        ['added p50', ({ addedP50 }) => figure(addedP50, 3)],
        ['added p99', ({ addedP99 }) => figure(addedP99)],
      ]),
    );
  }
  if (wanted('batch')) {
    report.batch = batch();
    const { leads, usPerLead, ...parts } = report.batch;
    console.log(
      `\nA batch of ${leads} leads with 10 attributes each: ${figure(usPerLead, 1)} µs a lead; the event loop is held, in ms`,
    );
    console.log(
      table(
        Object.entries(parts).map(([name, part]) => ({ name: PARTS[name], ...part })),
        [
          ['', ({ name }) => name],
          ['median', ({ medianMs }) => figure(medianMs)],
          ['worst warm', ({ worstWarmMs }) => figure(worstWarmMs)],
          ['the very first', ({ firstMs }) => figure(firstMs)],
        ],
      ),
    );
  }
  if (wanted('batches')) {
    const probed = await gatewayOf('lead-gateway', { probe: PROBE });
    report.batches = await measureBatches(probed, BATCHES, (index) => attributesOf(index, attributes));
    await kill(probed);
    console.log(`\nPUT /leads/batch with 1000 leads; the event loop is held up, in ms`);
    console.log(
      table(report.batches, [
        ['', ({ name }) => name],
        ['CPU/lead', ({ cpuMicros: micros }) => `${figure(micros, 1)} µs`],
        ['median', ({ heldMs }) => figure(heldMs)],
        ['worst, of CPU', ({ worstHeldCpuMs }) => figure(worstHeldCpuMs)],
        ['the very first', ({ firstHeldMs }) => figure(firstHeldMs)],
        ['of CPU', ({ firstHeldCpuMs }) => figure(firstHeldCpuMs)],
      ]),
    );
  }
  if (wanted('start')) {
    report.start = await startUp([relay, gateway, ...against.slice(0, 1)]);
    console.log('\nFrom start to the first answered lead');
    console.log(
      table(report.start, [
        ['', ({ name }) => name],
        ['ms', ({ ms }) => figure(ms, 0)],
        ['x bare relay', ({ ratio }) => figure(ratio)],
      ]),
    );
  }
  if (wanted('memory')) {
    report.memory = [];
    for (const target of [relay, gateway, oneByOne, ...against]) report.memory.push(await memory(target));
    const [{ after: bare }] = report.memory;
    console.log(`\nResident memory, MB, after ${requests} requests more and after half as many again`);
    console.log(
      table(report.memory, [
        ['', ({ name }) => name],
        ['before', ({ before }) => figure(before, 0)],
        ['after', ({ after }) => figure(after, 0)],
        ['later', ({ later }) => figure(later, 0)],
        ['x bare relay', ({ after }) => figure(after / bare)],
      ]),
    );
  }
  report.tookSeconds = (performance.now() - startedAt) / 1000;
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, isRest ? 'speed-rest' : 'speed');
  writeFileSync(`${file}.json`, `${JSON.stringify(report, null, 2)}\n`);
  if (report.throughput) writeFileSync(`${file}.svg`, speedPlot(report));
  console.log(`\nTook ${figure(report.tookSeconds, 0)} s.`);
} finally {
  cleanUp();
}
