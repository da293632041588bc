import type { Config } from '../config/config.ts';
import { createFieldReader } from '../dispatch/field-reader.ts';
import type { Quota } from '../dispatch/quota.ts';
import type { LeadFields } from '../leads/fields.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Outcome, outcomeLabel } from '../upstream/outcome.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { CredentialWatch } from './observed-upstream.ts';

type Context = Clock & {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly random: () => number;
};

type Parts = {
  readonly upstream: Pick<Upstream, 'fields'>;
  readonly quota: Quota;
  readonly credentials: CredentialWatch;
  readonly wake: () => void;
};

/** An answer that is about no lead. */
const READ: Outcome = { kind: 'answered', records: [] };

/** The port for callers that ask about fields; null if the upstream cannot say. */
export function createFields(
  { config, metrics, random, ...clock }: Context,
  { upstream: { fields }, quota, credentials, wake }: Parts,
): LeadFields | null {
  if (fields === undefined) return null;
  const reader = createFieldReader({
    fields,
    quota,
    clock,
    random,
    deadlineMs: config.requestDeadlineMs,
    onCall(failure, ms, operation) {
      const outcome = failure ?? READ;
      credentials.observe(outcome);
      metrics.call(operation, outcomeLabel(outcome), 0, ms);
      if (failure?.codeLabel !== undefined) metrics.fault(failure.codeLabel);
    },
    wake,
  });
  const { defaultWorkspace: workspace } = config;
  if (workspace === undefined) return reader;
  return { ...reader, check: (command, context) => reader.check({ workspace, ...command }, context) };
}
