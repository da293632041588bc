import { toForget, toRetry } from '../../src/http/outbox/requests.ts';
import { readFileSync } from 'node:fs';
import { domainToASCII } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toUpsertLead } from '../../src/http/leads/mapping.ts';
import { buildOpenApi } from '../../src/openapi/document.ts';
import { PROBLEM_TYPES } from '../../src/http/problems/types.ts';
import { isPlaceholder, isPlaceholderAddress } from '../../src/leads/placeholder.ts';
import { isXmlText } from '../../src/text/xml-characters.ts';
import { checkResponse } from '../support/conformance.ts';
import { anyCharacter, fuzz, FUZZ_ROUNDS } from '../support/fuzz.ts';

type Json = Record<string, unknown>;
type Media = { schema: Json; examples?: Record<string, { value: unknown }> };
type Content = Record<string, Media>;
type Response = { description: string; headers: Json; content?: Content };
type Operation = {
  operationId: string;
  summary: string;
  description: string;
  security?: Json[];
  requestBody?: { content: Content };
  responses: Record<string, Response | { $ref: string }>;
};

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const document = buildOpenApi(version) as {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: {
    securitySchemes: Record<string, Json>;
    schemas: Record<string, Json>;
    headers: Record<string, Json>;
    responses: Record<string, Response>;
  };
};
// What is referred to is compiled once, and not into each that refers to it.
const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true, inlineRefs: false }));
ajv.addSchema(document, 'gateway:openapi');

const OPERATIONS = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
);

/** Answers that may come with Retry-After, apart from 429, which always does. */
function mayTellWhen(name: string, status: string): boolean {
  return (
    status === '202' ||
    (/ \/leads(?:\/fields)?$/.test(name) && ['502', '504'].includes(status)) ||
    (status === '503' && name !== 'get /readyz')
  );
}

function resolveResponse(response: Response | { $ref: string }): Response {
  if (!('$ref' in response)) return response;
  const name = response.$ref.replace('#/components/responses/', '');
  const found = document.components.responses[name];
  if (found === undefined) throw new Error(`no response ${name}`);
  return found;
}

/** By their schemas: many examples have the same. */
const validators = new Map<string, ValidateFunction>();

function validatorOf(schema: Json): ValidateFunction {
  const text = JSON.stringify(schema).replaceAll('"#/', '"gateway:openapi#/');
  const validate = validators.get(text) ?? ajv.compile(JSON.parse(text) as Json);
  validators.set(text, validate);
  return validate;
}

