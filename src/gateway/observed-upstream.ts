import { type Outcome, outcomeLabel } from '../upstream/outcome.ts';
import type { StartedCall, Tracing } from '../observability/tracing.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** How long a refusal counts. Without an end a balancer that obeys readiness would never let a call through to clear it. */
const MEMORY_MS = 60_000;

/** What the upstream thinks of how we identify ourselves. `untried`: it has not answered yet. */
type Standing = 'accepted' | 'refused' | 'untried';

export type CredentialWatch = {
  observe(outcome: Outcome): void;
  /** Why the gateway cannot serve; empty when it can. */
  reasons(): readonly string[];
  credentials(): Standing;
  /** Of the time that calls are signed with. */
  clock(): Standing;
};

/**
 * Remembers whether the upstream refuses our credentials or our clock (docs/operations.md#health). Any other answer
 * clears it.
 */
export function createCredentialWatch(monotonicMs: () => number): CredentialWatch {
  let refusal: { readonly of: 'credentials' | 'clock'; readonly atMs: number } | undefined;
  let isTried = false;
  const standingOf = (what: 'credentials' | 'clock'): Standing => {
    if (refusal?.of === what && monotonicMs() - refusal.atMs < MEMORY_MS) return 'refused';
    return isTried ? 'accepted' : 'untried';
  };
  return {
    observe(outcome) {
      const of = refusalOf(outcome);
      if (of === undefined && !isAnswer(outcome)) return;
      isTried = true;
      refusal = of && { of, atMs: monotonicMs() };
    },
    reasons: () =>
      standingOf('credentials') === 'refused' ? ["the upstream refuses this gateway's credentials"] : [],
    credentials: () => standingOf('credentials'),
    clock: () => standingOf('clock'),
  };
}

function refusalOf(outcome: Outcome): 'credentials' | 'clock' | undefined {
  if (outcome.kind !== 'failed') return undefined;
  if (outcome.error === 'upstream-access-denied') return 'credentials';
  return outcome.error === 'upstream-clock-skew' ? 'clock' : undefined;
}

/** Whether it was the upstream itself that answered, and not something in between. */
function isAnswer(outcome: Outcome): boolean {
  if (outcome.kind === 'failed') return outcome.how === 'rejected' || outcome.how === 'fault';
  return outcome.kind !== 'cancelled';
}

const defaultPort = (protocol: string) => (protocol === 'http:' ? 80 : 443);

/** An upstream whose calls have spans of their own. */
export function tracedUpstream(
  upstream: Upstream,
  tracing: Tracing,
  { endpoint, protocol: api }: { readonly endpoint: URL; readonly protocol: StartedCall['api'] },
): Upstream {
  const { hostname: address, port, protocol } = endpoint;
  const server = { address, port: port === '' ? defaultPort(protocol) : Number(port) };
  return {
    ...upstream,
    async call(items, context) {
      const operation = upstream.operationOf(items);
      const span = tracing.startCall({ api, operation, leads: items.length, server }, context.origins);
      const outcome = await upstream.call(items, { ...context, trace: span.trace });
      const isFailure = outcome.kind === 'failed';
      span.end({
        outcome: outcomeLabel(outcome),
        // A refused record is no failure of its call.
        isError: outcome.kind === 'mismatched' || (isFailure && outcome.how !== 'rejected'),
        faultCode: isFailure ? outcome.upstream?.code : undefined,
        httpStatus: isFailure ? outcome.httpStatus : undefined,
      });
      return outcome;
    },
  };
}
