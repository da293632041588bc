import { expect, test } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';
import type { Environment } from '../../../src/config/files.ts';
import { checkUpstream } from '../../../src/cli/doctor/upstream.ts';
import { upstreamAt } from '../../support/gateway.ts';
import { runCommand, runMain } from '../../support/process.ts';
import { record } from '../../support/recordings.ts';
import { startTestSandbox } from '../../support/sandbox.ts';
import { startRawUpstream } from '../../support/upstream.ts';

async function faultsOf(env: Environment, now: () => number = Date.now) {
  const read = readConfig(env, () => '');
  if (!read.ok || read.config.upstream === null) throw new Error('the configuration is not valid');
  const { upstream } = read.config;
  const findings = await checkUpstream({ ...read.config, upstream }, { version: 'test', now });
  record(JSON.stringify(findings));
  return findings
    .filter(({ state }) => state === 'fault')
    .map(({ subject, message }) => `${subject}: ${message}`)
    .join('\n');
}

test('finds nothing wrong with what is right, and stores nothing', async () => {
  const sandbox = await startTestSandbox();
  expect(await faultsOf({ ...sandbox.env, MARKETO_DEFAULT_WORKSPACE: 'Europe' })).toBe('');
  expect(await sandbox.leads()).toEqual([]);
});

test.each([
  [
    'a wrong key',
    { MARKETO_ENCRYPTION_KEY: 'another-key' },
    /^credentials: .*MARKETO_ENCRYPTION_KEY is wrong/,
  ],
  ['a wrong user', { MARKETO_USER_ID: 'someone' }, /^credentials: MARKETO_USER_ID .*does not look like/],
  ['an unknown workspace', { MARKETO_DEFAULT_WORKSPACE: 'Atlantis' }, /^workspace: .*"Atlantis"/],
])('names %s', async (_what, env, words) => {
  const sandbox = await startTestSandbox();
  expect(await faultsOf({ ...sandbox.env, ...env })).toMatch(words);
});

test.each([
  [3_600_000, /^clock: .*3600 s ahead of/],
  [-3_600_000, /^clock: .*3600 s behind/],
])('names a clock that is %i ms off, and still sees that the credentials are right', async (offMs, words) => {
  const sandbox = await startTestSandbox();
  const faults = await faultsOf(sandbox.env, () => Date.now() + offMs);
  expect(faults.replace(/3(?:599|601) s/, '3600 s')).toMatch(words);
  expect(faults).not.toContain('credentials');
});

test.each([
  [20015, /^calls: .*; the gateway asks again once a minute/],
  [20023, /^calls: .*; run doctor again in a minute.*MARKETO_MAX_CALLS_PER_20S/],
  [20024, /^calls: .*; run doctor again in a minute.*MARKETO_MAX_CONCURRENT/],
])('names the limit that refuses a call with %i', async (code, words) => {
  const sandbox = await startTestSandbox();
  await sandbox.control('POST', '/next', { fault: { code } });
  expect(await faultsOf(sandbox.env)).toMatch(words);
});

test('names a host that does not exist', async () => {
  expect(await faultsOf(upstreamAt('https://nowhere.invalid/soap/mktows/2_9'))).toMatch(
    /^DNS: .*nowhere\.invalid/,
  );
});

test('names a port where nothing listens', async () => {
  const { endpoint, close } = await startRawUpstream({});
  await close();
  expect(await faultsOf(upstreamAt(endpoint))).toMatch(
    /^connection: .*nothing listens there \(ECONNREFUSED\)/,
  );
});

test('names a certificate that is not trusted', async () => {
  const { endpoint } = await startRawUpstream({ tls: true });
  expect(await faultsOf(upstreamAt(endpoint))).toMatch(/^certificate: .*self-signed/);
});

test('names an endpoint that speaks no TLS', async () => {
  const { endpoint } = await startRawUpstream({ onConnection: (socket) => void socket.end('hello\r\n') });
  expect(await faultsOf(upstreamAt(endpoint.replace('http:', 'https:')))).toMatch(/^connection: .*TLS/);
});

test('names an endpoint that is a web page', async () => {
  const { endpoint } = await startRawUpstream({
    onRequest: (socket) =>
      void socket.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>',
      ),
  });
  expect(await faultsOf(upstreamAt(endpoint))).toMatch(/^answer: .*MARKETO_SOAP_ENDPOINT/);
});

test.each([
  [
    '301 Moved',
    'https://marketo.example/soap/mktows/2_9/',
    /^answer: .* redirects to https:\/\/marketo\.example\/soap\/mktows\/2_9\/ \(HTTP status 301\).* set MARKETO_SOAP_ENDPOINT to https:\/\/marketo/,
  ],
  ['302 Found', '/login?next=secret', /^answer: .* redirects to .*\/login \(HTTP status 302\).*login page/],
])('names a redirect, %s to %s, and what to set', async (status, location, words) => {
  const { endpoint } = await startRawUpstream({
    onRequest: (socket) =>
      void socket.write(`HTTP/1.1 ${status}\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`),
  });
  const faults = await faultsOf(upstreamAt(endpoint));
  expect(faults).toMatch(words);
  expect(faults).not.toContain('secret');
});

test('the command says it in words and ends with 1, or with 0 when all is well', async () => {
  const sandbox = await startTestSandbox();
  const env = Object.fromEntries(Object.entries(sandbox.env).map(([name, value]) => [name, value ?? '']));
  const well = await runCommand(['doctor'], env);
  expect(well.exitCode).toBe(0);
  expect(well.stdout).toMatch(/^ok +credentials: /m);
  const ill = runMain(['doctor'], { ...env, MARKETO_ENCRYPTION_KEY: 'another-key' });
  expect(await ill.ended).toBe(1);
  expect(ill.output().stdout).toMatch(/^fault +credentials: /m);
  expect((await runCommand(['doctor'], {})).exitCode).toBe(0);
  expect((await runCommand(['doctor'], { PORT: 'x' })).exitCode).toBe(78);
});
