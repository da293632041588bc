import { z } from 'zod';
import { MAX_INT32 } from '../../text/int32.ts';
import { problemDocument, upstreamWords } from '../problems/problem.ts';
import { batchIndex } from './batch/schema.ts';
import { upsertLeadResponse } from './schema.ts';

/* What a caller gets from `GET /receipts/{id}` (docs/outbox.md#receipts); the OpenAPI documents are generated from it. */

/** Failed leads that the receipt of a batch names, at most. */
const MAX_FAILURES = 1000;

const ACCEPTED_AT = '2026-11-27T08:30:00.000Z';

function time(description: string) {
  return z.string().meta({ description, format: 'date-time' });
}

const problem = problemDocument
  .extend({
    detail: z
      .string()
      .optional()
      .meta({ description: 'Only for callers with the permission outbox: it may quote the lead.' }),
    upstream: upstreamWords
      .partial({ message: true })
      .meta({
        id: 'ReceiptUpstreamWords',
        description: 'What Marketo said; its words only for callers with the permission outbox.',
      })
      .optional(),
  })
  .meta({
    id: 'ReceiptProblem',
    description:
      'The problem that a direct request would have got; words that may quote the lead are only for callers with the permission outbox.',
    examples: [
      {
        type: 'https://leads.example.com/problems/upstream-unreachable',
        title: 'Marketo cannot be reached',
        status: 502,
        requestId: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11',
        retryable: true,
      },
    ],
  });

/** Of the receipt of a batch. */
const ofBatch = {
  total: z
    .int()
    .min(0)
    .max(MAX_INT32)
    .optional()
    .meta({ description: 'Leads of the batch; only of a batch.' }),
  delivered: z
    .int()
    .min(0)
    .max(MAX_INT32)
    .optional()
    .meta({ description: 'Leads of the batch that were delivered.' }),
  failed: z
    .int()
    .min(0)
    .max(MAX_INT32)
    .optional()
    .meta({ description: 'Leads of the batch that were refused or given up.' }),
  failures: z
    .array(
      z
        .strictObject({
          index: batchIndex,
          problem,
        })
        .meta({ id: 'BatchFailure', description: 'A lead of a batch that has failed.' }),
    )
    .max(MAX_FAILURES)
    .optional()
    .meta({ description: 'The first leads of the batch that have failed, by their index.' }),
};

/** The body of a 202: the lead waits. */
export const pendingReceipt = z
  .strictObject({
    state: z.literal('pending').meta({ description: 'The lead waits to be delivered.' }),
    acceptedAt: time('When the lead was accepted.'),
    attempts: z.int().min(0).max(MAX_INT32).meta({ description: 'Attempts that have failed.' }),
    nextAttemptAt: time('When the next attempt is due.'),
    lastProblem: problem.optional(),
    ...ofBatch,
  })
  .meta({
    id: 'PendingReceipt',
    description: 'A lead that waits to be delivered.',
    examples: [{ state: 'pending', acceptedAt: ACCEPTED_AT, attempts: 0, nextAttemptAt: ACCEPTED_AT }],
  });

/** The body of a 200: no more attempts are made. One object for both states, since many tools know no alternatives. */
export const finishedReceipt = z
  .strictObject({
    state: z.enum(['delivered', 'failed']).meta({ description: 'What became of the lead.' }),
    acceptedAt: time('When the lead was accepted.'),
    deliveredAt: time('When it was delivered; only if it was.').optional(),
    result: upsertLeadResponse
      .omit({ lead: true })
      .meta({
        id: 'DeliveryResult',
        description: 'What a direct request would have got; only if the lead was delivered.',
        examples: [{ leadId: 1000001, status: 'CREATED' }],
      })
      .optional(),
    failedAt: time('When it was given up; only if it was.').optional(),
    problem: problem.optional(),
    ...ofBatch,
  })
  .meta({
    id: 'Receipt',
    description: 'What became of a lead that was accepted.',
    examples: [
      {
        state: 'delivered',
        acceptedAt: ACCEPTED_AT,
        deliveredAt: '2026-11-27T08:30:01.200Z',
        result: { leadId: 1000001, status: 'CREATED' },
      },
    ],
  });
