import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { type ServerLimits, startHttpServer } from '../../src/http-server/server.ts';
import { startTestGateway } from '../support/gateway.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const GET = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';

/** A connection that asks again and again; the answer, or nothing when it is closed. */
async function dial(url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const closed = once(socket, 'close').then(() => [''] as unknown[]);
  return async (bytes = GET) => {
    socket.write(bytes);
    const [data] = await Promise.race([once(socket, 'data') as Promise<unknown[]>, closed]);
    return String(data);
  };
}

test.each([
  [undefined, 65],
  ['620000', 620],
  ['1000', 1],
  ['4001500', 4001],
])('KEEP_ALIVE_TIMEOUT_MS=%s is announced as %i seconds', async (value, seconds) => {
  const gateway = await startTestGateway({ KEEP_ALIVE_TIMEOUT_MS: value, METRICS_PORT: undefined });
  const ask = await dial(gateway.url);
  expect(await ask()).toContain(`\r\nKeep-Alive: timeout=${seconds}\r\n`);
});

test('no other limit ends a connection that is idle between two requests', EXHAUSTIVE, async () => {
  const limits: Partial<ServerLimits> = {
    keepAliveMs: 60_000,
    headersTimeoutMs: 200,
    requestTimeoutMs: 250,
    stalledMs: 300,
    checkMs: 50,
  };
  const app = express();
  app.use((_req, res) => void res.end('done'));
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0, newRequestId: () => 'id', limits });
  onTestFinished(() => server.close(0));
  const ask = await dial(server.url);
  for (let round = 0; round < 3; round += 1) {
    expect(await ask()).toMatch(/^HTTP\/1\.1 200 /);
    await setTimeout(700);
  }
  const put = 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';
  expect(await ask(put)).toMatch(/^HTTP\/1\.1 200 /);
  await setTimeout(700);
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 /);
});

test('an idle connection is closed after the time', async () => {
  const app = express();
  app.use((_req, res) => void res.end('done'));
  const limits = { keepAliveMs: 100 };
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0, newRequestId: () => 'id', limits });
  onTestFinished(() => server.close(0));
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write(GET);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  await once(socket, 'close');
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
});
