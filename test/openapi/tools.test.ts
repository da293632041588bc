import { readFileSync } from 'node:fs';
import { sample } from 'openapi-sampler';
import { beforeEach, describe, expect, test } from 'vitest';
import { openApiFiles } from '../../src/openapi/document.ts';
import { startTestGateway } from '../support/gateway.ts';
import { shared } from '../support/lasting.ts';
import { controlOf } from '../support/sandbox.ts';
import { EXHAUSTIVE, describeEvery, testEvery } from '../support/exhaustive.ts';

/** What untested tools do with a description: build requests from it, and read every schema in it. */

type Json = Record<string, any>;

const POWER_PLATFORM = 'power-platform/apiDefinition.swagger.json';
const PATHS = ['openapi.json', 'openapi-3.0.json', 'swagger.json', POWER_PLATFORM];
const CONTROL_API = 'assets/sandbox/openapi.json';

function documentAt(path: string): Json {
  const text = path === CONTROL_API ? readFileSync(path, 'utf8') : String(openApiFiles('1.0.0').get(path));
  return JSON.parse(text) as Json;
}

/** The schema of the one request that has a body, and the examples that stand beside it. */
function requestOf(document: Json): { schema: Json; examples: [string, unknown][] } {
  const { put } = document['paths']['/leads'] as Json;
  const media = put['requestBody']?.content['application/json'];
  const body = put['parameters']?.find((parameter: Json) => parameter['in'] === 'body');
  const named = Object.entries((media?.examples ?? {}) as Json);
  return {
    schema: (media ?? body).schema as Json,
    examples: named.map(([name, example]) => [name, example.value]),
  };
}

function schemasOf(document: Json): Json {
  return (document['definitions'] ?? document['components'].schemas) as Json;
}

const MODES: readonly [string, Json][] = [
  ['as it is', {}],
  ['without what is read only', { skipReadOnly: true }],
  ['without what is not required', { skipNonRequired: true }],
  ['without both', { skipReadOnly: true, skipNonRequired: true }],
  ['with samples of patterns', { enablePatterns: true }],
];

const gateway = shared(() => startTestGateway({ MARKETO_MAX_CALLS_PER_20S: '100000' }));
const control: ReturnType<typeof controlOf> = (...request) => controlOf(gateway().sandboxUrl)(...request);
const reset = () => control('POST', '/reset');
// Some settings of the sandbox stay over a test that fails.
beforeEach(reset);

/** Sends a lead to a sandbox that holds none. */
async function answerOf(lead: unknown): Promise<{ lead: unknown; status: number; body: unknown }> {
  await reset();
  const { status, body } = await gateway().putLead(lead);
  return { lead, status, body: status < 300 ? undefined : body };
}

const TAKEN = { status: expect.toSatisfy((status) => status === 200 || status === 201), body: undefined };

describeEvery(3, PATHS)('a fresh sandbox takes what is in %s:', (path) => {
  const document = documentAt(path);
  const { schema, examples } = requestOf(document);
  const lead = schemasOf(document)['Lead'] as Json;

  test.each(examples)('the example %s', async (_name, value) => {
    expect(await answerOf(value)).toMatchObject(TAKEN);
  });

  test('the example of the schema', async () => {
    const own = [lead['examples'] ?? [lead['example']]].flat();
    expect(own.length).toBeGreaterThan(0);
    for (const value of own) expect(await answerOf(value)).toMatchObject(TAKEN);
  });

  test.each(MODES)('a lead that openapi-sampler composes, %s', async (_how, options) => {
    expect(await answerOf(sample(schema, options, document))).toMatchObject(TAKEN);
  });

  test(
    'a lead composed of the examples of its members, all of them or any two with a key',
    EXHAUSTIVE,
    async () => {
      const members = Object.entries(lead['properties'] as Json).map(([name, member]) => [
        name,
        sample(member, {}, document),
      ]);
      const { foreignSysPersonId, foreignSysType, ...others } = Object.fromEntries(members);
      expect(await answerOf({ ...others, foreignSysPersonId, foreignSysType })).toMatchObject(TAKEN);
      const keys: Json[] = [
        { foreignSysPersonId, foreignSysType },
        ...['id', 'email', 'marketoCookie'].map((key) => ({ [key]: others[key] })),
      ];
      for (const key of keys) {
        for (const [name, value] of Object.entries(others)) {
          expect(await answerOf({ ...key, [name]: value })).toMatchObject(TAKEN);
        }
      }
    },
  );
});

