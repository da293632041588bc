import { z } from 'zod';
import { MAX_INT32 } from '../../text/int32.ts';
import { memberPointer, pathOf } from '../../text/json.ts';
import { nearestName } from '../../text/nearest-name.ts';
import { describeInvalidCharacter, isLongerThan } from '../../text/xml-characters.ts';
import {
  firstFew,
  GatewayError,
  MAX_MEMBER_ERRORS,
  type MemberError,
  shortenName,
} from '../../leads/errors.ts';
import { PROBLEM_TYPES, problemUrl } from './types.ts';

/** Marketo's ids are 32-bit integers. */
export const MAX_ID = MAX_INT32;

/** A string of `min` to `max` characters (counted as JSON Schema does) that XML can contain. */
export function text(min: number, max: number) {
  return z
    .string({ error: ({ input }) => `must be a string${typeof input === 'number' ? ', in quotes' : ''}` })
    .refine((value) => value.length >= min, {
      error: 'must not be empty; leave it out instead',
    })
    .refine((value) => !isLongerThan(value, max), { error: `must have at most ${max} characters` })
    .superRefine(refuseBy(describeInvalidCharacter))
    .meta(min > 0 ? { minLength: min, maxLength: max } : { maxLength: max });
}

/** A refinement by a function that says what is wrong with a value; undefined if nothing is. */
export function refuseBy<Value>(complaintOf: (value: Value) => string | undefined) {
  return (value: Value, context: z.RefinementCtx): void => {
    const message = complaintOf(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The refusal of a lead that breaks rules of the API; its arguments are those of `invalidRequest`. */
export function invalidLead(errors: readonly MemberError[], count: number): GatewayError {
  return invalidRequest(errors, count, LEAD);
}

const LEAD = { part: 'member', whole: 'The lead' } as const;

/**
 * The refusal of a request that breaks rules of the API. The detail repeats the first few violations, because many tools
 * show a person nothing else.
 *
 * @param errors no more than a problem lists
 * @param count how many there are in all
 * @param names what an error is about, and what the pointer `#` stands for
 */
export function invalidRequest(
  errors: readonly MemberError[],
  count: number,
  { part, whole }: { readonly part: 'member' | 'parameter'; readonly whole: string },
): GatewayError {
  const total = count === 1 ? `1 ${part} is` : `${count} ${part}s are`;
  const { shown } = firstFew(errors);
  const omitted = count - shown.length;
  const sentences = shown.map(({ pointer, detail }) => sentence(`${nameOf(pointer, whole)}: ${detail}`));
  const more = omitted > 0 ? [`And ${omitted} more.`] : [];
  const cut = count > errors.length ? [`errors lists the first ${errors.length}.`] : [];
  return new GatewayError('validation-failed', {
    detail: [`${total} not valid.`, ...sentences, ...more, ...cut].join(' '),
    errors,
  });
}

/** A longer name is not repeated. */
const MAX_NAME_SHOWN = 80;

/** What was probably meant is looked up for the first errors only. */
const MAX_GUESSED = 20;

/**
 * The error of a name that a request must not have.
 *
 * @param what what it is not, such as a parameter of a lookup
 * @param known the names it may be a misspelling of
 * @param index its place among the errors
 */
export function unknownName(
  name: string,
  what: string,
  known: readonly string[],
  index: number,
): MemberError {
  const meant = index < MAX_GUESSED ? nearestName(name, known) : undefined;
  const question = meant === undefined ? '' : `; did you mean ${meant}?`;
  const detail = `is not ${what}${question}`;
  return isLongerThan(name, MAX_NAME_SHOWN)
    ? { pointer: '#', detail: ofLongName(detail) }
    : { pointer: memberPointer(name), detail };
}

/** What is wrong with something whose name is not repeated, in words about what it is in. */
export function ofLongName(detail: string): string {
  const hasVerb = /^(?:is|must|may|cannot|needs) /.test(detail);
  return `has a name that is too long to repeat${hasVerb ? '; it' : ':'} ${detail}`;
}

function sentence(words: string): string {
  return words.endsWith('?') ? words : `${words}.`;
}

/** A pointer for a person: `#/attributes/LeadScore` is attributes/LeadScore, `#` is the whole. */
function nameOf(pointer: string, whole: string): string {
  if (pointer === '#') return whole;
  const path = pathOf(pointer);
  // Nothing would be seen of a name that is empty.
  return shortenName(path.at(-1) === '' ? `${path.join('/')}""` : path.join('/'));
}

const memberError = z
  .object({
    pointer: z.string().meta({
      description: 'A JSON pointer to the member, as a URI fragment; # is the lead itself.',
      examples: ['#/attributes/LeadScore'],
    }),
    detail: z.string().meta({ description: 'What is wrong with the member.' }),
  })
  .meta({ id: 'MemberError', description: 'One member of the request that is at fault.' });

/** What Marketo said, as problems tell it. */
export const upstreamWords = z
  .object({
    code: z
      .int()
      .min(0)
      .max(999_999_999)
      .optional()
      .meta({ description: 'The code of the fault or error, if there was one.' }),
    message: z.string().meta({ description: 'What Marketo said, in its own words.' }),
    requestId: z
      .string()
      .optional()
      .meta({ description: "Marketo's own id of the call, if it has one.", examples: ['3f1a#199c82cc400'] }),
  })
  .meta({ id: 'UpstreamWords', description: 'What Marketo said.' });

/** The body of every error: a problem document (RFC 9457, 3; docs/errors.md#problem-document). */
export const problemDocument = z
  .object({
    type: z.string().meta({
      description: 'Which problem it is: the address of the page that explains it.',
      format: 'uri',
    }),
    title: z.string().meta({ description: 'What happened; the same for every problem of the type.' }),
    status: z.int().min(400).max(599).meta({ description: 'The status of the response.' }),
    detail: z.string().meta({ description: 'What happened this time, and what to do.' }),
    requestId: z.string().meta({ description: 'The id of the request, as in X-Request-Id.' }),
    retryable: z.boolean().meta({ description: 'Whether the same request can succeed later.' }),
    errors: z
      .array(memberError)
      .optional()
      .meta({ description: `The members at fault, if there are any; at most ${MAX_MEMBER_ERRORS}.` }),
    upstream: upstreamWords.optional().meta({ description: 'Only if Marketo answered.' }),
  })
  .meta({
    id: 'Problem',
    description: 'An error (RFC 9457). title and detail alone say what to do.',
    examples: [
      {
        type: 'https://leads.example.com/problems/validation-failed',
        title: PROBLEM_TYPES['validation-failed'].title,
        status: 422,
        requestId: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11',
        retryable: false,
        ...PROBLEM_TYPES['validation-failed'].example,
      },
    ],
  });

export type Problem = z.infer<typeof problemDocument>;

/** @param baseUrl where this caller reaches the gateway */
export function toProblem(error: GatewayError, requestId: string, baseUrl: string): Problem {
  const { status, title, retryable } = PROBLEM_TYPES[error.code];
  return {
    type: problemUrl(error.code, baseUrl),
    title,
    status,
    detail: error.detail,
    requestId,
    retryable: error.retryable ?? retryable,
    ...(error.errors !== undefined && { errors: [...error.errors] }),
    ...(error.upstream !== undefined && { upstream: error.upstream }),
  };
}
