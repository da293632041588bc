import {
  discardResponse,
  forgetRequest,
  forgetResponse,
  outboxCounts,
  outboxLead,
  outboxPage,
  retryRequest,
  retryResponse,
} from '../http/outbox/schema.ts';
import { UNKNOWN_ATTRIBUTE } from '../leads/unknown-attributes.ts';
import type { Examples, Operation, Parameter } from './operations.ts';

const PROBLEMS = [
  'unauthorized',
  'forbidden',
  'not-found',
  'method-not-allowed',
  'rate-limited',
  'unavailable',
] as const;

const BODY_PROBLEMS = [
  ...PROBLEMS,
  'malformed-json',
  'body-too-large',
  'unsupported-media-type',
  'validation-failed',
] as const;

const ID: Parameter = {
  name: 'id',
  in: 'path',
  description: 'The id of the lead, which is that of its receipt.',
  example: 'Jq3vX0m2Z1r9cQkT7yB4Wg',
};

const FAILED = {
  id: 'Jq3vX0m2Z1r9cQkT7yB4Wg',
  state: 'failed',
  caller: 'website',
  kind: 'publishable',
  acceptedAt: '2026-11-27T08:30:00.000Z',
  attempts: 1,
  failedAt: '2026-11-27T08:30:01.200Z',
  problem: {
    type: 'https://leads.example.com/problems/unknown-attribute',
    title: 'Marketo does not know an attribute of the lead',
    status: 422,
    detail: 'Marketo has no field named Pants. Check the spelling; names are case-sensitive.',
    requestId: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11',
    retryable: false,
    errors: [{ pointer: '#/attributes/Pants', detail: UNKNOWN_ATTRIBUTE }],
  },
};

const NEEDS = 'Needs the permission outbox. Only of a gateway with an outbox.';

const answered = (description: string, schema: typeof outboxCounts | Answered, examples: Examples) => ({
  200: { description, body: { mediaType: 'application/json', schema, examples } as const },
});

type Answered =
  | typeof outboxPage
  | typeof outboxLead
  | typeof retryResponse
  | typeof discardResponse
  | typeof forgetResponse;

/** What the operator does with the outbox (docs/outbox.md#administration). */
export const OUTBOX_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/outbox',
    operationId: 'getOutbox',
    tag: 'outbox',
    summary: 'What the outbox holds',
    description: `Counts by state, the age of the oldest pending lead, and when the next is tried. ${NEEDS}`,
    needsCaller: true,
    answers: answered('The figures of the outbox.', outboxCounts, {
      waiting: {
        summary: 'Leads wait until Marketo can be reached',
        value: {
          pending: 12,
          failed: 3,
          delivered: 4021,
          failedByProblem: [{ problem: 'unknown-attribute', count: 3 }],
          oldestPendingSeconds: 83,
          deliveredInHour: 214,
          deliveredInDay: 4021,
          nextAttemptAt: '2026-11-27T08:31:30.000Z',
          pausedBy: 'upstream-unreachable',
        },
      },
    }),
    problems: PROBLEMS,
  },
  {
    method: 'get',
    path: '/outbox/leads',
    operationId: 'listOutboxLeads',
    tag: 'outbox',
    summary: 'List failed or pending leads',
    description: `Those that have waited longest first, with their problems and without what was sent. ${NEEDS}`,
    parameters: [
      {
        name: 'state',
        in: 'query',
        description: 'failed, or pending; failed when left out.',
        schema: { type: 'string', enum: ['failed', 'pending'] },
        example: 'failed',
      },
      {
        name: 'problem',
        in: 'query',
        description: 'Only leads whose last problem has this name.',
        example: 'unknown-attribute',
      },
      {
        name: 'after',
        in: 'query',
        description: 'The member next of the page before.',
        example: '1795768200000-417',
      },
      {
        name: 'limit',
        in: 'query',
        description: 'How many leads a page may have: 1 to 1000, 100 when left out.',
        schema: { type: 'integer', format: 'int32', minimum: 1, maximum: 1000 },
        example: 100,
      },
    ],
    needsCaller: true,
    answers: answered('A page of the list.', outboxPage, {
      failed: { summary: 'A failed lead', value: { leads: [FAILED], next: '1795768200000-417' } },
    }),
    problems: [...PROBLEMS, 'validation-failed'],
  },
  {
    method: 'get',
    path: '/outbox/leads/{id}',
    operationId: 'getOutboxLead',
    tag: 'outbox',
    summary: 'Read a lead with what was sent',
    description: `What became of a lead, and the lead unless it is delivered. ${NEEDS}`,
    parameters: [ID],
    needsCaller: true,
    answers: answered('The lead.', outboxLead, {
      failed: {
        summary: 'A failed lead',
        value: { ...FAILED, lead: { email: 'jane@example.com', attributes: { Pants: 'blue' } } },
      },
    }),
    problems: PROBLEMS,
  },
  {
    method: 'delete',
    path: '/outbox/leads/{id}',
    operationId: 'discardOutboxLead',
    tag: 'outbox',
    summary: 'Discard a lead',
    description: `Removes a lead and its receipt. It is not sent unless it is in a call already. ${NEEDS}`,
    parameters: [ID],
    needsCaller: true,
    answers: answered('The lead is removed.', discardResponse, {
      discarded: { summary: 'Removed', value: { discarded: 1 } },
    }),
    problems: PROBLEMS,
  },
  {
    method: 'post',
    path: '/outbox/leads/{id}/retry',
    operationId: 'retryOutboxLead',
    tag: 'outbox',
    summary: 'Try a lead again',
    description: `Tries a failed or pending lead at once, in its old place in the order. ${NEEDS}`,
    parameters: [ID],
    needsCaller: true,
    answers: answered('The lead is tried again.', retryResponse, {
      retried: { summary: 'Tried again', value: { retried: 1 } },
    }),
    problems: [...PROBLEMS, 'validation-failed'],
  },
  {
    method: 'post',
    path: '/outbox/retry',
    operationId: 'retryOutbox',
    tag: 'outbox',
    summary: 'Try failed leads again',
    description: `All failed leads, or those with one problem; ends the pause of pending ones, too. ${NEEDS}`,
    request: {
      schema: retryRequest,
      description: 'Which failed leads.',
      examples: {
        one: { summary: 'Those with one problem', value: { problem: 'unknown-attribute' } },
        all: { summary: 'All failed leads', value: {} },
      },
    },
    needsCaller: true,
    answers: answered('The leads are tried again.', retryResponse, {
      retried: { summary: 'Three are tried again', value: { retried: 3 } },
    }),
    problems: BODY_PROBLEMS,
  },
  {
    method: 'post',
    path: '/outbox/forget',
    operationId: 'forgetPerson',
    tag: 'outbox',
    summary: 'Erase a person',
    description: `Removes all that is kept of leads with an email address: pending and failed leads, receipts and idempotency keys. ${NEEDS}`,
    request: {
      schema: forgetRequest,
      description: 'Whom to forget.',
      examples: { jane: { summary: 'By address', value: { email: 'jane@example.com' } } },
    },
    needsCaller: true,
    answers: answered('The person is erased.', forgetResponse, {
      erased: { summary: 'Erased', value: { pending: 1, failed: 0, delivered: 2, overwritten: true } },
    }),
    problems: BODY_PROBLEMS,
  },
];
