// Framing, headers, paths, origins and bodies.
import { gzipSync } from 'node:zlib';
import { HIDDEN_REQUEST, READ, REFUSED, sendPieces, statusesIn } from './framing.mjs';
import { bearer, expectAll, ORIGIN, putLead, send } from './target.mjs';

const EVIL = 'evil.example';

/** A proxy in front answers to its own host only. */
const forHost = (bytes, { url, isOwn }) =>
  isOwn ? bytes : bytes.replace('Host: localhost\r\n', `Host: ${new URL(url).host}\r\n`);

async function smuggle(target) {
  const rows = [];
  for (const [what, bytes] of REFUSED) {
    const statuses = statusesIn(await sendPieces(target.url, [forHost(bytes + HIDDEN_REQUEST, target)]));
    rows.push([what, `answered ${statuses.join(', ')}`, statuses]);
  }
  expectAll(
    rows,
    // Without a key the first answer may be 401. Were the hidden request served, there would be another.
    ([, , [first = 400, ...more]]) =>
      first >= 400 && more.every((status) => [400, 413, 431, 501, 505].includes(status)),
  );
  return `${rows.length} requests`;
}

async function readAsMeant(target) {
  const rows = [];
  for (const [what, bytes, expected] of READ) {
    const text = await sendPieces(target.url, [bytes], expected.length);
    // Without a key, a lead that is read is 401.
    const meant = expected.map((status) => (status === 201 ? 401 : status));
    rows.push([
      what,
      statusesIn(text)
        .filter((status) => status !== 404)
        .join(),
      meant.join(),
    ]);
  }
  expectAll(rows, ([, is, meant]) => is === meant);
  return `${rows.length} requests`;
}

async function injectHeaders({ url }) {
  const rows = [];
  for (const id of ['a b', '"><script>alert(1)</script>', 'a\tb', 'x'.repeat(200), '%0d%0aX-Evil: 1', 'ü']) {
    const { headers } = await send(url, '/healthz', {
      headers: { 'x-request-id': Buffer.from(id).toString('latin1') },
    });
    rows.push([`X-Request-Id ${id.slice(0, 20)} came back`, headers['x-request-id'] === id ? 'yes' : 'no']);
  }
  for (const path of [
    '/%0d%0aX-Evil:%201',
    '/problems/%0d%0aX-Evil:1',
    '/?a=%0d%0aX-Evil:%201',
    '/docs%0aX-Evil:1',
  ]) {
    const { headers } = await send(url, path);
    rows.push([`${path} became a header`, headers['x-evil'] === undefined ? 'no' : 'yes']);
  }
  expectAll(rows, ([, came]) => came === 'no');
  return `${rows.length} requests`;
}

async function redirectElsewhere({ url }) {
  const rows = [];
  for (const path of [`//${EVIL}`, `//${EVIL}/..`, `/\\${EVIL}`, `/%2f%2f${EVIL}`, `/docs//${EVIL}`, '/']) {
    const { headers } = await send(url, path);
    rows.push([path, headers.location ?? '']);
  }
  expectAll(rows, ([, location]) => location === '' || new URL(location, url).host === new URL(url).host);
  return `${rows.length} paths`;
}

async function poisonCaches({ url }) {
  const rows = [];
  for (const headers of [
    { 'x-forwarded-host': EVIL },
    { 'x-forwarded-proto': EVIL },
    { forwarded: `host=${EVIL}` },
  ]) {
    for (const path of ['/openapi.json', '/docs', '/no-such-path']) {
      const { text, headers: answered } = await send(url, path, { headers });
      const isKept = !/no-store|private/.test(answered['cache-control'] ?? '');
      rows.push([
        `${path} with ${Object.keys(headers).join()}`,
        text.includes(EVIL) && isKept ? 'reflected' : 'fine',
      ]);
    }
  }
  expectAll(rows, ([, outcome]) => outcome === 'fine');
  return `${rows.length} requests`;
}

const PATHS = [
  '/../../etc/passwd',
  '/docs/../../../etc/passwd',
  '/docs/..%2f..%2f..%2fetc/passwd',
  '/docs/%2e%2e/%2e%2e/package.json',
  '/docs/..%5c..%5cpackage.json',
  '/docs/....//....//package.json',
  '/docs/%252e%252e%252fpackage.json',
  '/docs/..;/package.json',
  '/problems/../../package.json',
  '/problems/%00',
  '/problems/constructor',
  '/problems/__proto__',
  '/.env',
  '/.git/config',
  '/package.json',
  '/keys.json',
  '/_sandbox/leads',
  '/%ff',
  '/%',
  `/${'a'.repeat(8000)}`,
];

async function leavePaths({ url }) {
  const rows = [];
  for (const path of PATHS) {
    const { status, text } = await send(url, path);
    rows.push([path.slice(0, 40), status, /root:|"dependencies"|\[core\]/.test(text) ? 'a file' : 'no file']);
  }
  expectAll(rows, ([, status, file]) => status >= 400 && status < 500 && file === 'no file');
  return `${rows.length} paths`;
}

