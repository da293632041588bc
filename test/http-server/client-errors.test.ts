import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { record } from '../support/recordings.ts';

/** Sends bytes and returns everything that comes back. */
async function sendBytes(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  const answer = await text(socket);
  record(answer);
  return answer;
}

const ID = /^X-Request-Id: [A-Za-z0-9._-]{1,128}\r$/im;

test.each([
  ['garbage', 'hello\r\n\r\n', 400],
  ['a line that is not a header', 'PUT /leads HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n', 400],
  ['a length that is not a number', 'PUT /leads HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}', 400],
  [
    'a length and chunks',
    'PUT /leads HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['too many headers', `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
])('%s is answered with a request id', async (_what, bytes, status) => {
  const gateway = await startTestGateway();
  const answer = await sendBytes(gateway.url, bytes);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer).toMatch(ID);
  const [, requestId] = /^X-Request-Id: (\S+)/im.exec(answer) ?? [];
  await gateway.close();
  expect(gateway.logs.join('')).toContain(
    `"requestId":"${requestId}","status":${status},"msg":"request refused unread"`,
  );
});

test('garbage behind a request neither cuts its answer nor gets one of its own', async () => {
  const gateway = await startTestGateway();
  const body = '{"email":"a@b.c"}';
  const answer = await sendBytes(
    gateway.url,
    `PUT /leads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}garbage\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 201 /);
  expect(answer.match(/HTTP\/1.1/g)).toHaveLength(1);
});

test('an unknown expectation is ignored', async () => {
  const gateway = await startTestGateway();
  const body = '{"email":"a@b.c"}';
  const answer = await sendBytes(
    gateway.url,
    `PUT /leads HTTP/1.1\r\nHost: localhost\r\nExpect: the-best\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 201 /);
  expect(answer).toMatch(ID);
});
