import { describe, expect, test } from 'vitest';
import { afterFetch, readTokenAnswer, writeTokenRequest } from '../../src/marketo-rest/token.ts';

test('the request has the credentials in its form', () => {
  expect(writeTokenRequest('a&b', 'c d+')).toBe(
    'grant_type=client_credentials&client_id=a%26b&client_secret=c%20d%2B',
  );
});

describe('identity answers', () => {
  test('a token with the rest of its life', () => {
    const body =
      '{"access_token":"6f0c:lon","token_type":"bearer","expires_in":3599,"scope":"api@example.com"}';
    expect(readTokenAnswer(200, body)).toEqual({ kind: 'token', value: '6f0c:lon', expiresInMs: 3_599_000 });
  });
  test.each([
    ['"0"', 0],
    ['"3599"', 3_599_000],
    ['" 12.5 "', 12_500],
    ['2', 2000],
    ['1.5', 1500],
    // A life that is over is one of two seconds or less.
    ['-1', 0],
    ['"-3599"', 0],
  ])('a life of %s as one of %i ms', (life, expiresInMs) => {
    expect(readTokenAnswer(200, `{"access_token":"a","expires_in":${life}}`)).toMatchObject({ expiresInMs });
  });
  test.each([
    [
      401,
      '{"error":"invalid_client","error_description":"Bad client credentials"}',
      'Bad client credentials',
    ],
    [400, '{"error":"unsupported_grant_type"}', 'unsupported_grant_type'],
    [401, 'no', ''],
  ])('no, with %i', (status, body, message) => {
    expect(readTokenAnswer(status, body)).toEqual({ kind: 'denied', message });
  });
  test.each([
    '',
    '<html>',
    '[]',
    '{}',
    '{"access_token":"","expires_in":1}',
    '{"access_token":7,"expires_in":1}',
    String.raw`{"access_token":"a\r\nX: b","expires_in":1}`,
    '{"access_token":"a"}',
    '{"access_token":"a","expires_in":null}',
    '{"access_token":"a","expires_in":true}',
    '{"access_token":"a","expires_in":""}',
    '{"access_token":"a","expires_in":1e999}',
    '{"access_token":"a","expires_in":"soon"}',
  ])('what is no token: %s', (body) => {
    expect(readTokenAnswer(200, body)).toMatchObject({ kind: 'unreadable' });
  });
});

describe('a fetched token', () => {
  const token = (expiresInMs: number, value = 'new') => ({ kind: 'token', value, expiresInMs }) as const;
  test('is used until its life ends, counted from the request', () => {
    expect(afterFetch(token(3_599_000), 1000, 1)).toEqual({
      kind: 'use',
      token: { value: 'new', endsAtMs: 3_600_000 },
    });
  });
  test('with two seconds or less is waited out, three times at most', () => {
    expect(afterFetch(token(0), 0, 1)).toEqual({ kind: 'wait', ms: 1000 });
    expect(afterFetch(token(2000, 'old'), 0, 2)).toEqual({ kind: 'wait', ms: 3000 });
    expect(afterFetch(token(2000), 0, 3)).toEqual({ kind: 'deny' });
  });
});
