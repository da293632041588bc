import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildOpenApi } from '../../src/openapi/document.ts';
import { breakingChanges } from './breaking-changes.ts';
import { testEvery } from '../support/exhaustive.ts';

type Json = Record<string, any>;

function readJson(path: string): Json {
  return JSON.parse(readFileSync(path, 'utf8')) as Json;
}

const released = readJson('openapi/released/openapi.json');
const { version } = readJson('package.json') as { version: string };

/** What the next release breaks on purpose, in the words of the comparison; each is in the CHANGELOG as well. */
const ON_PURPOSE: readonly string[] = [];

test('nothing breaks a client of the last released document (openapi/released) but what is meant to', () => {
  expect(breakingChanges(released, buildOpenApi(version))).toEqual(ON_PURPOSE);
});

const PUT = '#/paths/~1leads/put';
const SCHEMAS = '#/components/schemas';

type Mutation = [what: string, change: (document: Json) => void, named: readonly string[]];

/** A document to try the comparison on, whatever the released one says. */
const compared = readJson('test/fixtures/compared-openapi.json');

/** It with one change. */
function changed(change: (document: Json) => void): Json {
  const copy = structuredClone(compared);
  change(copy);
  return copy;
}

const put = (document: Json): Json => document['paths']['/leads'].put as Json;
const schema = (document: Json, name: string): Json => document['components'].schemas[name] as Json;
const member = (document: Json, name: string, of: string): Json =>
  schema(document, name)['properties'][of] as Json;
const REFUSED = 'requests are refused that were taken';
const WIDER = 'answers can be what they could not be';

