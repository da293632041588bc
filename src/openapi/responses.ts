import type { z } from 'zod';
import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import type { Answer, Examples, Operation } from './operations.ts';
import { PROBLEM_TYPES } from '../http/problems/types.ts';
import { problemDocument, toProblem } from '../http/problems/problem.ts';
import { EXAMPLE_SERVER } from './texts.ts';

/** Whole seconds. The longest wait lasts until the subscription's next day. */
const SECONDS = { type: 'integer', format: 'int32', minimum: 1, maximum: 2_147_483_647 } as const;

/** The response headers of the API, by component name. */
export const HEADERS = {
  RequestId: {
    description: "The id of the request: the caller's X-Request-Id if it is valid, otherwise a new one.",
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
    example: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11',
  },
  Traceparent: {
    description: "The request's place in a distributed trace (W3C Trace Context): the caller's, or a new one.",
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
  PreferenceApplied: {
    description: 'The preference that was applied; only with Prefer: attributes=list and returnLead.',
    schema: { type: 'string' },
    example: 'attributes=list',
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
  readonly body: {
    /** The media types of the body; the examples have the first. */
    readonly mediaTypes: readonly [string, ...string[]];
    readonly schema: z.ZodType | 'string';
    readonly examples: Examples;
  };
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
} as const;

function answerResponse(status: number, answer: Answer, common: Headers): ResponseModel {
  const { description, body, headers = [] } = answer;
  return {
    status,
    description,
    headers: {
      ...OF_EVERY_RESPONSE,
      ...common,
      ...Object.fromEntries(headers.map((name) => [name, ANSWER_HEADERS[name]])),
    },
    body: {
      mediaTypes: [body.mediaType],
      schema: 'schema' in body ? body.schema : body.describedAs,
      examples: 'schema' in body ? body.examples : {},
    },
  };
}

/** One status of an operation with its problems, each with an example. */
function problemResponse(
  codes: readonly ErrorCode[],
  status: number,
  common: Headers = {},
): ResponseModel {
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
