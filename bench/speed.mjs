// What the gateway costs, with everything on: keys, logs, metrics, security headers, validation, the dispatcher. Beside
// it, in one run, a relay that understands nothing and node-soap behind express. The gateway is there twice: with ten
// calls at a time, as the vendor documents, where leads that have to wait go together; and with so many that every lead
// has a call of its own. Loopback only. Prints a table, writes speed.json and speed.svg.
//
//   npm run bench:speed -- [--rounds 5] [--seconds 2] [--requests 200000] [--latency-seconds 4] [--attributes 6]
//                                [--only throughput,latency,batch,start,memory] [--out FOLDER]
//
// With two cores or more and taskset, what is measured has a core of its own; the upstream and the load share another.
import { execFileSync, fork, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { speedPlot } from './speed/plot.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const MAIN = join(HERE, '..', 'dist', 'main.js');
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    requests: { type: 'string', default: '200000' },
    'latency-seconds': { type: 'string', default: '4' },
    'latency-rounds': { type: 'string', default: '5' },
    starts: { type: 'string', default: '5' },
    attributes: { type: 'string', default: '6' },
    only: { type: 'string' },
    out: { type: 'string', default: HERE },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const CONNECTIONS = 64;
const RATE = 500;
/** As many as make memory settle. */
const requests = Number(values.requests);
/** Of each lead. */
const attributes = Number(values.attributes);

const work = mkdtempSync(join(tmpdir(), 'lead-gateway-speed-'));
const children = [];

function isPinnable() {
  try {
    execFileSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' });
    return availableParallelism() >= 2;
  } catch {
    return false;
  }
}
const pinned = isPinnable();
// With other programs on the machine, a busy core of theirs falls on whoever is measured: compare within one run only.
const MEASURED_CORE = '0';
const OTHER_CORE = '1';

function pin(child, core) {
  if (pinned) execFileSync('taskset', ['-a', '-c', '-p', core, String(child.pid)], { stdio: 'ignore' });
}

/** Starts a server of bench/speed; resolves with its port. */
async function startServer(file, core, env = {}) {
  const child = fork(join(HERE, 'speed', file), { env: { ...process.env, ...env } });
  children.push(child);
  pin(child, core);
  const port = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error(`${file} ended`)));
  });
  return { child, port, pid: child.pid };
}

function createKey() {
  const file = join(work, 'keys.json');
  const args = [MAIN, 'keys', 'create', '--file', file, '--name', 'bench'];
  return {
    file,
    key: execFileSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim(),
  };
}

/** Calls at a time that the vendor allows, the gateway's default. */
const DOCUMENTED_CALLS = 10;

/** Starts the gateway as an operator would. Its log is written, but not to this machine's disk. */
async function startGateway(upstream, keysFile, callsAtATime = DOCUMENTED_CALLS) {
  const log = openSync('/dev/null', 'w');
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    env: {
      ...process.env,
      PORT: '0',
      LOG_LEVEL: 'info',
      API_KEYS_FILE: keysFile,
      MARKETO_SOAP_ENDPOINT: `${upstream}/soap/mktows/2_9`,
      MARKETO_USER_ID: 'demo17_1_809934544BFABAE58E5D27',
      MARKETO_ENCRYPTION_KEY: '27272727aa',
      // So large that the budgets of calls do not limit: what is measured is the gateway.
      MARKETO_MAX_CALLS_PER_20S: '10000000',
      MARKETO_DAILY_CALLS: '1000000000',
      MARKETO_MAX_CONCURRENT: String(callsAtATime),
    },
    stdio: ['ignore', log, 'pipe'],
  });
  children.push(child);
  pin(child, MEASURED_CORE);
  let said = '';
  const port = await new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      said += chunk;
      const found = /listens on http:\/\/[^:\s]+:(\d+)/.exec(said);
      if (found !== null) resolve(Number(found[1]));
    });
    child.once('exit', () => reject(new Error(said)));
  });
  return { child, port, pid: child.pid };
}

/** Calls to the upstream, and leads in them, since this was asked before. */
function askStub() {
  return new Promise((resolve) => {
    stub.child.once('message', resolve);
    stub.child.send('how many?');
  });
}

let stub;
let loader;
/** Has the load generator do something; resolves with what it measured. */
async function load(target, task) {
  const message = {
    host: '127.0.0.1',
    port: target.port,
    headers: target.headers,
    connections: CONNECTIONS,
    attributes,
    ...task,
  };
  const { result, error } = await new Promise((resolve) => {
    loader.once('message', resolve);
    loader.send(message);
  });
  if (error !== undefined) throw new Error(`${target.name}: ${error}`);
  if (Object.keys(result.failures).length > 0) {
    throw new Error(`${target.name} answered ${JSON.stringify(result.failures)}`);
  }
  return result;
}

