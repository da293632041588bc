import { z } from 'zod';
import { type Answer, EXAMPLE_SERVER, type Examples, type Operation, type TextBody } from './operations.ts';
import { MAX_ID, problemDocument, toProblem } from '../http/problems/problem.ts';
import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import { PROBLEM_TYPES } from '../http/problems/types.ts';

export type Json = Record<string, unknown>;
/** `input`: a request, which refuses unknown members; `output`: a response. */
export type Io = 'input' | 'output';

/** How a description writes schemas: where they stand, and how it writes a node. */
export type Dialect = {
  readonly refPrefix: string;
  /** Whether an operation can have a body in JSON or as a form. */
  readonly describesForms?: boolean;
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
    // Swagger 2.0 describes JSON only.
    for (const schema of dialect.describesForms === true ? Object.values(request?.others ?? {}) : []) {
      if (!('text' in schema)) Object.assign(schemas, toComponents(schema, 'input', dialect));
    }
    for (const { body } of Object.values(answers)) {
      if (body && 'schema' in body) Object.assign(schemas, toComponents(body.schema, 'output', dialect));
    }
  }
  return Object.assign(schemas, toComponents(problemDocument, 'output', dialect), dialect.schemas);
}

/** A reference to the schema, or a schema of its own for a bare type or a text. */
export function schemaRef(schema: z.ZodType | TextBody | 'string', dialect: Dialect): Json {
  if (typeof schema === 'string') return { type: schema };
  if ('text' in schema) return dialect.write({ type: 'string', examples: [schema.text] }, 'input', undefined);
  const id = schema.meta()?.id;
  if (id === undefined) throw new Error('a schema of an operation needs an id');
  return { $ref: `${dialect.refPrefix}${id}` };
}

const ZOD_PREFIX = '#/$defs/';

/** What zod makes of schemas: most of the time that a document takes, and the same for every dialect. */
const definitions: Readonly<Record<Io, WeakMap<z.ZodType, Json>>> = {
  input: new WeakMap(),
  output: new WeakMap(),
};

function definitionsOf(schema: z.ZodType, io: Io): Json {
  let made = definitions[io].get(schema);
  if (made === undefined) {
    // Custom schemas, such as the map of attributes, describe themselves in their meta.
    made = z.toJSONSchema(schema, { io, unrepresentable: 'any' }).$defs ?? {};
    definitions[io].set(schema, made);
  }
  return made;
}

function toComponents(schema: z.ZodType, io: Io, dialect: Dialect): Json {
  const $defs = definitionsOf(schema, io) as Readonly<Record<string, Json>>;
  return Object.fromEntries(
    Object.entries($defs).map(([id, definition]) => [id, rewrite({ ...definition }, io, dialect)]),
  );
}

