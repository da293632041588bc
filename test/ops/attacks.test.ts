import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import express from 'express';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type ServerLimits, type ServerObserver, startHttpServer } from '../../src/http-server/server.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const HEAD = 'GET / HTTP/1.1\r\nHost: localhost\r\n';

async function serve(
  limits: Partial<ServerLimits>,
  handler?: express.RequestHandler,
  observer?: ServerObserver,
) {
  const app = express();
  app.use(handler ?? ((_req, res) => void res.end('done')));
  const server = await startHttpServer(app, {
    host: '127.0.0.1',
    port: 0,
    newRequestId: () => 'new-id',
    limits: { checkMs: 50, ...limits },
    ...(observer !== undefined && { observer }),
  });
  onTestFinished(() => server.close(0));
  return Number(new URL(server.url).port);
}

/** A connection that has sent `bytes`, and all it gets back. */
async function dial(port: number, bytes = '') {
  const socket: Socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => undefined);
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  if (bytes !== '') socket.write(bytes);
  return { socket, received: () => text, ended };
}

test.each([
  ['nothing at all', '', { headersTimeoutMs: 200 }],
  ['half a head', HEAD, { headersTimeoutMs: 200 }],
  ['half a body', `${HEAD}Content-Length: 10\r\n\r\n{`, { requestTimeoutMs: 200, headersTimeoutMs: 200 }],
])('a client that sends %s is answered 408 and closed', async (_what, bytes, limits) => {
  const port = await serve(limits, (req, res) => void req.resume().once('end', () => res.end()));
  const { received, ended } = await dial(port, bytes);
  await ended;
  expect(received()).toMatch(/^HTTP\/1\.1 408 /);
  expect(received()).toContain('X-Request-Id: new-id');
});

test('an idle connection is closed', async () => {
  const port = await serve({ keepAliveMs: 200 });
  const { received, ended } = await dial(port, `${HEAD}\r\n`);
  await ended;
  expect(received()).toContain('done');
});

test('a client that does not read its answers is closed', EXHAUSTIVE, async () => {
  const port = await serve({ stalledMs: 300 }, (_req, res) => void res.end(Buffer.alloc(8_000_000)));
  const { socket, ended } = await dial(port, `${HEAD}\r\n`);
  socket.pause();
  setTimeout(() => socket.resume(), 1500);
  await ended;
  expect(socket.bytesRead).toBeLessThan(8_000_000);
});

test.each([
  ['too many', 'X: y\r\n'.repeat(101)],
  ['too large', `X: ${'y'.repeat(20_000)}\r\n`],
  ['a mebibyte of', `X: ${'y'.repeat(1_048_576)}\r\n`],
])('%s headers are answered 431', async (_what, headers) => {
  const port = await serve({});
  const { received } = await dial(port, `${HEAD}${headers}\r\n`);
  await vi.waitFor(() => expect(received()).toMatch(/^HTTP\/1\.1 431 /));
});

test('a request with a hundred headers is served', async () => {
  const port = await serve({});
  const { received } = await dial(port, `${HEAD}${'X: y\r\n'.repeat(99)}\r\n`);
  await vi.waitFor(() => expect(received()).toMatch(/^HTTP\/1\.1 200 /));
});

test('connections beyond the limit are closed, the others are served', async () => {
  const port = await serve({ maxConnections: 2 });
  const first = await dial(port);
  await dial(port);
  const third = await dial(port, `${HEAD}\r\n`);
  await third.ended;
  expect(third.received()).toBe('');
  first.socket.write(`${HEAD}\r\n`);
  await vi.waitFor(() => expect(first.received()).toContain('done'));
});

test('what never becomes a request is counted in the metrics', async () => {
  const reported: (number | string)[] = [];
  const observer = {
    connectionRefused: () => void reported.push('refused'),
    requestRefused: (status: number) => void reported.push(status),
  };
  const port = await serve({ maxConnections: 1, headersTimeoutMs: 100 }, undefined, observer);
  for (const bytes of ['no HTTP\r\n\r\n', HEAD, `${HEAD}${'X: y\r\n'.repeat(100)}\r\n`]) {
    const { ended } = await dial(port, bytes);
    await ended;
  }
  await dial(port);
  await (
    await dial(port)
  ).ended;
  expect(reported).toEqual([400, 408, 431, 'refused']);
});
