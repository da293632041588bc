// How long bodies of 1 MiB hold the event loop up: sends the worst ones known, one after the other, to the app in this
// process with a directory that answers at once, and fails when one takes longer than 20 ms.
//
//   node checks/security/event-loop.mjs [ms]
//
// Needs a build (npm run build). Of 15 tries the best counts: a busy machine takes its part of the others.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { measureBody, BODIES } from './large-bodies.mjs';

const MAX_MS = Number(process.argv[2] ?? 20);
const TRIES = 15;
const KNOWN_MS = 50;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The longest stall of the event loop while `act` runs, in ms. */
async function stallOf(act) {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await sleep(10);
  histogram.reset();
  // The first tick after a reset has none before it, and so records nothing.
  await sleep(10);
  await act();
  await sleep(10);
  histogram.disable();
  return histogram.max / 1e6;
}

async function bestOf(act) {
  const stalls = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) stalls.push(await stallOf(act));
  return Math.min(...stalls);
}

// A probe that sees nothing would pass everything.
const seenMs = await bestOf(async () => {
  const startedMs = performance.now();
  while (performance.now() - startedMs < KNOWN_MS);
});
if (seenMs < KNOWN_MS * 0.9) throw new Error(`a stall of ${KNOWN_MS} ms was measured as ${seenMs} ms`);

let worst = { name: '', ms: 0 };
for (const [name, body] of Object.entries(BODIES)) {
  const ms = await bestOf(() => measureBody(body));
  const before = process.cpuUsage();
  for (let attempt = 0; attempt < TRIES; attempt += 1) await measureBody(body);
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000 / TRIES;
  if (ms > worst.ms) worst = { name, ms };
  // CPU time is of all threads, and does not grow where other processes take their turn.
  console.log(`${name.padEnd(36)} ${ms.toFixed(1)} ms, CPU ${cpuMs.toFixed(1)} ms`);
}
console.log(JSON.stringify({ bodies: Object.keys(BODIES).length, knownStall: seenMs, worst }));
process.exit(worst.ms > MAX_MS ? 1 : 0);
