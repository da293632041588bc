import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runMain } from '../support/run-main.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FREE_PORTS = { PORT: '0', SANDBOX_PORT: '0' };

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

test('a request that is being served when SIGINT comes is answered', async () => {
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

test.each(['serve', 'sandbox', 'check-config'])(
  '%s names every mistake and exits with 78',
  async (command) => {
    const run = runMain([command], { PORT: 'x', MARKETO_USER_ID: 'u', LOG_LEVEL: 'loud' });
    expect(await run.ended).toBe(78);
    const { stdout, stderr } = run.output();
    for (const name of ['PORT', 'MARKETO_SOAP_ENDPOINT', 'MARKETO_ENCRYPTION_KEY', 'LOG_LEVEL']) {
      expect(stderr).toContain(`${name} `);
    }
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
  },
);

test('check-config says what is valid, without the key', async () => {
  const run = runMain(['check-config'], {
    MARKETO_SOAP_ENDPOINT: 'https://123-abc-456.mktoapi.com/soap/mktows/2_9',
    MARKETO_USER_ID: 'u',
    MARKETO_ENCRYPTION_KEY: 'a-secret-key-for-tests',
  });
  expect(await run.ended).toBe(0);
  expect(run.output().stdout).toContain('https://123-abc-456.mktoapi.com/soap/mktows/2_9');
});

test('the sandbox runs alone', async () => {
  const run = runMain(['sandbox'], FREE_PORTS);
  const [, endpoint] = await run.waitFor(/SOAP endpoint\s+(http:\S+)/);
  expect(await (await fetch(`${endpoint}?WSDL`)).text()).toContain('MktMktowsApiService');
  run.child.kill('SIGINT');
  expect(await run.ended).toBe(0);
});

test.each(['PORT', 'SANDBOX_PORT', 'METRICS_PORT'])('%s that is in use is named', async (variable) => {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  const { port } = other.address() as AddressInfo;
  const run = runMain(['serve'], { ...FREE_PORTS, [variable]: String(port) });
  expect(await run.ended).toBe(1);
  expect(run.output().stderr).toBe(
    `${variable} ${port} is in use already; set ${variable} to another one.\n`,
  );
  other.close();
});

test('all ports that are in use are named at once', async () => {
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
    `PORT ${port} is in use already; set PORT to another one.\nSANDBOX_PORT ${sandboxPort} is in use already; set SANDBOX_PORT to another one.\n`,
  );
  for (const other of others) other.close();
});

test('a HOST that is no address of this machine is named', async () => {
  const run = runMain(['serve'], { ...FREE_PORTS, HOST: '192.0.2.1', ALLOW_UNAUTHENTICATED: 'true' });
  expect(await run.ended).toBe(1);
  expect(run.output().stderr).toBe('HOST "192.0.2.1" is no address of this machine (EADDRNOTAVAIL).\n');
});

test.each([[['fly']], [['serve', 'twice']], [['--loud']]])(
  '%j is answered with the usage and 64',
  async (args) => {
    const run = runMain(args);
    expect(await run.ended).toBe(64);
    expect(run.output().stderr).toContain('Usage: lead-gateway');
  },
);

test('--help and --version answer and end', async () => {
  const help = runMain(['--help']);
  expect(await help.ended).toBe(0);
  expect(help.output().stdout).toContain('check-config');
  const version = runMain(['--version']);
  expect(await version.ended).toBe(0);
  const { version: expected } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as {
    version: string;
  };
  expect(version.output().stdout).toBe(`${expected}\n`);
});
