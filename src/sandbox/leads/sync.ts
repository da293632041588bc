import { type RecordResult, SoapFault } from '../../soap-server/answer.ts';
import type { LeadInput } from '../../soap-server/operation.ts';
import { type AssignmentRule, partitionForNewLead, type WorkspaceSettings } from '../settings.ts';
import { EXPECTED_FORM, type LeadField, normaliseValue } from './fields.ts';
import { type Lead, type LeadPatch, type MatchKey, writtenValue } from './lead.ts';
import type { LeadStore, WriteNote } from './store.ts';

/**
 * The rules of an upsert (docs/marketo-soap.md#synclead) in two steps, with the processing time of a call between them:
 * `planSync` finds the lead, `commitSync` writes it. Two overlapping calls for one new key both find nothing and make two
 * leads, as the vendor warns.
 */

export type SyncRules = {
  readonly store: LeadStore;
  readonly fields: ReadonlyMap<string, LeadField>;
  readonly workspaces: WorkspaceSettings;
  readonly assignmentRules: readonly AssignmentRule[];
};

/** How a batch differs from a single call. */
export type SyncMode = {
  /** Primary partition of the workspace that the call names; null when it names none. */
  readonly targetPartition: string | null;
  /** False: leads are not found by email. */
  readonly findByEmail: boolean;
  /** Whether an Email sent beside a stronger key is written. */
  readonly writeEmailBesideKey: boolean;
};

export type SyncPlan = {
  /** The lead found; null for a new one. */
  readonly leadId: number | null;
  readonly matchedBy: MatchKey | null;
  readonly partition: string;
  readonly patch: LeadPatch;
  /** Why the record cannot be written, for the status' `error`; null when it can. */
  readonly failure: string | null;
};

/** The attribute names in these records that are not fields: each once, in order. */
export function unknownFields(
  inputs: readonly LeadInput[],
  fields: ReadonlyMap<string, LeadField>,
): readonly string[] {
  const unknown = new Set<string>();
  for (const { attributes } of inputs) {
    for (const { name } of attributes) if (!fields.has(name)) unknown.add(name);
  }
  return [...unknown];
}

/**
 * Finds the lead of a record and determines what to write.
 * @throws {SoapFault} 20103 for an Id that no lead has, 20110 for a lead outside the target workspace
 */
export function planSync(input: LeadInput, rules: SyncRules, mode: SyncMode): SyncPlan {
  const { lead, matchedBy } = identify(input, rules.store, mode.findByEmail);
  if (
    lead &&
    matchedBy !== 'Email' &&
    mode.targetPartition !== null &&
    lead.partition !== mode.targetPartition
  ) {
    throw new SoapFault(20110, `Lead ${lead.id} is not in the primary partition of the target workspace`);
  }
  const { patch, failure } = patchOf(input, rules.fields, mode);
  return {
    leadId: lead?.id ?? null,
    matchedBy,
    partition:
      lead?.partition ??
      partitionForNewLead(rules.workspaces, rules.assignmentRules, mode.targetPartition, (attribute) =>
        writtenValue(patch, attribute),
      ),
    patch,
    failure,
  };
}

/**
 * Writes what was planned.
 * @throws {SoapFault} 20103 when the lead was deleted in the meantime (a reset)
 */
export function commitSync(
  plan: SyncPlan,
  store: LeadStore,
  note: Omit<WriteNote, 'matchedBy'>,
): RecordResult {
  const { leadId, matchedBy, patch, failure } = plan;
  if (failure !== null) return { status: 'FAILED', leadId: leadId ?? 0, error: failure };
  if (leadId === null) {
    const { id } = store.insert(plan.partition, patch, { ...note, matchedBy });
    return { status: 'CREATED', leadId: id };
  }
  if (!store.get(leadId)) throw leadNotFound(leadId);
  store.update(leadId, patch, { ...note, matchedBy });
  return { status: 'UPDATED', leadId };
}

/** The strongest key given decides alone; an unknown cookie is only attached (docs/marketo-soap.md#keys). */
function identify(
  input: LeadInput,
  store: LeadStore,
  findByEmail: boolean,
): { readonly lead: Lead | undefined; readonly matchedBy: MatchKey | null } {
  if (input.id !== null) {
    const lead = store.get(input.id);
    if (!lead) throw leadNotFound(input.id);
    return { lead, matchedBy: 'Id' };
  }
  if (input.foreign) return found(store.byForeignKey(input.foreign), 'ForeignSysPersonId');
  const byCookie = input.cookie === null ? undefined : store.byCookie(input.cookie);
  if (byCookie) return found(byCookie, 'cookie');
  return found(input.email !== null && findByEmail ? store.byEmail(input.email) : undefined, 'Email');
}

function found(lead: Lead | undefined, by: MatchKey): { lead: Lead | undefined; matchedBy: MatchKey | null } {
  return { lead, matchedBy: lead ? by : null };
}

function leadNotFound(id: number): SoapFault {
  return new SoapFault(20103, `No lead found with ID = ${id}`);
}

function patchOf(
  input: LeadInput,
  fields: ReadonlyMap<string, LeadField>,
  mode: SyncMode,
): { readonly patch: LeadPatch; readonly failure: string | null } {
  const attributes = new Map<string, string>();
  const mismatches: string[] = [];
  for (const { name, value } of input.attributes) {
    const type = fields.get(name)?.type ?? 'string';
    const stored = normaliseValue(type, value);
    if (stored === undefined) {
      mismatches.push(`The value of ${name} is not of type ${type}: ${EXPECTED_FORM[type]} is expected`);
    } else attributes.set(name, stored);
  }
  const email = attributes.get('Email') ?? emailToWrite(input, mode);
  attributes.delete('Email');
  const patch: LeadPatch = {
    ...(email === undefined ? {} : { email }),
    ...(input.foreign ? { foreign: input.foreign } : {}),
    ...(input.cookie === null ? {} : { cookie: input.cookie }),
    attributes,
  };
  return { patch, failure: mismatches.length > 0 ? mismatches.join('; ') : null };
}

function emailToWrite(input: LeadInput, mode: SyncMode): string | undefined {
  const besideKey = input.id !== null || input.foreign !== null;
  return input.email === null || (besideKey && !mode.writeEmailBesideKey) ? undefined : input.email;
}
