import type { z } from 'zod';
import type { ErrorCode } from '../leads/errors.ts';
import { leadForm } from '../http/forms/schema.ts';
import { LIST_FIELDS } from './field-operations.ts';
import { acceptedResponse, upsertLeadRequest, upsertLeadResponse } from '../http/leads/schema.ts';
import { CALL_PROBLEMS } from './call-problems.ts';
import { BATCH_OPERATION } from './batch-operation.ts';
import { LOOKUP_OPERATION } from './lookup-operation.ts';
import { health, ready, unready } from '../http/ops/schema.ts';
import { STATUS_EXAMPLE, statusReport } from '../http/ops/status-schema.ts';
import { OUTBOX_OPERATIONS } from './outbox-operations.ts';
import { RECEIPT_OPERATION } from './receipt-operation.ts';

/** Texts about the API as a whole. */
export const TITLE = 'lead-gateway';
export const SUMMARY = 'Put leads into Marketo with one JSON request.';
export const LICENSE_URL = 'https://spdx.org/licenses/MIT.html';

export const DESCRIPTION = [
  '`PUT /leads` inserts or updates a lead in Marketo; forms and webhooks send the same by `POST`. `GET /leads` looks leads up.',
  'Errors are problem documents (RFC 9457): `title` and `detail` say what to do, `retryable` says whether the same request can succeed later, and `type` links to a page with more.',
  'A gateway that authenticates its callers needs a key, as `Authorization: Bearer` or `X-API-Key`, or a JWT of its identity provider. A gateway without keys, for example on your own machine, accepts requests without credentials.',
  '`PUT /leads?dryRun=true` checks a lead and writes nothing: 200 is `{"valid": true, "warnings": […]}`, or the problem that the lead would get. It is not described as a parameter, since its response has another type.',
  'Any other path answers 404 with the problem `not-found`. HEAD works wherever GET does.',
].join('\n\n');

/** The same in 300 characters, for the screens of low-code tools. */
export const SHORT_DESCRIPTION =
  'Inserts or updates a lead in Marketo with one JSON request. Errors are problem documents (RFC 9457): title and detail say what to do, retryable says whether the same request can succeed later.';

export const BEARER_NOTE =
  'A key (`lgs_…`, `lgp_…` or `lgw_…`), or a JWT of the identity provider the gateway trusts.';
export const KEY_NOTE = 'A key (`lgs_…`, `lgp_…` or `lgw_…`).';

/** A placeholder where a description must have an address. */
export const EXAMPLE_SERVER = 'https://leads.example.com';

/** Example values by their names. */
export type Examples = Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>;

/** A body that no schema describes, and an example of it. */
export type TextBody = { readonly text: string };

export type Answer = {
  readonly description: string;
  readonly body:
    | {
        readonly mediaType: 'application/json';
        readonly schema: z.ZodType;
        readonly examples: Examples;
        /** The same in other media types; Swagger 2.0 cannot describe them beside JSON. */
        readonly others?: Readonly<Record<string, TextBody>>;
      }
    | {
        readonly mediaType: 'text/plain';
        readonly describedAs: 'string';
      }
    /** A response without a body. */
    | null;
  /** Response headers besides X-Request-Id and traceparent, which every response has. */
  readonly headers?: readonly AnswerHeader[];
};

/** A name with a question mark: some of the answers have it. */
type AnswerHeader =
  | 'Preference-Applied'
  | 'Server-Timing'
  | 'Server-Timing?'
  | 'Location'
  | 'Location?'
  | 'Retry-After'
  | 'Retry-After?'
  | 'ETag'
  | 'Cache-Control';

type ParameterSchema =
  | { readonly type: 'boolean' }
  | {
      readonly type: 'integer';
      readonly format: 'int32';
      readonly minimum: number;
      readonly maximum: number;
    }
  | { readonly type: 'string'; readonly enum: readonly string[] };

/** An optional request header or parameter of the query, or a part of the path. */
export type Parameter = {
  readonly name: string;
  readonly in: 'header' | 'query' | 'path';
  readonly description: string;
  /** Written alike in every dialect; any text if left out. */
  readonly schema?: ParameterSchema;
  readonly example: string | number | boolean;
  /** For low-code tools: a caption, and whether a screen shows it at once. */
  readonly title?: string;
  readonly visibility?: 'important';
};

export type Tag = 'leads' | 'outbox' | 'operation';

/**
 * One operation of the HTTP API. Every description is generated from the list of operations. It leaves out what no client
 * calls (preflights, pages, the descriptions), since tools turn each operation into a method, a form or a tool.
 */
