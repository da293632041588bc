import type { Origin, Trace } from '../leads/lead.ts';
import type { LeadCommand } from '../leads/lookup.ts';
import type { CancelSignal } from '../runtime/cancellation.ts';
import type { UpstreamFields } from './fields.ts';
import type { Failure, Outcome } from './outcome.ts';
import type { Step } from './step.ts';

/** What one call is made for. */
export type CallContext = {
  /** Cancels the call as long as it is not on the wire. */
  readonly signal: CancelSignal;
  /** The requests the call is made for, oldest first; at least one. */
  readonly origins: readonly Origin[];
  /** The call's own part of the trace, if it has one. */
  readonly trace?: Trace;
};

/** A lead, or a lookup, and the call that it needs now. */
export type CallItem<S extends Step = Step> = { readonly command: LeadCommand; readonly step: S };

/**
 * The second port: what dispatch needs of the API that keeps the leads, whatever its protocol. A lead is stored by one
 * call or by several, each a step, and so is a lookup; dispatch decides when each is made and what it shares.
 */
export type Upstream<S extends Step = Step> = {
  /**
   * The first step of a lead or a lookup, or why it is refused without any.
   *
   * @param takenOverMs the latest time at which another process may have begun a call with it, in monotonic ms
   */
  firstStep(command: LeadCommand, takenOverMs?: number): S | Failure;
  /** Makes one attempt with the steps of at most `maxBatch` leads, all of one group. Never rejects. */
  call(items: readonly CallItem<S>[], context: CallContext): Promise<Outcome>;
  /** Asks for the calls that everybody has made today; a call itself. Without it the upstream cannot say. */
  callsToday?(): Promise<number | Failure>;
  /** What it knows of the fields of leads. Without it the upstream cannot say. */
  readonly fields?: UpstreamFields;
  /** How long after its start a call may go on that was given up, and create leads by their keys, in ms; without it none can. */
  readonly mayCreateForMs?: number;
  readonly maxBatch: number;
  /** The size of the steps of one call together; a single lead may be larger. More would block the event loop for too long. */
  readonly maxBatchSize: number;
  /** The protocol's name of the call that these steps share, for metrics and spans. */
  operationOf(items: readonly CallItem<S>[]): string;
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
