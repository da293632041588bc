import type { z } from 'zod';
import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import type { Answer, Examples, Operation } from './operations.ts';
import { PROBLEM_TYPES } from '../http/problems/types.ts';
import { problemDocument, toProblem } from '../http/problems/problem.ts';
import { EXAMPLE_SERVER } from './texts.ts';

/** Whole seconds; the longest wait is for the next day of the subscription. */
const SECONDS = { type: 'integer', format: 'int32', minimum: 1, maximum: 2_147_483_647 } as const;

/** The response headers of the API, by the name a document may give them; a document takes what it can say. */
export const HEADERS = {
  RequestId: {
    description: "The id of the request: the caller's X-Request-Id when it is usable, else a new one.",
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
    description: 'Seconds after which the same request can succeed, when that is known.',
    schema: SECONDS,
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
  PreferenceApplied: {
    description: 'The preference the answer follows; only with Prefer: attributes=list and returnLead.',
    schema: { type: 'string' },
    example: 'attributes=list',
  },
} as const;

export type HeaderName = keyof typeof HEADERS;

/** Headers of a response: which of the above stands under which name. */
export type Headers = Readonly<Record<string, HeaderName>>;

/** What low-code screens and agents show of a description. */
const MAX_SHOWN = 300;

/** A response of an operation, before any dialect: what each of the documents writes in its own words. */
export type ResponseModel = {
  readonly status: number;
  readonly description: string;
  readonly headers: Headers;
  readonly body: {
    /** Every type the body may come in; the first is that of the examples. */
    readonly mediaTypes: readonly [string, ...string[]];
    readonly schema: z.ZodType | 'string';
    readonly examples: Examples;
  };
};

const OF_EVERY_RESPONSE: Headers = { 'X-Request-Id': 'RequestId', traceparent: 'Traceparent' };

/** A problem comes as plain JSON to a client whose Accept takes no other. */
const PROBLEM_MEDIA_TYPES: readonly [string, string] = ['application/problem+json', 'application/json'];
/** What refuses another method is the same everywhere, and so stands in a document once. */
export const METHOD_NOT_ALLOWED: ResponseModel = problemResponse(['method-not-allowed'], 405);

/** Every response of an operation: what it answers, then what it can end in, a status each. */
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
  // As JSON writes a table with numbers for keys, so that the order is the same whoever writes it.
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

/** One status of an operation with the problems that have it, an example each. */
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

/** The problems in words; by name alone where the words are too many, since each has an example with its title. */
function describeCodes(codes: readonly ErrorCode[]): string {
  const inWords = codes.map((code) => `- \`${code}\`: ${PROBLEM_TYPES[code].title}`).join('\n');
  return inWords.length <= MAX_SHOWN ? inWords : codes.map((code) => `- \`${code}\``).join('\n');
}

/** The headers a problem of this status comes with, besides the request id (contract B, "Errors"). */
function problemHeaders(status: number): Headers {
  if (status === 401) return { 'WWW-Authenticate': 'WwwAuthenticate' };
  if (status === 405) return { Allow: 'Allow' };
  if (status === 429 || status === 503) return { 'Retry-After': 'RetryAfter' };
  if (status === 502 || status === 504) return { 'Retry-After': 'MaybeRetryAfter' };
  return {};
}
