import { REST_CODES, type SYNC_ACTIONS } from '../../text/rest-protocol.ts';
import { type Lead, type LeadPatch, writtenValue } from '../leads/lead.ts';
import type { LeadStore } from '../leads/store.ts';
import { type Partition, partitionForNewLead, partitionsOf, type Settings } from '../settings.ts';
import type { Reason } from './answer.ts';
import { partitionIds, type RestField, type RestFields } from './fields.ts';
import { createLookup, findAmong, type Lookup, matchKeyOf } from './lookup.ts';
import { isCookie, storedValue, textOf } from './values.ts';

/**
 * The rules of a sync in two steps, with the processing time of a call between them, as on the SOAP side: `planRecords`
 * finds the leads, `commitRecords` writes them. Two overlapping calls for one new key both find nothing and make two leads.
 */

export type SyncAction = (typeof SYNC_ACTIONS)[number];

export type SyncRules = {
  readonly store: LeadStore;
  readonly settings: Settings;
  readonly fields: RestFields;
  readonly action: SyncAction;
  readonly lookupField: RestField;
  readonly partitionName: string | null;
};

/** What became of a record. */
export type RecordResult =
  | { readonly id: number; readonly status: 'created' | 'updated' }
  | { readonly status: 'skipped'; readonly reasons: readonly Reason[] };

type PlannedRecord = {
  readonly patch: LeadPatch;
  /** Fields of foreign ids that are to be cleared. */
  readonly cleared: readonly RestField[];
  /** The value that leads are looked up by; null for createDuplicate. */
  readonly key: string | null;
  /** The leads that had the key when the call arrived. */
  readonly found: readonly Lead[];
};

type Plan = PlannedRecord | { readonly reasons: readonly Reason[] };

/** Reads the records and finds their leads. */
export function planRecords(records: readonly unknown[], rules: SyncRules): readonly Plan[] {
  const lookup = createLookup(rules.store, rules.lookupField, partitionIds(rules.settings));
  return records.map((record) => planRecord(record, rules, lookup));
}

function planRecord(record: unknown, { fields, action, lookupField }: SyncRules, lookup: Lookup): Plan {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    return refused(REST_CODES.invalidRequest, 'A lead must be an object');
  }
  const entries = Object.entries(record);
  const unknown = entries.filter(([name]) => !fields.has(name));
  if (unknown.length > 0) {
    return {
      reasons: unknown.map(([name]) => ({
        code: REST_CODES.fieldNotFound,
        message: `Field '${name}' not found`,
      })),
    };
  }
  const values = readValues(entries, fields, lookupField);
  if ('reasons' in values) return values;
  if (action === 'createDuplicate') return { ...patchOf(values), key: null, found: [] };
  const key = keyOf(entries, lookupField);
  if (key === null) {
    return refused(REST_CODES.invalidRequest, `Value for lookup field '${lookupField.name}' not specified`);
  }
  return { ...patchOf(values), key, found: lookup(key) };
}

function refused(code: string, message: string): { readonly reasons: readonly Reason[] } {
  return { reasons: [{ code, message }] };
}

type Value = { readonly field: RestField; readonly text: string };

/** The values to write. Read-only fields are dropped; `id` is a key and nothing else. */
function readValues(
  entries: readonly (readonly [string, unknown])[],
  fields: RestFields,
  lookupField: RestField,
): readonly Value[] | { readonly reasons: readonly Reason[] } {
  const values: Value[] = [];
  const reasons: Reason[] = [];
  let foreignId = false;
  for (const [name, value] of entries) {
    const field = fields.get(name);
    if (!field || (field.readOnly && field !== lookupField && name !== 'id')) continue;
    const text = field.source.of === 'cookies' ? cookieValue(value) : storedValue(field.dataType, value);
    if (text === undefined) reasons.push(invalidValue(name, value));
    else if (name === 'id') foreignId ||= field !== lookupField;
    else if (!field.readOnly) values.push({ field, text });
  }
  if (reasons.length === 0 && foreignId) {
    const id = entries.find(([name]) => name === 'id')?.[1];
    reasons.push(invalidValue('id', id));
  }
  return reasons.length > 0 ? { reasons } : values;
}

function cookieValue(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined || text === '' || isCookie(text) ? text : undefined;
}

function invalidValue(name: string, value: unknown): Reason {
  const shown = textOf(value) ?? JSON.stringify(value);
  return {
    code: REST_CODES.invalidRequest,
    message: `Invalid value for field '${name}' and value '${shown}'`,
  };
}