describe('the OpenAPI document', () => {
  test('is the one in openapi/openapi.json (npm run openapi writes it)', () => {
    const committed = readFileSync('openapi/openapi.json', 'utf8');
    expect(committed).toBe(`${JSON.stringify(document, null, 2)}\n`);
  });

  test('is the same every time it is built', () => {
    expect(buildOpenApi('1.0.0')).toEqual(buildOpenApi('1.0.0'));
  });

  test('has no marks of its generator left in it', () => {
    expect(JSON.stringify(document)).not.toMatch(/\$schema|\$id|\$defs|9007199254740991/);
  });

  test('refers only to what it defines, and uses everything it defines', () => {
    const refs = new Set(
      [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map(([, ref]) => ref),
    );
    // Security schemes are named in `security`, without a $ref.
    const { securitySchemes, ...components } = document.components;
    const schemes = OPERATIONS.flatMap(({ operation }) => (operation.security ?? []).flatMap(Object.keys));
    expect(new Set(schemes)).toEqual(new Set(Object.keys(securitySchemes)));
    const defined = Object.entries(components).flatMap(([kind, named]) =>
      Object.keys(named).map((name) => `${kind}/${name}`),
    );
    expect(refs).toEqual(new Set(defined));
  });

  test.each(OPERATIONS)('describes $name in words', ({ operation }) => {
    expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary.length).toBeGreaterThan(5);
    expect(operation.description.length).toBeLessThanOrEqual(300);
  });

  test.each(OPERATIONS)('describes every response of $name with its headers', ({ name, operation }) => {
    for (const [status, response] of Object.entries(operation.responses)) {
      const { headers, content, description } = resolveResponse(response);
      expect(description).not.toBe('');
      expect(headers).toHaveProperty('X-Request-Id');
      expect(headers).toHaveProperty('traceparent');
      expect('Retry-After' in headers).toBe(status === '429' || mayTellWhen(name, status));
      expect('Allow' in headers).toBe(status === '405');
      expect('WWW-Authenticate' in headers).toBe(status === '401');
      // The 503 of readyz is its answer, and no problem.
      const isProblem = Number(status) >= 400 && !(name === 'get /readyz' && status === '503');
      const plain = name === 'get /metrics' ? 'text/plain' : 'application/json';
      const lines = name === 'put /leads/batch' && status === '200' ? ['application/x-ndjson'] : [];
      // RFC 9110, 15.4.5: it has no body.
      if (status === '304') expect(content).toBeUndefined();
      else
        expect(Object.keys(content ?? {})).toEqual(
          isProblem ? ['application/problem+json', 'application/json'] : [plain, ...lines],
        );
    }
  });

  test('has an example of every problem, each under the status it has', () => {
    const found = OPERATIONS.flatMap(({ operation }) => Object.entries(operation.responses)).flatMap(
      ([status, response]) =>
        Object.keys(resolveResponse(response).content?.['application/problem+json']?.examples ?? {}).map(
          (slug) => `${status} ${slug}`,
        ),
    );
    expect([...new Set(found)].toSorted()).toEqual(
      Object.entries(PROBLEM_TYPES)
        .map(([slug, { status }]) => `${status} ${slug}`)
        .toSorted(),
    );
  });

  const examples = OPERATIONS.flatMap(({ name, operation }) => {
    const contents: [string, Content | undefined][] = [
      [`request of ${name}`, operation.requestBody?.content],
      ...Object.entries(operation.responses).map(([status, response]): [string, Content | undefined] => [
        `${status} of ${name}`,
        resolveResponse(response).content,
      ]),
    ];
    return contents.flatMap(([where, content]) =>
      Object.values(content ?? {}).flatMap(({ schema, examples: named }) =>
        Object.entries(named ?? {}).map(([key, { value }]) => ({ where: `${key}, ${where}`, schema, value })),
      ),
    );
  });

  test.each(examples)('has an example that validates: $where', ({ schema, value }) => {
    const validate = validatorOf(schema);
    validate(value);
    expect(validate.errors ?? []).toEqual([]);
  });

  const requests = examples.filter(({ where }) => where.includes('request of'));
  const ofOutbox = requests.filter(({ where }) => where.includes('/outbox/'));

  test.each(requests.filter((one) => !ofOutbox.includes(one)))(
    'has an example the gateway takes: $where',
    ({ where, value }) => {
      const leads = where.endsWith('/leads/batch') ? (value as { leads: unknown[] }).leads : [value];
      expect(leads.length).toBeGreaterThan(0);
      for (const lead of leads) expect(toUpsertLead(lead)).toMatchObject({ ok: true });
    },
  );

  test.each(ofOutbox)('has an example the outbox takes: $where', ({ where, value }) => {
    const read = where.endsWith('/forget') ? toForget : toRetry;
    expect(() => read(value)).not.toThrow();
  });

  test('has schema examples that validate', () => {
    for (const schema of Object.values(document.components.schemas)) {
      const members = Object.values((schema['properties'] ?? {}) as Record<string, Json>);
      for (const described of [schema, ...members]) {
        const validate = validatorOf(described);
        for (const example of (described['examples'] ?? []) as unknown[])
          expect(validate(example)).toBe(true);
      }
    }
  });
});

/**
 * Rules of the contract that the schema does not say, because JSON Schema cannot, or because tools that import it
 * would fail. Everything else is in it.
 */
