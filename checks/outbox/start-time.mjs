// How long a gateway takes to start with many leads in its outbox, and how large the file is.
//
//   node checks/outbox/start-time.mjs [leads] [at most, in ms]
//
// Needs a build (node build/build.mjs). Fills the file itself, which takes a minute for a million leads; Marketo is away.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import LibSql from 'libsql';
import { openDatabase } from '../../dist/outbox/sqlite/database.js';
import { migrate } from '../../dist/outbox/sqlite/migrations.js';
import { createGroupRunner } from '../../dist/outbox/sqlite/operations.js';
import { kill, putLead, residentMiB, startGateway, temporaryFolder, upstreamEnv } from '../processes.mjs';

const [leads = 1_000_000, atMostMs = 15_000] = process.argv.slice(2).map(Number);
const path = join(temporaryFolder(), 'outbox.db');

const ATTRIBUTES = ['FirstName', 'LastName', 'Company', 'Phone', 'City', 'LeadSource'].map((name) => ({
  name,
  value: `some words of ${name}`,
}));

/** As accepted from a form. */
function newLead(index) {
  const email = `person${index}@example.com`;
  const command = { email, attributes: ATTRIBUTES, returnLead: false };
  const trace = { traceId: '0'.repeat(32), traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00` };
  return {
    id: randomBytes(16).toString('base64url'),
    owner: 'secret forms',
    orderingKeys: [`e${email}`],
    payload: JSON.stringify({ command, requestId: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11', trace }),
    subject: randomBytes(32).toString('base64url'),
    acceptedAt: Date.now(),
    idempotency: undefined,
    goesAlone: false,
  };
}

const db = openDatabase(LibSql, path);
migrate(db);
// The file need not outlive a crash of the machine.
db.exec('PRAGMA synchronous = OFF');
const run = createGroupRunner(db, leads);
for (let done = 0; done < leads; done += 1000) {
  const group = Array.from({ length: Math.min(1000, leads - done) }, (_, index) => ({
    name: 'append',
    argument: newLead(done + index),
  }));
  assert.ok(run(group).results.every(({ ok }) => ok));
}
db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
db.close();
const mib = statSync(path).size / 1048576;

const env = {
  ...upstreamEnv('http://127.0.0.1:1'),
  OUTBOX_URL: `file:${path}`,
  OUTBOX_MAX_PENDING: String(leads * 2),
  LOG_LEVEL: 'warn',
};
async function startMs(variables) {
  const startedMs = performance.now();
  const gateway = await startGateway(variables);
  return { gateway, ms: Math.round(performance.now() - startedMs) };
}
const without = await startMs({ ...env, OUTBOX_URL: `file:${path}.empty` });
await kill(without.gateway.child);
const { gateway, ms } = await startMs(env);
const accepted = await putLead(gateway.url, 'next@example.com', { prefer: 'respond-async' });
assert.equal(accepted.status, 202);
const { pending } = await (await fetch(`${gateway.url}/outbox`)).json();
assert.equal(pending, leads + 1);
const figures = {
  leads,
  mibPer100000: Math.round((mib / leads) * 100_000),
  startMs: ms,
  startEmptyMs: without.ms,
  acceptMs: accepted.tookMs,
  residentMiB: Math.round(residentMiB(gateway.child.pid)),
};
console.log(JSON.stringify(figures));
await kill(gateway.child);
process.exit(ms - without.ms > atMostMs ? 1 : 0);
