import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { success } from '../support/answers.ts';
import { readSentLead } from '../marketo-soap/envelope-schema.ts';
import { problemType } from '../support/client.ts';
import {
  type Answer,
  type TestGateway,
  upstreamAt,
  bearer,
  type Entry,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
} from '../support/gateway.ts';
import { record } from '../support/recordings.ts';
import { startUpstream } from '../support/upstream.ts';
import { describeEvery, testEvery } from '../support/exhaustive.ts';

const AUDIENCE = 'lead-gateway';
let issuer = '';
let sign: (claims: Record<string, unknown>) => Promise<string>;
let stop = () => {};

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] });
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(jwks);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  sign = (claims) => {
    const inFiveMinutes = Math.floor(Date.now() / 1000) + 300;
    return new SignJWT({ iss: issuer, aud: AUDIENCE, exp: inFiveMinutes, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .sign(privateKey);
  };
  stop = () => server.close();
});
afterAll(() => stop());

/** A permission: a lead that needs it, how a key has it, how a token has it. */
type Row = {
  readonly what: string;
  readonly lead: object;
  readonly pointer: string;
  readonly permission: string;
  readonly entry: Record<string, unknown>;
  readonly scope: string;
  /** What a 403 to a token says is needed. */
  readonly needed: string;
  /** What a caller may not. */
  readonly act: string;
  /** Whether a publishable key can have it. */
  readonly publishable: boolean;
};

const ROWS: readonly Row[] = [
  {
    what: 'an attribute',
    lead: { email: 'a@b.c', attributes: { FirstName: 'A' } },
    pointer: '#/attributes/FirstName',
    permission: 'permission attributes with FirstName in its list',
    entry: { attributes: ['FirstName'] },
    scope: 'leads:attribute:FirstName',
    needed: 'scope leads:attribute:FirstName',
    act: 'write FirstName',
    publishable: true,
  },
  {
    what: 'an attribute by a pattern',
    lead: { email: 'a@b.c', attributes: { FirstName: 'A' } },
    pointer: '#/attributes/FirstName',
    permission: 'permission attributes with FirstName in its list',
    entry: { attributes: ['First*'] },
    scope: 'leads:attribute:First*',
    needed: 'scope leads:attribute:FirstName',
    act: 'write FirstName',
    publishable: true,
  },
  {
    what: 'a workspace',
    lead: { email: 'a@b.c', workspace: 'default' },
    pointer: '#/workspace',
    permission: 'permission workspaces with default in its list',
    entry: { workspaces: ['Default'], defaultWorkspace: 'Default' },
    scope: 'leads:workspace:Default',
    needed: 'scope leads:workspace:default',
    act: 'write into the workspace default',
    publishable: true,
  },
  {
    what: 'returnLead',
    lead: { email: 'a@b.c', returnLead: true },
    pointer: '#/returnLead',
    permission: 'permission returnLead',
    entry: { returnLead: true },
    scope: 'leads:return',
    needed: 'scope leads:return',
    act: 'get the lead back (returnLead)',
    publishable: false,
  },
  {
    what: 'an id',
    lead: { id: 1 },
    pointer: '#/id',
    permission: 'permission byId',
    entry: { byId: true },
    scope: 'leads:id',
    needed: 'scope leads:id',
    act: 'address a lead by id',
    publishable: false,
  },
  {
    what: 'a foreign id',
    lead: { foreignSysPersonId: 'x', foreignSysType: 'SFDC' },
    pointer: '#/foreignSysPersonId',
    permission: 'permission byForeignId',
    entry: { byForeignId: true },
    scope: 'leads:foreign-id',
    needed: 'scope leads:foreign-id',
    act: 'address a lead by foreignSysPersonId',
    publishable: false,
  },
];

const BARE = { workspaces: [], attributes: [], returnLead: false, byId: false, byForeignId: false };
const withScopes = (...scopes: string[]) => sign({ scope: ['leads:write', ...scopes].join(' ') });

async function startWithTokens(env: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
  return startKeyedGateway([SECRET], {
    ...env,
    JWT_ISSUER: issuer,
    JWT_AUDIENCE: AUDIENCE,
    JWT_JWKS_URL: `${issuer}keys`,
  });
}

