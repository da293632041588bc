// Leads at a steady rate for a long time, with an upstream that errs, callers who leave and bad input, and what that does
// to the gateway's heap, descriptors and latency:
//
//   node checks/resilience/soak.mjs [minutes] [requests a second]
//
// Needs a build (npm run build) and Linux. Twenty times, whatever the length, it prints a line; it ends with 1 when the
// heap grows by more than 1 MB a minute after the warm-up (for short runs: by more than 5 MB in all), when descriptors
// stay behind, when the 99th percentile rises, or when an answer comes that no table has.
import { Agent, request } from 'node:http';
import {
  control,
  openDescriptors,
  quantile,
  residentMiB,
  sleep,
  startGateway,
  startSandbox,
} from '../processes.mjs';

const MINUTES = Number(process.argv[2] ?? 20);
const RATE = Number(process.argv[3] ?? 300);
const ROUNDS = 20;
const WARM_UP_ROUNDS = 4;
const PEOPLE = 20_000;
const EXPECTED = new Set(
  // Ready or not: the sandbox refuses the credentials once in a while.
  '200,201,400,404,405,415,422,429,502,504,left,read 200,read 503'.split(','),
);

/** One after the other, every three seconds, so that each minute has the same. */
const MISHAPS = [
  { fault: { code: 20016 } },
  { fault: { code: 10001 } },
  { reset: 'on-arrival' },
  { delayMs: 1500 },
  { garbage: { status: 503, body: '<html><h1>Service Unavailable</h1></html>' } },
  { fault: { code: 20023 } },
  { reset: 'before-headers' },
  { fault: { code: 20105, message: 'syncLead operation failed: unknown fields for import: pants (20105)' } },
  {
    garbage: {
      contentType: 'text/xml',
      body: '<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="x"><a>',
    },
  },
  { fault: { code: 20011 }, times: 2 },
  { reset: 'mid-body' },
  { fault: { code: 20024 } },
  { garbage: { contentType: 'text/xml', body: '' } },
  { fault: { code: 20014 } },
  { delayMs: 3000 },
  { garbage: { contentType: 'text/xml', body: `<a>${'x'.repeat(900_000)}</a>` } },
  { fault: { code: 20103 } },
  { reset: 'on-arrival', times: 3 },
  { fault: { code: 20012, status: 200 } },
  { delayMs: 500, times: 5 },
];

/** What goes wrong before a lead is one. */
const BAD = [
  { body: '{"email":' },
  { body: '{"email":"no address"}' },
  { body: '{"email":"a@b.c","pants":1}' },
  { body: 'email=a', type: 'text/plain' },
  { body: '{}', path: '/nowhere' },
  { body: '{}', method: 'POST' },
  { body: JSON.stringify({ email: 'a@b.c', attributes: { FirstName: '\u0001' } }) },
];

const READS = ['/readyz', '/healthz', '/openapi.json', '/metrics', '/docs', '/problems/upstream-busy'];

const sandbox = await startSandbox();
await control(sandbox.url, '/limits', { callsPerDay: 1_000_000 });
const gateway = await startGateway({
  ...sandbox.env,
  MARKETO_DAILY_CALLS: '1000000',
  // Less than the largest answer among the mishaps.
  MARKETO_MAX_RESPONSE_BYTES: '500000',
});
const { pid } = gateway.child;
const { hostname, port } = new URL(gateway.url);

const keepAlive = new Agent({ keepAlive: true });
const fresh = new Agent({ keepAlive: false });
let round = { statuses: {}, waitsMs: [] };
let sent = 0;

/** Never rejects. A caller who leaves does so after `leavesAfterMs`. */
function send({
  method = 'PUT',
  path = '/leads',
  body,
  type = 'application/json',
  agent,
  leavesAfterMs,
  isLead,
}) {
  const startedMs = performance.now();
  const { statuses, waitsMs } = round;
  return new Promise((resolve) => {
    const ended = (outcome) => {
      const name = method === 'GET' ? `read ${outcome}` : outcome;
      statuses[name] = (statuses[name] ?? 0) + 1;
      if (isLead === true && typeof outcome === 'number') waitsMs.push(performance.now() - startedMs);
      clearTimeout(leaves);
      resolve();
    };
    const headers =
      body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
    const outgoing = request({ hostname, port, path, method, agent, headers }, (response) => {
      response.resume();
      response.once('end', () => ended(response.statusCode));
      response.once('error', () => undefined);
    });
    let hasLeft = false;
    const leaves =
      leavesAfterMs === undefined
        ? undefined
        : setTimeout(() => {
            hasLeft = true;
            outgoing.destroy();
          }, leavesAfterMs);
    outgoing.once('error', (error) => ended(hasLeft ? 'left' : error.code));
    outgoing.once('close', resolve);
    outgoing.end(body);
  });
}

