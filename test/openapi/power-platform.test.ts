import { describe, expect, test } from 'vitest';
import { openApiFiles } from '../../src/openapi/document.ts';

/**
 * Microsoft's published rules for custom connectors, a test a rule, with the page it stands on
 * (learn.microsoft.com/connectors/custom-connectors):
 *
 * - define-openapi-definition, "Create a custom connector from an OpenAPI definition"
 * - connector-string-guidance, "Learn best practices for string fields"
 * - coding-standards, "Follow coding standards"
 * - certification-submission, "Prepare your connector files for certification"
 * - certification-swagger-validator-rules, "Fix Swagger Validator errors": the rules whose name is one word, such as
 *   MimeTypeNotValid
 * - schemas/apiDefinition.swagger.schema.json in the repository microsoft/PowerPlatformConnectors
 *
 * Three rules are broken on purpose:
 * - OperationHasManyResponsesWithSchema: the designer uses one schema, that of 200, but a response without any is an
 *   empty one, which certification-submission forbids. A flow that fails gets the problem document either way.
 * - ConnectorMetadataPropertiesMissing and the contact of the support: the operator who has the connector certified
 *   is the support, and the program does not know them.
 * - The description names Marketo, a product of another: it is where the leads go.
 */

type Json = Record<string, unknown>;
type Schema = Json & { properties?: Record<string, Schema>; items?: Schema };
type Parameter = Schema & { name: string; in: string; schema?: Schema };
type Operation = {
  operationId: string;
  summary: string;
  description: string;
  consumes?: string[];
  produces: string[];
  parameters?: Parameter[];
  responses: Record<string, { description: string; schema?: Schema; headers?: Json; examples?: Json }>;
};

const files = openApiFiles('1.0.0');
const text = String(files.get('power-platform/apiDefinition.swagger.json'));
const definition = JSON.parse(text) as {
  swagger: string;
  info: { title: string; description: string; version: string };
  host: string;
  basePath: string;
  schemes: string[];
  consumes: string[];
  produces: string[];
  securityDefinitions: Record<string, Json>;
  security: Json[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  definitions: Record<string, Schema>;
};
const { properties } = JSON.parse(String(files.get('power-platform/apiProperties.json'))) as {
  properties: {
    connectionParameters: Record<string, { type: string; uiDefinition: Json }>;
    iconBrandColor: string;
    publisher: string;
    stackOwner: string;
  };
};
const icon = Buffer.from(files.get('power-platform/icon.png') as Uint8Array);

const PRODUCTS = /power ?apps|power ?automate|power ?platform|copilot studio|logic apps|\bflow\b/i;
const ENDS_PLAINLY = /[A-Za-z0-9)]$/;
const operations = Object.values(definition.paths).flatMap((methods) => Object.values(methods));
const parameters = operations.flatMap(({ parameters: own = [] }) => own);
const members = Object.entries(definition.definitions).flatMap(([name, schema]) =>
  Object.entries(schema.properties ?? {}).map(([member, described]) => ({
    name: `${name}.${member}`,
    described,
    isRequired: ((schema['required'] ?? []) as string[]).includes(member),
  })),
);

