// What accepting costs, beside leads that are answered at once: durable accepts with many callers and at a steady rate, how
// long they hold the event loop, and what many kept leads add to the wait of direct leads. Loopback only. Prints tables
// and writes outbox.json.
//
//   npm run bench:outbox -- [--rounds 5] [--seconds 2] [--latency-seconds 6] [--kept 100000] [--beside-seconds 60]
//                           [--only throughput,latency,kept] [--folder FOLDER] [--out FOLDER]
//
// --folder is where the stores are; its disk decides. With two cores or more and taskset, the gateway, the thread of its
// store included, has a core of its own.
import { fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  askChild,
  askLoader,
  askStub,
  cleanUp,
  createKey,
  kill,
  OTHER_CORE,
  pinned,
  startGateway,
  startServer,
  work,
} from './speed/processes.mjs';
import { figure, median, table } from './speed/report.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const MAIN = join(HERE, '..', 'dist', 'main.js');
const PROBE = join(HERE, '..', 'checks', 'security', 'event-loop-probe.mjs');
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    'latency-seconds': { type: 'string', default: '6' },
    kept: { type: 'string', default: '100000' },
    'beside-seconds': { type: 'string', default: '60' },
    only: { type: 'string' },
    folder: { type: 'string', default: work },
    out: { type: 'string', default: HERE },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const kept = Number(values.kept);
const CONNECTIONS = 64;
const RATE = 500;
/** Direct leads a second beside kept ones, and what a call takes then, in ms. */
const DIRECT_RATE = 10;
const CALL_MS = 300;
/** What a subscription has, so that stored leads are limited as they would be. */
const SUBSCRIPTION = { MARKETO_MAX_CALLS_PER_20S: '100', MARKETO_DAILY_CALLS: '10000' };

const stores = mkdtempSync(join(values.folder, 'lead-gateway-outbox-'));
const wanted = (what) => (values.only ?? what).split(',').includes(what);

let loader;
const load = (target, task) =>
  askLoader(loader, target, { connections: CONNECTIONS, attributes: 6, ...task });

let started = 0;
/** A gateway with a store of its own unless `hasOutbox` is false; `prefer` goes with its leads. */
async function gatewayOf(name, { upstream, keys, hasOutbox = true, prefer, env = {} }) {
  const store = join(stores, `${(started += 1)}.db`);
  const outbox = hasOutbox ? { OUTBOX_URL: `file:${store}` } : {};
  const server = await startGateway({
    main: MAIN,
    upstream,
    keysFile: keys.file,
    callsAtATime: 10,
    env: { ...outbox, ...env },
    probe: PROBE,
  });
  const headers = { Authorization: `Bearer ${keys.key}`, ...(prefer !== undefined && { Prefer: prefer }) };
  return { name, headers, store, ...server };
}

/** Longest time the event loop was held since this was asked before, in ms: by the clock, and of CPU time where that is known. */
const heldBy = ({ child }) => askChild(child, 'stall');

/** How long the disk takes to keep 4 KiB, in ms. */
function syncMs() {
  const file = openSync(join(stores, 'sync'), 'a');
  const block = Buffer.alloc(4096, 'x');
  const times = Array.from({ length: 300 }, () => {
    const startedAt = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - startedAt;
  }).toSorted((a, b) => a - b);
  return { p50: times[150], p99: times[297] };
}

async function throughput(targets) {
  const measured = new Map(targets.map(({ name }) => [name, []]));
  for (const target of targets) await load(target, { seconds: 2 });
  const held = new Map();
  for (const target of targets) await heldBy(target);
  for (let turn = 0; turn < rounds; turn += 1) {
    for (const target of targets) measured.get(target.name).push((await load(target, { seconds })).perSecond);
  }
  for (const target of targets) held.set(target.name, await heldBy(target));
  const [direct] = targets;
  return targets.map(({ name }) => ({
    name,
    perSecond: median(measured.get(name)),
    // Ratios within a round, so that what else the machine does falls on both.
    ratio: median(measured.get(name).map((one, turn) => one / measured.get(direct.name)[turn])),
    heldMs: held.get(name).ms,
    heldCpuMs: held.get(name).cpuMs,
  }));
}

async function latency(targets) {
  const measured = new Map(targets.map(({ name }) => [name, []]));
  const length = Number(values['latency-seconds']);
  for (let turn = 0; turn < rounds; turn += 1) {
    for (const target of targets) {
      measured.get(target.name).push(await load(target, { seconds: length, rate: RATE, connections: 8 }));
    }
  }
  const [direct] = targets;
  return targets.map(({ name }) => {
    const of = (member) => median(measured.get(name).map((one) => one[member]));
    const added = median(
      measured.get(name).map((one, turn) => one.p99 - measured.get(direct.name)[turn].p99),
    );
    return { name, p50: of('p50'), p99: of('p99'), addedP99: added };
  });
}

