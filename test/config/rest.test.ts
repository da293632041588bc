import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/files.ts';

const SECRET = 'a-client-secret-for-tests';
const rest = {
  MARKETO_REST_ENDPOINT: 'https://123-abc-456.mktorest.com/rest',
  MARKETO_CLIENT_ID: 'client',
  MARKETO_CLIENT_SECRET: SECRET,
};
const soap = {
  MARKETO_SOAP_ENDPOINT: 'https://soap.example.com/soap/mktows/2_9',
  MARKETO_USER_ID: 'user',
  MARKETO_ENCRYPTION_KEY: 'a-secret-key-for-tests',
};

const read = (env: Environment) =>
  readConfig(env, () => {
    throw new Error('no file is read');
  });

function mistakesOf(env: Environment): readonly string[] {
  const result = read(env);
  return result.ok ? [] : result.mistakes;
}

function configOf(env: Environment) {
  const result = read(env);
  if (!result.ok) throw new Error(result.mistakes.join('; '));
  return result.config;
}

function restOf(env: Environment) {
  const { upstream } = configOf(env);
  return upstream?.protocol === 'rest' ? upstream : undefined;
}

describe('the REST endpoint', () => {
  test.each([
    ['https://123-abc-456.mktorest.com/rest', 'https://123-abc-456.mktorest.com/rest'],
    ['https://123-abc-456.mktorest.com/rest/', 'https://123-abc-456.mktorest.com/rest'],
    ['https://123-abc-456.mktorest.com', 'https://123-abc-456.mktorest.com/rest'],
    ['https://123-abc-456.mktorest.com/', 'https://123-abc-456.mktorest.com/rest'],
    ['https://123-abc-456.mktorest.com//rest//', 'https://123-abc-456.mktorest.com/rest'],
    ['http://127.0.0.1:8081/rest', 'http://127.0.0.1:8081/rest'],
    ['https://relay.example.com/marketo', 'https://relay.example.com/marketo/rest'],
  ])('%s is %s', (value, href) => {
    expect(restOf({ ...rest, MARKETO_REST_ENDPOINT: value })?.endpoint.href).toBe(href);
  });
  test.each([
    ['http://example.com/rest', /must be an https: URL/],
    ['https://user:x@example.com/rest', /user name/],
    ['https://MUNCHKIN-ID.mktorest.com/rest', /placeholder/],
    ['https://x.mktoapi.com/soap/mktows/2_9', /SOAP API; the REST endpoint is https:\/\/x\.mktorest\.com/],
    ['https://x.mktorest.com/identity', /does not have the path/],
    ['https://x.mktorest.com/rest?a=b', /query/],
    ['x.mktorest.com', /must be a URL/],
  ])('%s is no REST endpoint', (value, words) => {
    expect(mistakesOf({ ...rest, MARKETO_REST_ENDPOINT: value })).toEqual([expect.stringMatching(words)]);
  });
  test('may be insecure if the operator wants it', () => {
    const env = {
      ...rest,
      MARKETO_REST_ENDPOINT: 'http://relay.example.com/rest',
      MARKETO_ALLOW_INSECURE: 'true',
    };
    expect(restOf(env)?.identity.href).toBe('http://relay.example.com/identity');
  });
});

test.each([
  [undefined, 'https://123-abc-456.mktorest.com/identity'],
  ['https://id.example.com/identity/', 'https://id.example.com/identity'],
  ['https://id.example.com', 'https://id.example.com/identity'],
  ['https://id.example.com/identity/oauth/token', 'https://id.example.com/identity'],
])('identity %s is at %s', (value, href) => {
  expect(restOf({ ...rest, MARKETO_IDENTITY_ENDPOINT: value })?.identity.href).toBe(href);
});

describe('the credentials', () => {
  test('are all three or none', () => {
    const { MARKETO_CLIENT_SECRET: _, ...half } = rest;
    expect(mistakesOf(half)).toEqual([
      'MARKETO_CLIENT_SECRET is missing; MARKETO_REST_ENDPOINT, MARKETO_CLIENT_ID, MARKETO_CLIENT_SECRET must be set together',
    ]);
  });
  test('of both APIs need a choice', () => {
    expect(mistakesOf({ ...rest, ...soap })).toEqual([expect.stringMatching(/^MARKETO_UPSTREAM is missing/)]);
    expect(configOf({ ...rest, ...soap, MARKETO_UPSTREAM: 'REST' }).upstream?.protocol).toBe('rest');
    expect(configOf({ ...rest, ...soap, MARKETO_UPSTREAM: 'soap' }).upstream?.protocol).toBe('soap');
  });
  test('must be those of the choice', () => {
    expect(mistakesOf({ ...soap, MARKETO_UPSTREAM: 'rest' })).toHaveLength(3);
    expect(mistakesOf({ ...rest, MARKETO_UPSTREAM: 'soap' })).toHaveLength(3);
    expect(mistakesOf({ ...rest, MARKETO_UPSTREAM: 'both' })).toEqual([
      expect.stringMatching(/must be rest or soap/),
    ]);
  });
  test('exclude the sandbox, and its REST face can be chosen without any', () => {
    expect(mistakesOf({ ...rest, MARKETO_SANDBOX: 'true' })).toHaveLength(1);
    expect(configOf({ MARKETO_UPSTREAM: 'rest' })).toMatchObject({ upstream: null, protocol: 'rest' });
    expect(mistakesOf({ MARKETO_IDENTITY_ENDPOINT: 'https://id.example.com' })).toHaveLength(1);
  });
  test('are required in production, where the names are those of the REST API', () => {
    expect(mistakesOf({ NODE_ENV: 'production' })[0]).toMatch(/^MARKETO_REST_ENDPOINT is missing/);
    expect(mistakesOf({ NODE_ENV: 'production', MARKETO_UPSTREAM: 'soap' })[0]).toMatch(/^MARKETO_SOAP/);
  });
  test('are shown nowhere', () => {
    const result = read(rest);
    expect(inspect(result, { depth: 9 })).not.toContain(SECRET);
    expect(JSON.stringify(result)).not.toContain(SECRET);
  });
});

