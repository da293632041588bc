import type { Dialect, Io, Json } from './schemas.ts';

/** What only the screens of low-code tools show: a caption, and whether a field is offered at once. */
const SCREEN_WORDS = ['title', 'visibility'];
/** JSON Schema words that neither OpenAPI 3.0 nor Swagger 2.0 has; the gateway checks what they say. */
const NEWER_WORDS = ['not', 'dependentRequired', 'propertyNames'];

/** OpenAPI 3.1 is JSON Schema 2020-12. */
export const OPENAPI_3_1: Dialect = {
  refPrefix: '#/components/schemas/',
  write: (node) => listedOrNull(without(node, SCREEN_WORDS)),
};

/** A null among the listed values would become a constant in generated clients; as a type of its own it does not. */
function listedOrNull(node: Json): Json {
  const { type, enum: values, ...rest } = node;
  if (!Array.isArray(values) || !Array.isArray(type)) return node;
  const [listed, ...others] = type as unknown[];
  return { ...rest, anyOf: [{ type: listed, enum: values }, ...others.map((other) => ({ type: other }))] };
}

const BOOLEAN_OR_NULL = 'BooleanOrNull';

/**
 * OpenAPI 3.0: null is a word beside one type, and a `$ref` has nothing beside it. Where one of several types may be null,
 * generators lose a `nullable` beside the union or beside one of its types, or validators refuse it; all keep that of a
 * schema with a name.
 */
export const OPENAPI_3_0: Dialect = {
  refPrefix: '#/components/schemas/',
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

/** Swagger 2.0 as Power Automate and Power Apps read it: no unions, no null, and a caption for every member. */
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
      // Without a type a schema takes null as it takes everything.
      ...(nullable && type !== undefined && { 'x-nullable': true }),
      ...(name !== undefined && { 'x-ms-summary': title ?? caption(name) }),
      ...(visibility !== undefined && { 'x-ms-visibility': visibility }),
    };
  },
};

const ANY = 'Text, a number, true, false or null.';

/**
 * What stands for a union in a dialect without unions. A screen that asks for a value asks for text, which the gateway
 * takes for every field; anything else is left open.
 */
function screenType(io: Io, name: string | undefined): 'string' | undefined {
  return io === 'input' && name !== undefined ? 'string' : undefined;
}

/** A caption made of a member's name: `leadId` is Lead Id. */
export function caption(name: string): string {
  const words = name.replaceAll(/[-_]/g, ' ').replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ');
  return words.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

/** What the older dialects have in common: one example, no `const`, and no list of types. */
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