describe('a fresh sandbox takes texts that openapi-sampler composes', () => {
  test.each([
    ['openapi.json', 'post', '/leads', 'text/plain'],
    ['openapi.json', 'put', '/leads/batch', 'application/x-ndjson'],
    ['openapi-3.0.json', 'post', '/leads', 'text/plain'],
    ['openapi-3.0.json', 'put', '/leads/batch', 'application/x-ndjson'],
  ])('by %s: %s %s as %s', async (document, method, path, type) => {
    await reset();
    const { requestBody } = documentAt(document)['paths'][path][method] as Json;
    const body: unknown = sample(requestBody.content[type].schema);
    const answer = await gateway().request(method.toUpperCase(), path, {
      body: String(body),
      headers: { 'content-type': type },
    });
    expect(answer.status).toBeLessThan(300);
    expect(answer.text).not.toContain('"problem"');
  });
});

test('the embedded sandbox has the lead of the examples at once, and lists it once it is written', async () => {
  await reset();
  expect(await control('GET', '/leads')).toEqual({ total: 0, leads: [] });
  const first = await gateway().putLead({ email: 'first@example.com' });
  expect(first.body).toEqual({ leadId: 1_000_001, status: 'CREATED' });
  const known = await gateway().putLead({ id: 1_000_000, attributes: { LastName: 'Doe' }, returnLead: true });
  expect(known.body).toMatchObject({
    status: 'UPDATED',
    lead: { id: 1_000_000, attributes: { FirstName: 'George', LastName: 'Doe', LeadScore: 62 } },
  });
  expect(await control('GET', '/leads')).toMatchObject({ total: 2 });
  await control('DELETE', '/leads');
  expect(await control('GET', '/leads')).toMatchObject({ total: 0 });
});

describe("the sandbox's control API takes", () => {
  const document = documentAt(CONTROL_API);
  const requests = Object.entries(document['paths'] as Json).flatMap(([path, methods]) =>
    Object.entries(methods as Json).flatMap(([method, { operationId, requestBody }]) => {
      const media = requestBody?.content['application/json'];
      return media === undefined ? [] : [{ operationId, method: method.toUpperCase(), path, media }];
    }),
  );

  test.each(requests)('the example of $operationId, and a composed one', async ({ method, path, media }) => {
    const bodies = [media.example, ...MODES.map(([, options]) => sample(media.schema, options, document))];
    for (const body of bodies) {
      await reset();
      await expect(control(method, path, body)).resolves.toBeDefined();
    }
    await reset();
  });

  test('the examples of its parameters', async () => {
    const { schema, example } = document['paths']['/leads/{id}'].get.parameters[0] as Json;
    const id = example ?? sample(schema, {}, document);
    await expect(control('GET', `/leads/${id}`)).resolves.toMatchObject({ id });
  });
});

/** Words whose value is a schema, a list of schemas, or schemas by name. */
const OF_ONE = new Set([
  'items',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
  'unevaluatedProperties',
]);
const OF_LIST = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems']);
const OF_NAMED = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
  'schemas',
]);

/** Every schema of a description with a pointer to it, also where a boolean stands for one. */
function* schemasIn(value: unknown, at = '#'): Generator<[string, unknown]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [word, child] of Object.entries(value)) {
    if (['example', 'examples', 'enum', 'const', 'default', 'required'].includes(word)) continue;
    const pointer = `${at}/${word}`;
    const below = Object.entries((child ?? {}) as Json).map(([name, own]) => [`${pointer}/${name}`, own]);
    if (OF_ONE.has(word) || word === 'schema') yield [pointer, child];
    else if (word === 'additionalProperties' && typeof child === 'object') yield [pointer, child];
    else if (OF_LIST.has(word) || OF_NAMED.has(word)) yield* below as [string, unknown][];
    yield* schemasIn(child, pointer);
  }
}

