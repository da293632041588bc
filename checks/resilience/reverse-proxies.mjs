// The gateway behind nginx and HAProxy as operators run them: below a prefix that the proxy takes away or hands on, and
// asked for its health in every way HAProxy knows.
//
//   node checks/resilience/reverse-proxies.mjs
//
// Needs a build (node build/build.mjs), nginx and haproxy.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort, sleep, start, startGateway, temporaryFolder } from '../processes.mjs';

const folder = temporaryFolder();
const WAIT_MS = 10_000;

/** Each has a gateway of its own that knows the proxy's address. */
const PROXIES = ['nginx hands on', 'nginx takes away', 'HAProxy hands on', 'HAProxy takes away'];

const sites = [];
for (const name of PROXIES) {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/marketo`;
  const gateway = await startGateway({ SANDBOX_PORT: '0', PUBLIC_URL: base });
  sites.push({ name, port, base, gateway, upstream: new URL(gateway.url).host });
}
const [nginxWhole, nginxStripped, haproxyWhole, haproxyStripped] = sites;

const nginxServer = ({ port, upstream }, path) => `
  server {
    listen 127.0.0.1:${port};
    location /marketo { proxy_pass http://${upstream}${path}; }
  }`;

writeFileSync(
  join(folder, 'nginx.conf'),
  `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  ${nginxServer(nginxWhole, '')}
  server {
    listen 127.0.0.1:${nginxStripped.port};
    location /marketo/ { proxy_pass http://${nginxStripped.upstream}/; }
  }
}
`,
);

/** Ways to ask for health; the name of a backend each. */
const CHECKS = {
  plain: 'option httpchk',
  get: 'option httpchk GET /healthz',
  head: 'option httpchk HEAD /readyz',
  path: 'option httpchk OPTIONS /healthz',
  http11: 'option httpchk\n  http-check send meth OPTIONS uri / ver HTTP/1.1 hdr Host leads.example',
  get11:
    'option httpchk\n  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host leads.example\n  http-check expect status 200',
  root: 'option httpchk HEAD /',
  prefix: 'option httpchk OPTIONS /marketo/healthz',
};

writeFileSync(
  join(folder, 'haproxy.cfg'),
  `global
  stats socket ${folder}/stats mode 600
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen whole
  bind 127.0.0.1:${haproxyWhole.port}
  server one ${haproxyWhole.upstream}
listen stripped
  bind 127.0.0.1:${haproxyStripped.port}
  http-request replace-path /marketo(/)?(.*) /\\2
  server one ${haproxyStripped.upstream}
${Object.entries(CHECKS)
  .map(
    ([name, check]) =>
      `backend ${name}\n  ${check}\n  server one ${haproxyWhole.upstream} check inter 200ms rise 1 fall 1`,
  )
  .join('\n')}
`,
);

/** The state of the server of each backend, once it was asked. */
/** What HAProxy last found out; a star before it says only that the next check is under way. */
async function statesOf() {
  const socket = connect(`${folder}/stats`);
  socket.end('show stat\n');
  const [head, ...rows] = (await text(socket)).trim().split('\n');
  const columns = head.replace('# ', '').split(',');
  const states = rows.map((row) => {
    const cells = row.split(',');
    return Object.fromEntries(columns.map((column, index) => [column, cells[index]]));
  });
  return Object.fromEntries(
    states
      .filter(({ pxname, svname }) => svname === 'one' && pxname in CHECKS)
      .map(({ pxname, status, check_status: check, last_chk: said }) => [
        pxname,
        { status, check: check.replace('* ', ''), said },
      ]),
  );
}

const nginx = await start(
  'nginx',
  ['-c', join(folder, 'nginx.conf'), '-p', folder],
  {},
  /start worker|using the/,
);
const haproxy = await start(
  'haproxy',
  ['-db', '-V', '-f', join(folder, 'haproxy.cfg')],
  {},
  /proxies? started|Available polling|Using epoll/i,
);

async function get(url) {
  const answer = await fetch(url, { redirect: 'manual' });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

for (const { name, base } of sites) {
  const from = performance.now();
  while (
    !(await fetch(`${base}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    assert.ok(performance.now() - from < WAIT_MS, `${name} is not there`);
    await sleep(50);
  }
  const root = await get(`${base}/`);
  const docs = new URL(root.headers.get('location'), `${base}/`).href;
  assert.equal(docs, `${base}/docs`, name);
  const page = await get(docs);
  assert.equal(page.status, 200, name);
  const links = [...page.body.matchAll(/(?:src|href)="([^"#]+)"/g)].map(
    ([, link]) => new URL(link, docs).href,
  );
  assert.ok(links.length > 20, name);
  for (const link of links) {
    assert.ok(link.startsWith(`${base}/`), `${name}: ${link}`);
    assert.equal((await get(link)).status, 200, `${name}: ${link}`);
  }
  const { servers } = JSON.parse((await get(`${base}/openapi.json`)).body);
  assert.equal(servers[0].url, base, name);
  const lead = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"email":"a@b.c"}' };
  assert.equal((await fetch(`${servers[0].url}/leads`, lead)).status, 201, name);
  const missing = await fetch(`${base}/nothing`);
  assert.equal(missing.status, 404, name);
  const { type, title } = await missing.json();
  assert.ok(type.startsWith(`${base}/`), `${name}: ${type}`);
  const explained = await get(type);
  assert.equal(explained.status, 200, name);
  assert.ok(explained.body.includes(title), name);
  console.log(`${name}: everything is below ${base}`);
}

const from = performance.now();
let states = await statesOf();
while (
  Object.values(states).some(({ status, check }) => status !== 'UP' || check === 'INI' || check === '')
) {
  if (performance.now() - from > WAIT_MS) break;
  await sleep(100);
  states = await statesOf();
}
for (const name of Object.keys(CHECKS)) {
  const { status, check } = states[name] ?? {};
  console.log(`HAProxy's check "${name}": ${status} (${check})`);
  assert.deepEqual([status, check], ['UP', 'L7OK'], `${name}: ${JSON.stringify(states[name])}`);
}
nginx.kill('SIGTERM');
haproxy.kill('SIGTERM');
for (const { gateway } of sites) assert.equal(await gateway.stop(), 0);
process.exit(0);