function leadOf(number) {
  const email = `lead${number % PEOPLE}@example.com`;
  if (number % 1000 === 0) return { email, returnLead: true };
  if (number % 7 === 0) return { foreignSysPersonId: `F${number % PEOPLE}`, foreignSysType: 'CUSTOM', email };
  if (number % 3 === 0)
    return { email, attributes: { FirstName: `Name ${number}`, LeadScore: number % 100 } };
  return { email };
}

function sendNext() {
  sent += 1;
  const agent = sent % 50 === 0 ? fresh : keepAlive;
  if (sent % 25 === 0) return send({ agent, ...BAD[(sent / 25) % BAD.length] });
  if (sent % 99 === 0) return send({ agent, method: 'GET', path: READS[(sent / 99) % READS.length] });
  const body = JSON.stringify(leadOf(sent));
  if (sent % 33 === 0) return send({ agent: keepAlive, body, leavesAfterMs: sent % 300 });
  return send({ agent, body, isLead: true });
}

const descriptorsBefore = openDescriptors(pid);
const all = new Set();
const run = { isOver: false };
const startedMs = performance.now();
const load = (async () => {
  while (!run.isOver) {
    const due = ((performance.now() - startedMs) / 1000) * RATE;
    while (sent < due) {
      const one = sendNext().finally(() => all.delete(one));
      all.add(one);
    }
    await sleep(5);
  }
})();
const mishaps = (async () => {
  for (let index = 0; !run.isOver; index += 1) {
    await control(sandbox.url, '/next', MISHAPS[index % MISHAPS.length]);
    await sleep(3000);
  }
})();

const rounds = [];
for (let index = 1; index <= ROUNDS; index += 1) {
  await sleep(startedMs + (index * MINUTES * 60_000) / ROUNDS - performance.now());
  const { statuses, waitsMs } = round;
  round = { statuses: {}, waitsMs: [] };
  const { heap, external } = await gateway.heapMb();
  const line = {
    minute: Number(((index * MINUTES) / ROUNDS).toFixed(1)),
    heapMb: Number(heap.toFixed(2)),
    externalMb: Number(external.toFixed(2)),
    rssMiB: Math.round(residentMiB(pid)),
    descriptors: openDescriptors(pid),
    p50Ms: Math.round(quantile(waitsMs, 0.5)),
    p99Ms: Math.round(quantile(waitsMs, 0.99)),
    underWay: all.size,
    statuses,
  };
  rounds.push(line);
  console.log(JSON.stringify(line));
}
run.isOver = true;
await Promise.all([load, mishaps]);
await Promise.all(all);
keepAlive.destroy();
fresh.destroy();
// Kept-alive connections upstream go when the sandbox's keep-alive of 75 s is over; a short run has no time for that.
if (MINUTES < 5) sandbox.child.kill();
for (let tries = 0; tries < 80 && openDescriptors(pid) > descriptorsBefore; tries += 1) await sleep(1000);

const measured = rounds.slice(WARM_UP_ROUNDS);
const third = Math.floor(measured.length / 3);
const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const p99 = (part) => mean(part.map(({ p99Ms }) => p99Ms));
const summary = {
  minutes: MINUTES,
  sent,
  heapMbPerMinute: Number(slope(measured.map(({ minute, heapMb: heap }) => [minute, heap])).toFixed(3)),
  descriptorsBefore,
  descriptorsAfter: openDescriptors(pid),
  p99FirstThirdMs: Math.round(p99(measured.slice(0, third))),
  p99LastThirdMs: Math.round(p99(measured.slice(-third))),
  unexpected: Object.fromEntries(
    rounds.flatMap(({ statuses }) => Object.entries(statuses)).filter(([outcome]) => !EXPECTED.has(outcome)),
  ),
};
summary.exitCode = await gateway.stop();
console.log(JSON.stringify(summary));

const maxSlope = Math.max(1, 5 / MINUTES);
const faults = [
  [summary.heapMbPerMinute > maxSlope, `the heap grows by ${summary.heapMbPerMinute} MB a minute`],
  [summary.descriptorsAfter > summary.descriptorsBefore, 'descriptors stay open'],
  [summary.p99LastThirdMs > summary.p99FirstThirdMs * 1.5 + 100, 'the 99th percentile rises'],
  [Object.keys(summary.unexpected).length > 0, 'answers came that no table has'],
  [summary.exitCode !== 0, 'it did not stop well'],
].flatMap(([isTrue, fault]) => (isTrue ? [fault] : []));
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);

/** Of the line through the points that lies best (least squares). */
function slope(points) {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const over = mean(points.map(([x, y]) => (x - meanX) * (y - meanY)));
  return over / mean(points.map(([x]) => (x - meanX) ** 2));
}
