import { z } from 'zod';
import type { Operation } from './operations.ts';
import { problemDocument } from '../http/problems/problem.ts';
import { EXAMPLE_SERVER } from './texts.ts';

export type Json = Record<string, unknown>;
/** Whether a schema describes what comes in, where members nobody knows are refused, or what goes out. */
export type Io = 'input' | 'output';

/** How one of the documents writes schemas: where they stand, and a node in its words. */
export type Dialect = {
  readonly refPrefix: string;
  /** Schemas the dialect itself refers to, by their names. */
  readonly schemas?: Json;
  /** Rewrites a node, whose children are rewritten already, and which stands under `name` when it is a member. */
  readonly write: (node: Json, io: Io, name: string | undefined) => Json;
};

/** Every schema with an id that the operations use, under its id, with those it refers to. */
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

/** A reference to the schema; or the schema itself where only its type is known. */
export function schemaRef(schema: z.ZodType | 'string', { refPrefix }: Dialect): Json {
  if (typeof schema === 'string') return { type: schema };
  const id = schema.meta()?.id;
  if (id === undefined) throw new Error('a schema of an operation needs an id');
  return { $ref: `${refPrefix}${id}` };
}

const ZOD_PREFIX = '#/$defs/';

function toComponents(schema: z.ZodType, io: Io, dialect: Dialect): Json {
  // Schemas of our own, such as the map of attributes, describe themselves in their meta.
  const { $defs = {} } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return Object.fromEntries(
    Object.entries($defs).map(([id, definition]) => [id, rewrite({ ...definition }, io, dialect)]),
  );
}

/** The document with the pages that explain problems at a server, as an absolute URL, in place of the example. */
export function placeAt(document: Json, server: string): Json {
  if (server === EXAMPLE_SERVER) return document;
  const text = JSON.stringify(document, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(PAGES) ? server + value.slice(EXAMPLE_SERVER.length) : value,
  );
  return JSON.parse(text) as Json;
}

const PAGES = `${EXAMPLE_SERVER}/problems/`;

/** Rewrites a schema and all inside it, from the leaves up. */
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
 * Says the same in fewer words, for tools that stumble: a union of types becomes a list of types, and an integer loses
 * limits that are those of JavaScript and not of the contract.
 */
function simplify(node: Json, io: Io): Json {
  // Answers may gain members in a later version, and no client should break on that.
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

/** An integer says how many bits it needs, and a number that it is a double: many languages have several of each. */
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
 * One schema for alternatives that differ in their type: a word such as maxLength binds values of its own type alone,
 * so that it can stand beside other types. `undefined` where that cannot be said.
 */
function mergeTypes(alternatives: readonly Json[]): Json | undefined {
  const types = alternatives.map(({ type }) => type);
  if (!types.every((type) => typeof type === 'string') || new Set(types).size < types.length) return undefined;
  const words = alternatives.flatMap(({ type: _type, ...more }) => Object.entries(more));
  const named = new Set(words.map(([word]) => word));
  if (named.size < words.length) return undefined;
  // An enum binds every type; that of a text which may be null stays without null, and a dialect says it in its way.
  if (named.has('enum') && (types.length > 2 || !types.includes('null'))) return undefined;
  return { ...Object.fromEntries(words), type: types };
}