/** What a refused lead is answered with; nothing of it reaches the upstream. */
function expectForbidden(answer: Answer, detail: string, pointer: string, needed: string): void {
  expect([answer.status, answer.body.type]).toEqual([403, problemType('forbidden')]);
  expect(answer.body.detail).toBe(detail);
  expect(answer.body.errors).toEqual([{ pointer, detail: `needs the ${needed}` }]);
}

/** The lead is taken, or refused for another reason than permission: there is no lead 1. */
const passed = (status: number) => status === 200 || status === 201 || status === 202 || status === 404;

describeEvery(3, ROWS)('$what', ({ lead, pointer, permission, entry, scope, needed, act, publishable }) => {
  test('is refused for a secret key without the permission and passes with it', async () => {
    const bare: Entry = { ...SECRET, ...BARE };
    const gateway = await startKeyedGateway([bare]);
    const refused = await gateway.putLead(lead, { headers: bearer(SECRET.key) });
    expectForbidden(refused, `This key may not ${act}.`, pointer, permission);
    const given = await startKeyedGateway([{ ...bare, ...entry }]);
    expect(passed((await given.putLead(lead, { headers: bearer(SECRET.key) })).status)).toBe(true);
  });

  test('is refused for a publishable key without the permission', async () => {
    const headers = { ...bearer(PUBLISHABLE.key), origin: ORIGIN };
    const bare: Entry = { ...PUBLISHABLE, workspaces: [], attributes: [] };
    const gateway = await startKeyedGateway([bare]);
    expectForbidden(
      await gateway.putLead(lead, { headers }),
      `This key may not ${act}.`,
      pointer,
      permission,
    );
    if (!publishable) return;
    const given = await startKeyedGateway([{ ...bare, ...entry }]);
    expect((await given.putLead(lead, { headers })).status).toBe(202);
  });

  test('is refused for a token without the scope and passes with it', async () => {
    const gateway = await startWithTokens();
    const without = await gateway.putLead(lead, { headers: bearer(await withScopes()) });
    expectForbidden(without, `This token may not ${act}.`, pointer, needed);
    const given = await gateway.putLead(lead, { headers: bearer(await withScopes(scope)) });
    expect(passed(given.status)).toBe(true);
  });
});

test('all missing permissions are reported at once', async () => {
  const gateway = await startKeyedGateway([{ ...SECRET, ...BARE }]);
  const { body } = await gateway.putLead(
    { id: 1, attributes: { A: 1, B: 2, C: 3, D: 4, E: 5 }, returnLead: true, workspace: 'Europe' },
    { headers: bearer(SECRET.key) },
  );
  expect(body.detail).toBe(
    'This key may not address a lead by id. This key may not write A, B, C and 2 more. This key may not get the lead back (returnLead). This key may not write into the workspace Europe.',
  );
  expect(body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
    '#/id',
    '#/attributes/A',
    '#/attributes/B',
    '#/attributes/C',
    '#/attributes/D',
    '#/attributes/E',
    '#/returnLead',
    '#/workspace',
  ]);
});

testEvery(2, [
  [['A', 'B'], 'A and B'],
  [['A', 'B', 'C'], 'A, B and C'],
  [['Shoe size'], 'Shoe size'],
  [['x'.repeat(200)], `${'x'.repeat(80)}…`],
])('the attributes %j are listed as %s', async (names, listed) => {
  const gateway = await startKeyedGateway([{ ...SECRET, ...BARE }]);
  const attributes = Object.fromEntries(names.map((name) => [name, 1]));
  const { body } = await gateway.putLead({ email: 'a@b.c', attributes }, { headers: bearer(SECRET.key) });
  expect(body.detail).toBe(`This key may not write ${listed}.`);
});

test('a missing scope is named as it has to be requested', async () => {
  const gateway = await startWithTokens();
  const lead = { email: 'a@b.c', attributes: { 'Shoe size': 42 } };
  const { body } = await gateway.putLead(lead, { headers: bearer(await withScopes()) });
  expect(body.errors).toEqual([
    { pointer: '#/attributes/Shoe%20size', detail: 'needs the scope leads:attribute:Shoe%20size' },
  ]);
  const asked = String(body.errors[0].detail).replace('needs the scope ', '');
  expect((await gateway.putLead(lead, { headers: bearer(await withScopes(asked)) })).body.type).toEqual(
    problemType('unknown-attribute'),
  );
});

