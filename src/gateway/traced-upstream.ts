import type { Tracing } from '../observability/tracing.ts';
import { type Outcome, outcomeLabel } from '../upstream/outcome.ts';
import type { CallContext, Upstream } from '../upstream/upstream.ts';

const defaultPort = (protocol: string) => (protocol === 'http:' ? 80 : 443);

/** An upstream whose calls have spans of their own. */
export function tracedUpstream(upstream: Upstream, tracing: Tracing, endpoint: URL): Upstream {
  const { hostname: address, port, protocol } = endpoint;
  const server = { address, port: port === '' ? defaultPort(protocol) : Number(port) };
  const traced = async <Result extends Outcome>(
    operation: string,
    leads: number,
    context: CallContext,
    call: (context: CallContext) => Promise<Result>,
  ): Promise<Result> => {
    const span = tracing.startCall({ operation, leads, server }, context.origins);
    const outcome = await call({ ...context, trace: span.trace });
    const isFailure = outcome.kind === 'failed';
    span.end({
      outcome: outcomeLabel(outcome),
      // A refused record is no failure of its call.
      isError: outcome.kind === 'mismatched' || (isFailure && outcome.how !== 'rejected'),
      faultCode: isFailure ? outcome.upstream?.code : undefined,
      httpStatus: isFailure ? outcome.httpStatus : undefined,
    });
    return outcome;
  };
  const { upsertOne, upsertMany } = upstream.operations;
  return {
    ...upstream,
    upsertOne: (command, context) =>
      traced(upsertOne, 1, context, (inner) => upstream.upsertOne(command, inner)),
    upsertMany: (commands, context) =>
      traced(upsertMany, commands.length, context, (inner) => upstream.upsertMany(commands, inner)),
  };
}
