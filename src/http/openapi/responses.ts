import type { z } from 'zod';
import { GatewayError, type ErrorCode } from '../../leads/errors.ts';
import type { Answer, Examples, Operation } from '../operations.ts';
import { PROBLEM_TYPES } from '../problem-types.ts';
import { problemDocument, toProblem } from '../problem.ts';
import { HEADERS, type Headers } from './headers.ts';
import { EXAMPLE_SERVER } from './words.ts';

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
