import { describe, expect, test } from 'vitest';
import { openApiFiles } from '../src/http/openapi/files.ts';

/**
 * Microsoft's published rules for custom connectors: "Prepare connector files for certification", "Coding standards for
 * custom connectors", "OpenAPI extensions for custom connectors" and "Create a custom connector from an OpenAPI
 * definition" (learn.microsoft.com/connectors/custom-connectors). A test a rule.
 */

type Json = Record<string, unknown>;
type Schema = Json & { properties?: Record<string, Schema>; items?: Schema };
type Parameter = Schema & { name: string; in: string; schema?: Schema };
type Operation = {
  operationId: string;
  summary: string;
  description: string;
  parameters?: Parameter[];
  responses: Record<string, { description: string; schema?: Schema }>;
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
  paths: Record<string, Record<string, Operation>>;
  definitions: Record<string, Schema>;
};
const { properties } = JSON.parse(String(files.get('power-platform/apiProperties.json'))) as {
  properties: {
    connectionParameters: Record<string, { type: string; uiDefinition: Json }>;
    iconBrandColor: string;
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
  test('takes and gives JSON', () => {
    expect(definition.consumes).toEqual(['application/json']);
    expect(definition.produces).toContain('application/json');
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
  test('has an operationId of letters and digits', () =>
    expect(operation.operationId).toMatch(/^[A-Za-z][A-Za-z0-9]*$/));
  test('has a summary of at most 80 characters: letters, digits, blanks and parentheses', () => {
    expect(operation.summary.length).toBeLessThanOrEqual(80);
    expect(operation.summary).toMatch(/^[A-Za-z0-9 ()]+$/);
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
  test('has a response for success', () =>
    expect(Object.keys(operation.responses).some((status) => status.startsWith('2'))).toBe(true));
  test('has at most one body', () => {
    const bodies = (operation.parameters ?? []).filter((parameter) => parameter.in === 'body');
    expect(bodies.length).toBeLessThanOrEqual(1);
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
