import type { LeadCalls } from './dispatch/dispatcher.ts';
import type { Origin } from './leads/lead.ts';
import type { CallHeaders, MarketoClient } from './marketo/client.ts';

/** Calls that tell the upstream which request they are made for; of several, the oldest. */
export function tracedCalls(client: MarketoClient): LeadCalls {
  return {
    syncLead: (command, signal, origins) => client.syncLead(command, signal, headersFor(origins)),
    syncMultipleLeads: (commands, signal, origins) =>
      client.syncMultipleLeads(commands, signal, headersFor(origins)),
  };
}

function headersFor([oldest]: readonly Origin[]): CallHeaders {
  if (oldest === undefined) return {};
  const { requestId, trace } = oldest;
  const { traceparent, tracestate } = trace;
  return tracestate === undefined
    ? { 'x-request-id': requestId, traceparent }
    : { 'x-request-id': requestId, traceparent, tracestate };
}
