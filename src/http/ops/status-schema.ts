import { z } from 'zod';
import { MAX_INT32 } from '../../text/int32.ts';
import { outboxCounts } from '../outbox/schema.ts';

const instant = (description: string) => z.iso.datetime().meta({ description });
/** At most 32 bits, so that clients in other languages take them. */
const count = (description: string) => z.int().min(0).max(MAX_INT32).meta({ description });

/** A refusal counts for a minute. */
const standing = (description: string) =>
  z.enum(['accepted', 'refused', 'untried']).meta({ description: `${description} Untried: no answer yet.` });

const calls = z
  .object({
    window: z
      .object({
        left: count('Calls that may be made now.'),
        limit: count("MARKETO_MAX_CALLS_PER_20S, or this replica's part of it."),
      })
      .meta({ id: 'StatusWindow', description: 'The last 20 seconds.' }),
    concurrent: z
      .object({ running: count('Calls that run.'), limit: count('MARKETO_MAX_CONCURRENT.') })
      .meta({ id: 'StatusConcurrency', description: 'Calls at a time.' }),
    day: z
      .object({
        left: count('Calls left today.'),
        limit: count('MARKETO_DAILY_CALLS.'),
        needed: count('Calls that the rest of the day takes at the demand of the last hour.'),
        usedUpAt: instant('When none will be left at that demand; null: they last.').nullable(),
        resetsAt: instant('Midnight US Central time.'),
      })
      .meta({ id: 'StatusDay', description: 'The day.' }),
  })
  .meta({ id: 'StatusCalls', description: 'Budgets of calls to the upstream.' });

const key = z
  .object({
    name: z.string().meta({ description: 'The name in the keys file.' }),
    kind: z.enum(['secret', 'publishable', 'webhook']).meta({ description: 'The kind of the key.' }),
    state: z
      .enum(['active', 'disabled', 'revoked', 'expired'])
      .meta({ description: 'Whether it can be used.' }),
    lastUsedAt: instant('When it was last used with this process; null: not since the start.').nullable(),
    requests: count('Requests with it since the start.'),
    problems: count('Those that were answered with a problem.'),
  })
  .meta({ id: 'StatusKey', description: 'How a key has been used.' });

const problem = z
  .object({
    time: instant('When the request was over.'),
    requestId: z.string().meta({ description: 'X-Request-Id, by which the log finds it.' }),
    route: z.string().meta({ description: 'The path.' }),
    status: z.int().min(100).max(599).meta({ description: 'The HTTP status.' }),
    problem: z.string().meta({ description: 'The last part of the problem type.' }),
    caller: z.string().nullable().meta({ description: 'The name of the key, or jwt; null if unknown.' }),
  })
  .meta({ id: 'StatusProblem', description: 'A request that was answered with a problem.' });

/** The body of `GET /status` as JSON. */
export const statusReport = z
  .object({
    status: z.enum(['ready', 'unready']).meta({ description: 'As GET /readyz says.' }),
    reasons: z.array(z.string()).meta({ description: 'Why it is unready; one sentence each.' }),
    warnings: z.array(z.string()).meta({ description: 'What to look at; one sentence each.' }),
    version: z.string().meta({ description: 'The version of the gateway.' }),
    startedAt: instant('When the process was started.'),
    asOf: instant('When this was written.'),
    upstream: z
      .object({
        api: z.enum(['soap', 'rest']).meta({ description: 'The protocol.' }),
        host: z.string().meta({ description: 'Where leads are written.' }),
        sandbox: z.boolean().meta({ description: 'Whether it is the embedded sandbox.' }),
        sandboxUrl: z
          .string()
          .nullable()
          .meta({ description: 'Where this machine reaches that; else null.' }),
      })
      .meta({ id: 'StatusUpstream', description: 'Where leads are written.' }),
    queue: z
      .object({ waiting: count('Leads that wait for a call.'), limit: count('MAX_QUEUED_LEADS.') })
      .meta({ id: 'StatusQueue', description: 'Leads that wait.' }),
    calls,
    circuitBreaker: z
      .enum(['closed', 'open'])
      .meta({ description: 'Open while the upstream does not respond: leads are refused at once.' }),
    credentials: standing('Whether the upstream accepts the credentials.'),
    clock: standing('Whether the upstream accepts the time of this machine.'),
    replicas: z
      .object({
        connected: count('Replicas that share the budgets, this one included.'),
        coordinated: z.boolean().meta({ description: 'Whether Redis decides about calls.' }),
      })
      .meta({ id: 'StatusReplicas', description: 'The gateways that share a Redis.' })
      .optional(),
    outbox: z.boolean().meta({ description: 'Whether there is an outbox.' }),
    outboxCounts: outboxCounts
      .optional()
      .meta({ description: 'What it holds; left out without one, and while its store cannot be read.' }),
    keys: z.array(key).meta({ description: 'The keys of the keys file.' }),
    problems: z.array(problem).meta({ description: 'The last 50, newest first.' }),
  })
  .meta({ id: 'Status', description: 'How the gateway is doing. Holds no personal data.' });

export type StatusReport = z.infer<typeof statusReport>;

export const STATUS_EXAMPLE: StatusReport = {
  status: 'ready',
  reasons: [],
  warnings: [],
  version: '1.0.0',
  startedAt: '2026-11-27T06:00:00.000Z',
  asOf: '2026-11-27T09:30:00.000Z',
  upstream: { api: 'rest', host: '287-gtj-838.mktorest.com', sandbox: false, sandboxUrl: null },
  queue: { waiting: 0, limit: 25_000 },
  calls: {
    window: { left: 49, limit: 50 },
    concurrent: { running: 1, limit: 5 },
    day: {
      left: 48_211,
      limit: 50_000,
      needed: 11_000,
      usedUpAt: null,
      resetsAt: '2026-11-28T06:00:00.000Z',
    },
  },
  circuitBreaker: 'closed',
  credentials: 'accepted',
  clock: 'accepted',
  outbox: false,
  keys: [
    {
      name: 'website',
      kind: 'publishable',
      state: 'active',
      lastUsedAt: '2026-11-27T09:29:58.120Z',
      requests: 1210,
      problems: 1,
    },
  ],
  problems: [
    {
      time: '2026-11-27T09:12:44.031Z',
      requestId: '0b7f6f0e-7a0d-4e5c-9f5e-2f3d8a3b1c55',
      route: '/leads',
      status: 422,
      problem: 'unknown-attribute',
      caller: 'website',
    },
  ],
};
