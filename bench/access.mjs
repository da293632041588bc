// What authentication costs and what an observer can tell from the time of an answer, of the gateway as it is delivered:
//   npm run build && node bench/access.mjs [tries a kind, 10000 when left out]
// Prints one JSON object a measurement. Ends with 1 when an answer reveals more than it should.
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createTokenVerifier } from '../dist/access/jwt.js';
import { credentialsIn } from '../dist/access/api-key.js';
import { readKeyFile } from '../dist/access/key-file.js';
import { hashKey, writeKey } from '../dist/access/api-key.js';
import { systemClock } from '../dist/runtime/clock.js';

const tries = Number(process.argv[2] ?? 10_000);
const ORIGIN = 'https://www.example.com';
/** The gateway's step is ten times as long; the sandbox answers sooner than Marketo. */
const STEP_MS = 500;
const newKey = (kind = 'secret') => writeKey(kind, randomBytes(32));
const say = (measurement) => process.stdout.write(`${JSON.stringify(measurement)}\n`);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const round = (value) => Math.round(value * 100) / 100;

function median(values) {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[sorted.length >> 1];
}

function shuffle(values) {
  for (let index = values.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1);
    [values[index], values[other]] = [values[other], values[index]];
  }
  return values;
}

/** Which difference of medians chance makes between two halves of the same values: 95 and 99 of 100 are below it. */
function noiseOf(values) {
  const differences = Array.from({ length: 300 }, () => {
    const mixed = shuffle([...values]);
    return Math.abs(median(mixed.slice(0, mixed.length / 2)) - median(mixed.slice(mixed.length / 2)));
  }).toSorted((a, b) => a - b);
  return { p95: differences[285], p99: differences[297] };
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function startGateway(keysFile) {
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH,
    PORT: String(port),
    SANDBOX_PORT: String(sandboxPort),
    API_KEYS_FILE: keysFile,
    AUTH_FAILURES_PER_MINUTE: '1000000',
    PUBLISHABLE_RESPONSE_MS: String(STEP_MS),
    PUBLISHABLE_REQUESTS_PER_MINUTE: '1000000',
    MARKETO_MAX_CALLS_PER_20S: '100000',
    MARKETO_DAILY_CALLS: '1000000',
    MARKETO_MAX_BATCH: '1',
  };
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const up = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) break;
    await new Promise((done) => setTimeout(done, 100));
  }
  await fetch(`http://127.0.0.1:${sandboxPort}/_sandbox/limits`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"enabled":false}',
  });
  return { url, port, stop: () => child.kill('SIGTERM') };
}

/** One connection of its own that sends bytes and measures how long the answer took, in µs. */
function openConnection(port) {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  let onAnswer;
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    received += chunk;
    const head = received.indexOf('\r\n\r\n');
    const [, length] = /content-length: (\d+)/i.exec(received) ?? [];
    if (head === -1 || received.length < head + 4 + Number(length)) return;
    const answer = received;
    received = '';
    onAnswer?.(answer);
  });
  return {
    send: (bytes) =>
      new Promise((done) => {
        const started = process.hrtime.bigint();
        onAnswer = (answer) => done({ answer, us: Number(process.hrtime.bigint() - started) / 1000 });
        socket.write(bytes);
      }),
    close: () => socket.destroy(),
  };
}

