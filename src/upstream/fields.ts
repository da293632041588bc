import type { FieldList, LeadFinding } from '../leads/fields.ts';
import type { UpsertLead } from '../leads/lead.ts';
import type { Failure } from './outcome.ts';
import type { CallContext } from './upstream.ts';

/** How long the fields, and what else is known of the subscription, are used after they were read, in ms. */
export const FIELDS_KEPT_MS = 24 * 3_600_000;
/** Fields that a lead names and Marketo does not have are looked for again this often at most, in ms. */
export const FIELDS_AGAIN_MS = 60_000;

/** What an upstream knows of the fields of leads. It keeps what it has read for a day. */
export type UpstreamFields = {
  /** Undefined until they are read. */
  known(): FieldList | undefined;
  /**
   * What must be read before `known`, or `check` of this lead, can tell everything: a word of the protocol, for `read`.
   * Undefined if nothing must.
   */
  missing(command?: UpsertLead): string | undefined;
  /** Makes one call, or waits for one that runs; then `isSent` is false. Never rejects. */
  read(
    fact: string,
    context: Pick<CallContext, 'origins'>,
  ): Promise<{ readonly isSent: boolean; readonly failure: Failure | undefined }>;
  /** Everything in a lead that would be refused, as far as that is known without a call. */
  check(command: UpsertLead): readonly LeadFinding[];
  /** The protocol's name of the call that reads it, for metrics. */
  operationOf(fact: string): string;
};
