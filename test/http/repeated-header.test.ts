import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { isRepeated } from '../../src/http/repeated-header.ts';
import { bearer, ORIGIN, PUBLISHABLE, SECRET, startKeyedGateway } from '../support/gateway.ts';
import { TEST_KEYS } from '../support/recordings.ts';

const BODY = '{"email":"a@b.c"}';

/** `PUT /leads` with these header lines; gives the status and the body's `detail`. */
async function put(url: string, ...lines: string[]): Promise<[number, string | undefined]> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  const head = [
    'PUT /leads HTTP/1.1',
    'Host: localhost',
    `Content-Length: ${BODY.length}`,
    'Connection: close',
  ];
  socket.write(`${[...head, ...lines].join('\r\n')}\r\n\r\n${BODY}`);
  const answer = await text(socket);
  const [, status = ''] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
  return [Number(status), /"detail":"([^"]*)"/.exec(answer)?.[1]];
}

const JSON_TYPE = 'Content-Type: application/json';
const KEY = `Authorization: Bearer ${SECRET.key}`;
const TWO_KEYS = 'The request has two lines of Authorization or of X-API-Key; send one.';

test('credentials in two lines are refused, whichever of them are valid', async () => {
  const { url } = await startKeyedGateway([SECRET]);
  expect((await put(url, JSON_TYPE, KEY))[0]).toBe(201);
  for (const lines of [
    [KEY, `authorization: Bearer ${TEST_KEYS.unknown}`],
    [`AUTHORIZATION: Bearer ${TEST_KEYS.unknown}`, KEY],
    [KEY, KEY],
    [KEY, 'Authorization:'],
    [`X-API-Key: ${SECRET.key}`, `X-API-Key: ${SECRET.key}`],
    [KEY, `X-API-Key: ${SECRET.key}`, `X-API-Key: ${TEST_KEYS.unknown}`],
  ]) {
    expect([lines, ...(await put(url, JSON_TYPE, ...lines))]).toEqual([lines, 401, TWO_KEYS]);
  }
});

test('two Content-Types are none that can be relied on', async () => {
  const { url } = await startKeyedGateway([SECRET]);
  for (const other of ['text/plain', 'application/json']) {
    const [status, detail] = await put(url, KEY, JSON_TYPE, `Content-Type: ${other}`);
    expect([status, detail]).toEqual([415, expect.stringContaining('two Content-Types')]);
  }
});

test('of two Origins neither is that of a page that may call', async () => {
  const { url } = await startKeyedGateway([PUBLISHABLE]);
  const key = `Authorization: ${bearer(PUBLISHABLE.key)['authorization']}`;
  for (const other of [ORIGIN, 'https://evil.example']) {
    const [status] = await put(url, JSON_TYPE, key, `Origin: ${ORIGIN}`, `Origin: ${other}`);
    expect(status).toBe(403);
  }
});

test.each([
  ['Host', 'Host: localhost'],
  ['Content-Length', `Content-Length: ${BODY.length + 1}`],
  ['Content-Length, the same', `Content-Length: ${BODY.length}`],
  ['Transfer-Encoding', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
])('a second %s is a request that others read differently', async (_name, line) => {
  const { url } = await startKeyedGateway([SECRET]);
  expect((await put(url, JSON_TYPE, KEY, line))[0]).toBe(400);
});

test('lines are counted by name, in any case', () => {
  const raw = ['Authorization', 'a', 'X-Other', 'Authorization', 'AUTHORIZATION', 'b'];
  expect(isRepeated(raw, 'authorization')).toBe(true);
  expect(isRepeated(raw, 'x-other')).toBe(false);
  expect(isRepeated([], 'authorization')).toBe(false);
});