export type Operation = {
  readonly method: 'get' | 'put' | 'post' | 'delete';
  readonly path: string;
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly Parameter[];
  readonly request?: {
    readonly schema: z.ZodType;
    readonly description: string;
    readonly examples: Examples;
    /** The same in other media types; Swagger 2.0 cannot describe them beside JSON. */
    readonly others?: Readonly<Record<string, z.ZodType | TextBody>>;
  };
  /** Whether the operation only repeats another one, for senders that cannot use that, so that tools may leave it out. */
  readonly isRepeated?: boolean;
  /** Whether the operation needs credentials, on a gateway that has keys or tokens. */
  readonly needsCaller?: boolean;
  readonly answers: Readonly<Record<number, Answer>>;
  /** The problems it can answer with; statuses, titles and examples come from PROBLEM_TYPES. */
  readonly problems: readonly ErrorCode[];
};

export const TAGS: Readonly<Record<Tag, string>> = {
  leads: 'Write leads and look them up.',
  outbox: 'See and change what the outbox holds.',
  operation: 'For the operator of the gateway.',
};

const UPSERT_LEAD = {
  method: 'put',
  path: '/leads',
  operationId: 'upsertLead',
  tag: 'leads',
  summary: 'Insert or update a lead',
  description:
    'Finds the lead by the strongest key given (id, then foreignSysPersonId, then marketoCookie, then email) and updates it, or creates it. Sending the same request again is safe.',
  request: {
    schema: upsertLeadRequest,
    description: 'The lead, at most 1 MiB of JSON.',
    examples: {
      emailOnly: { summary: 'By email address', value: { email: 'jane@example.com' } },
      foreignId: {
        summary: 'By the id in another system',
        value: {
          foreignSysPersonId: '0035x00001AbCdE',
          foreignSysType: 'SFDC',
          email: 'jane@example.com',
          attributes: { LastName: 'Doe' },
        },
      },
      workspace: {
        summary: 'Into a workspace',
        value: { email: 'jane@example.com', workspace: 'Default', returnLead: true },
      },
      cookie: {
        summary: 'The visitor behind a Munchkin cookie',
        value: {
          marketoCookie: 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169',
          email: 'jane@example.com',
        },
      },
      attributeList: {
        summary: 'With attributes as a list',
        value: {
          email: 'jane@example.com',
          attributeList: [
            { name: 'FirstName', value: 'Jane' },
            { name: 'LeadScore', value: 62 },
          ],
        },
      },
      idWithAttributes: {
        summary: 'By Marketo id, with attributes',
        value: {
          id: 1000000,
          attributes: { FirstName: 'Jane', LeadScore: 62, Unsubscribed: false, MiddleName: null },
          returnLead: true,
        },
      },
    },
  },
  parameters: [
    {
      name: 'Prefer',
      in: 'header',
      description:
        'attributes=list asks for the attributes of the returned lead as a list as well (RFC 7240). respond-async asks a gateway with an outbox to accept the lead now and deliver it later; respond-async, wait=5 waits up to 5 seconds for the usual response.',
      example: 'attributes=list',
    },
    {
      name: 'Idempotency-Key',
      in: 'header',
      description:
        'A name for the request, such as a UUID. The same key with the same lead gives the same receipt. Only read by a gateway with an outbox, for leads that are accepted.',
      example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
    },
  ],
  needsCaller: true,
  answers: {
    200: {
      description: 'The lead exists and is updated, or already had these values.',
      headers: ['Server-Timing', 'Preference-Applied'],
      body: {
        mediaType: 'application/json',
        schema: upsertLeadResponse,
        examples: {
          updated: { summary: 'Updated', value: { leadId: 1000001, status: 'UPDATED' } },
          withLead: {
            summary: 'Updated, returnLead was true',
            value: {
              leadId: 1000000,
              status: 'UPDATED',
              lead: {
                id: 1000000,
                email: 'george@example.com',
                foreignSysPersonId: null,
                foreignSysType: null,
                attributes: { FirstName: 'George', LeadScore: 62, Unsubscribed: false },
              },
            },
          },
        },
      },
    },
    201: {
      description: 'The lead was created.',
      headers: ['Server-Timing', 'Preference-Applied'],
      body: {
        mediaType: 'application/json',
        schema: upsertLeadResponse,
        examples: { created: { summary: 'Created', value: { leadId: 1000001, status: 'CREATED' } } },
      },
    },
    202: {
      description:
        'The lead was accepted. A gateway with an outbox delivers it later; the receipt tells what becomes of it. Publishable keys get this response without a receipt, whether the lead was known or new.',
      headers: ['Server-Timing?', 'Preference-Applied', 'Location?', 'Retry-After?'],
      body: {
        mediaType: 'application/json',
        schema: acceptedResponse,
        examples: {
          accepted: {
            summary: 'Accepted, with a receipt',
            value: { status: 'ACCEPTED', receipt: '/receipts/Jq3vX0m2Z1r9cQkT7yB4Wg' },
          },
          uniform: { summary: 'Accepted from a publishable key', value: { status: 'ACCEPTED' } },
        },
      },
    },
  },
  problems: [
    'malformed-json',
    'unauthorized',
    'forbidden',
    'lead-not-found',
    'method-not-allowed',
    'body-too-large',
    'unsupported-media-type',
    'validation-failed',
    'idempotency-key-reused',
    'lead-rejected',
    'unknown-attribute',
    ...CALL_PROBLEMS,
  ],
} as const satisfies Operation;