describe('the budgets', () => {
  test('are half of the usual ones, since other integrations share them', () => {
    expect(configOf(rest)).toMatchObject({
      maxCallsPer20s: 50,
      maxConcurrentCalls: 5,
      dailyCalls: 50_000,
      maxBatch: 300,
    });
    expect(configOf({ MARKETO_UPSTREAM: 'rest' })).toMatchObject({ maxCallsPer20s: 50 });
    expect(configOf(soap)).toMatchObject({ maxCallsPer20s: 100, maxConcurrentCalls: 10, dailyCalls: 10_000 });
  });
  test('can be set, and settings show what is in effect', () => {
    expect(configOf({ ...rest, MARKETO_MAX_CONCURRENT: '10' }).maxConcurrentCalls).toBe(10);
    const result = read(rest);
    const settings = result.ok ? result.settings : [];
    expect(settings.find(({ name }) => name === 'MARKETO_MAX_CALLS_PER_20S')).toEqual({
      name: 'MARKETO_MAX_CALLS_PER_20S',
      value: '50',
      source: 'default',
    });
  });
});

describe('the maps', () => {
  test('are JSON objects', () => {
    const config = configOf({
      ...rest,
      MARKETO_FOREIGN_ID_FIELDS: '{"CUSTOM":"crmPersonId","SFDC":"sfdcLeadId|sfdcContactId"}',
      MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Europe"}',
      MARKETO_FIELD_NAMES: '{"Shoe Size":"shoeSize"}',
    });
    expect(config.rest).toEqual({
      foreignIds: { CUSTOM: 'crmPersonId', SFDC: { lead: 'sfdcLeadId', contact: 'sfdcContactId' } },
      foreignIdFields: new Set(['crmPersonId', 'sfdcLeadId', 'sfdcContactId']),
      workspacePartitions: new Map([['emea', 'Europe']]),
      fieldNames: new Map([['Shoe Size', 'shoeSize']]),
    });
  });
  test.each([
    ['MARKETO_FIELD_NAMES', '{', /must be a JSON object/],
    ['MARKETO_FIELD_NAMES', '["a"]', /must be a JSON object/],
    ['MARKETO_FIELD_NAMES', '{"a":1}', /must be a JSON object/],
    ['MARKETO_WORKSPACE_PARTITIONS', '{"a":"x","A":"y"}', /twice/],
    ['MARKETO_WORKSPACE_PARTITIONS', '{"a":"x","a":"y"}', /has "a" twice/],
    ['MARKETO_FIELD_NAMES', '{"a":"x","a":"x"}', /has "a" twice/],
    ['MARKETO_FOREIGN_ID_FIELDS', '{"SFDC":"a","SFDC":"b"}', /has "SFDC" twice/],
    ['MARKETO_WORKSPACE_PARTITIONS', '{"a":""}', /must be a JSON object/],
    ['MARKETO_FOREIGN_ID_FIELDS', '{"OTHER":"a"}', /no other members/],
    ['MARKETO_FOREIGN_ID_FIELDS', '{"CUSTOM":"a|b"}', /one field for each type/],
    ['MARKETO_FOREIGN_ID_FIELDS', '{"SFDC":"a|b|c"}', /one field for each type/],
    ['MARKETO_FOREIGN_ID_FIELDS', '{"SFDC":"a|"}', /one field for each type/],
    ['MARKETO_FOREIGN_ID_FIELDS', '{"CUSTOM":"a","NETSUITE":"a"}', /another field for each type/],
    ['MARKETO_FOREIGN_ID_FIELDS', '{"CUSTOM":"email"}', /another field for each type/],
    ['MARKETO_FOREIGN_ID_FIELDS', 'CUSTOM', /must be a JSON object/],
  ])('%s=%s is a mistake', (name, value, words) => {
    const mistakes = mistakesOf({ ...rest, [name]: value });
    expect(mistakes).toEqual([expect.stringMatching(words)]);
    expect(mistakes[0]).toMatch(new RegExp(`^${name} `));
  });
});
