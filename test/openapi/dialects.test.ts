import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { OPERATIONS } from '../../src/openapi/operations.ts';
import { DOCUMENTS, openApiFiles } from '../../src/openapi/document.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

type Json = Record<string, unknown>;

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const files = openApiFiles(version);

function documentAt(path: string): Json {
  return JSON.parse(String(files.get(path))) as Json;
}

/** Every object in a document, with the name it stands under; examples are no part of the description. */
function* nodes(value: unknown, name = ''): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [name, value as Json];
  for (const [key, child] of Object.entries(value)) {
    if (!['example', 'examples', 'not'].includes(key)) yield* nodes(child, key);
  }
}

test.each([...files])('openapi/%s is what the program writes (npm run openapi)', (path, content) => {
  expect(Buffer.compare(readFileSync(`openapi/${path}`), Buffer.from(content))).toBe(0);
});

test('the files are the same every time they are written', () => {
  expect(openApiFiles('1.0.0')).toEqual(openApiFiles('1.0.0'));
});

const dialects = [
  'openapi.json',
  'openapi-3.0.json',
  'swagger.json',
  'power-platform/apiDefinition.swagger.json',
];

describe.each(dialects)('%s', (path) => {
  const document = documentAt(path);
  const paths = document['paths'] as Record<string, Record<string, Json>>;
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));

  test('describes every operation in words, under an id of its own', () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { summary, description } of operations) {
      expect(String(summary).length).toBeGreaterThan(5);
      expect(String(description).length).toBeGreaterThan(10);
    }
  });

  test('says nothing in more than 300 characters but on the first page', () => {
    const tooLong = [...nodes(document)].filter(
      ([name, { description }]) =>
        typeof description === 'string' && description.length > 300 && name !== 'info',
    );
    expect(tooLong.map(([name]) => name)).toEqual([]);
  });

  test('has no path twice', () => {
    const shapes = Object.keys(paths).map((template) => template.replaceAll(/\{[^}]*\}/g, '{}'));
    expect(new Set(shapes).size).toBe(shapes.length);
  });

  test('has flat schemas: what is nested has a name', () => {
    const schemas = (document['definitions'] ?? (document['components'] as Json)['schemas']) as Record<
      string,
      Json
    >;
    for (const { properties = {} } of Object.values(schemas)) {
      for (const member of Object.values(properties as Record<string, Json>)) {
        expect(member).not.toHaveProperty('properties');
        expect(member['items'] ?? {}).not.toHaveProperty('properties');
      }
    }
  });

  test('describes every member, parameter, header and response', () => {
    const described = [...nodes(document)].flatMap(([name, node]): [string, unknown][] => {
      if (['properties', 'headers', 'responses'].includes(name)) return Object.entries(node);
      return typeof node['in'] === 'string' ? [[String(node['name']), node]] : [];
    });
    expect(described.length).toBeGreaterThan(40);
    // What refers to another place is described there.
    const without = described.filter(
      ([, node]) =>
        !('$ref' in (node as Json)) && !/\S{3}/.test((node as { description?: string }).description ?? ''),
    );
    expect(without.map(([name]) => name)).toEqual([]);
  });

  test('has enums of texts only', () => {
    for (const [, { enum: values = [] }] of nodes(document)) {
      for (const value of values as unknown[]) expect(typeof value).toBe('string');
    }
  });
});

test.each(Object.keys(DOCUMENTS))('%s has every operation', (path) => {
  const paths = documentAt(path.slice(1))['paths'] as Record<string, Json>;
  const found = Object.entries(paths).flatMap(([at, methods]) =>
    Object.keys(methods).map((name) => `${name} ${at}`),
  );
  expect(found.toSorted()).toEqual(OPERATIONS.map(({ method, path: at }) => `${method} ${at}`).toSorted());
});

test('openapi-3.0.json has no word that only 3.1 knows', () => {
  for (const [, node] of nodes(documentAt('openapi-3.0.json'))) {
    expect(Array.isArray(node['type'])).toBe(false);
    if ('$ref' in node) expect(Object.keys(node)).toEqual(['$ref']);
    for (const word of ['const', 'dependentRequired', 'propertyNames']) expect(node).not.toHaveProperty(word);
  }
});

test('swagger.json has no union and no null, a schema for every response and a caption for every member', () => {
  const document = documentAt('swagger.json');
  const all = [...nodes(document)];
  for (const [, node] of all) {
    for (const word of ['oneOf', 'anyOf', 'allOf', 'not', 'nullable']) expect(node).not.toHaveProperty(word);
    expect(['undefined', 'string', 'object']).toContain(typeof node['type']);
    expect(node['type']).not.toBe('null');
  }
  const responses = all.filter(([name]) => /^[1-5]\d\d$/.test(name));
  expect(responses.length).toBeGreaterThan(20);
  for (const [status, { $ref, schema = {} }] of responses)
    expect($ref !== undefined || status === '304' || Object.keys(schema as Json).length > 0).toBe(true);
  for (const { properties = {} } of Object.values(document['definitions'] as Record<string, Json>)) {
    for (const member of Object.values(properties as Record<string, Json>))
      expect('$ref' in member || 'x-ms-summary' in member).toBe(true);
  }
});

test('the values of an attribute keep their types and null in 3.0', () => {
  const { schemas } = documentAt('openapi-3.0.json')['components'] as { schemas: Record<string, Json> };
  const { properties } = schemas['Lead'] as { properties: Record<string, Json> };
  expect(properties['attributes']?.['additionalProperties']).toEqual({
    anyOf: [
      { type: 'string', maxLength: 65_535 },
      { type: 'number', format: 'double' },
      { $ref: '#/components/schemas/BooleanOrNull' },
    ],
  });
  expect(schemas['BooleanOrNull']).toMatchObject({ type: 'boolean', nullable: true });
});

/** The document's words for null, in the validator's. */
function readable(document: Json): Json {
  return JSON.parse(JSON.stringify(document).replaceAll('"x-nullable"', '"nullable"')) as Json;
}

describe.each(['openapi-3.0.json', 'swagger.json', 'power-platform/apiDefinition.swagger.json'])(
  'the examples in %s',
  (path) => {
    const document = readable(documentAt(path));
    const ajv = addFormats
      .default(new Ajv({ strict: false, allErrors: true, inlineRefs: false }))
      .addSchema(document, 'doc:root');
    const complaints = (schema: Json, value: unknown) => {
      const own = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"doc:root#/')) as Json;
      const validate = ajv.compile(own);
      return validate(value) ? [] : (validate.errors ?? []);
    };

    test('validate, wherever they stand', EXHAUSTIVE, () => {
      let seen = 0;
      for (const [, node] of nodes(document)) {
        const {
          schema = node,
          example,
          examples = {},
        } = node as { schema?: Json; example?: unknown; examples?: Json };
        // 3.0 gives each a name and a summary; 2.0 one for a media type.
        const values = Object.values(examples).map((given) =>
          typeof given === 'object' && given !== null && 'summary' in given
            ? (given as Json)['value']
            : given,
        );
        for (const value of example === undefined ? values : [example, ...values]) {
          expect(complaints(schema, value)).toEqual([]);
          seen += 1;
        }
      }
      expect(seen).toBeGreaterThan(10);
    });
  },
);
