import type { LeadCalls } from '../dispatch/dispatcher.ts';
import type { Origin, Trace } from '../leads/lead.ts';
import type { CallHeaders, MarketoClient } from '../marketo-soap/client.ts';
import type { AttemptOutcome, BatchOutcome } from '../marketo-soap/outcome.ts';
import type { CallSpanEnd, Tracing } from '../observability/tracing.ts';

/** A URL leaves out the port that goes without saying. */
const defaultPort = (protocol: string) => (protocol === 'http:' ? 80 : 443);

type Operation = 'syncLead' | 'syncMultipleLeads';

/**
 * Calls that tell the upstream which request they are made for, of several the oldest, and that have spans of their own
 * where there are traces.
 */
export function tracedCalls(client: MarketoClient, tracing: Tracing | null, endpoint: URL): LeadCalls {
  if (tracing === null) {
    return {
      syncLead: (command, signal, [oldest]) => client.syncLead(command, signal, headersFor(oldest)),
      syncMultipleLeads: (commands, signal, [oldest]) =>
        client.syncMultipleLeads(commands, signal, headersFor(oldest)),
    };
  }
  const { hostname: address, port, protocol } = endpoint;
  const server = { address, port: port === '' ? defaultPort(protocol) : Number(port) };
  const traced = async <Outcome extends AttemptOutcome | BatchOutcome>(
    operation: Operation,
    leads: number,
    origins: readonly Origin[],
    call: (headers: CallHeaders) => Promise<Outcome>,
  ): Promise<Outcome> => {
    const span = tracing.startCall({ operation, leads, server }, origins);
    const outcome = await call(headersFor(origins[0], span.trace));
    span.end(endOf(outcome));
    return outcome;
  };
  return {
    syncLead: (command, signal, origins) =>
      traced('syncLead', 1, origins, (headers) => client.syncLead(command, signal, headers)),
    syncMultipleLeads: (commands, signal, origins) =>
      traced('syncMultipleLeads', commands.length, origins, (headers) =>
        client.syncMultipleLeads(commands, signal, headers),
      ),
  };
}

function headersFor(oldest: Origin | undefined, trace: Trace | undefined = oldest?.trace): CallHeaders {
  if (oldest === undefined || trace === undefined) return {};
  const { traceparent, tracestate } = trace;
  return tracestate === undefined
    ? { 'x-request-id': oldest.requestId, traceparent }
    : { 'x-request-id': oldest.requestId, traceparent, tracestate };
}

/** A record that is refused, or a call nobody wanted any more, is no failure of the call. */
const FINE: ReadonlySet<string> = new Set(['stored', 'rejected', 'answered', 'cancelled']);

function endOf(outcome: AttemptOutcome | BatchOutcome): CallSpanEnd {
  return {
    outcome: outcome.kind,
    isError: !FINE.has(outcome.kind),
    faultCode: outcome.kind === 'fault' ? (outcome.fault.code ?? undefined) : undefined,
    httpStatus: outcome.kind === 'unreadable' ? (outcome.httpStatus ?? undefined) : undefined,
  };
}
