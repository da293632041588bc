// Sends many leads as lines in one request to a gateway on a sandbox without limits, and says how its memory goes.
// node checks/batches/stream.mjs [leads=100000]; with 1000000 the memory moved by 20 MB to either side.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { freePort, start } from '../processes.mjs';

const LEADS = Number(process.argv[2] ?? 100_000);
const WARM = Math.min(50_000, LEADS / 2);
/** The heap has its final size after some 150,000 leads. A short run finds leaks of a kilobyte a lead. */
const MAX_RANGE_MB = LEADS < 500_000 ? 60 : 40;

const sandboxPort = await freePort();
await start(
  process.execPath,
  ['dist/main.js', 'sandbox'],
  { SANDBOX_PORT: String(sandboxPort) },
  /\/soap\/mktows/,
);
await fetch(`http://127.0.0.1:${sandboxPort}/_sandbox/limits`, {
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: '{"enabled":false}',
});
const port = await freePort();
const gateway = await start(
  process.execPath,
  ['dist/main.js', 'serve'],
  {
    PORT: String(port),
    MARKETO_SOAP_ENDPOINT: `http://127.0.0.1:${sandboxPort}/soap/mktows/2_9`,
    MARKETO_USER_ID: 'sandbox',
    MARKETO_ENCRYPTION_KEY: 'sandbox-encryption-key',
    MARKETO_MAX_CALLS_PER_20S: '10000000',
    MARKETO_DAILY_CALLS: '1000000000',
    LOG_LEVEL: 'warn',
  },
  new RegExp(`:${port}`),
);

const rssMb = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;

const sending = request({
  host: '127.0.0.1',
  port,
  method: 'PUT',
  path: '/leads/batch',
  headers: { 'content-type': 'application/x-ndjson' },
});
const began = performance.now();
let results = 0;
let wrong = 0;
let rest = '';
let most = 0;
let least = Infinity;
const over = new Promise((resolve, reject) => {
  sending.on('error', reject);
  sending.on('response', (response) => {
    response.setEncoding('utf8');
    response.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith(`{"index":${results},"status":20`)) wrong += 1;
        results += 1;
        if (results % (LEADS / 20) !== 0) continue;
        const mb = rssMb();
        if (results >= WARM) {
          most = Math.max(most, mb);
          least = Math.min(least, mb);
        }
        console.log(
          `${results} leads  ${mb.toFixed(0)} MB  ${Math.round((results * 1000) / (performance.now() - began))}/s`,
        );
      }
    });
    response.on('end', resolve);
    response.on('error', reject);
  });
});
for (let at = 0; at < LEADS; at += 500) {
  let block = '';
  for (let lead = at; lead < Math.min(LEADS, at + 500); lead += 1)
    block += `{"email":"p${lead % 20_000}@example.com","attributes":{"FirstName":"Name ${lead}","LeadScore":${lead % 100}}}\n`;
  if (!sending.write(block)) await new Promise((resolve) => sending.once('drain', resolve));
}
sending.end();
await over;
console.log(
  `${results} results, ${wrong} wrong; memory ${least.toFixed(0)} to ${most.toFixed(0)} MB after the first ${WARM}`,
);
process.exit(results === LEADS && wrong === 0 && most - least <= MAX_RANGE_MB ? 0 : 1);
