import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startFailure } from '../../src/cli/configuration.ts';
import { readConfig } from '../../src/config/config.ts';
import { runCommand, runMain, runScript } from '../support/process.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FREE_PORTS = { PORT: '0', SANDBOX_PORT: '0', SHUTDOWN_DELAY_MS: '0' };

test('serve says where it listens and that the sandbox is the upstream, and ends on SIGTERM with 0', async () => {
  const run = runMain(['serve'], FREE_PORTS);
  const [, url] = await run.waitFor(/listens on (http:\S+)/);
  expect(run.output().stderr).toMatch(/sandbox/i);
  const answer = await fetch(`${url}/leads`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"email":"a@b.c"}',
  });
  expect(answer.status).toBe(201);
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(0);
});

test('a request that is being served when SIGINT comes is answered', EXHAUSTIVE, async () => {
  const run = runMain([], FREE_PORTS);
  const [, url] = await run.waitFor(/listens on (http:\S+)/);
  const [, sandboxUrl] = await run.waitFor(/(http:\/\/127\.0\.0\.1:\d+)\/_sandbox/);
  await fetch(`${sandboxUrl}/_sandbox/next`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"delayMs":500}',
  });
  const answer = fetch(`${url}/leads`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"email":"a@b.c"}',
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  run.child.kill('SIGINT');
  expect((await answer).status).toBe(201);
  expect(await run.ended).toBe(0);
});

const MISTAKES = { PORT: 'x', MARKETO_USER_ID: 'u', LOG_LEVEL: 'loud' };
const NAMED = ['PORT', 'MARKETO_SOAP_ENDPOINT', 'MARKETO_ENCRYPTION_KEY', 'LOG_LEVEL'];

test('serve names every mistake and exits with 78', async () => {
  const run = runMain(['serve'], MISTAKES);
  expect(await run.ended).toBe(78);
  const { stdout, stderr } = run.output();
  for (const name of NAMED) expect(stderr).toContain(`${name} `);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).toBe('');
});

test.each(['sandbox', 'check-config'])('%s names every mistake and exits with 78', async (command) => {
  const { exitCode, stdout, stderr } = await runCommand([command], MISTAKES);
  expect([exitCode, stdout]).toEqual([78, '']);
  for (const name of NAMED) expect(stderr).toContain(`${name} `);
});

test('check-config says what is valid, without the key', async () => {
  const { exitCode, stdout } = await runCommand(['check-config'], {
    MARKETO_SOAP_ENDPOINT: 'https://123-abc-456.mktoapi.com/soap/mktows/2_9',
    MARKETO_USER_ID: 'u',
    MARKETO_ENCRYPTION_KEY: 'a-secret-key-for-tests',
  });
  expect(exitCode).toBe(0);
  expect(stdout).toContain('https://123-abc-456.mktoapi.com/soap/mktows/2_9');
});

test('the sandbox runs alone', async () => {
  const run = runMain(['sandbox'], FREE_PORTS);
  const [, endpoint] = await run.waitFor(/SOAP endpoint\s+(http:\S+)/);
  expect(await (await fetch(`${endpoint}?WSDL`)).text()).toContain('MktMktowsApiService');
  const [, rest] = await run.waitFor(/REST endpoint\s+(http:\S+)/);
  expect((await (await fetch(`${rest}/v1/leads/describe.json`)).json()) as object).toMatchObject({
    errors: [{ code: '603' }],
  });
  run.child.kill('SIGINT');
  expect(await run.ended).toBe(0);
});

/** The error of listening, and what the command says to it. */
async function refusedStart(env: Record<string, string>, host: string, port: number) {
  const read = readConfig(env, () => '');
  if (!read.ok) throw new Error(read.mistakes.join('; '));
  const error = await once(createServer().listen(port, host), 'listening').catch((reason: unknown) => reason);
  return startFailure(error, read.config);
}

test.each(['PORT', 'SANDBOX_PORT', 'METRICS_PORT'])('%s that is in use is named', async (variable) => {
  const other = createServer();
  await once(other.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  expect(await refusedStart({ ...FREE_PORTS, [variable]: String(port) }, '127.0.0.1', port)).toMatchObject({
    exitCode: 1,
    lines: [`${variable} ${port} is already in use; set ${variable} to another port.`],
  });
});

test('all ports that are in use are named at once', EXHAUSTIVE, async () => {
  const others = [createServer(), createServer()];
  const [port, sandboxPort] = await Promise.all(
    others.map(async (other) => {
      await once(other.listen(0, '127.0.0.1'), 'listening');
      return (other.address() as AddressInfo).port;
    }),
  );
  const run = runMain(['serve'], { PORT: `${port}`, SANDBOX_PORT: `${sandboxPort}` });
  expect(await run.ended).toBe(1);
  expect(run.output().stderr).toBe(
    `PORT ${port} is already in use; set PORT to another port.\nSANDBOX_PORT ${sandboxPort} is already in use; set SANDBOX_PORT to another port.\n`,
  );
  for (const other of others) other.close();
});

test('a HOST that is not an address of this machine is named', async () => {
  const env = { ...FREE_PORTS, HOST: '192.0.2.1', ALLOW_UNAUTHENTICATED: 'true' };
  expect(await refusedStart(env, '192.0.2.1', 0)).toMatchObject({
    exitCode: 1,
    lines: ['HOST "192.0.2.1" is not an address of this machine (EADDRNOTAVAIL).'],
  });
});

test('an unknown command is answered with the usage and 64', async () => {
  const run = runMain(['fly']);
  expect(await run.ended).toBe(64);
  expect(run.output().stderr).toContain('Usage: lead-gateway');
});

test.each([[['serve', 'twice']], [['--loud']]])('%j is answered with the usage and 64', async (args) => {
  const { exitCode, stderr } = await runCommand(args);
  expect(exitCode).toBe(64);
  expect(stderr).toContain('Usage: lead-gateway');
});

test('--version answers and ends', async () => {
  const version = runMain(['--version']);
  expect(await version.ended).toBe(0);
  const { version: expected } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as {
    version: string;
  };
  expect(version.output().stdout).toBe(`${expected}\n`);
});

test('an env file from a pipe is read once, also by a command that tries both APIs', async () => {
  const lines = [
    'MARKETO_SOAP_ENDPOINT=http://127.0.0.1:1/',
    'MARKETO_USER_ID=u',
    'MARKETO_ENCRYPTION_KEY=k',
  ];
  const run = runScript(
    `printf '${lines.join(String.raw`\n`)}' | "$NODE" -- dist/main.js fields --env-file /dev/stdin`,
    { NODE: process.execPath, PATH: process.env['PATH'] ?? '' },
  );
  expect(await run.ended).toBe(1);
  expect(run.output().stderr).toContain('Marketo cannot be reached');
});
