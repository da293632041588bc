import type { CallEntry } from '../sandbox/call-log.ts';
import type { LeadInput } from '../sandbox/operations.ts';
import { type SyncOutcome, type SyncRules, unknownFields } from '../sandbox/leads/sync.ts';
import { SoapFault } from './answer.ts';
import { isNil, type XmlElement } from './read-xml.ts';

/** What an operation works with. */
export type OperationContext = {
  readonly rules: SyncRules;
  readonly now: () => number;
  /** Resolves after the time the server takes over a call: the gap in which two upserts can overlap. */
  readonly process: () => Promise<void>;
  readonly recordsPerBatch: () => number;
};

type OperationCall = {
  readonly operation: string;
  readonly params: XmlElement;
  readonly targetWorkspace: string | null;
};

/** A whole answer, and what the call log says of it. */
export type OperationResult = { readonly answer: string } & Pick<CallEntry, 'outcome' | 'statuses'>;

/** One operation of the service. Rejects with a SoapFault, by the table in soap-fault.ts. */
export type Operation = (call: OperationCall, context: OperationContext) => Promise<OperationResult>;

/** @throws {SoapFault} 20017 */
export function requireParams(params: XmlElement): void {
  if (isNil(params) || params.children.length === 0) throw new SoapFault(20017, 'The call has no parameters');
}

/** The wording is observed (contract A, "Faults"). @throws {SoapFault} 20105 */
export function refuseUnknownFields(operation: string, inputs: readonly LeadInput[], rules: SyncRules): void {
  const unknown = unknownFields(inputs, rules.fields);
  if (unknown.length > 0) {
    throw new SoapFault(
      20105,
      `${operation} operation failed: unknown fields for import: ${unknown.join(', ')}`,
    );
  }
}

/** How many of these records got which status. */
export function countStatuses(outcomes: readonly SyncOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
