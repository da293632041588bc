import { z } from 'zod';
import { type GatewayError, MAX_MEMBER_ERRORS } from '../../leads/errors.ts';
import { PROBLEM_TYPES, problemUrl } from './types.ts';

const memberError = z
  .object({
    pointer: z.string().meta({
      description: 'A JSON pointer to the member, as a URI fragment; # is the lead itself.',
      examples: ['#/attributes/LeadScore'],
    }),
    detail: z.string().meta({ description: 'What is wrong with the member.' }),
  })
  .meta({ id: 'MemberError', description: 'One member of the request that is at fault.' });

const upstreamWords = z
  .object({
    code: z
      .int()
      .min(0)
      .max(999_999_999)
      .optional()
      .meta({ description: 'The fault code, if there was a fault.' }),
    message: z.string().meta({ description: 'What Marketo said, in its own words.' }),
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