const UNSAID = [
  /** Text has to be made of characters that XML 1.0 can contain; in the cookie, also once it is percent-decoded. */
  (body: Json) => !isXmlText(textsOf(body).join('')),
  /** Integers have to be ones a JSON number represents exactly. */
  (body: Json) => numbersOf(body).some((value) => Number.isInteger(value) && !Number.isSafeInteger(value)),
  /** No attribute is named like a key in any spelling; the schema lists the usual one. */
  (body: Json) =>
    namesOf(body).some((name) => /^(?:id|email|foreignsyspersonid|foreignsystype)$/i.test(name)),
  /** No attribute is named __proto__. */
  (body: Json) => namesOf(body).includes('__proto__'),
  /** No key is a placeholder. */
  ({ foreignSysPersonId: id, email }: Json) =>
    (typeof id === 'string' && isPlaceholder(id)) ||
    (typeof email === 'string' && isPlaceholderAddress(email)),
  /** A cookie that is not empty is one that Munchkin makes. */
  ({ marketoCookie }: Json) =>
    typeof marketoCookie === 'string' && marketoCookie !== '' && !isCookie(marketoCookie),
  /** An international domain has a form in the DNS, and the address with it a length that is allowed. */
  // oxlint-disable-next-line no-control-regex -- ASCII has them
  ({ email }: Json) => typeof email === 'string' && /[^\u0000-\u007F]/.test(email) && !hasWireForm(email),
  /** No attribute is given twice. */
  (body: Json) => new Set(namesOf(body)).size < namesOf(body).length,
  /** There are at most 1000 in the map and the list together. */
  (body: Json) => namesOf(body).length > 1000,
];

function attributesOf(body: Json): Json {
  const { attributes } = body;
  return typeof attributes === 'object' && attributes !== null ? (attributes as Json) : {};
}
function listOf({ attributeList }: Json): Json[] {
  return Array.isArray(attributeList) ? (attributeList as Json[]) : [];
}
const namesOf = (body: Json) => [
  ...Object.keys(attributesOf(body)),
  ...listOf(body).flatMap(({ name: given }) => (typeof given === 'string' ? [given] : [])),
];
const valuesOf = (body: Json) => [
  ...Object.values(attributesOf(body)),
  ...listOf(body).map((item) => item['value']),
];
const numbersOf = (body: Json) => valuesOf(body).filter((given) => typeof given === 'number');
function textsOf(body: Json): string[] {
  const values = [...Object.values(body), ...valuesOf(body), ...namesOf(body)];
  const texts = values.filter((value) => typeof value === 'string');
  const { marketoCookie } = body;
  return typeof marketoCookie === 'string' ? [...texts, decode(marketoCookie)] : texts;
}
function isCookie(text: string): boolean {
  return /^id:\d[\w-]*&token:_mch-[a-z]\w*\.example-\d+-\d+$/.test(decode(text));
}
function hasWireForm(email: string): boolean {
  const [local = '', domain = ''] = email.split('@');
  const mapped = domainToASCII(domain);
  return (
    mapped.split('.').every((label) => /^[a-z\d](?:[a-z\d-]*[a-z\d])?$/.test(label)) &&
    !/(?:^|\.)\d+$/.test(mapped) &&
    local.length + mapped.length < 255
  );
}
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 12 }),
  fc.string({ unit: 'grapheme', minLength: 250, maxLength: 260 }),
  fc.constantFrom('', 'jane@example.com', 'a@b', '%00', '%', 'CUSTOM', 'SFDC', '\uD800', 'Default', 'null'),
);
const scalar = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom<unknown>(0, 1, 2_147_483_647, 2_147_483_648, 9_007_199_254_740_992, 1.5, [], {}),
);
const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const value = fc.oneof(words, fc.integer(), fc.boolean(), fc.constant(null));
const international = fc
  .string({ unit: fc.constantFrom(...Array.from('aü߀ßö-. ש1１。')), minLength: 1, maxLength: 12 })
  .map((domain) => `info@${domain}`);