const ORIGINS = [
  `https://${EVIL}`,
  'null',
  `${ORIGIN}.${EVIL}`,
  ORIGIN.replace('https', 'http'),
  `${ORIGIN}:8443`,
  ORIGIN.toUpperCase(),
  'https://wwwXexample.com',
];

async function crossOrigins({ url }) {
  const rows = [];
  for (const origin of ORIGINS) {
    const ask = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' };
    const answers = [
      await send(url, '/leads', { method: 'OPTIONS', headers: { origin, ...ask } }),
      await putLead(url, { email: 'a@b.c' }, { origin }),
      await send(url, '/metrics', { headers: { origin } }),
    ];
    const allowed = answers.map(({ headers }) => headers['access-control-allow-origin']);
    rows.push([origin, allowed.some((one) => one === origin || one === '*') ? 'allowed' : 'not allowed']);
  }
  expectAll(rows, ([, outcome]) => outcome === 'not allowed');
  return `${rows.length} origins`;
}

const MEBIBYTE = 1_048_576;
const LEAD = { email: 'attack@example.com' };
const unknownMembers = () =>
  JSON.stringify(Object.fromEntries(Array.from({ length: 90_000 }, (_, index) => [`m${index}`, 1])));

/** What it is · body · headers. None of them is a lead. */
const BODIES = [
  ['a mebibyte of [', () => '['.repeat(MEBIBYTE)],
  ['a mebibyte of {"a":', () => '{"a":'.repeat(200_000)],
  ['90,000 unknown members', unknownMembers],
  ['a number of 500,000 digits', () => `{"email":"a@b.c","id":${'9'.repeat(500_000)}}`],
  ['a mebibyte of blanks', () => ' '.repeat(MEBIBYTE)],
  ['an address of 500,000 characters', () => JSON.stringify({ email: `${'a'.repeat(500_000)}@b.c` })],
  ['an address that makes patterns slow', () => JSON.stringify({ email: `a@${'a-'.repeat(100_000)}` })],
  ['more than a mebibyte', () => ' '.repeat(MEBIBYTE + 1)],
  ['__proto__', () => '{"email":"a@b.c","__proto__":{"id":1}}'],
  ['constructor', () => '{"email":"a@b.c","constructor":{"prototype":{}}}'],
  ['a character that XML has not', () => '{"email":"a@b.c","attributes":{"FirstName":"\\u0000"}}'],
  ['half a surrogate pair', () => '{"email":"a@b.c","attributes":{"FirstName":"\\ud800"}}'],
  ['bytes that are not UTF-8', () => Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ['a list of leads', () => JSON.stringify([LEAD])],
  ['NaN', () => '{"email":"a@b.c","id":NaN}'],
  [
    'compressed: a thousand times its size',
    () => gzipSync(Buffer.alloc(10 * MEBIBYTE)),
    { 'content-encoding': 'gzip' },
  ],
  ['a form', () => 'email=a@b.c', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['text, which a page may send unasked', () => JSON.stringify(LEAD), { 'content-type': 'text/plain' }],
  ['XML', () => '<lead/>', { 'content-type': 'application/xml' }],
];

async function bombs({ url, key }) {
  const rows = [];
  for (const [what, body, headers = {}] of BODIES) {
    const { status } = await putLead(url, body(), { ...bearer(key), ...headers });
    rows.push([what, status]);
  }
  expectAll(rows, ([, status]) => status >= 400 && status < 500 && status !== 401);
  return `${rows.length} bodies`;
}

/** A safety net: on a busy machine everything takes several times as long. The detail has the figure. */
const MAX_WAIT_MS = 30_000;

async function bombsBesideOthers({ url, key }) {
  const over = new AbortController();
  let longestMs = 0;
  const others = (async () => {
    while (!over.signal.aborted) {
      const startedMs = performance.now();
      await send(url, '/healthz');
      longestMs = Math.max(longestMs, performance.now() - startedMs);
    }
  })();
  const bodies = BODIES.slice(0, 7).map(([, body]) => body());
  for (const body of [...bodies, ...bodies]) await putLead(url, body, bearer(key));
  over.abort();
  await others;
  if (longestMs > MAX_WAIT_MS) throw new Error(`another request waited for ${Math.round(longestMs)} ms`);
  return `others waited for ${Math.round(longestMs)} ms at most`;
}

export const HTTP_ATTACKS = [
  {
    name: 'request smuggling: ambiguous requests are refused, and nothing behind them is served',
    outside: true,
    run: smuggle,
  },
  { name: 'request smuggling: requests that look ambiguous are read as meant', run: readAsMeant },
  {
    name: 'header injection: nothing of a request becomes a header of the answer',
    outside: true,
    run: injectHeaders,
  },
  { name: 'open redirects: no path leads to another host', outside: true, run: redirectElsewhere },
  {
    name: 'cache poisoning: no forwarded host in an answer that may be kept',
    outside: true,
    run: poisonCaches,
  },
  { name: 'path tricks: no file, no control API', outside: true, run: leavePaths },
  { name: 'CORS: pages of other origins are not allowed', outside: true, run: crossOrigins },
  { name: 'bodies: bombs and malformed leads are refused', outside: true, needsKey: true, run: bombs },
  { name: 'bodies: no other caller waits for a bomb', run: bombsBesideOthers },
];
