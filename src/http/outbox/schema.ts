import { z } from 'zod';
import { MAX_INT32 } from '../../text/int32.ts';
import type { ErrorCode } from '../../leads/errors.ts';
import { upsertLeadRequest } from '../leads/schema.ts';
import { emailComplaint } from '../leads/identifiers.ts';
import { MAX_ID, problemDocument, refuseBy } from '../problems/problem.ts';
import { PROBLEM_TYPES } from '../problems/types.ts';

/* What the operator sends and gets (docs/outbox.md#administration), as zod schemas. */

const PROBLEMS = Object.keys(PROBLEM_TYPES) as [ErrorCode, ...ErrorCode[]];

/** A 32-bit integer, so that clients in other languages take one. */
const count = (description: string) => z.int().min(0).max(MAX_INT32).meta({ description });
const time = (description: string) =>
  z.string().meta({ description, format: 'date-time', examples: ['2026-11-27T08:30:00.000Z'] });

const problemName = z.enum(PROBLEMS).meta({ description: 'The last part of the type of a problem.' });

/** The body of `GET /outbox`. */
export const outboxCounts = z
  .object({
    pending: count('Leads that wait for their delivery.'),
    failed: count('Leads that are not tried any more; they wait for an operator.'),
    delivered: count('Leads that were delivered and whose receipts are kept.'),
    failedByProblem: z
      .array(
        z
          .object({ problem: problemName, count: count('Failed leads with this problem.') })
          .meta({ id: 'OutboxProblemCount', description: 'How many leads have failed for one reason.' }),
      )
      .meta({ description: 'The failed leads by problem, the most frequent first.' }),
    oldestPendingSeconds: count('How long the oldest pending lead has waited.').optional(),
    deliveredInHour: count('Leads delivered in the last hour.'),
    deliveredInDay: count('Leads delivered in the last 24 hours.'),
    nextAttemptAt: time('When the next pending lead is tried.').optional(),
    pausedBy: problemName
      .optional()
      .meta({ description: 'The problem because of which no lead is tried before the next attempt.' }),
  })
  .meta({ id: 'OutboxCounts', description: 'What the outbox holds.' });

const entryMembers = {
  id: z.string().meta({ description: 'The id of the lead and of its receipt.' }),
  state: z.enum(['pending', 'delivered', 'failed']).meta({ description: 'What became of the lead.' }),
  caller: z.string().meta({ description: 'The name of the key or the application that sent it.' }),
  kind: z.string().meta({ description: 'The kind of caller: secret, publishable, token or anonymous.' }),
  acceptedAt: time('When the gateway accepted the lead.'),
  attempts: count('Attempts since it was accepted, or since it was retried.'),
  nextAttemptAt: time('Of a pending lead: when it is tried next.').optional(),
  lastProblem: problemDocument
    .optional()
    .meta({ description: 'Of a pending lead: what the last attempt met.' }),
  deliveredAt: time('Of a delivered lead: when Marketo had it.').optional(),
  result: z
    .object({
      leadId: z.int().min(1).max(MAX_ID).meta({ description: 'The Marketo id of the lead.' }),
      status: z.enum(['CREATED', 'UPDATED', 'UNCHANGED']).meta({ description: 'What happened to the lead.' }),
    })
    .optional()
    .meta({ id: 'OutboxResult', description: 'Of a delivered lead: what the caller would have got.' }),
  failedAt: time('Of a failed lead: when it was given up.').optional(),
  problem: problemDocument.optional().meta({ description: 'Of a failed lead: why it has failed.' }),
};

const outboxEntry = z
  .object(entryMembers)
  .meta({ id: 'OutboxEntry', description: 'What became of an accepted lead.' });

/** The body of `GET /outbox/leads`. */
export const outboxPage = z
  .object({
    leads: z.array(outboxEntry).meta({ description: 'Those that have waited longest first.' }),
    next: z
      .string()
      .optional()
      .meta({ description: 'The parameter after of the next page; left out on the last.' }),
  })
  .meta({ id: 'OutboxPage', description: 'A part of the leads in the outbox.' });

const { id, email, foreignSysPersonId, foreignSysType, marketoCookie, attributes, workspace } =
  upsertLeadRequest.shape;

/** The body of `GET /outbox/leads/{id}`. */
export const outboxLead = z
  .object({
    ...entryMembers,
    lead: z
      .object({ id, email, foreignSysPersonId, foreignSysType, marketoCookie, attributes, workspace })
      .optional()
      .meta({
        id: 'OutboxLeadMembers',
        description: 'The lead as PUT /leads takes it; left out once it is delivered.',
      }),
  })
  .meta({ id: 'OutboxLead', description: 'What became of an accepted lead, and the lead.' });

/** The body that `POST /outbox/retry` takes. */
export const retryRequest = z
  .strictObject(
    {
      problem: z
        .enum(PROBLEMS, { error: 'must be the last part of the type of a problem' })
        .optional()
        .meta({
          description: 'Only leads that have failed with this problem.',
          examples: ['unknown-attribute'],
        }),
    },
    { error: 'must be an object with the member problem, or without members' },
  )
  .meta({ id: 'OutboxRetry', description: 'Which failed leads to try again.' });

/** The body of its answer. */
export const retryResponse = z
  .object({ retried: count('Leads that are tried again.') })
  .meta({ id: 'OutboxRetried', description: 'How many leads are tried again.' });

/** The body of the answer to `DELETE /outbox/leads/{id}`. */
export const discardResponse = z
  .object({ discarded: count('Leads that were removed: 1.') })
  .meta({ id: 'OutboxDiscarded', description: 'How many leads were removed.' });

/** The body that `POST /outbox/forget` takes. */
export const forgetRequest = z
  .strictObject(
    {
      email: z
        .string({ error: 'must be an email address' })
        .superRefine(refuseBy(emailComplaint))
        .meta({ description: 'The address of the person.', examples: ['jane@example.com'] }),
    },
    { error: 'must be an object with the member email' },
  )
  .meta({ id: 'OutboxForget', description: 'Whom to forget.' });

/** The body of its answer. */
export const forgetResponse = z
  .object({
    pending: count('Leads that were pending.'),
    failed: count('Leads that had failed.'),
    delivered: count('Receipts of leads that were delivered.'),
    overwritten: z.boolean().meta({
      description:
        'Whether no trace is left in the file. False while another program reads it, or its disk is full: then ask again.',
    }),
  })
  .meta({ id: 'OutboxForgotten', description: 'What was removed.' });