const cookie = fc
  .tuple(
    fc.stringMatching(/^\d[\w-]{0,11}$/),
    fc.stringMatching(/^_mch-[a-z]\w{0,9}\.example-\d{1,13}-\d{1,5}$/),
    fc.boolean(),
  )
  .map(([id, token, isEncoded]) =>
    `id:${id}&token:${token}`.replace(/.*/s, (raw) => (isEncoded ? encodeURIComponent(raw) : raw)),
  );
const likely = (arbitrary: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 30, arbitrary }, { weight: 1, arbitrary: scalar });
const name = fc.oneof(
  fc.constantFrom('FirstName', 'Id', 'id', 'EMAIL', '__proto__', 'constructor', ''),
  text,
);
const body = fc
  .record(
    {
      id: likely(fc.integer({ min: -1, max: 2_147_483_648 })),
      email: likely(
        fc.oneof(
          { weight: 9, arbitrary: fc.emailAddress() },
          { weight: 1, arbitrary: international },
          { weight: 1, arbitrary: text },
        ),
      ),
      foreignSysPersonId: likely(words),
      foreignSysType: likely(fc.constantFrom('CUSTOM', 'SFDC', 'NETSUITE', 'sfdc')),
      marketoCookie: likely(
        fc.oneof({ weight: 9, arbitrary: cookie }, { weight: 1, arbitrary: fc.oneof(words, text) }),
      ),
      attributes: likely(fc.oneof(fc.dictionary(words, value), fc.dictionary(name, scalar, { maxKeys: 3 }))),
      attributeList: likely(
        fc.oneof(
          { weight: 6, arbitrary: fc.array(fc.record({ name: words, value }), { maxLength: 3 }) },
          { weight: 1, arbitrary: fc.array(fc.record({ name, value: scalar }), { maxLength: 3 }) },
          {
            weight: 1,
            arbitrary: fc.array(fc.record({ name, value, more: value }, { requiredKeys: [] }), {
              maxLength: 2,
            }),
          },
        ),
      ),
      returnLead: likely(fc.boolean()),
      workspace: likely(words),
    },
    { requiredKeys: [] },
  )
  .chain((lead) =>
    fc.oneof(
      { weight: 9, arbitrary: fc.constant(lead as Json) },
      {
        weight: 1,
        arbitrary: fc.dictionary(text, scalar, { maxKeys: 2 }).map((more) => ({ ...lead, ...more })),
      },
    ),
  );

function listOfLength(length: number): Json[] {
  return Array.from({ length }, (_, at) => ({ name: `a${at}`, value: at }));
}