/** CPU time a process has taken, user and system, in µs; NaN where there is no /proc. */
function cpuMicros(pid) {
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

function residentMegabytes(pid) {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One round under full load: answers a second, and CPU time an answer. */
async function round(target, length = seconds) {
  await askStub();
  const cpuBefore = cpuMicros(target.pid);
  const { answered, perSecond, monotonicMs } = await load(target, { seconds: length });
  const cpu = cpuMicros(target.pid) - cpuBefore;
  const { calls, leads } = await askStub();
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
async function startUp(upstream, { file, key }) {
  const times = [];
  for (let turn = 0; turn < Number(values.starts); turn += 1) {
    const startedAt = performance.now();
    const { child, port } = await startGateway(upstream, file);
    const answer = await fetch(`http://127.0.0.1:${port}/leads`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: '{"email":"first@example.com"}',
    });
    await answer.text();
    if (!answer.ok) throw new Error(`the first answer was ${answer.status}`);
    times.push(performance.now() - startedAt);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  return median(times);
}

function batch() {
  const args = [join(HERE, 'speed', 'batch.mjs')];
  const [program, ...rest] = pinned
    ? ['taskset', '-c', MEASURED_CORE, process.execPath, ...args]
    : [process.execPath, ...args];
  return JSON.parse(execFileSync(program, rest, { encoding: 'utf8' }));
}

const wanted = (what) => (values.only ?? what).split(',').includes(what);
const figure = (number, digits = 2) => (Number.isFinite(number) ? number.toFixed(digits) : '-');

function table(rows, columns) {
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index].length)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index])))
        .join('   '),
    )
    .join('\n');
}

try {
  const startedAt = performance.now();
  stub = await startServer('stub.mjs', OTHER_CORE);
  const upstream = `http://127.0.0.1:${stub.port}`;
  loader = (await startServer('load.mjs', OTHER_CORE)).child;
  const keys = createKey();
  const relay = {
    name: 'bare relay',
    headers: {},
    ...(await startServer('relay.mjs', MEASURED_CORE, { UPSTREAM: upstream, ATTRIBUTES: attributes })),
  };
  const nodeSoap = {
    name: 'node-soap behind express',
    headers: {},
    ...(await startServer('node-soap.mjs', MEASURED_CORE, { UPSTREAM: upstream })),
  };
  const gateway = {
    name: 'lead-gateway',
    headers: { Authorization: `Bearer ${keys.key}` },
    ...(await startGateway(upstream, keys.file)),
  };
  const oneByOne = {
    ...gateway,
    name: 'lead-gateway, a call for each lead',
    ...(await startGateway(upstream, keys.file, CONNECTIONS)),
  };

  const report = {
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
    report.throughput = await throughput([relay, gateway, oneByOne, nodeSoap]);
    const of = (target) => report.throughput.find(({ name }) => name === target.name);
    report.timesNodeSoap = of(gateway).perSecond / of(nodeSoap).perSecond;
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
    console.log(`The gateway answers ${figure(report.timesNodeSoap, 1)} times as many as node-soap.`);
  }
  if (wanted('latency')) {
    await pause(500);
    report.latency = await latency([relay, gateway]);
    console.log(`\n${RATE} requests a second, open loop, ms`);
    console.log(
      table(report.latency, [
        ['', ({ name }) => name],
        ['p50', ({ p50 }) => figure(p50)],
        ['p99', ({ p99 }) => figure(p99)],
        ['added p50', ({ addedP50 }) => figure(addedP50)],
        ['added p99', ({ addedP99 }) => figure(addedP99)],
      ]),
    );
  }
  if (wanted('batch')) {
    report.batch = batch();
    const { write, read, readUnusual, leads, usPerLead } = report.batch;
    console.log(
      `\nA batch of ${leads} leads with 10 attributes each: ${figure(usPerLead, 1)} µs a lead; the event loop is held, in ms`,
    );
    console.log(
      table(
        [
          { name: 'writing', ...write },
          { name: 'reading', ...read },
          { name: 'reading, one failed with its words in CDATA', ...readUnusual },
        ],
        [
          ['', ({ name }) => name],
          ['median', ({ medianMs }) => figure(medianMs)],
          ['worst warm', ({ worstWarmMs }) => figure(worstWarmMs)],
          ['the very first', ({ firstMs }) => figure(firstMs)],
        ],
      ),
    );
  }
  if (wanted('start')) {
    report.startMs = await startUp(upstream, keys);
    console.log(`\nFrom start to the first answered lead: ${figure(report.startMs, 0)} ms`);
  }
  if (wanted('memory')) {
    report.memory = [];
    for (const target of [relay, gateway, oneByOne]) report.memory.push(await memory(target));
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
  writeFileSync(join(values.out, 'speed.json'), `${JSON.stringify(report, null, 2)}\n`);
  if (report.throughput) writeFileSync(join(values.out, 'speed.svg'), speedPlot(report));
  console.log(`\nTook ${figure(report.tookSeconds, 0)} s.`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
}
