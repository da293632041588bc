// What the time of an answer to a publishable key tells about the person: sends leads of known, new and refused people,
// for whom the upstream takes from 50 ms to 3 s, and fails when the times of two kinds can be told apart. That is the
// area under the ROC curve (AUC): 0.5 is a guess, 1 is certainty.
//
//   node checks/security/publishable-timing.mjs [samples] [at a time] [outbox]
//
// With the word outbox the gateway has one: answers leave once a lead is kept, half of them within 50 ms, and the bound is
// narrower, since nothing of the person is known by then.
//
// Needs a build (npm run build).
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { quantile, startGateway, temporaryFolder, upstreamEnv } from '../processes.mjs';
import { newKey, ORIGIN, writeKeyFile } from './target.mjs';

const SAMPLES = Number(process.argv[2] ?? 2000);
const AT_A_TIME = Number(process.argv[3] ?? 200);
const HAS_OUTBOX = process.argv[4] === 'outbox';
const MAX_AUC = HAS_OUTBOX ? 0.52 : 0.55;
const MAX_P50_MS = HAS_OUTBOX ? 50 : Infinity;
/** A new person takes the upstream longer than a known one, as measured at Marketo: 560 ms and 380 ms. */
const LONGER = 560 / 380;
const SHORTEST_MS = 50;
const LONGEST_MS = 3000;

const answer = (status, error) =>
  `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="http://www.marketo.com/mktows/"><SOAP-ENV:Body><ns1:successSyncLead><result><leadId>7</leadId><syncStatus><leadId>7</leadId><status>${status}</status>${error}</syncStatus></result></ns1:successSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>`;
const ANSWERS = {
  known: answer('UPDATED', ''),
  new: answer('CREATED', ''),
  refused: answer('FAILED', '<error>Lead is on a list</error>'),
};

/** Takes as long as the address of a lead says: `known.380.1@example.com`. */
const upstream = createServer((incoming, response) => {
  let body = '';
  incoming.setEncoding('utf8').on('data', (chunk) => (body += chunk));
  incoming.on('end', () => {
    const [, kind, ms] = /(known|new|refused)\.(\d+)\.\d+@/.exec(body);
    setTimeout(() => response.writeHead(200, { 'content-type': 'text/xml' }).end(ANSWERS[kind]), Number(ms));
  });
});
await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve));

const key = newKey('publishable');
const entry = { name: 'form', key, kind: 'publishable', origins: [ORIGIN], workspaces: ['*'] };
const gateway = await startGateway({
  ...upstreamEnv(`http://127.0.0.1:${upstream.address().port}`),
  API_KEYS_FILE: writeKeyFile([entry]),
  LOG_LEVEL: 'warn',
  PUBLISHABLE_REQUESTS_PER_MINUTE: '1000000',
  // Each lead is a call of its own, and none waits for another.
  MARKETO_MAX_BATCH: '1',
  MARKETO_MAX_CONCURRENT: '1000',
  MARKETO_MAX_CALLS_PER_20S: '10000000',
  MARKETO_DAILY_CALLS: '1000000000',
  ...(HAS_OUTBOX && { OUTBOX_URL: `file:${join(temporaryFolder(), 'outbox.db')}` }),
});
const { hostname, port } = new URL(gateway.url);

/** How long the answer to one lead takes, on a connection of its own. */
function timeOf(email) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ email });
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      origin: ORIGIN,
      authorization: `Bearer ${key}`,
    };
    const startedMs = performance.now();
    const outgoing = request(
      { hostname, port, path: '/leads', method: 'PUT', agent: false, headers },
      (response) => {
        const ms = performance.now() - startedMs;
        response.resume().once('end', () => {
          if (response.statusCode === 202) resolve(ms);
          else reject(new Error(`answered ${response.statusCode}`));
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** How likely one of `longer` took longer than one of `shorter`. */
function aucOf(shorter, longer) {
  const sorted = shorter.toSorted((a, b) => a - b);
  const below = (value) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const sum = longer.reduce((total, value) => total + below(value), 0);
  return Math.round((sum / shorter.length / longer.length) * 1000) / 1000;
}

const KINDS = ['known', 'new', 'known', 'new', 'refused'];
const samples = Array.from({ length: SAMPLES }, (_, index) => {
  const kind = KINDS[index % KINDS.length];
  // Evenly by order of magnitude.
  const known = SHORTEST_MS * (LONGEST_MS / LONGER / SHORTEST_MS) ** Math.random();
  return { kind, upstreamMs: Math.round(kind === 'new' ? known * LONGER : known), email: '', ms: 0 };
});
for (const [index, sample] of samples.entries()) {
  sample.email = `${sample.kind}.${sample.upstreamMs}.${index}@example.com`;
}
const queue = [...samples];
await Promise.all(
  Array.from({ length: AT_A_TIME }, async () => {
    for (let sample = queue.pop(); sample !== undefined; sample = queue.pop()) {
      sample.ms = await timeOf(sample.email);
    }
  }),
);
await gateway.stop();
upstream.close();

const of = (kind, what) => samples.filter((sample) => sample.kind === kind).map((sample) => sample[what]);
const auc = {
  newAgainstKnown: aucOf(of('known', 'ms'), of('new', 'ms')),
  refusedAgainstKnown: aucOf(of('known', 'ms'), of('refused', 'ms')),
  // What the upstream's own time would tell.
  unprotected: aucOf(of('known', 'upstreamMs'), of('new', 'upstreamMs')),
};
const times = samples.map(({ ms }) => ms);
const ms = { p1: quantile(times, 0.01), p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
console.log(JSON.stringify({ samples: SAMPLES, auc, ms }));
const tells = ({ newAgainstKnown, refusedAgainstKnown }) =>
  [newAgainstKnown, refusedAgainstKnown].some((one) => Math.max(one, 1 - one) > MAX_AUC);
process.exit(tells(auc) || ms.p50 > MAX_P50_MS ? 1 : 0);
