import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startTestGateway } from '../../support/gateway.ts';
import { outboxFile } from '../../support/outbox.ts';
import { testEvery } from '../../support/exhaustive.ts';

/** Sends a request and closes the sending half of its connection; gives the whole answer. */
async function putAndHalfClose(url: string, path: string, headers: string, body: string): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.end(
    `PUT ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return text(socket);
}

const lead = (at: number) => `{"email":"half${at}@example.com"}`;
const leads = [lead(0), lead(1), lead(2)];

testEvery(2, [
  ['JSON', 'Content-Type: application/json\r\n', `{"leads":[${leads.join(',')}]}`],
  ['lines', 'Content-Type: application/x-ndjson\r\n', `${leads.join('\n')}\n`],
])('a client that has closed its half of the connection gets its results: %s', async (_what, type, body) => {
  const { url } = await startTestGateway({ OUTBOX_URL: `file:${outboxFile()}` });
  const answer = await putAndHalfClose(url, '/leads/batch', type, body);
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer.match(/"status":201/g)).toHaveLength(3);
  const accepted = await putAndHalfClose(url, '/leads/batch?', `${type}Prefer: respond-async\r\n`, body);
  expect(accepted).toMatch(/^HTTP\/1\.1 202 /);
  expect(accepted).toContain('"receipt":');
});

test('to a single lead such a client has gone', async () => {
  const { url } = await startTestGateway();
  expect(await putAndHalfClose(url, '/leads', 'Content-Type: application/json\r\n', lead(3))).toBe('');
});