test('email and cookie need no permission of their own', async () => {
  const gateway = await startKeyedGateway([{ ...SECRET, ...BARE }]);
  const lead = { email: 'a@b.c', marketoCookie: 'id:1&token:2' };
  expect((await gateway.putLead(lead, { headers: bearer(SECRET.key) })).status).toBe(201);
});

describe('a token', () => {
  test('without leads:write may not write', async () => {
    const gateway = await startWithTokens();
    const headers = bearer(await sign({ scope: 'leads:return' }));
    const { status, body } = await gateway.putLead({ email: 'a@b.c' }, { headers });
    expect([status, body.detail]).toEqual([
      403,
      'This token may not write leads: it needs the scope leads:write.',
    ]);
  });

  test.each<[string, Record<string, unknown>]>([
    ['scp as a list', { scp: ['leads:write', 'leads:attribute:*'] }],
    ['scp as a text', { scp: 'leads:write leads:attribute:*' }],
    ['scope', { scope: 'openid leads:write leads:attribute:First%4Eame' }],
  ])('has its scopes in %s', async (_where, claims) => {
    const gateway = await startWithTokens();
    const lead = { email: 'a@b.c', attributes: { FirstName: 'A' } };
    const { status } = await gateway.putLead(lead, { headers: bearer(await sign(claims)) });
    expect(status).toBe(201);
  });

  testEvery<[string, () => Promise<string>]>(2, [
    ['expired', () => sign({ scope: 'leads:write', exp: 1 })],
    ['without an end', () => sign({ scope: 'leads:write', exp: undefined })],
    ['of another issuer', () => sign({ scope: 'leads:write', iss: 'https://other.example' })],
    ['for another audience', () => sign({ scope: 'leads:write', aud: 'other' })],
    ['not valid yet', () => sign({ scope: 'leads:write', nbf: 4_000_000_000 })],
  ])('%s is refused as any wrong key is', async (_what, token) => {
    const gateway = await startWithTokens();
    const { status, body } = await gateway.putLead({ email: 'a@b.c' }, { headers: bearer(await token()) });
    const wrong = await gateway.putLead({ email: 'a@b.c' }, { headers: bearer('lgs_wrong') });
    expect(status).toBe(401);
    expect({ ...body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' });
  });

  test('signed with another key, with a shared secret or not at all is refused', async () => {
    const gateway = await startWithTokens();
    const other = await generateKeyPair('ES256');
    const payload = { iss: issuer, aud: AUDIENCE, exp: 4_000_000_000, scope: 'leads:write' };
    const signed = (header: { alg: string; kid: string }, key: Parameters<SignJWT['sign']>[0]) =>
      new SignJWT(payload).setProtectedHeader(header).sign(key);
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const tokens = [
      await signed({ alg: 'ES256', kid: 'one' }, other.privateKey),
      await signed({ alg: 'ES256', kid: 'unknown' }, other.privateKey),
      await signed({ alg: 'HS256', kid: 'one' }, new Uint8Array(32)),
      `${encode({ alg: 'none' })}.${encode(payload)}.`,
      'not.a.token',
      'x',
    ];
    for (const token of tokens) {
      expect((await gateway.putLead({ email: 'a@b.c' }, { headers: bearer(token) })).status).toBe(401);
    }
  });

  test("gets 503, not 401, while its issuer's keys are unavailable", async () => {
    const gateway = await startKeyedGateway([SECRET], {
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: AUDIENCE,
      JWT_JWKS_URL: 'http://127.0.0.1:1/keys',
    });
    const answer = await gateway.putLead({ email: 'a@b.c' }, { headers: bearer(await withScopes()) });
    expect([answer.status, answer.body.type]).toEqual([503, problemType('unavailable')]);
    // Keys do not need the identity provider.
    expect((await gateway.putLead({ email: 'a@b.c' }, { headers: bearer(SECRET.key) })).status).toBe(201);
  });

  test('shares the rate limit of its application, whichever user it is for', async () => {
    const gateway = await startWithTokens({ JWT_REQUESTS_PER_SECOND: '1', JWT_BURST: '2' });
    const put = async (client_id: string, sub: string) =>
      gateway.putLead(
        { email: 'a@b.c' },
        { headers: bearer(await sign({ scope: 'leads:write', client_id, sub })) },
      );
    const answers = [
      await put('crm', 'a'),
      await put('crm', 'b'),
      await put('crm', 'c'),
      await put('shop', 'a'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 429, 200]);
    expect(answers[2]?.headers.get('ratelimit-policy')).toBe('"burst";q=2;w=2');
    expect(answers[2]?.body.detail).toBe(
      'This application may make 2 requests in 2 s; send the request again after the time in Retry-After.',
    );
  });

  test('is logged by the application it was given to, and never itself', async () => {
    const gateway = await startWithTokens();
    const token = await sign({ scope: 'leads:write', client_id: 'crm-sync', sub: 'jane@example.com' });
    await gateway.putLead({ email: 'a@b.c' }, { headers: bearer(token) });
    await gateway.close();
    const log = gateway.logs.join('');
    expect(log).toContain('"caller":"jwt:crm-sync","callerKind":"token"');
    for (const part of token.split('.')) expect(log).not.toContain(part);
    expect(log).not.toContain('jane');
    record(log);
  });
});

describe('the default workspace', () => {
  const workspaceSent = async (entry: object, lead: object) => {
    const upstream = await startUpstream((response) => {
      response.setHeader('content-type', 'text/xml').end(success());
    });
    const gateway = await startKeyedGateway([{ ...SECRET, ...entry }], {
      ...upstreamAt(upstream.endpoint),
      MARKETO_DEFAULT_WORKSPACE: 'FromConfig',
    });
    await gateway.putLead({ email: 'a@b.c', ...lead }, { headers: bearer(SECRET.key) });
    return readSentLead(upstream.calls[0]?.body ?? '').workspace;
  };

  test("is the request's, then the key's, then the configuration's", async () => {
    const key = { defaultWorkspace: 'FromKey' };
    expect([
      await workspaceSent(key, { workspace: 'FromRequest' }),
      await workspaceSent(key, {}),
      await workspaceSent({}, {}),
    ]).toEqual(['FromRequest', 'FromKey', 'FromConfig']);
  });

  test('of a key is one it may name', async () => {
    const entry = { workspaces: [], defaultWorkspace: 'FromKey' };
    expect(await workspaceSent(entry, { workspace: 'fromkey' })).toBe('fromkey');
    expect(await workspaceSent(entry, {})).toBe('FromKey');
  });
});

describe('GET /metrics', () => {
  test('needs a caller with the permission, where callers are authenticated', async () => {
    const gateway = await startWithTokens();
    const statuses = await Promise.all([
      gateway.request('GET', '/metrics'),
      gateway.request('GET', '/metrics', { headers: bearer(SECRET.key) }),
      gateway.request('GET', '/metrics', { headers: bearer(await sign({ scope: 'metrics:read' })) }),
      gateway.request('GET', '/metrics', { headers: bearer(await withScopes()) }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([401, 200, 200, 403]);
    expect(statuses[3]?.body.detail).toBe(
      'This token may not read the metrics: it needs the scope metrics:read.',
    );
  });

  test('counts requests by problem and name of key', async () => {
    const gateway = await startKeyedGateway([SECRET]);
    await gateway.putLead({ email: 'a@b.c' }, { headers: bearer(SECRET.key) });
    await gateway.putLead({ email: 'a@b.c' }, { headers: bearer('nonsense') });
    await gateway.putLead('{', { headers: bearer(SECRET.key) });
    const { text } = await gateway.request('GET', '/metrics', { headers: bearer(SECRET.key) });
    for (const labels of [
      'status="201",slug="",caller="back-end",kind="secret"',
      'status="400",slug="malformed-json",caller="back-end",kind="secret"',
      'status="401",slug="unauthorized",caller="unknown",kind="unknown"',
    ]) {
      expect(text).toContain(`lead_gateway_requests_total{route="/leads",${labels}} 1`);
    }
  });
});