const BREAKING: readonly Mutation[] = [
  ['a path that is gone', (d) => delete d['paths']['/readyz'], ['#/paths/~1readyz: the path is gone.']],
  [
    'an operation that is gone',
    (d) => delete d['paths']['/readyz'].get,
    ['#/paths/~1readyz/get: the operation is gone.'],
  ],
  [
    'an operation under another id',
    (d) => (put(d)['operationId'] = 'putLead'),
    [`${PUT}/operationId: upsertLead is called putLead now.`],
  ],
  [
    'a response that is gone',
    (d) => delete put(d)['responses'][202],
    [`${PUT}/responses/202: the response is gone.`],
  ],
  [
    'a media type of an answer that is gone',
    (d) => {
      const { content } = put(d)['responses'][201];
      content['application/vnd.lead+json'] = content['application/json'];
      delete content['application/json'];
    },
    [`${PUT}/responses/201/content/application~1json: the media type is gone.`],
  ],
  [
    'a media type of the request that is gone',
    (d) => (put(d)['requestBody'].content = {}),
    [`${PUT}/requestBody/content/application~1json: the media type is gone.`],
  ],
  [
    'a header that is gone',
    (d) => delete put(d)['responses'][429].headers['Retry-After'],
    [`${PUT}/responses/429/headers/Retry-After: the header is gone.`],
  ],
  [
    'a header that may be missing',
    (d) => delete d['components'].headers.RequestId.required,
    ['#/components/headers/RequestId: the header may be missing now.'],
  ],
  [
    'a parameter that has to be sent',
    (d) => (put(d)['parameters'][0].required = true),
    [`${PUT}/parameters/0: the header parameter Prefer has to be sent now.`],
  ],
  [
    'a parameter that is gone',
    (d) => delete put(d)['parameters'],
    [`${PUT}/parameters/0: the header parameter Prefer is not taken any more.`],
  ],
  [
    'a new parameter that has to be sent',
    (d) => put(d)['parameters'].push({ name: 'tenant', in: 'query', required: true, schema: {} }),
    [`${PUT}/parameters/1: the query parameter tenant has to be sent now.`],
  ],
  [
    'a member of the request that has to be there',
    (d) => (schema(d, 'Lead')['required'] = ['email']),
    [`${SCHEMAS}/Lead: ${REFUSED}: email need not be there, and has to be.`],
  ],
  [
    'a member of the request that is gone',
    (d) => delete schema(d, 'Lead')['properties'].workspace,
    [`${SCHEMAS}/Lead/properties/workspace: ${REFUSED}: there is no such member.`],
  ],
  [
    'a member of the request with another type',
    (d) => (member(d, 'Lead', 'id')['type'] = 'string'),
    [`${SCHEMAS}/Lead/properties/id: ${REFUSED}: the type integer is not one of string.`],
  ],
  [
    'a value of the request that is not taken any more',
    (d) => member(d, 'Lead', 'foreignSysType')['enum'].pop(),
    [`${SCHEMAS}/Lead/properties/foreignSysType: ${REFUSED}: "NETSUITE" is not one of "CUSTOM", "SFDC".`],
  ],
  [
    'a shorter text',
    (d) => (member(d, 'Lead', 'email')['maxLength'] = 100),
    [`${SCHEMAS}/Lead/properties/email: ${REFUSED}: maxLength is 255 and not 100.`],
  ],
  [
    'a limit where there was none',
    (d) => (member(d, 'Lead', 'marketoCookie')['maxLength'] = 100),
    [`${SCHEMAS}/Lead/properties/marketoCookie: ${REFUSED}: maxLength is not said and not 100.`],
  ],
  [
    'a format where there was none',
    (d) => (member(d, 'Lead', 'workspace')['format'] = 'uuid'),
    [`${SCHEMAS}/Lead/properties/workspace: ${REFUSED}: format is not said and not "uuid".`],
  ],
  [
    'a size that is too small for what was taken',
    (d) => {
      delete member(d, 'Lead', 'id')['maximum'];
      member(d, 'Lead', 'id')['format'] = 'int16';
    },
    [`${SCHEMAS}/Lead/properties/id: ${REFUSED}: format is not said and not "int16".`],
  ],
  [
    'attributes that cannot be null any more',
    (d) => (member(d, 'Lead', 'attributes')['additionalProperties'].type = ['string', 'number', 'boolean']),
    [
      `${SCHEMAS}/Lead/properties/attributes/additionalProperties: ${REFUSED}: the type null is not one of string, number, boolean.`,
    ],
  ],
  [
    'a member of an element of a list that has to be there',
    (d) => {
      schema(d, 'Attribute')['properties'].locale = { type: 'string' };
      schema(d, 'Attribute')['required'].push('locale');
    },
    [`${SCHEMAS}/Attribute: ${REFUSED}: locale need not be there, and has to be.`],
  ],
  [
    'a member that needs another one',
    (d) => (schema(d, 'Lead')['dependentRequired'].workspace = ['email']),
    [`${SCHEMAS}/Lead: ${REFUSED}: workspace need no other member, and has to.`],
  ],
  [
    'a member of the answer that is gone',
    (d) => delete schema(d, 'LeadRecord')['properties'].foreignSysType,
    [`${SCHEMAS}/LeadRecord/properties/foreignSysType: the member is gone from answers.`],
  ],
  [
    'a member of the answer that may be missing',
    (d) => (schema(d, 'UpsertResult')['required'] = ['status']),
    [`${SCHEMAS}/UpsertResult: ${WIDER}: leadId need not be there, and has to be.`],
  ],
  [
    'a member of the answer with another type',
    (d) => (member(d, 'UpsertResult', 'leadId')['type'] = 'string'),
    [`${SCHEMAS}/UpsertResult/properties/leadId: ${WIDER}: the type string is not one of integer.`],
  ],
  [
    'a member of the answer that may be null',
    (d) => (member(d, 'Problem', 'detail')['type'] = ['string', 'null']),
    [`${SCHEMAS}/Problem/properties/detail: ${WIDER}: the type null is not one of string.`],
  ],
  [
    'a new value in the answer',
    (d) => member(d, 'UpsertResult', 'status')['enum'].push('MERGED'),
    [
      `${SCHEMAS}/UpsertResult/properties/status: ${WIDER}: "MERGED" is not one of "CREATED", "UPDATED", "UNCHANGED".`,
    ],
  ],
  [
    'a way to authenticate that is gone',
    (d) => put(d)['security'].shift(),
    [`${PUT}/security: bearer (http bearer) is not enough any more.`],
  ],
  [
    'authentication where none was needed',
    (d) => (d['paths']['/healthz'].get.security = [{ bearer: [] }]),
    ['#/paths/~1healthz/get/security: no authentication is not enough any more.'],
  ],
  [
    'a key that goes into another header',
    (d) => (d['components'].securitySchemes.apiKey.name = 'X-Key'),
    [
      `${PUT}/security: apiKey (apiKey header X-API-Key) is not enough any more.`,
      '#/paths/~1metrics/get/security: apiKey (apiKey header X-API-Key) is not enough any more.',
    ],
  ],
];

