// Connections that want to be many or slow, and an upstream that wants to do harm.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { residentMiB, startGateway, upstreamEnv } from '../processes.mjs';
import { bearer, ORIGIN, putLead, send } from './target.mjs';

/** A safety net: on a busy machine everything takes several times as long. The detail has the figure. */
const MAX_WAIT_MS = 30_000;
const MAX_GROWTH_MIB = 150;

/** A connection that has sent `bytes`; `received()` is what came back. */
async function dial(url, bytes) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1'))).on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  return { socket, received: () => text };
}

/** How long the slowest of ten leads of another caller takes; fails if one is refused. */
async function slowestLead({ url, key }) {
  let longestMs = 0;
  for (let index = 0; index < 10; index += 1) {
    const startedMs = performance.now();
    const { status, text } = await putLead(url, { email: `calm-${index}@example.com` }, bearer(key));
    longestMs = Math.max(longestMs, performance.now() - startedMs);
    if (status >= 300) throw new Error(`another caller's lead was answered ${status}: ${text}`);
  }
  if (longestMs > MAX_WAIT_MS) throw new Error(`another caller's lead took ${Math.round(longestMs)} ms`);
  return Math.round(longestMs);
}

async function slowHeads(target) {
  const startedMs = performance.now();
  const slow = [];
  for (let index = 0; index < 300; index += 1) {
    slow.push(await dial(target.url, `PUT /leads HTTP/1.1\r\nHost: x\r\nX-Slow-${index}: `));
  }
  // A byte a second keeps others' time limits from ever ending.
  const drip = setInterval(() => slow.forEach(({ socket }) => socket.writable && socket.write('x')), 1000);
  const waitedMs = await slowestLead(target);
  for (const { socket } of slow) if (!socket.closed) await once(socket, 'close');
  clearInterval(drip);
  const tookMs = performance.now() - startedMs;
  if (tookMs > 60_000) throw new Error(`they were open for ${Math.round(tookMs / 1000)} s`);
  return `others waited for ${waitedMs} ms at most; closed after ${Math.round(tookMs / 1000)} s`;
}

async function announcedBodies(target) {
  const { url, keys } = target;
  const head = `PUT /leads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nOrigin: ${ORIGIN}\r\nAuthorization: Bearer ${keys.publishable}\r\nContent-Length: 1048576\r\n\r\n`;
  const slow = [];
  for (let index = 0; index < 64; index += 1) slow.push(await dial(url, head));
  const waitedMs = await slowestLead(target);
  for (const { socket } of slow) socket.destroy();
  return `64 of a mebibyte; others waited for ${waitedMs} ms at most`;
}

async function pipeline(target) {
  const { url, key, gateway } = target;
  const before = residentMiB(gateway.child.pid);
  const body = '{"email":"loud@example.com","attributes":{"FirstName":1e400}}';
  const one = `PUT /leads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const { socket } = await dial(url, one.repeat(12_000));
  const waitedMs = await slowestLead(target);
  const grownMiB = residentMiB(gateway.child.pid) - before;
  socket.destroy();
  if (grownMiB > MAX_GROWTH_MIB) throw new Error(`memory grew by ${grownMiB} MiB`);
  return `12,000 requests; others waited for ${waitedMs} ms at most, memory grew by ${grownMiB} MiB`;
}

const envelope = (body, doctype = '') =>
  `<?xml version="1.0"?>${doctype}<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>${body}</S:Body></S:Envelope>`;
const entities = () =>
  Array.from({ length: 30 }, (_, index) => `<!ENTITY e${index + 1} "${`&e${index};`.repeat(10)}">`).join('');
const MEBIBYTE = 1_048_576;

/** What it is · how the upstream answers. */
const REPLIES = [
  [
    'a billion laughs',
    (response) => response.end(envelope('&e30;', `<!DOCTYPE x [<!ENTITY e0 "ha">${entities()}]>`)),
  ],
  [
    'a file as an entity',
    (response) => response.end(envelope('&f;', '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>')),
  ],
  [
    'an address as an entity',
    (response) => response.end(envelope('&f;', '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x">')),
  ],
  ['200,000 elements in each other', (response) => response.end(envelope('<a>'.repeat(200_000)))],
  [
    '100,000 attributes',
    (response) =>
      response.end(
        envelope(`<a ${Array.from({ length: 100_000 }, (_, index) => `b${index}=""`).join(' ')}/>`),
      ),
  ],
  [
    '100 MiB in 100 KiB',
    (response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(100 * MEBIBYTE))),
  ],
  [
    'compressed ten times',
    (response) => response.setHeader('content-encoding', Array(10).fill('gzip').join()).end(gzipSync('x')),
  ],
  ['no end', (response) => pump(response)],
  [
    'a header of a mebibyte',
    (response) => response.socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(MEBIBYTE)}\r\n\r\n`),
  ],
];

function pump(response) {
  const chunk = Buffer.alloc(MEBIBYTE, ' ');
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}

async function upstreamBombs() {
  let answer;
  const upstream = createServer((incoming, response) => {
    incoming.resume().once('end', () => answer(response.setHeader('content-type', 'text/xml')));
  });
  upstream.on('clientError', () => undefined);
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  const gateway = await startGateway({
    ...upstreamEnv(`http://127.0.0.1:${upstream.address().port}`),
    REQUEST_DEADLINE_MS: '5000',
    UPSTREAM_TIMEOUT_MS: '3000',
    LOG_LEVEL: 'error',
  });
  const before = residentMiB(gateway.child.pid);
  const said = [];
  for (const [what, reply] of REPLIES) {
    answer = reply;
    const startedMs = performance.now();
    const { status, text } = await putLead(gateway.url, { email: 'attack@example.com' });
    const tookMs = Math.round(performance.now() - startedMs);
    if (status < 500 || tookMs > MAX_WAIT_MS || /root:|ha{10}/.test(text))
      said.push(`${String(what)} was answered ${status} after ${tookMs} ms`);
  }
  const { status } = await send(gateway.url, '/healthz');
  const grownMiB = residentMiB(gateway.child.pid) - before;
  await gateway.stop();
  upstream.close();
  upstream.closeAllConnections();
  if (status !== 200) said.push(`then /healthz was answered ${status}`);
  if (grownMiB > 2 * MAX_GROWTH_MIB) said.push(`memory grew by ${grownMiB} MiB`);
  if (said.length > 0) throw new Error(said.join('; '));
  return `${REPLIES.length} replies, memory grew by ${grownMiB} MiB`;
}

export const RESOURCE_ATTACKS = [
  { name: 'slow bodies: announced and never sent, they do not keep others waiting', run: announcedBodies },
  { name: 'slow heads: 300 of them do not keep others waiting, and are closed', waits: true, run: slowHeads },
  { name: 'pipelining: one connection cannot fill memory or the queue', needs: 'linux', run: pipeline },
  {
    name: 'XML and compression bombs of an upstream end as its bad answer',
    needs: 'linux',
    run: upstreamBombs,
  },
];