describe('the definition', () => {
  test('is OpenAPI 2.0', () => expect(definition.swagger).toBe('2.0'));
  test('has less than 1 MB', () => expect(Buffer.byteLength(text)).toBeLessThan(1_000_000));
  test('has no oneOf, anyOf, allOf and not', () => expect(text).not.toMatch(/"(?:oneOf|anyOf|allOf|not)":/));
  test('has no type null and no list of types', () => expect(text).not.toMatch(/"type": (?:\[|"null")/));
  test('names a host without a scheme', () => expect(definition.host).toMatch(/^[a-z0-9.-]+(?::\d+)?$/));
  test('has a base path that begins with a slash', () => expect(definition.basePath).toMatch(/^\//));
  test('goes by HTTPS only', () => expect(definition.schemes).toEqual(['https']));
  test('takes and gives only types the platform knows (MimeTypeNotValid)', () => {
    const lists = [definition, ...operations].flatMap(({ consumes = [], produces }) => [
      ...consumes,
      ...produces,
    ]);
    expect(new Set(lists)).toEqual(new Set(['application/json']));
  });
  test('names a host that others can reach, not a test host', () =>
    expect(definition.host).not.toMatch(/^(?:localhost|127\.|10\.|192\.168\.)|staging|\btest\b|\bdev\b/));
  test('has its parts in the order of coding-standards', () => {
    const named = ['swagger', 'info', 'host', 'schemes', 'consumes', 'produces', 'paths', 'definitions'];
    expect(Object.keys(definition).filter((part) => named.includes(part))).toEqual(named);
  });
  test('is indented by four blanks and has no blanks at the end of a line', () => {
    expect(text).toMatch(/^\{\n {4}"swagger"/);
    expect(text).not.toMatch(/[ \t]$/m);
  });
  test('has absolute addresses (UrlNotValid)', () => {
    const urls = [...text.matchAll(/"url": "([^"]*)"/g)].map(([, url = '']) => url);
    expect(urls.length).toBeGreaterThan(0);
    for (const url of urls) expect(URL.canParse(url)).toBe(true);
  });
  test('has no tag twice (TagRedefined)', () => {
    const names = definition.tags.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
  test('refers to definitions only, all of them there and all of them used', () => {
    const refs = [...text.matchAll(/"\$ref": "([^"]+)"/g)].map(([, ref]) => ref);
    const defined = Object.keys(definition.definitions).map((name) => `#/definitions/${name}`);
    expect(new Set(refs)).toEqual(new Set(defined));
  });
  test('has no schema that contains itself', () => {
    const reach = (name: string, seen: readonly string[]): void => {
      expect(seen).not.toContain(name);
      const own = JSON.stringify(definition.definitions[name]);
      for (const [, next = ''] of own.matchAll(/#\/definitions\/(\w+)/g)) reach(next, [...seen, name]);
    };
    for (const name of Object.keys(definition.definitions)) reach(name, []);
  });
});

describe('the title', () => {
  const { title } = definition.info;
  test('has at most 30 characters', () => expect(title.length).toBeLessThanOrEqual(30));
  test('has neither API nor Connector nor the name of a product of the platform', () => {
    expect(title).not.toMatch(/\bapi\b|connector/i);
    expect(title).not.toMatch(PRODUCTS);
  });
  test('ends in a letter or a digit', () => expect(title).toMatch(/[A-Za-z0-9]$/));
});

describe('the description', () => {
  const { description } = definition.info;
  test('has 30 to 500 characters', () => {
    expect(description.length).toBeGreaterThanOrEqual(30);
    expect(description.length).toBeLessThanOrEqual(500);
  });
  test('names no product of the platform', () => expect(description).not.toMatch(PRODUCTS));
});

describe.each(operations)('the action $operationId', (operation) => {
  test('has an operationId in Pascal case, of letters and digits (coding-standards, OperationIdSanitized)', () =>
    expect(operation.operationId).toMatch(/^(?:[A-Z][a-z0-9]+)+$/));
  test('has a summary of at most 80 characters: letters, digits, blanks and parentheses', () => {
    expect(operation.summary.length).toBeLessThanOrEqual(80);
    expect(operation.summary).toMatch(/^[A-Za-z0-9 ()]+$/);
    expect(operation.summary).toMatch(ENDS_PLAINLY);
    expect(operation.summary).not.toMatch(PRODUCTS);
  });
  test('has a description in sentences that differs from the summary', () => {
    expect(operation.description).toMatch(/[.!?]$/);
    expect(operation.description).not.toBe(operation.summary);
    expect(operation.description).not.toMatch(/https?:/);
  });
  test('has a visibility the platform knows', () =>
    expect(['none', 'important', 'advanced', 'internal']).toContain(
      (operation as unknown as Json)['x-ms-visibility'] ?? 'none',
    ));
  test('has a description and a schema that is not empty for every response', () => {
    for (const { description, schema } of Object.values(operation.responses)) {
      expect(description).not.toBe('');
      expect(Object.keys(schema ?? {}).length).toBeGreaterThan(0);
    }
  });
  test('has a response for success, and a schema for 200 or 201 (SchemaDefinitionSetIncorrectly)', () =>
    expect(operation.responses[200]?.schema ?? operation.responses[201]?.schema).toBeDefined());
  test('has no response by default, and none but under a status (ResponseMustBeDefaultOrHttpStatusCode)', () => {
    for (const status of Object.keys(operation.responses)) expect(status).toMatch(/^[1-5]\d\d$/);
  });
  test('has examples of types it produces (ResponseExampleMustBeProducedByOperation)', () => {
    const types = Object.values(operation.responses).flatMap(({ examples = {} }) => Object.keys(examples));
    expect(types.length).toBeGreaterThan(0);
    for (const type of types) expect(operation.produces).toContain(type);
  });
  test('has no header of a response twice, in any case (ResponseHeadersAreNotUnique)', () => {
    for (const { headers = {} } of Object.values(operation.responses)) {
      const names = Object.keys(headers).map((name) => name.toLowerCase());
      expect(new Set(names).size).toBe(names.length);
    }
  });
  test('has no parameter twice, and none named connectionId (ConnectionIdParameterNotAllowed)', () => {
    const names = (operation.parameters ?? []).map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names.join(' ')).not.toMatch(/connectionId/i);
  });
  test('has a schema for the body, and for no other parameter (NonBodyParameterSchemaNotValid)', () => {
    for (const parameter of operation.parameters ?? [])
      expect('schema' in parameter).toBe(parameter.in === 'body');
  });
  test('has at most one body', () => {
    const bodies = (operation.parameters ?? []).filter((parameter) => parameter.in === 'body');
    expect(bodies.length).toBeLessThanOrEqual(1);
  });
});

describe('the paths', () => {
  const templates = Object.keys(definition.paths);
  test('begin with a slash, without wildcard, query and fragment (OperationPathMustStartWithSlash)', () => {
    for (const path of templates) expect(path).toMatch(/^\/[^*?#]*$/);
  });
  test('differ in more than case (PathRedefined)', () =>
    expect(new Set(templates.map((path) => path.toLowerCase())).size).toBe(templates.length));
});

/** Every schema, wherever it stands. */
function* schemasIn(value: unknown): Generator<Schema> {
  if (typeof value !== 'object' || value === null) return;
  const { type, $ref } = value as Json;
  // A member of an object may be called type as well.
  if (typeof type === 'string' || typeof $ref === 'string') yield value as Schema;
  for (const [name, child] of Object.entries(value)) {
    if (!['example', 'examples', 'securityDefinitions'].includes(name)) yield* schemasIn(child);
  }
}

describe('the schemas', () => {
  const schemas = [...schemasIn(definition)];
  const WORDS =
    /^(?:\$ref|format|title|description|default|multipleOf|(?:exclusive)?M(?:ax|in)imum|m(?:ax|in)imum|m(?:ax|in)(?:Length|Items|Properties)|pattern|uniqueItems|required|enum|additionalProperties|type|items|properties|readOnly|example|x-nullable|x-ms-summary|x-ms-visibility|x-ms-dynamic-values|name|in|schema)$/;
  const FORMATS = ['int32', 'int64', 'float', 'double', 'byte', 'binary', 'date', 'date-time', 'uri'];

  test('are many', () => expect(schemas.length).toBeGreaterThan(50));
  test('have only words the schema of definitions knows (SwaggerKeywordNotSupported)', () => {
    for (const schema of schemas) for (const word of Object.keys(schema)) expect(word).toMatch(WORDS);
  });
  test('have only formats it knows (UnrecognizedTypeFormat)', () => {
    for (const { format } of schemas) expect([undefined, ...FORMATS]).toContain(format);
  });
  test('have nothing beside a reference (AdditionalPropertyNotAllowedAdjacentToRef)', () => {
    const references = schemas.filter((schema) => '$ref' in schema);
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references) expect(Object.keys(reference)).toEqual(['$ref']);
  });
  test('have values of their type in an enum, none twice and at least one (InvalidEnumValue)', () => {
    for (const { enum: values, type } of schemas) {
      if (values === undefined) continue;
      const list = values as unknown[];
      expect(new Set(list).size).toBe(list.length);
      expect(list.length).toBeGreaterThan(0);
      for (const value of list) expect(typeof value).toBe(type);
    }
  });
  test('need only members they have, at least one, and only in objects (RequiredPropertyDefinitionMissing)', () => {
    for (const { required, type, properties: own = {} } of schemas) {
      if (!Array.isArray(required)) continue;
      expect(type).toBe('object');
      expect(required.length).toBeGreaterThan(0);
      for (const name of required as string[]) expect(Object.keys(own)).toContain(name);
    }
  });
  test('have limits that leave something (MinLengthShouldBeLessThanOrEqualToMaxLength and its kind)', () => {
    for (const schema of schemas) {
      const { minLength = 0, maxLength = Infinity, minimum = -Infinity, maximum = Infinity } = schema;
      expect(Number(minLength)).toBeLessThanOrEqual(Number(maxLength));
      expect(Number(minimum)).toBeLessThanOrEqual(Number(maximum));
    }
  });
  test('have patterns that are regular expressions (PatternShouldBeValidRegularExpression)', () => {
    for (const { pattern } of schemas) expect(() => new RegExp((pattern ?? '') as string)).not.toThrow();
  });
});

test('the operationIds are unique', () => {
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

describe.each([
  ...parameters.map((described) => ({
    name: `parameter ${described.name}`,
    described,
    isRequired: described['required'] === true,
  })),
  ...members,
])('$name', ({ described, isRequired }) => {
  const isReference = '$ref' in described;
  test('has an x-ms-summary of at most 80 characters: letters, digits, blanks and parentheses', () => {
    if (isReference) return;
    const summary = (described['x-ms-summary'] ?? '') as string;
    expect(summary.length).toBeGreaterThan(0);
    expect(summary.length).toBeLessThanOrEqual(80);
    expect(summary).toMatch(/^[A-Za-z0-9 ()]+$/);
    expect(summary).toMatch(ENDS_PLAINLY);
  });
  test('has a description that ends as a sentence and differs from the summary', () => {
    const target = isReference
      ? definition.definitions[String(described['$ref']).replace('#/definitions/', '')]
      : described;
    expect(String(target?.['description'])).toMatch(/[.!?]$/);
    expect(target?.['description']).not.toBe(described['x-ms-summary']);
  });
  test('has a visibility the platform knows, and is not hidden when it is required', () => {
    const visibility = described['x-ms-visibility'] ?? 'none';
    expect(['none', 'important', 'advanced', 'internal']).toContain(visibility);
    if (visibility === 'internal' && isRequired) expect(described).toHaveProperty('default');
  });
  test('has a schema for the elements of a list', () => {
    const elements = Object.keys(described.items ?? {}).length;
    expect(elements > 0).toBe(described['type'] === 'array');
  });
});

describe('the authentication', () => {
  test('is one, of a kind the platform knows', () => {
    const schemes = Object.values(definition.securityDefinitions);
    expect(schemes).toHaveLength(1);
    expect(['basic', 'apiKey', 'oauth2']).toContain(schemes[0]?.['type']);
  });
  test('is asked for by the definition as a whole', () =>
    expect(definition.security).toEqual(
      Object.keys(definition.securityDefinitions).map((name) => ({ [name]: [] })),
    ));
  test('is a secured parameter of the connection under the same name', () => {
    expect(Object.keys(properties.connectionParameters)).toEqual(Object.keys(definition.securityDefinitions));
    for (const { type, uiDefinition } of Object.values(properties.connectionParameters)) {
      expect(type).toBe('securestring');
      expect(uiDefinition).toMatchObject({ constraints: { clearText: false, required: 'true' } });
      for (const word of ['displayName', 'description', 'tooltip']) expect(uiDefinition[word]).not.toBe('');
    }
  });
});

test('publisher and stackOwner are letters, digits and blanks (certification-submission, 3a)', () => {
  for (const name of [properties.publisher, properties.stackOwner]) expect(name).toMatch(/^[A-Za-z0-9 ]+$/);
});

describe('the icon', () => {
  test('is a PNG of less than 1 MB', () => {
    expect(icon.subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001A\n');
    expect(icon.length).toBeLessThan(1_000_000);
  });
  test('is a square of 100 to 230 pixels', () => {
    const [width, height] = [icon.readUInt32BE(16), icon.readUInt32BE(20)];
    expect(width).toBe(height);
    expect(width).toBeGreaterThanOrEqual(100);
    expect(width).toBeLessThanOrEqual(230);
  });
  test('has the brand colour as its background, which is neither white nor the default', () => {
    const palette = icon.indexOf('PLTE') + 4;
    expect(`#${icon.subarray(palette, palette + 3).toString('hex')}`).toBe(properties.iconBrandColor);
    expect(['#ffffff', '#007ee5']).not.toContain(properties.iconBrandColor.toLowerCase());
  });
});

describe('the name of an attribute', () => {
  const { properties: ofAttribute = {} } = definition.definitions['Attribute'] ?? {};
  const choice = ofAttribute['name']?.['x-ms-dynamic-values'] as {
    operationId: string;
    'value-collection': string;
    'value-path': string;
    'value-title': string;
    parameters: Record<string, unknown>;
  };
  const lister = operations.find(({ operationId }) => operationId === choice.operationId);

  test('is chosen from the fields that can be written', () => {
    const { schema } = lister?.responses['200'] ?? {};
    const [, answer = ''] = String(schema?.['$ref']).split('#/definitions/');
    const list = definition.definitions[answer]?.properties?.[choice['value-collection']];
    const [, item = ''] = String(list?.items?.['$ref']).split('#/definitions/');
    const field = definition.definitions[item]?.properties ?? {};
    expect(field).toHaveProperty(choice['value-path']);
    expect(field).toHaveProperty(choice['value-title']);
    expect(choice.parameters).toEqual({ readOnly: false });
    expect(lister?.parameters?.map(({ name }) => name)).toContain('readOnly');
  });

  test('comes from an action that makers do not see', () => {
    expect((lister as unknown as Json)['x-ms-visibility']).toBe('internal');
  });
});
