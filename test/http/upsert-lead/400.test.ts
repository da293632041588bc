import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startApp, unreachable } from '../../support/app.ts';
import { putLead, send, problemType } from '../../support/client.ts';

const EMPTY = 'The body is empty; send the lead as a JSON object.';
const NOT_UTF8 = 'The body is not valid UTF-8; encode the text as UTF-8.';

describe('PUT /leads answers 400 malformed-json', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['nothing', '', EMPTY],
    ['blanks', ' \r\n', EMPTY],
    ['a byte order mark alone', '\uFEFF', EMPTY],
    ['a word', 'hello', 'Line 1, column 1: expected a value, found "h".'],
    [
      'an object that ends too early',
      '{"email":"jane@example.com"',
      'Line 1, column 28: expected "," or the end of the list or object, found the end of the text.',
    ],
    [
      'a comma after the last member',
      '{\n  "email": "jane@example.com",\n}',
      'Line 3, column 1: expected a member name in double quotes, found "}".',
    ],
    [
      'single quotes',
      "{'email':1}",
      'Line 1, column 2: expected a member name in double quotes or "}", found "\'".',
    ],
    ['two values', '{} {}', 'Line 1, column 4: expected nothing more, found "{".'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), NOT_UTF8],
    ['Latin-1', Buffer.from('{"attributes":{"City":"Zürich"}}', 'latin1'), NOT_UTF8],
    ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), NOT_UTF8],
  ])('to %s', async (_what, body, detail) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, body);
    expect(answer.json).toEqual({
      type: problemType('malformed-json'),
      title: 'The body is not JSON',
      status: 400,
      detail,
      requestId: 'request-1',
      retryable: false,
    });
  });

  test('to a request without a body', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await send(url, '/leads', { method: 'PUT' });
    expect([answer.status, answer.json['detail']]).toEqual([400, EMPTY]);
  });

  test.each([
    ['broken', Buffer.from('this is not gzip')],
    ['cut off', gzipSync('{"email":"jane@example.com"}').subarray(0, 20)],
  ])('to %s gzip', async (_how, body) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, body, { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(400);
    expect(answer.json['detail']).toBe('The body cannot be decompressed as its Content-Encoding says.');
  });

  test('without repeating what was sent', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, '{"email":"jane@example.com" "x":1}');
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('jane');
  });
});
