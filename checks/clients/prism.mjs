// Prism, as a validating proxy between the clients of the HTTP tests and the gateway, holds every request and every answer
// against the committed documents: a request passes a proxy for OpenAPI 3.0, then one for 3.1, then reaches the gateway.
//   node checks/clients/prism.mjs <folder with @stoplight/prism-cli in node_modules> [vitest arguments]
// Ends with the exit code of the tests; what was sent or answered against a document fails the test that saw it
// (test/support/validating-proxy.ts).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { ServerResponse, createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [folder, ...args] = process.argv.slice(2);
assert.ok(folder, 'the first argument is a folder with the tool');
const require = createRequire(join(resolve(folder), 'node_modules/@stoplight/prism-cli/package.json'));
const { createLogger } = require('@stoplight/prism-core');
const { getHttpOperationsFromSpec } = require('@stoplight/prism-http');
const { createServer: createPrism } = require('@stoplight/prism-http-server');

/** The documents in the order of their proxies, from the gateway to the client. */
const DOCUMENTS = await Promise.all(
  Object.entries({ 3.1: 'openapi/openapi.json', '3.0': 'openapi/openapi-3.0.json' }).map(
    async ([edition, path]) => ({ edition, operations: await getHttpOperationsFromSpec(path) }),
  ),
);
const logger = createLogger('Prism', { level: 'silent' });
const editions = new Map();

/** What `prism proxy <document> <upstream>` starts: it reports violations in a header and changes no answer. */
async function startPrism(upstream, { edition, operations }) {
  const config = {
    isProxy: true,
    upstream: new URL(upstream),
    validateRequest: true,
    validateResponse: true,
    checkSecurity: true,
    errors: false,
    mock: { dynamic: false },
  };
  const prism = createPrism(operations, { cors: false, config, components: { logger } });
  const url = await prism.listen(0, '127.0.0.1');
  editions.set(Number(new URL(url).port), edition);
  return url;
}

/**
 * Two proxies on the way need a header each, and both together have to fit into what Node reads. And Prism repeats what
 * it complains about as it is, and ends when that is not Latin-1.
 */
const { setHeader } = ServerResponse.prototype;
ServerResponse.prototype.setHeader = function setHeaderOfEdition(name, value) {
  if (name !== 'sl-violations') return setHeader.call(this, name, value);
  const json = value.replaceAll(/[^ -~]/g, escape);
  const shown = json.length < MAX_SHOWN ? json : `Too many violations! ${json.slice(0, MAX_SHOWN)}`;
  return setHeader.call(this, `${name}-${editions.get(this.socket.localPort)}`, shown);
};
const MAX_SHOWN = 4000;
const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

async function startChain(upstream) {
  let url = upstream;
  for (const document of DOCUMENTS) url = await startPrism(url, document);
  return url;
}

/** Each test starts its own gateway, and a proxy has one upstream: answers a gateway's URL with that of its proxy. */
const chains = new Map();
const control = createServer((req, res) => {
  const upstream = new URL(req.url, 'http://control').searchParams.get('upstream');
  if (!chains.has(upstream)) chains.set(upstream, startChain(upstream));
  void chains.get(upstream).then((url) => res.end(url));
});
await new Promise((done) => control.listen(0, '127.0.0.1', done));

const work = mkdtempSync(join(tmpdir(), 'prism-'));
const log = join(work, 'log.ndjson');
writeFileSync(log, '');
const env = {
  ...process.env,
  VALIDATING_PROXY: `http://127.0.0.1:${control.address().port}`,
  VALIDATING_PROXY_LOG: log,
};
const chosen = args.length > 0 ? args : ['test/http'];
const tests = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...chosen], {
  env,
  stdio: 'inherit',
});
const status = await new Promise((done) => tests.once('exit', done));

const counts = new Map();
for (const line of readFileSync(log, 'utf8').split('\n').filter(Boolean)) {
  const { kind, what } = JSON.parse(line);
  const name = kind === 'through the proxy' ? kind : `${kind}: ${what}`;
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
for (const [name, count] of [...counts].toSorted()) process.stdout.write(`${count} ${name}\n`);
rmSync(work, { recursive: true });
assert.ok(counts.get('through the proxy') > 0, 'no request went through the proxy');
process.exit(status);
