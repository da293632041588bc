import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, startTestGateway } from '../support/gateway.ts';
import { describeEvery, testEvery } from '../support/exhaustive.ts';

/** Tokens with the claims that each provider's documentation shows, signed by a key at a real JWKS address. */

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const API = '6e74172b-be56-4843-9ff4-e66a39bb12e3';
const APP = '14a8ab1f-5f2b-4a6e-8f6b-8fbe6a3a86a2';

let keys: Server;
let jwksUrl = '';
let sign: (claims: Claims, header?: { alg?: string; kid?: string }) => Promise<string>;

type Claims = Readonly<Record<string, unknown>>;

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  // Entra ID's keys have no `alg`.
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', use: 'sig' };
  keys = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => {
    keys.listen(0, '127.0.0.1', resolve);
  });
  jwksUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`;
  sign = (claims, header) => {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ iat: now, nbf: now, exp: now + 300, ...claims })
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: 'one', ...header })
      .sign(privateKey);
  };
});
afterAll(() => keys.close());

type Provider = {
  readonly env: Readonly<Record<string, string>>;
  readonly claims: Claims;
  /** The claims with the scopes given. */
  readonly grant: (scopes: readonly string[]) => Claims;
  readonly client: string;
};

const joined = (scopes: readonly string[]) => scopes.join(' ');

const ENTRA_V2 = {
  env: { JWT_ISSUER: `https://login.microsoftonline.com/${TENANT}/v2.0`, JWT_AUDIENCE: API },
  claims: {
    aud: API,
    iss: `https://login.microsoftonline.com/${TENANT}/v2.0`,
    aio: 'E2ZgYOD0',
    azp: APP,
    azpacr: '1',
    oid: '8d3a8f9f-4e60-43a2-b5ef-1e0f4d7a7b8a',
    sub: '8d3a8f9f-4e60-43a2-b5ef-1e0f4d7a7b8a',
    rh: '0.AR8A',
    tid: TENANT,
    uti: 'Uti',
    ver: '2.0',
  },
  client: APP,
};
const ENTRA_V1 = {
  env: { JWT_ISSUER: `https://sts.windows.net/${TENANT}/`, JWT_AUDIENCE: `api://${API}` },
  claims: {
    aud: `api://${API}`,
    iss: `https://sts.windows.net/${TENANT}/`,
    appid: APP,
    appidacr: '1',
    idp: `https://sts.windows.net/${TENANT}/`,
    oid: '8d3a8f9f-4e60-43a2-b5ef-1e0f4d7a7b8a',
    sub: '8d3a8f9f-4e60-43a2-b5ef-1e0f4d7a7b8a',
    tid: TENANT,
    ver: '1.0',
  },
  client: APP,
};
const AUTH0 = {
  env: { JWT_ISSUER: 'https://example.auth0.com/', JWT_AUDIENCE: 'https://leads.example.com' },
  claims: {
    iss: 'https://example.auth0.com/',
    sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
    aud: ['https://leads.example.com', 'https://example.auth0.com/userinfo'],
    azp: 'my_client_id',
  },
  client: 'my_client_id',
};
const COGNITO: Provider = {
  env: {
    JWT_ISSUER: 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example',
    JWT_AUDIENCE: '1example23456789, 2example23456789',
    JWT_AUDIENCE_CLAIM: 'client_id',
    JWT_SCOPE_PREFIX: 'lead-gateway/',
  },
  claims: {
    sub: '2example23456789',
    token_use: 'access',
    auth_time: 1676313851,
    iss: 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example',
    version: 2,
    jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
    client_id: '2example23456789',
  },
  grant: (scopes) => ({ scope: joined(scopes.map((scope) => `lead-gateway/${scope}`)) }),
  client: '2example23456789',
};

