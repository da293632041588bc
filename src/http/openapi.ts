import { z } from 'zod';
import { GatewayError, type ErrorCode } from '../leads/errors.ts';
import { OPERATIONS, TAGS, type Answer, type Operation } from './operations.ts';
import { PROBLEM_TYPES } from './problem-types.ts';
import { problemDocument, toProblem } from './problem.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1.0 document of the gateway, for its version; the same every time. */
export function buildOpenApi(version: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'lead-gateway',
      version,
      summary: "Put leads into Marketo's SOAP API with one JSON request.",
      description: [
        'One operation, `PUT /leads`, inserts or updates a lead in Marketo.',
        'Errors are problem documents (RFC 9457): `title` and `detail` say what to do, `retryable` whether the same request can succeed later, and `type` leads to a page with more.',
        'A gateway that authenticates its callers wants a key, as `Authorization: Bearer` or as `X-API-Key`, or a JWT of its identity provider. A gateway without keys, for example on your own machine, takes requests as they are.',
        'A path that is not listed here answers 404 with the problem `not-found`. HEAD works where GET does.',
      ].join('\n\n'),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The gateway that serves this document.' }],
    security: [],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: describePaths(),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: describeSchemas(),
      headers: HEADERS,
      responses: { MethodNotAllowed: describeProblems(['method-not-allowed'], 405) },
    },
  };
}

const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key (`lgs_…` or `lgp_…`), or a JWT of the identity provider the gateway trusts.',
  },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key (`lgs_…` or `lgp_…`).' },
};

/** Either of them; or nothing, where the gateway does not ask. */
const SECURITY = [{ bearer: [] }, { apiKey: [] }, {}];

const HEADERS = {
  RequestId: {
    description: "The id of the request: the caller's X-Request-Id when it is usable, else a new one.",
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
    example: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11',
  },
  RetryAfter: {
    description: 'Seconds after which the same request can succeed.',
    required: true,
    schema: { type: 'integer', minimum: 1 },
    example: 12,
  },
  MaybeRetryAfter: {
    description: 'Seconds after which the same request can succeed, when that is known.',
    schema: { type: 'integer', minimum: 1 },
    example: 12,
  },
  Allow: {
    description: 'The methods the path takes.',
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
    description: 'The limits of the key, where it has any: q requests in w seconds.',
    schema: { type: 'string' },
    example: '"burst";q=20;w=2, "day";q=10000;w=86400',
  },
  RateLimit: {
    description: 'What is left of the limits: r requests, all of them again in t seconds.',
    schema: { type: 'string' },
    example: '"burst";r=19;t=2, "day";r=9999;t=86400',
  },
  MaybeServerTiming: {
    description: 'Milliseconds the lead waited, and spent in calls; not told to publishable keys.',
    schema: { type: 'string' },
    example: 'wait;dur=0.1, upstream;dur=35.2',
  },
  ServerTiming: {
    description: 'Milliseconds the lead waited in the gateway, and spent in calls to Marketo.',
    required: true,
    schema: { type: 'string' },
    example: 'wait;dur=0.1, upstream;dur=35.2',
  },
  Location: {
    description: 'Where to go.',
    required: true,
    schema: { type: 'string', format: 'uri-reference' },
    example: '/docs',
  },
} as const;

type HeaderName = keyof typeof HEADERS;

function headerRefs(headers: Readonly<Record<string, HeaderName>>): Json {
  const all = Object.entries({ 'X-Request-Id': 'RequestId', ...headers });
  return Object.fromEntries(
    all.map(([name, component]) => [name, { $ref: `#/components/headers/${component}` }]),
  );
}

function describePaths(): Json {
  const paths: Record<string, Json> = {};
  for (const operation of OPERATIONS)
    (paths[operation.path] ??= {})[operation.method] = describeOperation(operation);
  return paths;
}

function describeOperation(operation: Operation): Json {
  const { operationId, tag, summary, description, pathParameter, request } = operation;
  return {
    operationId,
    tags: [tag],
    summary,
    description,
    ...(pathParameter && {
      parameters: [
        {
          name: pathParameter.name,
          in: 'path',
          required: true,
          description: pathParameter.description,
          schema: { type: 'string' },
          example: pathParameter.values[0],
        },
      ],
    }),
    ...(request && {
      requestBody: {
        description: request.description,
        required: true,
        content: { 'application/json': { schema: schemaRef(request.schema), examples: request.examples } },
      },
    }),
    ...(operation.needsCaller === true && { security: SECURITY }),
    responses: describeResponses(operation),
  };
}

