import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { askHealth } from '../../src/cli/health.ts';
import { runCommand, runMain } from '../support/process.ts';
import { testEvery } from '../support/exhaustive.ts';

const health = (env: Readonly<Record<string, string>>) => runCommand(['health'], env);

/** A port where something listens that never answers, and nothing once it is closed. */
async function mutePort(): Promise<{ readonly port: number; readonly close: () => void }> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

testEvery(2, ['127.0.0.1', '0.0.0.0'])('health finds a gateway that listens on %s', async (host) => {
  const run = runMain(['serve'], {
    HOST: host,
    PORT: '0',
    SANDBOX_PORT: '0',
    ...(host === '0.0.0.0' && { ALLOW_UNAUTHENTICATED: 'true' }),
  });
  const [, url = ''] = await run.waitFor(/listens on (http:\S+)/);
  const { exitCode, stdout, stderr } = await health({ HOST: host, PORT: new URL(url).port });
  expect(stdout).toBe(`The gateway is up: ${url}/healthz answered 200.\n`);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
});

test('health exits with 1 and one sentence if nothing listens', async () => {
  const { port, close } = await mutePort();
  close();
  const { exitCode, stdout, stderr } = await health({ PORT: `${port}` });
  expect(exitCode).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toBe(`The gateway does not answer at http://127.0.0.1:${port}/healthz (ECONNREFUSED).\n`);
});

test('health waits for a gateway that does not answer no longer than it is told', async () => {
  const { port } = await mutePort();
  const { isUp, message } = await askHealth({ host: '127.0.0.1', port }, 200);
  expect(isUp).toBe(false);
  expect(message).toContain('(no answer in 0.2 s)');
});

test('health asks by IPv6 where the gateway does', async () => {
  const { message } = await askHealth({ host: '::', port: 1 }, 1000);
  expect(message).toContain('http://[::1]:1/healthz');
});

test('a port of the system’s choice cannot be asked, and health says so', async () => {
  expect((await health({ PORT: '0' })).stderr).toBe(
    'PORT is 0, so the port the gateway listens on is not known.\n',
  );
});

test('health reports mistakes in host and port only', async () => {
  const wrong = await health({ PORT: 'x' });
  expect(wrong.exitCode).toBe(78);
  expect(wrong.stderr).toContain('PORT "x" must be a whole number');
  const { port, close } = await mutePort();
  close();
  const other = await health({ PORT: `${port}`, API_KEYS_FILE: '/gone', LOG_LEVEL: 'loud' });
  expect(other.exitCode).toBe(1);
});
