import { connect } from 'node:net';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { startHttpServer } from '../../src/http-server/server.ts';

test('ends a request whose body does not come to an end, but no stream', async () => {
  const app = express();
  app.use(() => {});
  const server = await startHttpServer(app, {
    host: '127.0.0.1',
    port: 0,
    newRequestId: () => 'new-id',
    isStream: ({ url }) => url === '/stream',
    limits: { requestTimeoutMs: 200, checkMs: 50 },
  });
  onTestFinished(() => server.close(0));
  const send = (path: string) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const seen = { text: '', isClosed: false };
    socket.on('data', (chunk: Buffer) => (seen.text += chunk.toString()));
    socket.on('close', () => (seen.isClosed = true));
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`);
    return seen;
  };
  const stream = send('/stream');
  const first = send('/');
  await expect.poll(() => first.isClosed, { timeout: 10_000 }).toBe(true);
  expect(first.text).toMatch(/^HTTP\/1\.1 408 /);
  const second = send('/');
  await expect.poll(() => second.isClosed, { timeout: 10_000 }).toBe(true);
  expect(stream).toEqual({ text: '', isClosed: false });
});