function* examplesIn(value: unknown, isExample = false): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  if (isExample && !Array.isArray(value)) yield value;
  for (const [word, child] of Object.entries(value)) {
    yield* examplesIn(child, isExample || word === 'example' || word === 'examples');
  }
}

describe.each([...PATHS, CONTROL_API])('%s', (path) => {
  const document = documentAt(path);
  const schemas = [...schemasIn(document)] as [string, Json][];

  test('has no boolean where a schema belongs: some tools read on inside it', () => {
    expect(schemas.length).toBeGreaterThan(30);
    expect(schemas.filter(([, schema]) => typeof schema !== 'object').map(([at]) => at)).toEqual([]);
  });

  test('says of every integer how many bits it needs, and of every number that it is a double', () => {
    for (const [at, { type, format, minimum, maximum }] of schemas) {
      const types = [type].flat().filter((name) => name !== 'null');
      if (types.length !== 1 || !['integer', 'number'].includes(types[0])) continue;
      const formats = types[0] === 'number' ? ['double'] : ['int32', 'int64'];
      expect([at, formats.includes(format)]).toEqual([at, true]);
      if (types[0] !== 'integer') continue;
      const most = format === 'int32' ? 2_147_483_647 : Number.MAX_SAFE_INTEGER;
      expect([at, minimum >= -most - 1, maximum <= most]).toEqual([at, true, true]);
    }
  });

  test('has examples whose problems have an absolute type', () => {
    for (const { type, title, status } of examplesIn(document)) {
      if (title === undefined || status === undefined) continue;
      expect(type).toMatch(/^(?:https?:\/\/[^/]+\/problems\/[a-z-]+|about:blank)$/);
    }
  });
});

test.each(['openapi.json', 'openapi-3.0.json', 'swagger.json'])(
  '%s has the operations a client calls and no others, under names of methods',
  (path) => {
    const paths = documentAt(path)['paths'] as Json;
    const operations = Object.entries(paths).flatMap(([at, methods]) =>
      Object.entries(methods as Json).map(([method, { operationId }]) => `${operationId}: ${method} ${at}`),
    );
    expect(operations).toEqual([
      'upsertLead: put /leads',
      'postLead: post /leads',
      'findLeads: get /leads',
      'upsertLeads: put /leads/batch',
      'getReceipt: get /receipts/{id}',
      'listFields: get /leads/fields',
      'getHealth: get /healthz',
      'getReadiness: get /readyz',
      'getStatus: get /status',
      'getMetrics: get /metrics',
      'getOutbox: get /outbox',
      'listOutboxLeads: get /outbox/leads',
      'getOutboxLead: get /outbox/leads/{id}',
      'discardOutboxLead: delete /outbox/leads/{id}',
      'retryOutboxLead: post /outbox/leads/{id}/retry',
      'retryOutbox: post /outbox/retry',
      'forgetPerson: post /outbox/forget',
    ]);
  },
);

testEvery(3, ['openapi.json', 'openapi-3.0.json', 'swagger.json'])(
  'the type of a problem in %s, as served, leads to its page at the address the document names',
  async (path) => {
    const { body } = await gateway().request('GET', `/${path}`);
    const types = [...examplesIn(body)].flatMap(({ type, title, status }) =>
      title === undefined || status === undefined ? [] : [type],
    );
    expect(types.length).toBeGreaterThan(3);
    for (const type of new Set(types)) {
      const { status, headers } = await gateway().request('GET', String(type).replace(gateway().url, ''));
      expect([type, status, headers.get('content-type')]).toEqual([type, 200, 'text/html; charset=utf-8']);
    }
  },
);
