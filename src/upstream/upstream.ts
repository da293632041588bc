import type { Origin, Trace, UpsertLead } from '../leads/lead.ts';
import type { CancelSignal } from '../runtime/cancellation.ts';
import type { BatchOutcome, UpsertOutcome } from './outcome.ts';

/** What one call is made for. */
export type CallContext = {
  /** Cancels the call as long as it is not on the wire. */
  readonly signal: CancelSignal;
  /** The requests the call is made for, oldest first; at least one. */
  readonly origins: readonly Origin[];
  /** The call's own part of the trace, if it has one. */
  readonly trace?: Trace;
};

/** The second port: what dispatch needs of the API that keeps the leads, whatever its protocol. */
export type Upstream = {
  /** Makes one attempt with one lead. Never rejects. */
  upsertOne(command: UpsertLead, context: CallContext): Promise<UpsertOutcome>;
  /** Makes one attempt with at most `maxBatch` leads of one group. Never rejects. */
  upsertMany(commands: readonly UpsertLead[], context: CallContext): Promise<BatchOutcome>;
  readonly maxBatch: number;
  /** Leads of the same group may share a call; null: this one goes alone. */
  groupOf(command: UpsertLead): string | null;
  /** The protocol's names of the two operations, for metrics and spans. */
  readonly operations: { readonly upsertOne: string; readonly upsertMany: string };
};

/**
 * The headers that tell the upstream which request a call is made for, the oldest of several (W3C Trace Context).
 * Names are in lower case.
 */
export function originHeaders({ origins, trace }: CallContext): Readonly<Record<string, string>> {
  const [oldest] = origins;
  if (oldest === undefined) return {};
  const { traceparent, tracestate } = trace ?? oldest.trace;
  return tracestate === undefined
    ? { 'x-request-id': oldest.requestId, traceparent }
    : { 'x-request-id': oldest.requestId, traceparent, tracestate };
}
