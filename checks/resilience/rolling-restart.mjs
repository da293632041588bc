// Restarts three gateways behind HAProxy one after the other while leads come in, and fails when a request fails:
//
//   node checks/resilience/rolling-restart.mjs [requests a second] [seconds]
//
// Needs a build (npm run build) and haproxy. All of it is on loopback, with one sandbox for the three.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { freePort, quantile, sleep, start, startSandbox, temporaryFolder } from '../processes.mjs';

const RATE = Number(process.argv[2] ?? 200);
const SECONDS = Number(process.argv[3] ?? 30);
const REPLICAS = 3;

const sandbox = await startSandbox();
const ports = await Promise.all(Array.from({ length: REPLICAS }, freePort));
const startGateway = (port) =>
  start(
    process.execPath,
    ['dist/main.js', 'serve'],
    {
      PORT: `${port}`,
      LOG_LEVEL: 'warn',
      ...sandbox.env,
      // Each has its share of the subscription.
      MARKETO_MAX_CALLS_PER_20S: `${Math.floor(100 / REPLICAS)}`,
      MARKETO_MAX_CONCURRENT: `${Math.floor(10 / REPLICAS)}`,
      // Enough for HAProxy to notice where its checks wait for a busy machine.
      SHUTDOWN_DELAY_MS: '5000',
    },
    /listens on/,
  );
const gateways = await Promise.all(ports.map(startGateway));

const folder = temporaryFolder();
const front = await freePort();
writeFileSync(
  join(folder, 'haproxy.cfg'),
  `defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend leads
  bind 127.0.0.1:${front}
  default_backend gateways
backend gateways
  balance roundrobin
  option httpchk GET /readyz
  default-server check inter 250ms fall 2 rise 2
${ports.map((port, index) => `  server gateway${index} 127.0.0.1:${port}`).join('\n')}
`,
);
const balancer = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
balancer.on('error', (error) => {
  console.error(`haproxy: ${error.message}`);
  process.exitCode = 1;
});
await sleep(1500);

const agent = new Agent({ keepAlive: true, maxSockets: 200 });
const outcomes = {};
const waits = [];
let sent = 0;

function putLead() {
  sent += 1;
  const startedMs = performance.now();
  const body = JSON.stringify({ email: `lead${sent}@example.com` });
  return new Promise((resolve) => {
    const ended = (outcome) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      waits.push(performance.now() - startedMs);
      resolve();
    };
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: front,
        path: '/leads',
        method: 'PUT',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': body.length },
      },
      (response) => {
        response.resume();
        response.on('end', () => ended(response.statusCode));
      },
    );
    outgoing.on('error', (error) => ended(error.code));
    outgoing.end(body);
  });
}

const all = [];
const exits = [];
const load = (async () => {
  const startedMs = performance.now();
  while (performance.now() - startedMs < SECONDS * 1000) {
    const due = ((performance.now() - startedMs) / 1000) * RATE;
    while (all.length < due) all.push(putLead());
    await sleep(5);
  }
})();

await sleep(2000);
for (const [index, port] of ports.entries()) {
  const old = gateways[index];
  const startedMs = performance.now();
  old.kill('SIGTERM');
  const [code] = await once(old, 'exit');
  exits.push({ code, tookMs: Math.round(performance.now() - startedMs) });
  gateways[index] = await startGateway(port);
  await sleep(2000);
}
await load;
await Promise.all(all);

balancer.kill();
sandbox.child.kill();
for (const gateway of gateways) gateway.kill('SIGTERM');
agent.destroy();
const failed = Object.entries(outcomes).filter(([outcome]) => outcome !== '200' && outcome !== '201');
console.log(
  JSON.stringify({
    sent,
    outcomes,
    restarts: exits,
    p50Ms: Math.round(quantile(waits, 0.5)),
    p99Ms: Math.round(quantile(waits, 0.99)),
  }),
);
if (failed.length > 0 || exits.some(({ code }) => code !== 0)) process.exitCode = 1;