const HARMLESS: readonly [what: string, change: (document: Json) => void][] = [
  ['nothing', () => undefined],
  ['other words', (d) => (put(d)['description'] = 'Other words.')],
  ['another version', (d) => (d['info'].version = '9.9.9')],
  ['other examples', (d) => (put(d)['requestBody'].content['application/json'].examples = {})],
  ['a new path', (d) => (d['paths']['/contacts'] = d['paths']['/leads'])],
  [
    'a new header of an answer',
    (d) => (put(d)['responses'][200].headers.ETag = { schema: { type: 'string' } }),
  ],
  ['a new status', (d) => (put(d)['responses'][409] = put(d)['responses'][422])],
  ['a new parameter that may be left out', (d) => put(d)['parameters'].push({ name: 'dryRun', in: 'query' })],
  ['a new member of the request', (d) => (schema(d, 'Lead')['properties'].phone = { type: 'string' })],
  ['a new member of an answer', (d) => (schema(d, 'UpsertResult')['properties'].etag = { type: 'string' })],
  ['a new value of the request', (d) => member(d, 'Lead', 'foreignSysType')['enum'].push('DYNAMICS')],
  ['the size an integer had all along', (d) => (member(d, 'Lead', 'id')['format'] = 'int32')],
  ['a longer text', (d) => (member(d, 'Lead', 'email')['maxLength'] = 320)],
  [
    'a member of the request that may be null',
    (d) => (member(d, 'Lead', 'workspace')['type'] = ['string', 'null']),
  ],
  [
    'a list of values or null, as a union',
    (d) => {
      const { type, enum: values, ...rest } = member(d, 'Lead', 'foreignSysType');
      schema(d, 'Lead')['properties'].foreignSysType = {
        ...rest,
        anyOf: [{ type, enum: values }, { type: 'null' }],
      };
    },
  ],
  ['one more alternative of a pattern', (d) => (member(d, 'Lead', 'email')['pattern'] += '|^.+@münchen$')],
  ['a limit of the request that is gone', (d) => delete member(d, 'Lead', 'workspace')['maxLength']],
  ['a value of an answer that never comes', (d) => member(d, 'UpsertResult', 'status')['enum'].pop()],
  ['a member of an answer that is always there', (d) => schema(d, 'UpsertResult')['required'].push('lead')],
  ['a narrower answer', (d) => (member(d, 'UpsertResult', 'leadId')['maximum'] = 1000)],
  ['one more way to authenticate', (d) => put(d)['security'].push({ mutual: [] })],
  [
    'a schema under another name',
    (d) => {
      d['components'].schemas.Person = schema(d, 'Lead');
      put(d)['requestBody'].content['application/json'].schema.$ref = '#/components/schemas/Person';
    },
  ],
];

describe('the comparison of two documents', () => {
  testEvery(3, BREAKING)('names %s', (_what, change, named) => {
    expect(breakingChanges(compared, changed(change))).toEqual(named);
  });

  testEvery(3, HARMLESS)('says nothing of %s', (_what, change) => {
    expect(breakingChanges(compared, changed(change))).toEqual([]);
  });

  test('reads schemas that contain themselves', () => {
    const recursive = changed((d) => {
      member(d, 'UpsertResult', 'lead')['$ref'] = '#/components/schemas/UpsertResult';
    });
    expect(breakingChanges(recursive, recursive)).toEqual([]);
  });
});
