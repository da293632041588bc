import { describe, expect, test } from 'vitest';
import { identity, TOKEN_QUERY } from '../../support/rest.ts';
import { startStillSandbox } from '../../support/sandbox.ts';

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const BASIC = `Basic ${Buffer.from('sandbox:sandbox-client-secret').toString('base64')}`;

describe('a token is given', () => {
  test.each([
    ['to a GET with the parameters in the query', {}],
    ['to a POST with the parameters in the query', { method: 'POST' }],
    ['to a POST with a form', { method: 'POST', query: '', headers: FORM, body: TOKEN_QUERY }],
    [
      'to a GET with id and secret as HTTP Basic',
      { query: 'grant_type=client_credentials', headers: { Authorization: BASIC } },
    ],
    [
      'to a POST with id and secret as HTTP Basic, the scheme in small letters',
      {
        method: 'POST',
        query: '',
        headers: { ...FORM, Authorization: BASIC.replace('Basic', 'basic') },
        body: 'grant_type=client_credentials',
      },
    ],
    ['beside partner_id and parameters that are not known', { query: `${TOKEN_QUERY}&partner_id=p&x=1` }],
  ])('%s', async (_how, request) => {
    const { url } = await startStillSandbox();
    const answer = await identity(url, request);
    expect(answer.status).toBe(200);
    expect(Object.entries(answer.json)).toEqual([
      ['access_token', expect.stringMatching(/^[\da-f-]{36}:lon$/)],
      ['token_type', 'bearer'],
      ['expires_in', 3599],
      ['scope', 'api@example.com'],
    ]);
    expect(answer.headers.get('content-type')).toBe('application/json;charset=UTF-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('pragma')).toBe('no-cache');
  });
});

describe('the life of a token', () => {
  test('one token until it ends; expires_in is what is left, rounded down, and 0 in the last second', async () => {
    const { url, tick } = await startStillSandbox();
    const first = (await identity(url)).json;
    expect(first.expires_in).toBe(3599);
    const lives = [];
    for (const ms of [1, 999, 1_000_000, 2_597_999, 999, 1]) {
      tick(ms);
      const { access_token: token, expires_in: life } = (await identity(url)).json;
      lives.push([token === first.access_token, life]);
    }
    expect(lives).toEqual([
      [true, 3599],
      [true, 3598],
      [true, 2598],
      [true, 1],
      [true, 0],
      [false, 3599],
    ]);
  });

  test('two requests at once get the same token', async () => {
    const { url } = await startStillSandbox();
    const [a, b] = await Promise.all([identity(url), identity(url, { method: 'POST' })]);
    expect(a.json.access_token).toBe(b.json.access_token);
  });
});

describe('no token is given', () => {
  test.each([
    [
      'for a wrong secret',
      'grant_type=client_credentials&client_id=sandbox&client_secret=wrong',
      401,
      { error: 'invalid_client', error_description: 'Bad client credentials' },
    ],
    [
      'without a secret',
      'grant_type=client_credentials&client_id=sandbox',
      401,
      { error: 'invalid_client', error_description: 'Bad client credentials' },
    ],
    [
      'for an unknown id',
      'grant_type=client_credentials&client_id=x&client_secret=sandbox-client-secret',
      401,
      { error: 'unauthorized', error_description: 'No client with requested id: x' },
    ],
    [
      'for another grant',
      'grant_type=password&client_id=sandbox&client_secret=sandbox-client-secret',
      400,
      { error: 'unsupported_grant_type', error_description: 'Unsupported grant type: password' },
    ],
  ])('%s', async (_why, query, status, json) => {
    const { url } = await startStillSandbox();
    const answer = await identity(url, { query });
    expect([answer.status, answer.json]).toEqual([status, json]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('pragma')).toBe('no-cache');
  });

  test('for another method, and nothing is served beside the path', async () => {
    const { url } = await startStillSandbox();
    expect((await identity(url, { method: 'DELETE' })).status).toBe(405);
    expect((await fetch(`${url}/identity/oauth`)).status).toBe(404);
  });
});
