// What a subscription's quota lets through: an open-loop load of single PUTs against the gateway on the sandbox with the
// documented limits, and the same against a gateway that sends one call per lead. Prints a table, writes
// quota.json and quota.svg beside this file.
//
//   npm run bench:quota -- [--rates 50,500,1500] [--seconds 60] [--only lead-gateway] [--out FOLDER]
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { quotaPlot } from './quota-plot.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '50,500,1500' },
    seconds: { type: 'string', default: '60' },
    out: { type: 'string', default: HERE },
    only: { type: 'string' },
  },
});
const rates = values.rates.split(',').map(Number);
const seconds = Number(values.seconds);

const CONTENDERS = [
  { name: 'lead-gateway', env: {} },
  { name: 'one call per lead', env: { MARKETO_MAX_BATCH: '1' } },
];

/** Starts a gateway with its sandbox; resolves with their urls. */
async function startGateway(env) {
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], {
    cwd: join(HERE, '..'),
    env: { ...process.env, PORT: '0', SANDBOX_PORT: '0', LOG_LEVEL: 'silent', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const urls = await new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      said += chunk;
      const url = /listens on (http:\S+)/.exec(said)?.[1];
      const sandboxUrl = /(http:\S+)\/_sandbox/.exec(said)?.[1];
      if (url && sandboxUrl) resolve({ url, sandboxUrl });
    });
    child.on('exit', () => reject(new Error(said)));
  });
  return { ...urls, stop: () => child.kill('SIGKILL') };
}

async function json(url) {
  return (await fetch(url)).json();
}

/** Offers `rate` leads a second, all keys distinct, for `seconds`, whether or not answers come. */
async function offer(url, rate) {
  const pool = new Pool(url, { connections: null, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const statuses = {};
  const answers = [];
  const waits = [];
  const pending = [];
  const put = async (index) => {
    const started = performance.now();
    const body = JSON.stringify({
      email: `lead${index}@example.com`,
      attributes: { FirstName: 'Jane', LeadScore: index % 100 },
    });
    try {
      const answer = await pool.request({
        path: '/leads',
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body,
      });
      await answer.body.dump();
      statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1;
      if (answer.statusCode < 300) {
        answers.push(performance.now() - started);
        waits.push(Number(/wait;dur=([\d.]+)/.exec(answer.headers['server-timing'])?.[1]));
      }
    } catch (error) {
      statuses[error.code ?? 'error'] = (statuses[error.code ?? 'error'] ?? 0) + 1;
    }
  };
  const total = rate * seconds;
  const start = performance.now();
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * rate) + 1);
    for (; sent < due; sent += 1) pending.push(put(sent));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(pending);
  const monotonicMs = (performance.now() - start) / 1000;
  await pool.destroy();
  return { statuses, answers: ascending(answers), waits: ascending(waits), monotonicMs };
}

function ascending(numbers) {
  return numbers.toSorted((a, b) => a - b);
}

const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

const results = [];
for (const rate of rates) {
  for (const contender of CONTENDERS.filter(({ name }) => (values.only ?? name) === name)) {
    const gateway = await startGateway(contender.env);
    const { statuses, answers, waits, monotonicMs } = await offer(gateway.url, rate);
    const { calls } = await json(`${gateway.sandboxUrl}/_sandbox/calls`);
    const { used } = await json(`${gateway.sandboxUrl}/_sandbox/limits`);
    gateway.stop();
    const refusedByUpstream = calls.filter(({ outcome }) =>
      /2001[5]|2002[34]/.test(JSON.stringify(outcome)),
    ).length;
    results.push({
      rate,
      name: contender.name,
      offered: rate * seconds,
      accepted: waits.length,
      acceptedShare: waits.length / (rate * seconds),
      acceptedPerSecond: waits.length / seconds,
      statuses,
      calls: used.today,
      refusedByUpstream,
      leadsPerCall: waits.length / used.today,
      waitMs: { p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) },
      answerMs: { p50: percentile(answers, 0.5), p99: percentile(answers, 0.99) },
      monotonicMs,
    });
    const row = results.at(-1);
    console.log(
      `${String(rate).padStart(5)}/s  ${row.name.padEnd(18)} accepted ${String(row.accepted).padStart(6)} of ${row.offered} (${(row.acceptedShare * 100).toFixed(1)} %)` +
        `  calls ${String(row.calls).padStart(4)}  refused by the upstream ${row.refusedByUpstream}  leads/call ${row.leadsPerCall.toFixed(1)}` +
        `  wait p50 ${row.waitMs.p50.toFixed(1)} ms  p99 ${row.waitMs.p99.toFixed(0)} ms  answer p50 ${row.answerMs.p50.toFixed(0)} ms  p99 ${row.answerMs.p99.toFixed(0)} ms  ${JSON.stringify(statuses)}`,
    );
  }
}
mkdirSync(values.out, { recursive: true });
writeFileSync(
  join(values.out, 'quota.json'),
  `${JSON.stringify({ node: process.version, seconds, results }, null, 2)}\n`,
);
writeFileSync(join(values.out, 'quota.svg'), quotaPlot(results, seconds));