describe('the schema of a lead', () => {
  // `format` is a note to readers (JSON Schema 2020-12, 7.2.1): the pattern beside it is the rule for addresses.
  const lenient = new Ajv2020({
    strict: false,
    formats: { email: true, 'uri-reference': true, int32: true, double: true },
  });
  const validate = lenient
    .addSchema(document, 'gateway:openapi')
    .compile({ $ref: 'gateway:openapi#/components/schemas/Lead' });

  test('accepts what the gateway accepts and nothing else, but for the rules it cannot say', () => {
    const counts = { taken: 0, refused: 0, unsaid: 0 };
    fc.assert(
      fc.property(body, (candidate) => {
        // As it arrives: through JSON.
        const lead = JSON.parse(JSON.stringify(candidate)) as Json;
        const said = validate(lead);
        const taken = toUpsertLead(lead).ok;
        const isUnsaid = said && UNSAID.some((breaks) => breaks(lead));
        counts[isUnsaid ? 'unsaid' : taken ? 'taken' : 'refused'] += 1;
        expect({ lead, taken }).toEqual({ lead, taken: said && !isUnsaid });
      }),
      fuzz(),
    );
    // Else the property would say little.
    expect(Math.min(counts.taken, counts.refused, counts.unsaid)).toBeGreaterThan(FUZZ_ROUNDS / 50);
  });

  test.each<[string, unknown]>([
    ['nothing', null],
    ['a list', []],
    ['a text', 'jane@example.com'],
    ['no key', { attributes: { FirstName: 'Jane' } }],
    [
      '1001 attributes',
      { id: 1, attributes: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`a${i}`, i])) },
    ],
    ['1001 attributes in a list', { id: 1, attributeList: listOfLength(1001) }],
    ['an attribute without a value', { id: 1, attributeList: [{ name: 'a' }] }],
    ['a value of 65,536 characters', { id: 1, attributes: { a: 'x'.repeat(65_536) } }],
  ])('refuses %s as the gateway does', (_what, lead) => {
    expect([validate(lead), toUpsertLead(lead).ok]).toEqual([false, false]);
  });

  test.each<[string, unknown]>([
    [
      '1000 attributes',
      { id: 1, attributes: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`a${i}`, i])) },
    ],
    ['1000 attributes in a list', { id: 1, attributeList: listOfLength(1000) }],
    [
      'a value of 65,535 characters outside the basic plane',
      { id: 1, attributes: { a: '🦊'.repeat(65_535) } },
    ],
  ])('takes %s as the gateway does', (_what, lead) => {
    expect([validate(lead), toUpsertLead(lead).ok]).toEqual([true, true]);
  });
});

describe('the check of every response in this suite', () => {
  const headers = {
    'x-request-id': 'a',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
    'content-type': 'application/json; charset=utf-8',
    'server-timing': 'wait;dur=0, upstream;dur=0',
  };
  const created = '{"leadId":1,"status":"CREATED"}';
  const problem = JSON.stringify({
    type: 'https://leads.example.com/problems/upstream-busy',
    title: 'Busy',
    status: 429,
    detail: 'Wait.',
    requestId: 'a',
    retryable: true,
  });
  const problemHeaders = { ...headers, 'content-type': 'application/problem+json', 'retry-after': '3' };

  test('passes what the document announces', () => {
    expect(() => {
      checkResponse('PUT', '/leads', 201, headers, created);
      checkResponse('PUT', '/leads', 201, new Headers(headers), created);
      checkResponse('PUT', '/leads?x=1', 429, problemHeaders, problem);
    }).not.toThrow();
  });

  test.each<[string, Parameters<typeof checkResponse>]>([
    ['a status', ['PUT', '/leads', 203, headers, created]],
    ['a member', ['PUT', '/leads', 201, headers, '{"leadId":1,"status":"CREATED","more":1}']],
    ['a value', ['PUT', '/leads', 201, headers, '{"leadId":0,"status":"CREATED"}']],
    ['a content type', ['PUT', '/leads', 201, { ...headers, 'content-type': 'text/html' }, created]],
    ['no request id', ['PUT', '/leads', 201, { 'content-type': 'application/json' }, created]],
    ['no Retry-After', ['PUT', '/leads', 429, { ...problemHeaders, 'retry-after': undefined }, problem]],
    ['a Retry-After of 0', ['PUT', '/leads', 429, { ...problemHeaders, 'retry-after': '0' }, problem]],
    ['another request id', ['PUT', '/leads', 429, { ...problemHeaders, 'x-request-id': 'b' }, problem]],
    ['a problem of another status', ['PUT', '/leads', 502, problemHeaders, problem]],
    ['an answer where nothing is', ['GET', '/nothing', 200, headers, '{}']],
    ['an answer to another method', ['PATCH', '/leads', 201, headers, created]],
    ['a body after HEAD', ['HEAD', '/healthz', 200, headers, '{"status":"ok"}']],
  ])('notices %s that is not in the document', (_what, response) => {
    expect(() => checkResponse(...response)).toThrow('not as the OpenAPI document says');
  });
});
