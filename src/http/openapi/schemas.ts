import { z } from 'zod';
import type { Operation } from '../operations.ts';
import { problemDocument } from '../problem.ts';

export type Json = Record<string, unknown>;
/** Whether a schema describes what comes in, where members nobody knows are refused, or what goes out. */
export type Io = 'input' | 'output';

/** How one of the documents writes schemas: where they stand, and a node in its words. */
export type Dialect = {
  readonly refPrefix: string;
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
  return Object.assign(schemas, toComponents(problemDocument, 'output', dialect));
}

/** A reference to the schema; or the schema itself where only its type is known. */
export function schemaRef(schema: z.ZodType | 'object' | 'string', { refPrefix }: Dialect): Json {
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

/** Rewrites a schema and all inside it, from the leaves up. */
function rewrite(schema: Json, io: Io, dialect: Dialect, name?: string): Json {
  const node = simplify({ ...schema }, io);
  const { properties, items, additionalProperties, $ref } = node;
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
  return dialect.write(node, io, name);
}

function isNode(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/**
 * Says the same in fewer words, for tools that stumble: a union of plain types becomes a list of types, and an integer
 * loses limits that are those of JavaScript and not of the contract.
 */
function simplify(node: Json, io: Io): Json {
  // Answers may gain members in a later version, and no client should break on that.
  if (io === 'output' && node['additionalProperties'] === false) delete node['additionalProperties'];
  if (node['minimum'] === Number.MIN_SAFE_INTEGER) delete node['minimum'];
  if (node['maximum'] === Number.MAX_SAFE_INTEGER) delete node['maximum'];
  const { anyOf, ...rest } = node;
  if (!Array.isArray(anyOf)) return node;
  const nullable = orNull(anyOf as Json[]);
  if (nullable !== undefined) return { ...simplify(nullable, io), ...rest };
  // The length of a text binds nothing but texts, so it can stand beside other types.
  const lengths: Json = {};
  const types = (anyOf as Json[]).map((alternative) => {
    const { type, maxLength, ...more } = simplify({ ...alternative }, io);
    if (maxLength !== undefined) lengths['maxLength'] = maxLength;
    return Object.keys(more).length === 0 ? type : undefined;
  });
  return types.every((type) => typeof type === 'string') ? { ...rest, type: types, ...lengths } : node;
}

/** A schema of one type, or null, as one of two types; `undefined` for another union. What is listed stays without null. */
function orNull([one, other, ...more]: readonly Json[]): Json | undefined {
  if (typeof one?.['type'] !== 'string' || other?.['type'] !== 'null' || more.length > 0) return undefined;
  return { ...one, type: [one['type'], 'null'] };
}