function keyOf(entries: readonly (readonly [string, unknown])[], field: RestField): string | null {
  const [, value] = entries.find(([name]) => name === field.name) ?? [];
  const text = value === undefined ? '' : storedValue(field.dataType, value);
  return text === undefined || text === '' ? null : text;
}

function patchOf(values: readonly Value[]): Pick<PlannedRecord, 'patch' | 'cleared'> {
  const attributes = new Map<string, string>();
  const cleared: RestField[] = [];
  let patch: LeadPatch = { attributes };
  for (const { field, text } of values) {
    const { source } = field;
    if (source.of === 'attribute') attributes.set(source.name, text);
    else if (source.of === 'email') patch = { ...patch, email: text };
    else if (text === '') cleared.push(field);
    else if (source.of === 'cookies') patch = { ...patch, cookie: text };
    else if (source.of === 'foreign') patch = { ...patch, foreign: { id: text, type: source.type } };
  }
  return { patch, cleared };
}

/** Writes the records in order; a later one finds what an earlier one of the call wrote. */
export function commitRecords(
  plans: readonly Plan[],
  rules: SyncRules,
  now: () => number,
): readonly RecordResult[] {
  const written = new Set<number>();
  return plans.map((plan) => {
    if ('reasons' in plan) return { status: 'skipped', reasons: plan.reasons };
    const result = commitRecord(plan, matchesOf(plan, rules, written), rules, now());
    if (result.status !== 'skipped') written.add(result.id);
    return result;
  });
}

/** What was found when the call arrived, but for leads that the call has written itself since. */
function matchesOf(
  { key, found }: PlannedRecord,
  { store, lookupField }: SyncRules,
  written: ReadonlySet<number>,
): readonly Lead[] {
  const others = found.filter(({ id }) => !written.has(id)).flatMap(({ id }) => store.get(id) ?? []);
  if (key === null || written.size === 0) return others;
  return [...others, ...findAmong(written, store, lookupField, key)];
}

function commitRecord(
  { patch, cleared, key, found }: PlannedRecord,
  matches: readonly Lead[],
  { store, settings, action, lookupField, partitionName }: SyncRules,
  nowMs: number,
): RecordResult {
  const [lead] = matches;
  const creates = action !== 'updateOnly' && lookupField.source.of !== 'id';
  // A lead that was found and is gone was deleted while the call was processed.
  if (!lead && key !== null && (!creates || found.length > 0)) {
    return skipped(REST_CODES.leadNotFound, 'Lead not found');
  }
  if (lead && action === 'createOnly') return skipped(REST_CODES.leadExists, 'Lead already exists');
  if (matches.length > 1) {
    return skipped(REST_CODES.multipleMatches, 'Multiple lead match lookup criteria');
  }
  const target = targetPartition(partitionName, partitionsOf(settings));
  const partition = lead?.partition ?? target?.name ?? assignedPartition(patch, settings);
  // A partition that the client may not use is answered like one that does not exist.
  const usable = partitionName === null ? isUsable(partition, settings) : target?.access === true;
  if (!usable) {
    return skipped(REST_CODES.partitionDenied, `Access denied to partition '${partitionName ?? partition}'`);
  }
  if (lead && target && lead.partition !== target.name) {
    return skipped(REST_CODES.partitionUpdate, 'Partition update not allowed');
  }
  const note = { nowMs, operation: 'REST sync', matchedBy: lead ? matchKeyOf(lookupField) : null };
  if (!lead) return { id: store.insert(partition, patch, note).id, status: 'created' };
  const clearsForeign = cleared.some((field) => holdsForeignId(field, lead));
  store.update(lead.id, clearsForeign ? { foreign: null, ...patch } : patch, note);
  return { id: lead.id, status: 'updated' };
}

/** A lead has one foreign id; clearing the field of another system leaves it. */
function holdsForeignId({ source }: RestField, { foreign }: Lead): boolean {
  return source.of === 'foreign' && foreign?.type === source.type && source.holds(foreign.id);
}

function skipped(code: string, message: string): RecordResult {
  return { status: 'skipped', reasons: [{ code, message }] };
}

/** Names of partitions compare without case, as those of workspaces (assumed). */
function targetPartition(name: string | null, partitions: readonly Partition[]): Partition | undefined {
  const wanted = name?.toLowerCase();
  return partitions.find((partition) => partition.name.toLowerCase() === wanted);
}

function isUsable(name: string, settings: Settings): boolean {
  return partitionsOf(settings).find((partition) => partition.name === name)?.access ?? true;
}

function assignedPartition(patch: LeadPatch, { workspaces, assignmentRules }: Settings): string {
  return partitionForNewLead(workspaces, assignmentRules, null, (attribute) =>
    writtenValue(patch, attribute),
  );
}
