import { finishedReceipt, pendingReceipt } from '../http/leads/receipt-schema.ts';
import { PROBLEM_TYPES } from '../http/problems/types.ts';
import { UNKNOWN_ATTRIBUTE } from '../leads/unknown-attributes.ts';
import type { Operation } from './operations.ts';

const ACCEPTED_AT = '2026-11-27T08:30:00.000Z';
const REQUEST_ID = '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11';

/** What became of a lead that was accepted (docs/outbox.md#receipts). */
export const RECEIPT_OPERATION: Operation = {
  method: 'get',
  path: '/receipts/{id}',
  operationId: 'getReceipt',
  tag: 'leads',
  summary: 'Look up what became of an accepted lead or batch',
  description:
    'For the key or application that sent the lead, or one with the permission outbox, as long as receipts are kept. Answers 202 while the lead waits, so tools that poll until another status wait for its end. Only of a gateway with an outbox; every receipt is unknown elsewhere.',
  parameters: [
    {
      name: 'id',
      in: 'path',
      description: 'The last part of the path in Location and in the member receipt.',
      example: 'Jq3vX0m2Z1r9cQkT7yB4Wg',
    },
  ],
  needsCaller: true,
  answers: {
    200: {
      description:
        'No more attempts are made: state says whether the lead, or each lead of the batch, was delivered or has failed.',
      body: {
        mediaType: 'application/json',
        schema: finishedReceipt,
        examples: {
          delivered: {
            summary: 'Delivered',
            value: {
              state: 'delivered',
              acceptedAt: ACCEPTED_AT,
              deliveredAt: '2026-11-27T08:30:01.200Z',
              result: { leadId: 1000001, status: 'CREATED' },
            },
          },
          batch: {
            summary: 'A batch, one of its leads refused',
            value: {
              state: 'failed',
              acceptedAt: ACCEPTED_AT,
              failedAt: '2026-11-27T08:30:01.200Z',
              total: 1000,
              delivered: 999,
              failed: 1,
              failures: [
                {
                  index: 7,
                  problem: {
                    type: 'https://leads.example.com/problems/validation-failed',
                    title: PROBLEM_TYPES['validation-failed'].title,
                    status: 422,
                    requestId: REQUEST_ID,
                    retryable: false,
                    errors: [
                      { pointer: '#/email', detail: 'must be an email address such as jane@example.com' },
                    ],
                  },
                },
              ],
            },
          },
          failed: {
            summary: 'Failed',
            value: {
              state: 'failed',
              acceptedAt: ACCEPTED_AT,
              failedAt: '2026-11-27T08:30:01.200Z',
              problem: {
                type: 'https://leads.example.com/problems/unknown-attribute',
                title: 'Marketo does not know an attribute of the lead',
                status: 422,
                requestId: REQUEST_ID,
                retryable: false,
                errors: [{ pointer: '#/attributes/Pants', detail: UNKNOWN_ATTRIBUTE }],
                upstream: { code: 20105 },
              },
            },
          },
        },
      },
    },
    202: {
      description: 'The lead waits to be delivered. Look again after the seconds in Retry-After.',
      headers: ['Location', 'Retry-After'],
      body: {
        mediaType: 'application/json',
        schema: pendingReceipt,
        examples: {
          pending: {
            summary: 'Not tried yet',
            value: { state: 'pending', acceptedAt: ACCEPTED_AT, attempts: 0, nextAttemptAt: ACCEPTED_AT },
          },
          batch: {
            summary: 'A batch, partly delivered',
            value: {
              state: 'pending',
              acceptedAt: ACCEPTED_AT,
              attempts: 0,
              nextAttemptAt: ACCEPTED_AT,
              total: 1000,
              delivered: 412,
              failed: 0,
              failures: [],
            },
          },
          waiting: {
            summary: 'To be tried again',
            value: {
              state: 'pending',
              acceptedAt: ACCEPTED_AT,
              attempts: 3,
              nextAttemptAt: '2026-11-27T08:30:12.000Z',
              lastProblem: {
                type: 'https://leads.example.com/problems/upstream-unreachable',
                title: 'Marketo cannot be reached',
                status: 502,
                requestId: REQUEST_ID,
                retryable: true,
              },
            },
          },
        },
      },
    },
  },
  problems: ['unauthorized', 'forbidden', 'not-found', 'method-not-allowed', 'rate-limited', 'unavailable'],
};
