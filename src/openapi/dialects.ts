import type { Dialect, Io, Json } from './responses.ts';

/** Read only by low-code tools: a caption, and whether a field is shown by default. */
const SCREEN_WORDS = ['title', 'visibility'];
/** JSON Schema keywords that OpenAPI 3.0 and Swagger 2.0 lack; the gateway still enforces them. */
const NEWER_WORDS = ['not', 'dependentRequired', 'propertyNames'];

/** OpenAPI 3.1 is JSON Schema 2020-12. */
export const OPENAPI_3_1: Dialect = {
  refPrefix: '#/components/schemas/',
  describesForms: true,
  write: (node) => listedOrNull(without(node, SCREEN_WORDS)),
};

/** Generators turn a null among the values of an enum into a constant, so null becomes a type of its own. */
function listedOrNull(node: Json): Json {
  const { type, enum: values, ...rest } = node;
  if (!Array.isArray(values) || !Array.isArray(type)) return node;
  const [listed, ...others] = type as unknown[];
  return { ...rest, anyOf: [{ type: listed, enum: values }, ...others.map((other) => ({ type: other }))] };
}

const BOOLEAN_OR_NULL = 'BooleanOrNull';

/**
 * OpenAPI 3.0 writes null as a keyword beside one type and allows nothing beside `$ref`. If one of several types may be
 * null, some generators drop `nullable` beside the union or beside one of its types, and some validators reject it; all
 * of them keep it in a named schema.
 */
export const OPENAPI_3_0: Dialect = {
  refPrefix: '#/components/schemas/',
  describesForms: true,
  schemas: {
    [BOOLEAN_OR_NULL]: { type: 'boolean', nullable: true, description: 'true, false or null.' },
  },
  write(node) {
    if ('$ref' in node) return { $ref: node['$ref'] };
    const { types, nullable, rest } = older(without(node, SCREEN_WORDS));
    if (types.length < 2) {
      return { ...(types.length === 1 && { type: types[0] }), ...rest, ...(nullable && { nullable: true }) };
    }
    const { maxLength, ...others } = rest;
    const anyOf = types.map((type) => {
      if (type === 'string' && maxLength !== undefined) return { type, maxLength };
      if (type === 'number') return { type, format: 'double' };
      if (type === 'boolean' && nullable) return { $ref: `${this.refPrefix}${BOOLEAN_OR_NULL}` };
      return { type };
    });
    return { ...others, anyOf };
  },
};

/** Swagger 2.0 as Power Automate and Power Apps read it: no unions, no null, a caption for every member. */
export const SWAGGER_2_0: Dialect = {
  refPrefix: '#/definitions/',
  write(node, io, name) {
    if ('$ref' in node) return { $ref: node['$ref'] };
    const { title, visibility, ...described } = node;
    const { types, nullable, rest } = older(described);
    const type = types.length > 1 ? screenType(io, name) : types[0];
    const { maxLength, ...others } = rest;
    return {
      ...(type !== undefined && { type }),
      ...((type === 'string' || types.length < 2) && maxLength !== undefined && { maxLength }),
      ...(type === undefined && types.length > 1 && { description: ANY }),
      ...others,
      // A schema without a type already allows null.
      ...(nullable && type !== undefined && { 'x-nullable': true }),
      ...(name !== undefined && { 'x-ms-summary': title ?? caption(name) }),
      ...(visibility !== undefined && { 'x-ms-visibility': visibility }),
    };
  },
};

const ANY = 'Text, a number, true, false or null.';

/**
 * The type that replaces a union in a dialect without unions: an input field asks for text, which the gateway accepts for
 * every field; anything else stays untyped.
 */
function screenType(io: Io, name: string | undefined): 'string' | undefined {
  return io === 'input' && name !== undefined ? 'string' : undefined;
}

/** Turns a member's name into a caption: `leadId` becomes Lead Id. */
export function caption(name: string): string {
  const words = name.replaceAll(/[-_]/g, ' ').replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ');
  return words.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

/** What the older dialects share: one example, no `const`, no list of types. */
function older(node: Json): { types: readonly unknown[]; nullable: boolean; rest: Json } {
  const { type, const: only, examples, ...rest } = without(node, NEWER_WORDS);
  const all = Array.isArray(type) ? (type as unknown[]) : type === undefined ? [] : [type];
  return {
    types: all.filter((name) => name !== 'null'),
    nullable: all.includes('null'),
    rest: {
      ...rest,
      ...(only !== undefined && { enum: [only] }),
      ...(Array.isArray(examples) && examples.length > 0 && { example: examples[0] as unknown }),
    },
  };
}

function without(node: Json, words: readonly string[]): Json {
  return Object.fromEntries(Object.entries(node).filter(([word]) => !words.includes(word)));
}
