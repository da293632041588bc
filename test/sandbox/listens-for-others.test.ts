import { request } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { runMain } from '../support/process.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

async function start(host: string) {
  const sandbox = await startSandbox({ port: 0, host });
  onTestFinished(() => sandbox.close());
  return sandbox;
}

function status(url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${url}/_sandbox/leads`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test.each([
  ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+$/],
  ['::', /^http:\/\/\[::1\]:\d+$/],
  ['0:0:0:0:0:0:0:0', /^http:\/\/\[::1\]:\d+$/],
  ['127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+$/],
])('on %s it names an address that answers', async (host, url) => {
  const sandbox = await start(host);
  expect(sandbox.url).toMatch(url);
  expect((await fetch(`${sandbox.url}/_sandbox/leads`)).status).toBe(200);
});

describe('the control API of a sandbox that listens for others', () => {
  test.each([
    'localhost:8081',
    '127.0.0.1:9999',
    '192.168.1.5:8081',
    '[fe80::1]:8081',
    'gateway:8081',
    'my_sandbox',
    'host.docker.internal:8081',
    'sandbox.default.svc.cluster.local',
  ])('may be addressed as %s', async (host) => {
    const { url } = await start('0.0.0.0');
    expect(await status(url, { host })).toBe(200);
    expect(await status(url, { host, origin: `http://${host}` })).toBe(200);
    expect(await status(url, { host, origin: 'http://evil.example' })).toBe(403);
    expect(await status(url, { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' })).toBe(403);
  });

  test.each([
    'evil.example',
    'evil.example:8081',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.internal.example',
    '',
  ])('may not be addressed as %j, which may have been rebound', async (host) => {
    const { url } = await start('0.0.0.0');
    expect(await status(url, { host, origin: `http://${host}` })).toBe(403);
  });
});

test.each(['gateway:8081', '192.168.1.5:8081', 'host.docker.internal'])(
  'on loopback alone it may not be addressed as %s',
  async (host) => {
    const { url } = await start('127.0.0.1');
    expect(await status(url, { host })).toBe(403);
  },
);

test(
  'the gateway listens with its sandbox on SANDBOX_HOST, names its page and warns',
  EXHAUSTIVE,
  async () => {
    const run = runMain(['serve'], {
      HOST: '0.0.0.0',
      ALLOW_UNAUTHENTICATED: 'true',
      SANDBOX_HOST: '0.0.0.0',
      PORT: '0',
      SANDBOX_PORT: '0',
    });
    const [, url] = await run.waitFor(/listens on (http:\S+)/);
    const [, page] = await run.waitFor(/See its leads at (http:\S+)/);
    await run.waitFor(/WARNING +SANDBOX_HOST "0\.0\.0\.0"/);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:/);
    expect((await fetch(page ?? '')).status).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  },
);

test('a state file may begin with a byte order mark; one in UTF-16 is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-state-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const stateFile = join(folder, 'state.json');
  const first = await startSandbox({ port: 0, stateFile });
  await first.close();
  const text = readFileSync(stateFile, 'utf8');
  writeFileSync(stateFile, `\uFEFF${text}`);
  await (await startSandbox({ port: 0, stateFile })).close();
  writeFileSync(stateFile, Buffer.from(`\uFEFF${text}`, 'utf16le'));
  await expect(startSandbox({ port: 0, stateFile })).rejects.toThrow('is in UTF-16; save it as UTF-8');
});
