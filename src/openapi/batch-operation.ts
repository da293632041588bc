import { batchRequest, batchResponse } from '../http/leads/batch/schema.ts';
import { acceptedResponse } from '../http/leads/schema.ts';
import { PROBLEM_TYPES } from '../http/problems/types.ts';
import type { Operation } from './operations.ts';

const LINES = 'application/x-ndjson';

function linesOf(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

/** Many leads at once (docs/rest-api.md#put-leadsbatch). */
export const BATCH_OPERATION: Operation = {
  method: 'put',
  path: '/leads/batch',
  operationId: 'upsertLeads',
  tag: 'leads',
  summary: 'Insert or update many leads',
  description:
    'Each lead is treated as by PUT /leads and has its own result, in the order of the leads. As application/x-ndjson the leads are lines, any number of them, and so are the results, which come while leads are still sent. Not for publishable keys.',
  request: {
    schema: batchRequest,
    description: 'Up to 1000 leads, at most 8 MiB of JSON; or one lead a line.',
    examples: {
      two: {
        summary: 'Two leads',
        value: {
          leads: [
            { email: 'jane@example.com', attributes: { FirstName: 'Jane' } },
            { email: 'john@example.com', attributes: { FirstName: 'John' } },
          ],
        },
      },
    },
    others: {
      [LINES]: { text: linesOf([{ email: 'jane@example.com' }, { email: 'john@example.com' }]) },
    },
  },
  parameters: [
    {
      name: 'Prefer',
      in: 'header',
      description:
        'attributes=list asks for the attributes of each lead as a list as well (RFC 7240). respond-async asks a gateway with an outbox to accept all leads now, with one receipt, and deliver them later; with wait=5 their results are the answer (200) if all are there in 5 s.',
      example: 'attributes=list',
    },
    {
      name: 'Idempotency-Key',
      in: 'header',
      description:
        'A name for the request, such as a UUID, with Prefer: respond-async. The same key with the same leads gives the same receipt. Only read by a gateway with an outbox.',
      example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
    },
  ],
  needsCaller: true,
  answers: {
    200: {
      description: 'One result per lead; each has a status of its own.',
      headers: ['Preference-Applied'],
      body: {
        mediaType: 'application/json',
        schema: batchResponse,
        others: {
          [LINES]: {
            text: linesOf([
              { index: 0, status: 201, leadId: 1000001, result: 'CREATED' },
              { index: 1, status: 200, leadId: 1000002, result: 'UPDATED' },
            ]),
          },
        },
        examples: {
          results: {
            summary: 'One created, one refused',
            value: {
              results: [
                { index: 0, status: 201, leadId: 1000001, result: 'CREATED' },
                {
                  index: 1,
                  status: 422,
                  problem: {
                    type: 'https://leads.example.com/problems/validation-failed',
                    title: PROBLEM_TYPES['validation-failed'].title,
                    status: 422,
                    detail:
                      '1 member is not valid. email: must be an email address such as jane@example.com.',
                    requestId: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11',
                    retryable: false,
                    errors: [
                      { pointer: '#/email', detail: 'must be an email address such as jane@example.com' },
                    ],
                  },
                },
              ],
            },
          },
        },
      },
    },
    202: {
      description:
        'The batch was accepted. A gateway with an outbox delivers its leads later; the receipt tells what becomes of them.',
      headers: ['Preference-Applied', 'Location', 'Retry-After'],
      body: {
        mediaType: 'application/json',
        schema: acceptedResponse,
        examples: {
          accepted: {
            summary: 'Accepted, with a receipt',
            value: { status: 'ACCEPTED', receipt: '/receipts/Jq3vX0m2Z1r9cQkT7yB4Wg' },
          },
        },
      },
    },
  },
  problems: [
    'malformed-json',
    'unauthorized',
    'forbidden',
    'method-not-allowed',
    'body-too-large',
    'unsupported-media-type',
    'validation-failed',
    'idempotency-key-reused',
    'rate-limited',
    'internal-error',
    'unavailable',
  ],
};