const PROVIDERS: Readonly<Record<string, Provider>> = {
  'Entra ID 2.0, an application': { ...ENTRA_V2, grant: (roles) => ({ roles }) },
  'Entra ID 2.0, a person': {
    ...ENTRA_V2,
    grant: (scopes) => ({ scp: joined(scopes), name: 'Jane', roles: ['Sales', 'leads:id'] }),
  },
  'Entra ID 1.0, an application': { ...ENTRA_V1, grant: (roles) => ({ roles, idtyp: 'app' }) },
  'Entra ID 1.0, a person': {
    ...ENTRA_V1,
    grant: (scopes) => ({ scp: joined(scopes), upn: 'jane@example.com', idtyp: 'user' }),
  },
  'Auth0, an application': {
    ...AUTH0,
    grant: (scopes) => ({ scope: joined(scopes), gty: 'client-credentials', sub: 'my_client_id@clients' }),
  },
  'Auth0 with RBAC': {
    ...AUTH0,
    grant: (permissions) => ({ scope: 'openid profile email', permissions }),
  },
  'Auth0 with RBAC, no scope': { ...AUTH0, grant: (permissions) => ({ scope: '', permissions }) },
  'Amazon Cognito': COGNITO,
  Keycloak: {
    env: { JWT_ISSUER: 'https://id.example.com/realms/example', JWT_AUDIENCE: 'lead-gateway' },
    claims: {
      iss: 'https://id.example.com/realms/example',
      aud: ['lead-gateway', 'account'],
      sub: '2f3c1f1a-6a5b-4f4e-9f0b-b1a6b0a6a0a1',
      typ: 'Bearer',
      azp: 'crm',
      acr: '1',
      realm_access: { roles: ['offline_access', 'default-roles-example', 'leads:id'] },
      resource_access: { 'lead-gateway': { roles: ['leads:id'] } },
      clientHost: '192.0.2.1',
      preferred_username: 'service-account-crm',
    },
    grant: (scopes) => ({ scope: joined(['email', ...scopes, 'profile']) }),
    client: 'crm',
  },
  Okta: {
    env: { JWT_ISSUER: 'https://example.okta.com/oauth2/default', JWT_AUDIENCE: 'api://default' },
    claims: {
      ver: 1,
      jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
      iss: 'https://example.okta.com/oauth2/default',
      aud: 'api://default',
      sub: '0oa1abcdEFGH',
      cid: '0oa1abcdEFGH',
    },
    grant: (scp) => ({ scp }),
    client: '0oa1abcdEFGH',
  },
};

const start = (env: Readonly<Record<string, string>>) =>
  startTestGateway({ JWT_JWKS_URL: jwksUrl, LOG_LEVEL: 'info', ...env });
const LEAD = { email: 'jane@example.com' };

async function put(provider: Provider, claims: Claims, lead: unknown = LEAD, more = {}) {
  const gateway = await start({ ...provider.env, ...more });
  const answer = await gateway.putLead(lead, {
    headers: bearer(await sign({ ...provider.claims, ...claims })),
  });
  await gateway.close();
  const refusals = gateway.logs.flatMap((line) => /"refusal":"([\w-]+)"/.exec(line)?.[1] ?? []);
  return { status: answer.status, body: answer.body, log: gateway.logs.join(''), refusals };
}

describeEvery(3, Object.entries(PROVIDERS))('a token of %s', (_name, provider) => {
  const { grant, client } = provider;

  test('creates a lead by its scopes, and is named in the log by its application', async () => {
    const { status, log } = await put(provider, grant(['leads:write']));
    expect(status).toBe(201);
    expect(log).toContain(`"caller":"jwt:${client}"`);
  });

  test('writes the attributes its scopes name, percent-encoded, and no others', async () => {
    const claims = grant(['leads:write', 'leads:attribute:Lead%53core']);
    expect((await put(provider, claims, { ...LEAD, attributes: { LeadScore: 1 } })).status).toBe(201);
    expect((await put(provider, claims, { ...LEAD, attributes: { FirstName: 'A' } })).status).toBe(403);
  });

  test('is refused without the scope, whatever else it holds', async () => {
    expect((await put(provider, grant(['leads:return', 'email']))).status).toBe(403);
    expect((await put(provider, grant(['leads:write']), { id: 1 })).status).toBe(403);
  });

  test('is refused from another issuer and for another audience; the log says which', async () => {
    const audience = provider.env['JWT_AUDIENCE_CLAIM'] ?? 'aud';
    const wrong = { iss: { iss: 'https://other.example' }, aud: { [audience]: 'account' } };
    const issuer = await put(provider, { ...grant(['leads:write']), ...wrong.iss });
    const other = await put(provider, { ...grant(['leads:write']), ...wrong.aud });
    expect([issuer.status, issuer.refusals]).toEqual([401, ['token-issuer']]);
    expect([other.status, other.refusals]).toEqual([401, ['token-audience']]);
    expect(issuer.body.detail).toBe(other.body.detail);
    for (const secret of ['other.example', 'account', 'jane'])
      expect(issuer.log + other.log).not.toContain(secret);
  });
});

