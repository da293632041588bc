import { z } from 'zod';
import type { Operation } from './operations.ts';
import { problemDocument } from '../http/problems/problem.ts';
import { EXAMPLE_SERVER } from './texts.ts';

export type Json = Record<string, unknown>;
/** `input`: a request, which refuses unknown members; `output`: a response. */
export type Io = 'input' | 'output';

/** How a description writes schemas: where they stand, and how it writes a node. */
export type Dialect = {
  readonly refPrefix: string;
  /** Schemas that the dialect itself refers to, by name. */
  readonly schemas?: Json;
  /** Rewrites a node whose children are already rewritten; `name` is its name if it is a member. */
  readonly write: (node: Json, io: Io, name: string | undefined) => Json;
};

/** All schemas that the operations use, directly or by reference, by id. */
export function describeSchemas(operations: readonly Operation[], dialect: Dialect): Json {
  const schemas: Json = {};
  for (const { request, answers } of operations) {
    if (request) Object.assign(schemas, toComponents(request.schema, 'input', dialect));
    for (const { body } of Object.values(answers)) {
      if (body && 'schema' in body) Object.assign(schemas, toComponents(body.schema, 'output', dialect));
    }
  }
  return Object.assign(schemas, toComponents(problemDocument, 'output', dialect), dialect.schemas);
}

/** A reference to the schema, or a schema of its own for a bare type. */
export function schemaRef(schema: z.ZodType | 'string', { refPrefix }: Dialect): Json {
  if (typeof schema === 'string') return { type: schema };
  const id = schema.meta()?.id;
  if (id === undefined) throw new Error('a schema of an operation needs an id');
  return { $ref: `${refPrefix}${id}` };
}

const ZOD_PREFIX = '#/$defs/';

function toComponents(schema: z.ZodType, io: Io, dialect: Dialect): Json {
  // Custom schemas, such as the map of attributes, describe themselves in their meta.
  const { $defs = {} } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return Object.fromEntries(
    Object.entries($defs).map(([id, definition]) => [id, rewrite({ ...definition }, io, dialect)]),
  );
}

/** Replaces the example server in links to problem pages by `server`, an absolute URL. */
export function placeAt(document: Json, server: string): Json {
  if (server === EXAMPLE_SERVER) return document;
  const text = JSON.stringify(document, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(PAGES) ? server + value.slice(EXAMPLE_SERVER.length) : value,
  );
  return JSON.parse(text) as Json;
}

const PAGES = `${EXAMPLE_SERVER}/problems/`;

/** Rewrites a schema from the leaves up. */
function rewrite(schema: Json, io: Io, dialect: Dialect, name?: string): Json {
  const node = sized(simplify({ ...schema }, io));
  const { properties, items, additionalProperties, anyOf, $ref } = node;
  if (typeof $ref === 'string') node['$ref'] = $ref.replace(ZOD_PREFIX, dialect.refPrefix);
  if (isNode(properties)) {
    node['properties'] = Object.fromEntries(
      Object.entries(properties).map(([member, child]) => [member, rewrite(child as Json, io, dialect, member)]),
    );
  }
  if (isNode(items)) node['items'] = rewrite(items, io, dialect);
  if (isNode(additionalProperties)) {
    node['additionalProperties'] = rewrite(additionalProperties, io, dialect);
  }
  if (Array.isArray(anyOf)) node['anyOf'] = (anyOf as Json[]).map((child) => rewrite(child, io, dialect));
  return dialect.write(node, io, name);
}

function isNode(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/**
 * Simplifies a node for weak tools: a union of types becomes a list of types, and an integer loses the limits that
 * JavaScript, not the API, imposes.
 */
function simplify(node: Json, io: Io): Json {
  // Later versions may add members to responses; clients must not break on them.
  if (io === 'output' && node['additionalProperties'] === false) delete node['additionalProperties'];
  if (node['minimum'] === Number.MIN_SAFE_INTEGER) delete node['minimum'];
  if (node['maximum'] === Number.MAX_SAFE_INTEGER) delete node['maximum'];
  const { anyOf, ...rest } = node;
  if (!Array.isArray(anyOf)) return node;
  const alternatives = (anyOf as Json[]).map((alternative) => simplify({ ...alternative }, io));
  const merged = mergeTypes(alternatives);
  return merged === undefined ? { ...rest, anyOf: alternatives } : { ...rest, ...merged };
}

const MAX_INT32 = 2_147_483_647;

/** Adds a format to numbers, since many languages have several integer and floating-point types. */
function sized(node: Json): Json {
  const [type, ...others] = [node['type']].flat().filter((name) => name !== 'null');
  if (others.length > 0) return node;
  if (type === 'number') return { ...node, format: 'double' };
  if (type !== 'integer') return node;
  const { minimum = -Infinity, maximum = Infinity } = node;
  const isInt32 = Number(minimum) >= -MAX_INT32 - 1 && Number(maximum) <= MAX_INT32;
  return { ...node, format: isInt32 ? 'int32' : 'int64' };
}

/**
 * Merges alternatives of different types into one schema, if possible: a keyword such as maxLength applies only to values
 * of its own type, so it may stand beside other types.
 */
function mergeTypes(alternatives: readonly Json[]): Json | undefined {
  const types = alternatives.map(({ type }) => type);
  if (!types.every((type) => typeof type === 'string') || new Set(types).size < types.length) return undefined;
  const words = alternatives.flatMap(({ type: _type, ...more }) => Object.entries(more));
  const named = new Set(words.map(([word]) => word));
  if (named.size < words.length) return undefined;
  // An enum applies to every type. A nullable one is left without null here; each dialect expresses it in its own way.
  if (named.has('enum') && (types.length > 2 || !types.includes('null'))) return undefined;
  return { ...Object.fromEntries(words), type: types };
}