/** Replaces the example server in links to problem pages by `server`, an absolute URL. */
export function placeAt(document: Json, server: string): Json {
  if (server === EXAMPLE_SERVER) return document;
  const text = JSON.stringify(document, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(PAGES)
      ? server + value.slice(EXAMPLE_SERVER.length)
      : value,
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
      Object.entries(properties).map(([member, child]) => [
        member,
        rewrite(child as Json, io, dialect, member),
      ]),
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

/** Adds a format to numbers, since many languages have several integer and floating-point types. */
function sized(node: Json): Json {
  const [type, ...others] = [node['type']].flat().filter((name) => name !== 'null');
  if (others.length > 0) return node;
  if (type === 'number') return { ...node, format: 'double' };
  if (type !== 'integer') return node;
  const { minimum = -Infinity, maximum = Infinity } = node;
  const isInt32 = Number(minimum) >= -MAX_ID - 1 && Number(maximum) <= MAX_ID;
  return { ...node, format: isInt32 ? 'int32' : 'int64' };
}

/**
 * Merges alternatives of different types into one schema, if possible: a keyword such as maxLength applies only to values
 * of its own type, so it may stand beside other types.
 */
function mergeTypes(alternatives: readonly Json[]): Json | undefined {
  const types = alternatives.map(({ type }) => type);
  if (!types.every((type) => typeof type === 'string') || new Set(types).size < types.length)
    return undefined;
  const words = alternatives.flatMap(({ type: _type, ...more }) => Object.entries(more));
  const named = new Set(words.map(([word]) => word));
  if (named.size < words.length) return undefined;
  // An enum applies to every type. A nullable one is left without null here; each dialect expresses it in its own way.
  if (named.has('enum') && (types.length > 2 || !types.includes('null'))) return undefined;
  return { ...Object.fromEntries(words), type: types };
}

/** Whole seconds. The longest wait lasts until the subscription's next day. */
const SECONDS = { type: 'integer', format: 'int32', minimum: 1, maximum: MAX_ID } as const;

/** The response headers of the API, by component name. */
export const HEADERS = {
  RequestId: {
    description: "The id of the request: the caller's X-Request-Id if it is valid, otherwise a new one.",
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
    example: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11',
  },
  Traceparent: {
    description:
      "The request's place in a distributed trace (W3C Trace Context): the caller's, or a new one.",
    required: true,
    schema: { type: 'string', pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$' },
    example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
  RetryAfter: {
    description: 'Seconds after which the same request can succeed.',
    required: true,
    schema: SECONDS,
    example: 12,
  },
  MaybeRetryAfter: {
    description: 'Seconds after which the same request can succeed, if known.',
    schema: SECONDS,
    example: 12,
  },
  Allow: {
    description: 'The methods that the path supports.',
    required: true,
    schema: { type: 'string' },
    example: 'GET, HEAD',
  },
  WwwAuthenticate: {
    description: 'How to authenticate.',
    required: true,
    schema: { type: 'string' },
    example: 'Bearer realm="lead-gateway"',
  },
  RateLimitPolicy: {
    description: 'The limits of the key, if any: q requests in w seconds.',
    schema: { type: 'string' },
    example: '"burst";q=20;w=2, "day";q=10000;w=86400',
  },
  RateLimit: {
    description: 'The remaining quota: r requests; it resets in t seconds.',
    schema: { type: 'string' },
    example: '"burst";r=19;t=2, "day";r=9999;t=86400',
  },
  MaybeServerTiming: {
    description: 'Milliseconds that the lead waited and spent in calls; not sent to publishable keys.',
    schema: { type: 'string' },
    example: 'wait;dur=0.1, upstream;dur=35.2',
  },
  ServerTiming: {
    description: 'Milliseconds that the lead waited in the gateway and spent in calls to Marketo.',
    required: true,
    schema: { type: 'string' },
    example: 'wait;dur=0.1, upstream;dur=35.2',
  },
  ETag: {
    description: 'Names this state of the resource, for If-None-Match.',
    required: true,
    schema: { type: 'string' },
    example: 'W/"BxY1qSPVcbzVjB1XVWuNlIcRyZ0"',
  },
  CacheControl: {
    description: 'Who may keep the response, and for how long.',
    required: true,
    schema: { type: 'string' },
    example: 'private, no-cache',
  },
  PreferenceApplied: {
    description: 'The preference that was applied, if any: attributes=list, respond-async or wait=5.',
    schema: { type: 'string' },
    example: 'attributes=list',
  },
  ReceiptLocation: {
    description: 'The path of the receipt.',
    required: true,
    schema: { type: 'string' },
    example: '/receipts/Jq3vX0m2Z1r9cQkT7yB4Wg',
  },
  MaybeReceiptLocation: {
    description: 'The path of the receipt, if there is one.',
    schema: { type: 'string' },
    example: '/receipts/Jq3vX0m2Z1r9cQkT7yB4Wg',
  },
  PollAfter: {
    description: 'Seconds after which to look at the receipt.',
    required: true,
    schema: SECONDS,
    example: 2,
  },
  MaybePollAfter: {
    description: 'Seconds after which to look at the receipt, if there is one.',
    schema: SECONDS,
    example: 2,
  },
} as const;

export type HeaderName = keyof typeof HEADERS;

/** The headers of a response: header name to component name. */
export type Headers = Readonly<Record<string, HeaderName>>;

/** Low-code tools and agents show no more of a description. */
const MAX_SHOWN = 300;

/** A response of an operation, independent of any dialect. */
export type ResponseModel = {
  readonly status: number;
  readonly description: string;
  readonly headers: Headers;
  /** Null: the response has no body. */
  readonly body: {
    /** The media types of the body; the examples have the first. */
    readonly mediaTypes: readonly [string, ...string[]];
    readonly schema: z.ZodType | 'string';
    readonly examples: Examples;
    readonly others?: Readonly<Record<string, TextBody>> | undefined;
  } | null;
};

const OF_EVERY_RESPONSE: Headers = { 'X-Request-Id': 'RequestId', traceparent: 'Traceparent' };

/** Clients whose Accept allows nothing else get a problem as plain JSON. */
const PROBLEM_MEDIA_TYPES: readonly [string, string] = ['application/problem+json', 'application/json'];
/** The same for every path, so descriptions have it once, as a component. */
export const METHOD_NOT_ALLOWED: ResponseModel = problemResponse(['method-not-allowed'], 405);

/** All responses of an operation, one per status. */
export function responsesOf({ answers, problems, path, needsCaller = false }: Operation): ResponseModel[] {
  const limits: Headers = needsCaller
    ? { 'RateLimit-Policy': 'RateLimitPolicy', RateLimit: 'RateLimit' }
    : {};
  const ofLeads: Headers = path === '/leads' && needsCaller ? { 'Server-Timing': 'MaybeServerTiming' } : {};
  const answered = Object.entries(answers).map(([status, answer]) =>
    answerResponse(Number(status), answer, limits),
  );
  const statuses = [...new Set(problems.map((code) => PROBLEM_TYPES[code].status))];
  const refused = statuses.map((status) => {
    if (status === METHOD_NOT_ALLOWED.status) return METHOD_NOT_ALLOWED;
    const codes = problems.filter((code) => PROBLEM_TYPES[code].status === status);
    return problemResponse(codes, status, status === 401 ? {} : { ...limits, ...ofLeads });
  });
  // In the order in which JSON writes numeric keys, so that every writer produces the same document.
  return [...answered, ...refused].toSorted((one, other) => one.status - other.status);
}

const ANSWER_HEADERS = {
  'Preference-Applied': 'PreferenceApplied',
  'Server-Timing': 'ServerTiming',
  'Server-Timing?': 'MaybeServerTiming',
  Location: 'ReceiptLocation',
  'Location?': 'MaybeReceiptLocation',
  'Retry-After': 'PollAfter',
  'Retry-After?': 'MaybePollAfter',
  ETag: 'ETag',
  'Cache-Control': 'CacheControl',
} as const;

function answerResponse(status: number, answer: Answer, common: Headers): ResponseModel {
  const { description, body, headers = [] } = answer;
  return {
    status,
    description,
    headers: {
      ...OF_EVERY_RESPONSE,
      ...common,
      ...Object.fromEntries(headers.map((name) => [name.replace('?', ''), ANSWER_HEADERS[name]])),
    },
    body: body && {
      mediaTypes: [body.mediaType],
      schema: 'schema' in body ? body.schema : body.describedAs,
      examples: 'schema' in body ? body.examples : {},
      others: 'schema' in body ? body.others : undefined,
    },
  };
}

/** One status of an operation with its problems, each with an example. */
function problemResponse(codes: readonly ErrorCode[], status: number, common: Headers = {}): ResponseModel {
  const examples = codes.map((code) => {
    const problem = toProblem(
      new GatewayError(code, PROBLEM_TYPES[code].example),
      HEADERS.RequestId.example,
      EXAMPLE_SERVER,
    );
    return [code, { summary: problem.title, value: problem }];
  });
  return {
    status,
    description: describeCodes(codes),
    headers: { ...OF_EVERY_RESPONSE, ...common, ...problemHeaders(status) },
    body: {
      mediaTypes: PROBLEM_MEDIA_TYPES,
      schema: problemDocument,
      examples: Object.fromEntries(examples) as Examples,
    },
  };
}

/** Lists the problems with their titles, or by name only if that is too long; each has an example with its title. */
function describeCodes(codes: readonly ErrorCode[]): string {
  const inWords = codes.map((code) => `- \`${code}\`: ${PROBLEM_TYPES[code].title}`).join('\n');
  return inWords.length <= MAX_SHOWN ? inWords : codes.map((code) => `- \`${code}\``).join('\n');
}

/** The headers of a problem with this status, besides the common ones (`docs/errors.md#problems`). */
function problemHeaders(status: number): Headers {
  if (status === 401) return { 'WWW-Authenticate': 'WwwAuthenticate' };
  if (status === 405) return { Allow: 'Allow' };
  if (status === 429 || status === 503) return { 'Retry-After': 'RetryAfter' };
  if (status === 502 || status === 504) return { 'Retry-After': 'MaybeRetryAfter' };
  return {};
}