const WRITE = COGNITO.grant(['leads:write']);

describe('a token without aud', () => {
  testEvery<[string, Claims, Record<string, string>, string]>(3, [
    [
      'is refused unless client_id was named as its place',
      WRITE,
      { JWT_AUDIENCE_CLAIM: 'aud' },
      'token-audience',
    ],
    ['is refused for another client', { ...WRITE, client_id: 'other' }, {}, 'token-audience'],
    ['is refused without client_id', { ...WRITE, client_id: undefined }, {}, 'token-audience'],
    [
      'is refused when it does not say that it is for access',
      { ...WRITE, token_use: undefined },
      {},
      'token-use',
    ],
  ])('%s', async (_what, claims, env, refusal) => {
    const { status, refusals } = await put(COGNITO, claims, LEAD, env);
    expect([status, refusals]).toEqual([401, [refusal]]);
  });
});

testEvery<[string, Claims, string]>(3, [
  ['another aud is not let in by its client_id', { ...WRITE, aud: 'other' }, 'token-audience'],
  ['an empty aud is not let in by its client_id', { ...WRITE, aud: [] }, 'token-audience'],
  [
    'an ID token is refused although its aud is the client',
    { ...WRITE, aud: '2example23456789', token_use: 'id', client_id: undefined },
    'token-use',
  ],
])('with JWT_AUDIENCE_CLAIM=client_id a token with %s', async (_what, claims, refusal) => {
  const { status, refusals } = await put(COGNITO, claims);
  expect([status, refusals]).toEqual([401, [refusal]]);
});

test('a token bound to a resource is taken by its aud', async () => {
  const claims = { ...WRITE, aud: '1example23456789', client_id: 'another-client' };
  expect((await put(COGNITO, claims)).status).toBe(201);
});

test('a scope without the prefix does not count, in no claim', async () => {
  for (const name of ['scope', 'scp', 'permissions', 'roles']) {
    const { status } = await put(COGNITO, { [name]: ['leads:write', 'other/leads:write'] });
    expect([name, status]).toEqual([name, 403]);
  }
});

const ENTRA = PROVIDERS['Entra ID 2.0, an application']!;

testEvery<[string, Claims]>(2, [
  ['beside scp, where they are the person’s', { scp: 'access_as_user', roles: ['leads:write'] }],
  ['beside an empty scp', { scp: '', roles: ['leads:write'] }],
  ['of an ID token with a nonce', { roles: ['leads:write'], nonce: 'n-0S6' }],
  ['of an ID token without one', { roles: ['leads:write'], azp: undefined }],
])('roles %s do not count', async (_what, claims) => {
  expect((await put(ENTRA, claims)).status).toBe(403);
});

test('permissions do not widen a scope that was granted', async () => {
  const claims = { scope: 'leads:write', permissions: ['leads:write', 'leads:id'] };
  expect((await put(PROVIDERS['Auth0 with RBAC']!, claims, { id: 1 })).status).toBe(403);
});

testEvery<[string, () => Promise<string>, string]>(3, [
  ['has ended', () => sign({ ...ENTRA.claims, exp: 1 }), 'token-expired'],
  ['has no end', () => sign({ ...ENTRA.claims, exp: undefined }), 'token-claims'],
  ['is not valid yet', () => sign({ ...ENTRA.claims, nbf: 4_000_000_000 }), 'token-not-yet-valid'],
  ['is signed with an unknown key', () => sign(ENTRA.claims, { kid: 'two' }), 'token-key'],
  ['is changed', async () => (await sign(ENTRA.claims)).replace(/\.[^.]+\./, '.e30.'), 'token-signature'],
  ['is malformed', () => Promise.resolve('a.b.c'), 'token-malformed'],
])('the log says that a token %s', async (_what, token, refusal) => {
  const gateway = await start(ENTRA.env);
  expect((await gateway.putLead(LEAD, { headers: bearer(await token()) })).status).toBe(401);
  await gateway.close();
  expect(gateway.logs.join('')).toContain(`"refusal":"${refusal}"`);
});

test('a default workspace is a name and no pattern', async () => {
  const scope = 'leads:write leads:default-workspace:*';
  expect((await put(ENTRA, { scp: scope, roles: undefined }, { ...LEAD, workspace: 'Default' })).status).toBe(
    403,
  );
});
