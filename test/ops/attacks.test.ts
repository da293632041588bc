import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import express from 'express';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type ServerLimits, type ServerObserver, startHttpServer } from '../../src/http-server/server.ts';
import { runMain } from '../support/process.ts';
import { freshConnections, putLead } from './load.ts';

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

test('a client that does not read its answers is closed', async () => {
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

test('500 half-open connections, 1,000 idle ones and pipelined garbage do not block other clients', async () => {
  const run = runMain(['serve'], { PORT: '0', SANDBOX_PORT: '0', LOG_LEVEL: 'warn' });
  const [, url = ''] = await run.waitFor(/listens on (http:\S+)/);
  const port = Number(new URL(url).port);
  const before = residentMiB(run.child.pid);
  const agent = freshConnections();
  let leads = 0;
  const medianMs = async () => {
    const times: number[] = [];
    for (let index = 0; index < 50; index += 1) {
      const startedMs = performance.now();
      expect((await putLead(url, `lead${(leads += 1)}@example.com`, agent)).outcome).toBe(201);
      times.push(performance.now() - startedMs);
    }
    return times.toSorted((a, b) => a - b)[25]!;
  };
  const quietMs = await medianMs();
  const health = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
  for (let index = 0; index < 500; index += 1)
    await dial(port, 'PUT /leads HTTP/1.1\r\nHost: localhost\r\nX-Slow');
  for (let index = 0; index < 1000; index += 1) await dial(port, health);
  const garbage = setInterval(() => {
    void dial(port, health.repeat(20) + '\u0000\u0001 no HTTP '.repeat(200)).catch(() => undefined);
  }, 10);
  const attackedMs = await medianMs();
  clearInterval(garbage);
  const grownMiB = residentMiB(run.child.pid) - before;
  if (process.env['STOPS'] !== undefined) {
    process.stdout.write(`${JSON.stringify({ grownMiB, quietMs, attackedMs })}\n`);
  }
  // Twenty requests and garbage every 10 ms take their part of the CPU, but no more.
  expect(attackedMs).toBeLessThan(Math.max(quietMs, 5) * 20);
  expect(grownMiB).toBeLessThan(300);
});

/** What a process has in memory, in MiB; not known but on Linux. */
function residentMiB(pid: number | undefined): number {
  try {
    const [, kib = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kib) / 1024);
  } catch {
    return 0;
  }
}
