// Stops a gateway again and again while callers in a closed loop open a connection for each request, and fails when one
// is reset: a caller may be answered, or refused a connection once the gateway does not listen any more, and nothing else.
//
//   node checks/resilience/stopping.mjs [stops] [callers] [requests at least, in all]
//
// Needs a build (npm run build).
import { request } from 'node:http';
import { sleep, startDemo, until } from '../processes.mjs';

const STOPS = Number(process.argv[2] ?? 20);
const CALLERS = Number(process.argv[3] ?? 64);
const REQUESTS = Number(process.argv[4] ?? 20_000);
const EACH = Math.ceil(REQUESTS / STOPS);

const outcomes = {};
const count = (outcome) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);

/** One lead on a connection of its own: the status, or the code of what came instead. Never rejects. */
function putLead({ hostname, port }, email) {
  return new Promise((resolve) => {
    const body = JSON.stringify({ email });
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const outgoing = request(
      { hostname, port, path: '/leads', method: 'PUT', agent: false, headers },
      (response) => {
        response.resume();
        response.once('error', ({ code }) => resolve(code));
        response.once('end', () => resolve(response.statusCode));
      },
    );
    outgoing.once('error', ({ code }) => resolve(code));
    outgoing.end(body);
  });
}

let stopMs = 0;

async function stopOnce() {
  const gateway = await startDemo();
  const address = new URL(gateway.url);
  let sent = 0;
  let isStopping = false;
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (;;) {
      sent += 1;
      const outcome = await putLead(address, `lead${caller}@example.com`);
      count(outcome);
      // Also those who are refused before the stop, which counts as a failure below.
      if (typeof outcome === 'string') return isStopping || count('too early');
    }
  });
  await until(() => sent >= EACH, 'enough requests', 60_000);
  // At another moment each time.
  await sleep(Math.random() * 100);
  isStopping = true;
  const startedMs = performance.now();
  const code = await gateway.stop();
  stopMs = Math.max(stopMs, Math.round(performance.now() - startedMs));
  await Promise.all(callers);
  if (code !== 0) count(`exit code ${code}`);
}

for (let stop = 1; stop <= STOPS; stop += 1) await stopOnce();

const total = Object.values(outcomes).reduce((sum, one) => sum + one, 0);
console.log(
  JSON.stringify({ stops: STOPS, callers: CALLERS, requests: total, outcomes, longestStopMs: stopMs }),
);
const expected = new Set(['200', '201', '503', 'ECONNREFUSED']);
const unexpected = Object.keys(outcomes).filter((outcome) => !expected.has(outcome));
if (unexpected.length > 0 || total < REQUESTS) process.exit(1);
