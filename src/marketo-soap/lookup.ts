import type { LeadRecord } from '../leads/lead.ts';
import type { FindLeads, LookupKey } from '../leads/lookup.ts';
import { memberPointer } from '../text/json.ts';
import { CALL_FAILURE, type Failure, type Outcome, type RecordOutcome } from '../upstream/outcome.ts';
import type { Step } from '../upstream/step.ts';
import { type SoapCallFailure, toFailure } from './outcome.ts';
import { writeGetLead, writeGetMultipleLeads } from './envelope.ts';
import type { FoundReply } from './reply-find.ts';
import type { Signature } from './signing.ts';

/** A key as `getLead` takes it (docs/marketo-soap.md#getlead). */
export type SoapKey = { readonly keyType: string; readonly keyValue: string };

/** A call that looks leads up. */
export type LookupStep = Step & { readonly key: SoapKey; readonly query: FindLeads };

/** More keys in one call of `getMultipleLeads` are ignored by Marketo. */
const MAX_KEYS = 100;

/** Those by which a call can look for many leads and tell from the answer who has which key. */
const SHARED: ReadonlySet<string> = new Set(['IDNUM', 'EMAIL']);

/**
 * The step of a lookup, or why Marketo cannot be asked. Lookups by one key type and with one list of fields may share a
 * call.
 *
 * @param maxBatchSize the size of the steps of one call together: as many as it may have keys fill it
 */
export function lookupStep(query: FindLeads, maxBatchSize: number): LookupStep | Failure {
  const key = soapKeyOf(query.find);
  if ('kind' in key) return key;
  const fields = query.fields === undefined ? '' : JSON.stringify(query.fields);
  const group = SHARED.has(key.keyType) ? `getMultipleLeads ${key.keyType} ${fields}` : null;
  return { group, size: maxBatchSize / MAX_KEYS, note: undefined, key, query };
}

const KEY_TYPES = {
  id: 'IDNUM',
  email: 'EMAIL',
  marketoCookie: 'COOKIE',
  sfdcAccountId: 'SFDCACCOUNTID',
  sfdcLeadOwnerId: 'SFDCLEADOWNERID',
  sfdcOpptyId: 'SFDCOPPTYID',
} as const satisfies Record<Exclude<LookupKey['by'], 'foreignSysPersonId'>, string>;

function soapKeyOf(find: LookupKey): SoapKey | Failure {
  const { value: keyValue } = find;
  if (find.by !== 'foreignSysPersonId') return { keyType: KEY_TYPES[find.by], keyValue };
  if (find.type !== 'SFDC') {
    const detail = "Marketo's SOAP API cannot look up by this type";
    return refusal(`foreignSysType: ${detail}.`, 'foreignSysType', detail);
  }
  if (keyValue.startsWith('00Q')) return { keyType: 'SFDCLEADID', keyValue };
  if (keyValue.startsWith('003')) return { keyType: 'SFDCCONTACTID', keyValue };
  const detail = 'must be the id of a lead (00Q…) or of a contact (003…) in Salesforce';
  return refusal(`foreignSysPersonId: ${detail}.`, 'foreignSysPersonId', detail);
}

function refusal(detail: string, parameter: string, complaint: string): Failure {
  return {
    ...CALL_FAILURE,
    how: 'rejected',
    error: 'validation-failed',
    isolates: 'record',
    counted: 'no',
    explain: () => ({ detail, errors: [{ pointer: memberPointer(parameter), detail: complaint }] }),
  };
}

/** Writes the call of lookups by one key type and with one list of fields. */
export function writeLookup(steps: readonly LookupStep[], signature: Signature): string {
  const [first] = steps;
  const { keyType = '', keyValue = '' } = first?.key ?? {};
  if (steps.length === 1) return writeGetLead(keyType, keyValue, signature);
  const keyValues = steps.map(({ key }) => key.keyValue);
  return writeGetMultipleLeads(keyType, keyValues, first?.query.fields, signature);
}

/** How a call that looks leads up has ended. */
export type LookupOutcome = FoundReply | SoapCallFailure | { readonly kind: 'cancelled' };

/** Fault 20103 means that no lead has the key. */
const NO_LEAD = 20103;

/** What a call has found for each of its lookups. */
export function toLookupOutcome(outcome: LookupOutcome, steps: readonly LookupStep[]): Outcome {
  switch (outcome.kind) {
    case 'cancelled':
      return outcome;
    case 'found':
      // What is left over belongs to somebody: fewer keys in a call leave less over, and one alone nothing.
      return outcome.remaining > 0 && steps.length > 1
        ? {
            ...TOO_MANY,
            explain: () => ({ detail: 'Marketo has more leads with these keys than fit one answer.' }),
          }
        : { kind: 'answered', records: recordsOf(outcome.leads, steps), isSent: true };
    case 'fault':
      return outcome.fault.code === NO_LEAD
        ? { kind: 'answered', records: recordsOf([], steps), isSent: true }
        : toFailure(outcome);
    case 'unreadable':
      // A call that found too much finds less when it is split.
      return outcome.isTooLarge === true ? { ...toFailure(outcome), isolates: 'record' } : toFailure(outcome);
    case 'timeout':
      // Nothing is written, so it may be at work twice.
      return { ...toFailure(outcome), advice: 'backoff' };
    case 'unreachable':
      return toFailure(outcome);
  }
}

const TOO_MANY = {
  ...CALL_FAILURE,
  how: 'rejected',
  error: 'lead-rejected',
  isolates: 'record',
} as const satisfies Partial<Failure>;

function recordsOf(leads: readonly LeadRecord[], steps: readonly LookupStep[]): readonly RecordOutcome[] {
  const different = [...new Map(leads.map((lead) => [lead.id, lead])).values()];
  const [only] = steps;
  if (only !== undefined && steps.length === 1) return [found(different, only)];
  const byKey = new Map<string, LeadRecord[]>();
  for (const lead of different) {
    const key = keyOf(lead, only?.key.keyType);
    byKey.set(key, [...(byKey.get(key) ?? []), lead]);
  }
  const asked = new Set(steps.map(({ key }) => folded(key.keyValue)));
  // A lead that was merged into another has that one's id: only a call for one key tells whose it is.
  const isUnclear = [...byKey.keys()].some((key) => !asked.has(key));
  return steps.map((step): RecordOutcome => {
    const own = byKey.get(folded(step.key.keyValue)) ?? [];
    return own.length === 0 && isUnclear
      ? { kind: 'next', step: { ...step, group: null } }
      : found(own, step);
  });
}

function keyOf({ id, email }: LeadRecord, keyType: string | undefined): string {
  return keyType === 'IDNUM' ? String(id) : folded(email ?? '');
}

/** Addresses compare without case. */
function folded(key: string): string {
  return key.toLowerCase();
}

/** The server may return more than it was asked for. */
function found(leads: readonly LeadRecord[], { query }: LookupStep): RecordOutcome {
  if (query.fields === undefined) return { kind: 'found', leads };
  const wanted = new Set(query.fields);
  return {
    kind: 'found',
    leads: leads.map((lead) => ({
      ...lead,
      attributes: lead.attributes.filter(({ name }) => wanted.has(name)),
    })),
  };
}