/** Direct leads at a low rate, without stored ones and beside many. */
async function beside(keys) {
  const stub = await startServer('stub.mjs', OTHER_CORE, { CALL_MS: String(CALL_MS) });
  const settings = { upstream: `http://127.0.0.1:${stub.port}`, keys, env: SUBSCRIPTION };
  const target = await gatewayOf('with an outbox', settings);
  const direct = {
    seconds: Number(values['beside-seconds']),
    rate: DIRECT_RATE,
    connections: 8,
    name: 'direct',
  };
  const alone = await load(target, direct);
  const headers = { ...target.headers, Prefer: 'respond-async' };
  const stored = await load({ ...target, headers }, { total: kept, people: kept, person: 'kept' });
  await askStub(stub);
  const crowded = await load(target, { ...direct, person: 'crowded' });
  const { calls, leads } = await askStub(stub);
  await kill(target);
  await kill(stub);
  return {
    kept,
    storedPerSecond: stored.perSecond,
    callMs: CALL_MS,
    alone: { p50: alone.p50, p99: alone.p99 },
    beside: { p50: crowded.p50, p99: crowded.p99 },
    ratio: crowded.p99 / alone.p99,
    overBoundMs: crowded.p99 - (1.3 * alone.p99 + CALL_MS),
    leadsPerCall: leads / calls,
  };
}

try {
  const startedAt = performance.now();
  loader = await startServer('load.mjs', OTHER_CORE);
  const keys = createKey(MAIN);
  const report = {
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    pinned,
    syncMs: syncMs(),
  };
  console.log(`Node ${report.node}, ${report.cores} cores (${report.cpu}), pinned: ${pinned}`);
  console.log(`The disk keeps 4 KiB in ${figure(report.syncMs.p50)} ms, p99 ${figure(report.syncMs.p99)} ms`);
  if (wanted('throughput') || wanted('latency')) {
    const stub = await startServer('stub.mjs', OTHER_CORE);
    const settings = { upstream: `http://127.0.0.1:${stub.port}`, keys };
    const targets = [
      await gatewayOf('direct leads', { ...settings, hasOutbox: false }),
      await gatewayOf('direct leads, beside an empty outbox', settings),
      await gatewayOf('accepted, delivered meanwhile', { ...settings, prefer: 'respond-async' }),
      await gatewayOf('accepted, the day is spent', {
        ...settings,
        prefer: 'respond-async',
        env: { MARKETO_DAILY_CALLS: '1' },
      }),
    ];
    if (wanted('throughput')) {
      report.throughput = await throughput(targets);
      console.log(`\n${CONNECTIONS} connections, medians of ${rounds} interleaved rounds of ${seconds} s`);
      console.log(
        table(report.throughput, [
          ['', ({ name }) => name],
          ['answers/s', ({ perSecond }) => figure(perSecond, 0)],
          ['x direct', ({ ratio }) => figure(ratio)],
          ['loop held, ms', ({ heldMs }) => figure(heldMs, 1)],
          ['of CPU, ms', ({ heldCpuMs }) => figure(heldCpuMs, 1)],
        ]),
      );
    }
    if (wanted('latency')) {
      report.latency = await latency([targets[0], targets[1], targets[3]]);
      console.log(`\n${RATE} requests a second with Poisson arrivals, ms`);
      console.log(
        table(report.latency, [
          ['', ({ name }) => name],
          ['p50', ({ p50 }) => figure(p50, 3)],
          ['p99', ({ p99 }) => figure(p99)],
          ['added p99', ({ addedP99 }) => figure(addedP99)],
        ]),
      );
    }
    for (const target of targets) await kill(target);
    await kill(stub);
  }
  if (wanted('kept')) {
    report.kept = await beside(keys);
    const { alone, beside: crowded, ratio, leadsPerCall, overBoundMs } = report.kept;
    console.log(`\n${DIRECT_RATE} direct leads a second, calls of ${CALL_MS} ms, ms`);
    console.log(
      table(
        [
          { name: 'no kept leads', ...alone },
          { name: `${kept} kept leads`, ...crowded },
        ],
        [
          ['', ({ name }) => name],
          ['p50', ({ p50 }) => figure(p50, 0)],
          ['p99', ({ p99 }) => figure(p99, 0)],
        ],
      ),
    );
    console.log(
      `p99 ${figure(ratio)} times, ${figure(overBoundMs, 0)} ms over 1.3 times and one call; ${figure(leadsPerCall, 0)} leads a call`,
    );
  }
  report.tookSeconds = (performance.now() - startedAt) / 1000;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'outbox.json'), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\nTook ${figure(report.tookSeconds, 0)} s.`);
} finally {
  cleanUp();
  rmSync(stores, { recursive: true, force: true });
}