function describeResponses({ answers, problems, path, needsCaller = false }: Operation): Json {
  const responses: Record<string, Json> = {};
  const limits: Headers = needsCaller
    ? { 'RateLimit-Policy': 'RateLimitPolicy', RateLimit: 'RateLimit' }
    : {};
  const ofLeads: Headers = path === '/leads' && needsCaller ? { 'Server-Timing': 'MaybeServerTiming' } : {};
  for (const [status, description] of Object.entries(answers))
    responses[status] = describeAnswer(description, limits);
  for (const status of new Set(problems.map((code) => PROBLEM_TYPES[code].status))) {
    const codes = problems.filter((code) => PROBLEM_TYPES[code].status === status);
    responses[status] =
      status === 405
        ? { $ref: '#/components/responses/MethodNotAllowed' }
        : describeProblems(codes, status, status === 401 ? {} : { ...limits, ...ofLeads });
  }
  return responses;
}

type Headers = Readonly<Record<string, HeaderName>>;

function namedHeaders(names: NonNullable<Answer['headers']>): Headers {
  const components = { Location: 'Location', 'Server-Timing': 'ServerTiming', Allow: 'Allow' } as const;
  return Object.fromEntries(names.map((name) => [name, components[name]]));
}

function describeAnswer({ description, body, headers = [] }: Answer, common: Headers): Json {
  return {
    description,
    headers: headerRefs({ ...common, ...namedHeaders(headers) }),
    ...(body && {
      content: {
        [body.mediaType]:
          'schema' in body
            ? { schema: schemaRef(body.schema), examples: body.examples }
            : { schema: { type: body.describedAs } },
      },
    }),
  };
}

/** One status of an operation with the problems that have it, an example each. */
function describeProblems(codes: readonly ErrorCode[], status: number, common: Headers = {}): Json {
  const list = codes.map((code) => `- \`${code}\`: ${PROBLEM_TYPES[code].title}`);
  const examples = codes.map((code) => {
    const problem = toProblem(new GatewayError(code, PROBLEM_TYPES[code].example), HEADERS.RequestId.example);
    return [code, { summary: problem.title, value: problem }];
  });
  return {
    description: list.join('\n'),
    headers: headerRefs({ ...common, ...problemHeaders(status) }),
    content: {
      'application/problem+json': {
        schema: schemaRef(problemDocument),
        examples: Object.fromEntries(examples),
      },
    },
  };
}

/** The headers a problem of this status comes with, besides the request id (contract B, "Errors"). */
function problemHeaders(status: number): Record<string, HeaderName> {
  if (status === 401) return { 'WWW-Authenticate': 'WwwAuthenticate' };
  if (status === 405) return { Allow: 'Allow' };
  if (status === 429 || status === 503) return { 'Retry-After': 'RetryAfter' };
  if (status === 502 || status === 504) return { 'Retry-After': 'MaybeRetryAfter' };
  return {};
}

/** Every schema with an id, under its id, with those it refers to. */
function describeSchemas(): Json {
  const schemas: Json = {};
  for (const { request, answers } of OPERATIONS) {
    if (request) Object.assign(schemas, toComponents(request.schema, 'input'));
    for (const { body } of Object.values(answers)) {
      if (body && 'schema' in body) Object.assign(schemas, toComponents(body.schema, 'output'));
    }
  }
  return Object.assign(schemas, toComponents(problemDocument, 'output'));
}

function schemaRef(schema: z.ZodType): Json {
  const id = schema.meta()?.id;
  if (id === undefined) throw new Error('a schema of an operation needs an id');
  return { $ref: `#/components/schemas/${id}` };
}

function toComponents(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $defs } = z.toJSONSchema(schema, {
    io,
    // The map of attributes is a custom schema; it describes itself in its meta.
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      simplify(jsonSchema);
      // Answers may gain members in a later version, and no client should break on that.
      if (io === 'output' && jsonSchema.additionalProperties === false)
        delete jsonSchema.additionalProperties;
    },
  });
  return JSON.parse(JSON.stringify($defs).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}

/**
 * Says the same in fewer words, for tools that stumble: a union of plain types becomes a list of types, and an integer
 * loses limits that are those of JavaScript and not of the contract.
 */
function simplify(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  const alternatives = schema.anyOf;
  if (alternatives === undefined) return;
  for (const alternative of alternatives) simplify(alternative);
  const types = alternatives.map((alternative) => {
    const names = typeof alternative === 'object' ? Object.keys(alternative) : [];
    return names.length === 1 && typeof alternative === 'object' ? alternative.type : undefined;
  });
  if (types.every((type) => typeof type === 'string')) {
    delete schema.anyOf;
    Object.assign(schema, { type: types });
  }
}
