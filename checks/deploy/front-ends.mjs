// nginx, Caddy and HAProxy as deploy/ configures them, with TLS and HTTP/2, in front of two gateways that are restarted one
// after the other while leads come in. Fails when a lead is not answered as stored.
//
//   node checks/deploy/front-ends.mjs [seconds for each] [leads a second] [front ends, separated by commas]
//
// Needs a build (npm run build), nginx, caddy, haproxy and openssl. All of it is on loopback, with one sandbox.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { freePort, sleep, start, startSandbox, temporaryFolder } from '../processes.mjs';

const SECONDS = Number(process.argv[2] ?? 8);
const RATE = Number(process.argv[3] ?? 50);
const names = (process.argv[4] ?? 'nginx,caddy,haproxy').split(',');
const HOST = 'leads.example.com';

const folder = temporaryFolder();
execFileSync(
  'openssl',
  [
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${HOST}`],
    ['-addext', `subjectAltName=DNS:${HOST}`, '-keyout', 'privkey.pem', '-out', 'fullchain.pem'],
  ].flat(),
  { cwd: folder, stdio: 'ignore' },
);
const certificate = readFileSync(join(folder, 'fullchain.pem'), 'utf8');
writeFileSync(join(folder, 'haproxy.pem'), certificate + readFileSync(join(folder, 'privkey.pem'), 'utf8'));
mkdirSync(join(folder, 'log'));

const sandbox = await startSandbox();
// What is tried here is the way to it.
await fetch(`${sandbox.url}/_sandbox/limits`, {
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ enabled: false }),
});

const ports = [await freePort(), await freePort()];
const startGateway = (port) =>
  start(
    process.execPath,
    ['dist/main.js', 'serve'],
    {
      PORT: `${port}`,
      LOG_LEVEL: 'warn',
      TRUSTED_PROXIES: '1',
      PUBLIC_URL: `https://${HOST}`,
      ...sandbox.env,
      MARKETO_MAX_CALLS_PER_20S: '1000000',
      MARKETO_DAILY_CALLS: '100000000',
      // Enough for the checks of a busy machine.
      SHUTDOWN_DELAY_MS: '3000',
    },
    /listens on/,
  );
const gateways = await Promise.all(ports.map(startGateway));

/** A file of deploy/ with the addresses and folders of this run; each must be in it. */
function configured(file, replacements) {
  let text = readFileSync(join('deploy', file), 'utf8');
  for (const [from, to] of [
    ...replacements,
    ['/etc/lead-gateway/tls', folder],
    ['127.0.0.1:8080', `127.0.0.1:${ports[0]}`],
    ['127.0.0.1:8090', `127.0.0.1:${ports[1]}`],
  ]) {
    assert.ok(text.includes(from), `${file} has ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

function save(name, text) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const FRONT_ENDS = {
  nginx(port) {
    const site = configured('nginx/lead-gateway.conf', [
      ['listen 443', `listen 127.0.0.1:${port}`],
      ['/var/log/nginx', join(folder, 'log')],
    ]);
    const config = save(
      'nginx.conf',
      `daemon off; pid ${folder}/nginx.pid; error_log stderr notice;
events {}
http {
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
${site}
}
`,
    );
    return start('nginx', ['-c', config, '-p', folder], {}, /start worker process \d/);
  },
  async caddy(port) {
    const config = configured('caddy/Caddyfile', [
      [`${HOST} {`, `https://${HOST}:${port} {\n\tbind 127.0.0.1`],
      ['{\n\t# Longer', `{\n\tadmin off\n\tauto_https disable_redirects\n\t# Longer`],
    ]);
    const args = ['run', '--adapter', 'caddyfile', '--config', save('Caddyfile', config)];
    return start('caddy', args, { HOME: folder }, /serving initial configuration/);
  },
  haproxy(port) {
    const config = configured('haproxy/haproxy.cfg', [['bind :443', `bind 127.0.0.1:${port}`]]);
    return start(
      'haproxy',
      ['-db', '-V', '-f', save('haproxy.cfg', config)],
      {},
      /Available polling|Using epoll/i,
    );
  },
};

let sent = 0;

/** Sends a lead by HTTP/2; gives its status, or what went wrong. */
function putLead(session, name, port) {
  sent += 1;
  const request = session.request({
    ':method': 'PUT',
    ':path': '/leads?from=private',
    ':authority': `${HOST}:${port}`,
    'content-type': 'application/json',
  });
  request.end(JSON.stringify({ email: `lead${sent}@${name}.example` }));
  return new Promise((resolve) => {
    let status = 'no answer';
    request.on('response', (headers) => {
      status = headers[':status'];
    });
    request.on('error', (error) => resolve(error.code));
    request.on('close', () => resolve(status));
    request.resume();
  });
}

async function until(what, condition) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await condition()) return;
    await sleep(100);
  }
  assert.fail(`${what} in 20 seconds`);
}

async function restart(index) {
  const gateway = gateways[index];
  gateway.kill('SIGTERM');
  await new Promise((resolve) => gateway.on('exit', resolve));
  gateways[index] = await startGateway(ports[index]);
}

/** One after the other: the second goes once the first is known to be back. */
async function restartBoth(load) {
  await sleep((SECONDS * 1000) / 4);
  for (const index of ports.keys()) {
    await restart(index);
    await sleep(3000);
  }
  load.isOver = true;
}

async function run(name) {
  const port = await freePort();
  const proxy = await FRONT_ENDS[name](port);
  const open = () =>
    connect(`https://127.0.0.1:${port}`, { ca: certificate, servername: HOST, ALPNProtocols: ['h2'] });
  await until(`${name} passes a lead on`, async () => {
    const session = open();
    session.on('error', () => {});
    const status = await putLead(session, 'first', port).catch(() => undefined);
    session.destroy();
    return status === 201;
  });
  // A server closes a connection after some number of requests; clients open another.
  let session;
  const connected = () => {
    if (session === undefined || session.closed || session.destroyed) {
      session = open();
      session.on('connect', (_, { alpnProtocol }) => assert.equal(alpnProtocol, 'h2'));
      session.on('error', (error) => assert.fail(`${name}: ${error.message}`));
    }
    return session;
  };
  const waiting = [];
  const endsAt = Date.now() + SECONDS * 1000;
  const load = { isOver: false };
  const restarts = restartBoth(load);
  while (!load.isOver || Date.now() < endsAt) {
    waiting.push(putLead(connected(), name, port));
    await sleep(1000 / RATE);
  }
  await restarts;
  const outcomes = {};
  for (const outcome of await Promise.all(waiting)) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  session.close();
  proxy.kill('SIGTERM');
  const log = join(folder, 'log', 'lead-gateway.log');
  const written = proxy.output() + (name === 'nginx' ? readFileSync(log, 'utf8') : '');
  assert.doesNotMatch(written, /private/, `${name} logs no query`);
  process.stdout.write(`${name}: ${JSON.stringify(outcomes)} while both gateways were restarted\n`);
  // A lead that is sent again is there already.
  assert.deepEqual(
    Object.keys(outcomes).filter((status) => !['200', '201'].includes(status)),
    [],
    name,
  );
}

for (const name of names) await run(name);
process.exit(0);
