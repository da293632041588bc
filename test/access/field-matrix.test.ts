import { describe, expect, test } from 'vitest';
import { PROTOCOLS, TODAY, upstreamEnv } from '../support/faces.ts';
import {
  bearer,
  type Entry,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  type TestGateway,
} from '../support/gateway.ts';
import { EC, signToken } from '../../checks/security/issuer.mjs';
import { startIssuer } from '../support/issuer.ts';
import { startStillSandbox } from '../support/sandbox.ts';
import { testEvery } from '../support/exhaustive.ts';

/** Fields of each sort: standard, custom, one that a pattern names, one that cannot be written by REST, a key. */
const FIELDS = ['FirstName', 'LeadScore', 'ShoeSize', 'InferredCompany', 'Email'] as const;

type Kind = {
  readonly kind: string;
  readonly attributes: readonly string[];
  /** Which of the fields it may write, and so see. */
  readonly may: readonly string[];
};

const KINDS: readonly Kind[] = [
  {
    kind: 'a secret key for all',
    attributes: ['*'],
    may: ['FirstName', 'LeadScore', 'ShoeSize', 'InferredCompany'],
  },
  { kind: 'a secret key for a name', attributes: ['FirstName'], may: ['FirstName'] },
  { kind: 'a secret key for a pattern', attributes: ['*S*', 'Email'], may: ['LeadScore', 'ShoeSize'] },
  { kind: 'a secret key for none', attributes: [], may: [] },
  {
    kind: 'a token for all',
    attributes: ['*'],
    may: ['FirstName', 'LeadScore', 'ShoeSize', 'InferredCompany'],
  },
  { kind: 'a token for a name', attributes: ['FirstName'], may: ['FirstName'] },
  { kind: 'a token for none', attributes: [], may: [] },
];

type Ask = (method: string, path: string, body?: unknown) => ReturnType<TestGateway['request']>;

describe.each(PROTOCOLS)('fields by %s', (protocol) => {
  testEvery(3, KINDS)('$kind sees and writes the same', async ({ kind, attributes, may }) => {
    const { ask, sandbox } = await start(protocol, kind, attributes);
    const { body } = await ask('GET', '/leads/fields');
    const seen = new Set<string>(body.fields.map(({ name }: any) => name));
    expect(FIELDS.filter((field) => seen.has(field))).toEqual(may);
    for (const field of FIELDS) {
      const isReadOnly = protocol === 'rest' && field === 'InferredCompany';
      const lead = {
        email: 'a@b.c',
        attributes: { [field]: field === 'ShoeSize' || field === 'LeadScore' ? 1 : 'x' },
      };
      const dry = await ask('PUT', '/leads?dryRun=true', lead);
      const wet = await ask('PUT', '/leads', lead);
      const isWritten = may.includes(field) && !isReadOnly;
      expect([field, dry.status === 200, wet.status < 300]).toEqual([field, isWritten, isWritten]);
      // What is refused is refused for the same reason.
      if (!isWritten) expect([dry.status, dry.body.type]).toEqual([wet.status, wet.body.type]);
    }
    expect((await sandbox.leads()).length).toBe(may.length === 0 ? 0 : 1);
  });

  test('a near miss is answered with a name that the key may write, or with none', async () => {
    const open = await start(protocol, 'a secret key for a pattern', ['Lead*', 'Shoe*']);
    const { ask } = open;
    await ask('GET', '/leads/fields');
    const { body } = await ask('PUT', '/leads', { email: 'a@b.c', attributes: { LeadSkore: 1, ShoeSiz: 1 } });
    expect(body.errors.map(({ detail }: any) => detail)).toEqual([
      'is not the name of a field in Marketo; did you mean LeadScore?',
      'is not the name of a field in Marketo; did you mean ShoeSize?',
    ]);
    const hidden = await start(protocol, 'a secret key for a name', ['LeadSkore']);
    await hidden.ask('GET', '/leads/fields');
    const refused = await hidden.ask('PUT', '/leads', { email: 'a@b.c', attributes: { LeadSkore: 1 } });
    expect(refused.text).not.toContain('LeadScore');
    const batch = await hidden.sendBatch([{ email: 'a@b.c', attributes: { LeadSkore: 1 } }]);
    expect(batch).toMatch(/unknown-attribute/);
    expect(batch).not.toContain('LeadScore');
    const told = await open.sendBatch([{ email: 'a@b.c', attributes: { LeadSkore: 1 } }]);
    expect(told).toContain('did you mean LeadScore?');
  });

  test.each([
    ['GET', '/leads/fields', undefined],
    ['GET', '/leads/fields?readOnly=false', undefined],
    ['GET', '/leads?email=a@b.c', undefined],
    ['PUT', '/leads?dryRun=true', { email: 'a@b.c', attributes: { FirstName: 'x' } }],
    ['PUT', '/leads/batch', { leads: [{ email: 'a@b.c' }] }],
  ] as const)('a publishable key gets nothing of %s %s', async (method, path, body) => {
    const sandbox = await startStillSandbox(TODAY);
    const gateway = await startKeyedGateway([SECRET, PUBLISHABLE], upstreamEnv(sandbox, protocol));
    await gateway.request('GET', '/leads/fields', { headers: bearer(SECRET.key) });
    const before = (await sandbox.calls()).length;
    const answer = await fetch(gateway.url + path, {
      method,
      headers: { ...bearer(PUBLISHABLE.key), origin: ORIGIN, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect(answer.status).toBe(403);
    expect(await answer.text()).not.toMatch(/LeadScore|FirstName/);
    expect((await sandbox.calls()).length).toBe(before);
    expect(await sandbox.leads()).toEqual([]);
  });
});

async function start(protocol: (typeof PROTOCOLS)[number], kind: string, attributes: readonly string[]) {
  const sandbox = await startStillSandbox(TODAY);
  await sandbox.control('POST', '/fields', { name: 'ShoeSize', type: 'integer' });
  const entry: Entry = { ...SECRET, attributes };
  const isToken = kind.startsWith('a token');
  const issuer = isToken ? await startIssuer() : undefined;
  const env = { ...upstreamEnv(sandbox, protocol), ...(issuer && tokenEnv(issuer.url)) };
  const gateway = await startKeyedGateway([entry], env);
  const credential = issuer === undefined ? entry.key : tokenOf(attributes);
  const ask: Ask = (method, path, body) =>
    gateway.request(method, path, {
      headers: { ...bearer(credential), 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const sendBatch = async (leads: readonly unknown[]) => {
    const answer = await fetch(`${gateway.url}/leads/batch`, {
      method: 'PUT',
      headers: { ...bearer(credential), 'content-type': 'application/json' },
      body: JSON.stringify({ leads }),
    });
    return answer.text();
  };
  return { ask, sendBatch, sandbox };
}

function tokenEnv(url: string) {
  return { JWT_ISSUER: 'https://id.example/', JWT_AUDIENCE: 'lead-gateway', JWT_JWKS_URL: url };
}

/** A token with the scopes that give these attributes. */
function tokenOf(attributes: readonly string[]): string {
  const scope = ['leads:write', ...attributes.map((name) => `leads:attribute:${name}`)].join(' ');
  const exp = Math.floor(Date.now() / 1000) + 300;
  const claims = { iss: 'https://id.example/', aud: 'lead-gateway', exp, scope };
  return signToken(JSON.stringify({ alg: 'ES256', kid: 'two' }), JSON.stringify(claims), EC.privateKey);
}
