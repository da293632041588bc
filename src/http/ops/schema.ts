import { z } from 'zod';

/** The body of `GET /healthz`. */
export const health = z
  .object({
    status: z.literal('ok').meta({ description: 'Always ok: a process that is not well does not answer.' }),
  })
  .meta({ id: 'Health', description: 'The process is up.', examples: [{ status: 'ok' }] });

const warnings = z
  .array(z.string())
  .optional()
  .meta({ description: 'What the operator should look at; one sentence each, for a person.' });

/** The body of `GET /readyz` when the gateway can serve. */
export const ready = z
  .object({ status: z.literal('ready').meta({ description: 'Leads are accepted.' }), warnings })
  .meta({ id: 'Ready', description: 'The gateway can serve.', examples: [{ status: 'ready' }] });

/** The body of `GET /readyz` when it cannot. */
export const unready = z
  .object({
    status: z.literal('unready').meta({ description: 'Send leads elsewhere for now.' }),
    reasons: z.array(z.string()).meta({ description: 'Why; one sentence each, for a person.' }),
    warnings,
  })
  .meta({
    id: 'Unready',
    description: 'The gateway cannot serve at the moment.',
    examples: [{ status: 'unready', reasons: ['shutting down'] }],
  });