/** For senders that cannot use PUT: forms, beacons, webhooks. */
const POST_LEAD: Operation = {
  ...UPSERT_LEAD,
  method: 'post',
  operationId: 'postLead',
  summary: 'Insert or update a lead, from a form',
  description:
    'The same as PUT /leads, for HTML forms, sendBeacon and webhooks, which cannot send PUT. Every field of a form that is not a member of a lead is an attribute. A publishable key may stand in ?key=.',
  isRepeated: true,
  request: {
    ...UPSERT_LEAD.request,
    others: {
      'text/plain': { text: JSON.stringify({ email: 'jane@example.com' }) },
      'application/x-www-form-urlencoded': leadForm,
      'multipart/form-data': leadForm,
    },
  },
  problems: ['malformed-form', 'invalid-signature', ...UPSERT_LEAD.problems],
};

export const OPERATIONS: readonly Operation[] = [
  UPSERT_LEAD,
  POST_LEAD,
  LOOKUP_OPERATION,
  BATCH_OPERATION,
  RECEIPT_OPERATION,
  LIST_FIELDS,
  {
    method: 'get',
    path: '/healthz',
    operationId: 'getHealth',
    tag: 'operation',
    summary: 'Is the process up?',
    description: 'For a supervisor that restarts a process that does not respond. Does not check Marketo.',
    answers: {
      200: {
        description: 'The process is up.',
        body: {
          mediaType: 'application/json',
          schema: health,
          examples: { ok: { summary: 'Up', value: { status: 'ok' } } },
        },
      },
    },
    problems: ['method-not-allowed'],
  },
  {
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    tag: 'operation',
    summary: 'Can it serve?',
    description: 'For a load balancer that decides where to send requests.',
    answers: {
      200: {
        description: 'The gateway accepts leads.',
        body: {
          mediaType: 'application/json',
          schema: ready,
          examples: {
            ready: { summary: 'Ready', value: { status: 'ready' } },
            warned: {
              summary: 'Ready, with a warning for the operator',
              value: {
                status: 'ready',
                warnings: ['API_KEYS_FILE is not valid (the log says why); the previous keys stay in use'],
              },
            },
          },
        },
      },
      503: {
        description: 'Not ready; the reasons say why.',
        body: {
          mediaType: 'application/json',
          schema: unready,
          examples: {
            draining: { summary: 'Shutting down', value: { status: 'unready', reasons: ['shutting down'] } },
          },
        },
      },
    },
    problems: ['method-not-allowed'],
  },
  {
    method: 'get',
    path: '/status',
    operationId: 'getStatus',
    tag: 'operation',
    summary: 'How is it doing?',
    description:
      'Budgets, queue, warnings, keys with their last use and the last 50 problems, without personal data. Needs the permission metrics. A browser gets a page that shows the same, live.',
    needsCaller: true,
    answers: {
      200: {
        description: 'How the gateway is doing.',
        body: {
          mediaType: 'application/json',
          schema: statusReport,
          examples: { ready: { summary: 'Ready', value: STATUS_EXAMPLE } },
        },
      },
    },
    problems: ['unauthorized', 'forbidden', 'method-not-allowed', 'rate-limited'],
  },
  {
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    tag: 'operation',
    summary: 'Metrics for Prometheus',
    description:
      'Calls, waits, queue, budgets, callers and the process, in the Prometheus text format. Callers need the permission metrics if the gateway has keys or tokens. Not available here if METRICS_PORT is set.',
    needsCaller: true,
    answers: {
      200: { description: 'The metrics.', body: { mediaType: 'text/plain', describedAs: 'string' } },
    },
    problems: ['unauthorized', 'forbidden', 'not-found', 'method-not-allowed', 'rate-limited', 'unavailable'],
  },
  ...OUTBOX_OPERATIONS,
];