function putLead(key, lead, origin) {
  const body = JSON.stringify(lead);
  const more = origin === undefined ? '' : `Origin: ${origin}\r\n`;
  return `PUT /leads HTTP/1.1\r\nHost: x\r\nX-Request-Id: measured\r\nAuthorization: Bearer ${key}\r\n${more}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** The cost of finding out who calls, without HTTP: headers to caller. */
function measureCost() {
  const keys = Array.from({ length: 1000 }, () => newKey());
  const entries = keys.map((key, index) => ({ name: `key-${index}`, hash: hashKey(key), kind: 'secret' }));
  const { keyring } = readKeyFile(JSON.stringify({ keys: entries }));
  const requests = keys.map((key) => ({ authorization: `Bearer ${key}`, host: 'x' }));
  let accepted = 0;
  const run = (rounds) => {
    const started = process.hrtime.bigint();
    for (let index = 0; index < rounds; index += 1) {
      const { text } = credentialsIn(requests[index % requests.length]);
      if (keyring.identify(text, 0).ok) accepted += 1;
    }
    return Number(process.hrtime.bigint() - started) / 1000 / rounds;
  };
  run(200_000);
  const runs = Array.from({ length: 9 }, () => run(100_000));
  if (accepted !== 1_100_000) throw new Error('a key was refused');
  say({ measured: 'cost of authentication', keys: keys.length, usPerRequest: round(median(runs)) });
}

/** The same for a token: one signature. */
async function measureTokenCost() {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] });
  const settings = {
    issuer: 'i',
    audiences: ['a'],
    audienceClaim: 'aud',
    scopePrefix: '',
    jwksUrl: new URL('https://login.example/keys'),
  };
  const { verify } = createTokenVerifier(settings, {
    clock: systemClock,
    random: Math.random,
    logger: { info() {}, warn() {} },
    fetch: async () => new Response(jwks),
  });
  const token = await new SignJWT({ scope: 'leads:write' })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setIssuer('i')
    .setAudience('a')
    .setExpirationTime('5m')
    .sign(privateKey);
  const run = async (rounds) => {
    const started = process.hrtime.bigint();
    for (let index = 0; index < rounds; index += 1) {
      if (!(await verify(token)).ok) throw new Error('the token was refused');
    }
    return Number(process.hrtime.bigint() - started) / 1000 / rounds;
  };
  await run(500);
  const runs = [];
  for (let index = 0; index < 9; index += 1) runs.push(await run(500));
  say({ measured: 'cost of a token, ES256', usPerRequest: round(median(runs)) });
}

/** Whether wrong keys can be distinguished by the time of the 401. */
async function measureRefusals(port, real, gone) {
  // Each of them is used once and was made before: the time to make one must not be measured with it.
  const kinds = {
    // Two identical runs, whose difference is the noise.
    wrong: () => newKey(),
    wrongAgain: () => newKey(),
    // All of a key that exists but its end.
    rightPrefix: () => `${real.slice(0, 43)}${newKey().slice(-10)}`,
    randomText: () => randomBytes(40).toString('base64url').slice(0, real.length),
    revoked: (index) => gone.revoked[index],
    expired: (index) => gone.expired[index],
  };
  const lead = { email: 'a@b.c' };
  const bytes = Object.fromEntries(
    Object.entries(kinds).map(([kind, make]) => [
      kind,
      Array.from({ length: tries }, (_, index) => putLead(make(index), lead)),
    ]),
  );
  const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
  const answers = new Set();
  const connection = openConnection(port);
  for (let index = 0; index < 2000; index += 1) await connection.send(putLead(newKey(), lead));
  for (let index = 0; index < tries; index += 1) {
    for (const kind of shuffle(Object.keys(kinds))) {
      const { answer, us } = await connection.send(bytes[kind][index]);
      times[kind].push(us);
      answers.add(answer.replace(/date: .*/i, ''));
    }
  }
  connection.close();
  const medians = Object.fromEntries(
    Object.entries(times).map(([kind, values]) => [kind, round(median(values))]),
  );
  const noise = noiseOf([...times.wrong, ...times.wrongAgain]);
  const differences = Object.fromEntries(
    Object.entries(times).map(([kind, values]) => [kind, round(median(values) - median(times.wrong))]),
  );
  const told = Math.abs(differences.rightPrefix) > Math.max(noise.p99, Math.abs(differences.wrongAgain));
  say({
    measured: '401 by kind of wrong key',
    triesPerKind: tries,
    differentAnswers: answers.size,
    medianUs: medians,
    differenceFromWrongUs: differences,
    noiseUs: { p95: round(noise.p95), p99: round(noise.p99) },
    rightPrefixCanBeTold: told,
  });
  return !told && answers.size === 1;
}

/** Whether a publishable key can tell a known address from an unknown one. */
async function measureEnumeration(port, key) {
  const people = 300;
  const connections = Array.from({ length: 10 }, () => openConnection(port));
  const put = (connection, email) => connection.send(putLead(key, { email }, ORIGIN));
  await each(connections, people, (connection, index) => put(connection, `known${index}@example.com`));
  const times = { known: [], knownAgain: [], unknown: [] };
  const answers = new Set();
  await each(connections, people, async (connection, index) => {
    const emails = {
      known: `known${index}`,
      knownAgain: `known${people - 1 - index}`,
      unknown: `new${index}`,
    };
    for (const kind of shuffle(Object.keys(emails))) {
      const { answer, us } = await put(connection, `${emails[kind]}@example.com`);
      times[kind].push(us);
      answers.add(answer.replace(/date: .*/i, ''));
    }
  });
  for (const connection of connections) connection.close();
  const known = [...times.known, ...times.knownAgain];
  const noise = noiseOf(known);
  const difference = median(times.unknown) - median(known);
  say({
    measured: 'answers to a publishable key, known and unknown addresses',
    people,
    stepMs: STEP_MS,
    differentAnswers: answers.size,
    medianMs: { known: round(median(known) / 1000), unknown: round(median(times.unknown) / 1000) },
    meanMs: {
      known: round(sum(known) / known.length / 1000),
      unknown: round(sum(times.unknown) / people / 1000),
    },
    differenceUs: round(difference),
    noiseUs: { p95: round(noise.p95), p99: round(noise.p99) },
  });
  return answers.size === 1;
}

async function each(connections, count, act) {
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (next < count) await act(connection, next++);
    }),
  );
}

measureCost();
await measureTokenCost();
const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-measure-'));
try {
  const newKeys = () => Array.from({ length: tries }, () => newKey());
  const keys = { real: newKey(), revoked: newKeys(), expired: newKeys(), web: newKey('publishable') };
  const past = '2020-01-01T00:00:00Z';
  const entries = [
    { name: 'real', hash: hashKey(keys.real), kind: 'secret' },
    { name: 'web', hash: hashKey(keys.web), kind: 'publishable', origins: [ORIGIN] },
  ];
  for (const [index, key] of keys.revoked.entries()) {
    entries.push({ name: `revoked-${index}`, hash: hashKey(key), kind: 'secret', revokedAt: past });
  }
  for (const [index, key] of keys.expired.entries()) {
    entries.push({ name: `expired-${index}`, hash: hashKey(key), kind: 'secret', expiresAt: past });
  }
  const file = join(folder, 'keys.json');
  writeFileSync(file, JSON.stringify({ keys: entries }));
  const gateway = await startGateway(file);
  try {
    const isUniform = await measureEnumeration(gateway.port, keys.web);
    const isEven = await measureRefusals(gateway.port, keys.real, keys);
    if (!isUniform || !isEven) process.exitCode = 1;
  } finally {
    gateway.stop();
  }
} finally {
  rmSync(folder, { recursive: true });
}
