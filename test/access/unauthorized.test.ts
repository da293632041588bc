import { describe, expect, test } from 'vitest';
import { bearer, PUBLISHABLE, SECRET, startKeyedGateway, startTestGateway } from '../support/gateway.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { testEvery } from '../support/exhaustive.ts';

const LEAD = { email: 'a@b.c' };
const mistyped = `${SECRET.key.slice(0, -1)}${SECRET.key.endsWith('0') ? '1' : '0'}`;

const WRONG: readonly (readonly [string, Record<string, string>, Record<string, string>])[] = [
  ['no credentials', {}, { refusal: 'missing' }],
  ['an unknown key', bearer(TEST_KEYS.unknown), { refusal: 'unknown' }],
  ['a mistyped key', bearer(mistyped), { refusal: 'malformed' }],
  ['something else', bearer('hello'), { refusal: 'malformed' }],
  ['an expired key', bearer(TEST_KEYS.expired), { refusal: 'expired', caller: 'expired' }],
  ['a disabled key', bearer(TEST_KEYS.disabled), { refusal: 'disabled', caller: 'disabled' }],
  ['a revoked key', bearer(TEST_KEYS.revoked), { refusal: 'revoked', caller: 'revoked' }],
  ['another scheme', { authorization: `Basic ${SECRET.key}` }, { refusal: 'malformed' }],
  ['a bare key', { authorization: SECRET.key }, { refusal: 'malformed' }],
  ['an empty X-API-Key', { 'x-api-key': '' }, { refusal: 'malformed' }],
  ['a wrong X-API-Key', { 'x-api-key': TEST_KEYS.unknown }, { refusal: 'unknown' }],
  ['two keys in one header', { 'x-api-key': `${SECRET.key}, ${SECRET.key}` }, { refusal: 'malformed' }],
];

const start = () =>
  startKeyedGateway([
    SECRET,
    { ...SECRET, name: 'expired', key: TEST_KEYS.expired, expiresAt: '2020-01-01T00:00:00Z' },
    { ...SECRET, name: 'disabled', key: TEST_KEYS.disabled, enabled: false },
    { ...SECRET, name: 'revoked', key: TEST_KEYS.revoked, revokedAt: '2020-01-01T00:00:00Z' },
  ]);

describe('PUT /leads answers 401', () => {
  test('with the same words and headers whatever is wrong with the key; only the log says what', async () => {
    const gateway = await start();
    const ofEachRequest = new Set(['x-request-id', 'traceparent', 'date']);
    const shapes = new Set<string>();
    for (const [, headers] of WRONG) {
      const answer = await gateway.putLead(LEAD, { headers });
      const shown = [...answer.headers].filter(([name]) => !ofEachRequest.has(name));
      shapes.add(JSON.stringify([answer.status, shown, { ...answer.body, requestId: '' }]));
    }
    expect([...shapes]).toHaveLength(1);
    expect([...shapes][0]).toContain('["www-authenticate","Bearer realm=\\"lead-gateway\\""]');
    expect([...shapes][0]).toMatch(/^\[401,.*\/problems\/unauthorized"/);
    await gateway.close();
    const lines = gateway.logs.map((line) => JSON.parse(line) as Record<string, unknown>);
    const refused = lines.filter(({ problem }) => problem === 'unauthorized');
    for (const [index, [, , expected]] of WRONG.entries()) expect(refused[index]).toMatchObject(expected);
  });

  test('to two keys that differ, since it is not for the gateway to choose', async () => {
    const gateway = await start();
    const headers = { ...bearer(SECRET.key), 'x-api-key': TEST_KEYS.unknown };
    const { status, body } = await gateway.putLead(LEAD, { headers });
    expect([status, body.detail]).toEqual([
      401,
      'Authorization and X-API-Key are both set and differ; send one of them.',
    ]);
  });

  test('before it reads the body', async () => {
    const gateway = await start();
    expect((await gateway.putLead('{')).status).toBe(401);
  });
});

describe('a key is taken', () => {
  testEvery<[string, Record<string, string>]>(3, [
    ['as a bearer token', bearer(SECRET.key)],
    ['as a bearer token in any case', { authorization: `BEARER  ${SECRET.key}` }],
    ['as X-API-Key', { 'x-api-key': SECRET.key }],
    ['as both', { ...bearer(SECRET.key), 'x-api-key': SECRET.key }],
  ])('%s', async (_how, headers) => {
    const gateway = await start();
    expect((await gateway.putLead(LEAD, { headers })).status).toBe(201);
  });

  test('until the moment it expires', async () => {
    let nowMs = Date.parse('2030-01-01T00:00:00Z') - 1;
    const file = await start();
    file.file.replace([{ ...SECRET, expiresAt: '2030-01-01T01:00:00+01:00' }]);
    const gateway = await startTestGateway({ API_KEYS_FILE: file.file.path }, { now: () => nowMs });
    expect((await gateway.putLead(LEAD, { headers: bearer(SECRET.key) })).status).not.toBe(401);
    nowMs += 1;
    expect((await gateway.putLead(LEAD, { headers: bearer(SECRET.key) })).status).toBe(401);
  });
});

describe('public resources', () => {
  testEvery(2, ['/healthz', '/readyz', '/docs', '/openapi.json', '/problems/forbidden'])(
    '%s needs no credentials',
    async (path) => {
      const gateway = await start();
      expect((await gateway.request('GET', path)).status).toBe(200);
    },
  );

  test('without keys and tokens, everything is public', async () => {
    const gateway = await startTestGateway();
    expect((await gateway.putLead({ ...LEAD, returnLead: true })).status).toBe(201);
    expect((await gateway.request('GET', '/metrics')).status).toBe(200);
  });
});

describe('an Origin header', () => {
  testEvery(2, [
    ['of a page the key is not for', { origin: 'https://evil.example' }],
    ['of another port', { origin: 'https://www.example.com:8443' }],
    ['of no page', { origin: 'null' }],
    ['that is missing', {}],
  ])('%s with a publishable key is refused with the reason', async (_what, headers) => {
    const gateway = await startKeyedGateway([PUBLISHABLE]);
    const sent = { ...bearer(PUBLISHABLE.key), ...(headers as Record<string, string>) };
    const { status, body } = await gateway.putLead(LEAD, { headers: sent });
    expect(status).toBe(403);
    expect(body.detail).toMatch(/^This key (?:does not work|works only) in pages of/);
  });
});
