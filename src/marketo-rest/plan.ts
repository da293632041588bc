import type { UpsertLead } from '../leads/lead.ts';
import { memberPointer } from '../text/json.ts';
import type { Failure } from '../upstream/outcome.ts';
import { refusal } from './failures.ts';
import type { FieldMap } from './fields.ts';
import {
  emailJson,
  foreignIdField,
  type ForeignIdFields,
  foreignIdValue,
  invalidMember,
  type LeadJson,
  leadJson,
  tooLarge,
  unknownAttributes,
} from './record.ts';
import { MAX_BODY_BYTES, syncFrameBytes } from './request.ts';
import { MAY_RUN_MS } from './unsettled-keys.ts';
import type {
  AssociateStep,
  Fact,
  FactStep,
  FindPurpose,
  FindStep,
  Plan,
  PlanStep,
  StoredLead,
  SyncStep,
} from './step.ts';

/** What is known of the subscription at the moment. */
export type Known = {
  readonly fields: FieldMap | undefined;
  /** When they were read, in monotonic ms. */
  readonly fieldsReadMs: number;
  /** Whether they may be read again already. */
  readonly mayReadAgain: boolean;
  readonly searchable: ReadonlySet<string> | undefined;
  /** Ids by name in lower case. */
  readonly partitions: ReadonlyMap<string, number> | undefined;
};

export type PlanSettings = {
  readonly foreignIds: ForeignIdFields;
  /** Partitions by workspace in lower case. */
  readonly workspacePartitions: ReadonlyMap<string, string>;
};

/** The strongest key of a lead, which decides alone. */
export function decidingKey({ id, foreignKey, marketoCookie }: UpsertLead) {
  if (id !== undefined) return 'id';
  if (foreignKey !== undefined) return 'foreign';
  return marketoCookie === undefined ? 'email' : 'cookie';
}

/**
 * The first call that a lead needs, or why it is refused without one (docs/marketo-rest.md#plans).
 *
 * @param takenOverMs the latest time at which another process may have begun a call with it, in monotonic ms
 */
export function startPlan(
  command: UpsertLead,
  known: Known,
  settings: PlanSettings,
  takenOverMs = Number.NEGATIVE_INFINITY,
): PlanStep | Failure {
  const partition = partitionOf(command.workspace, settings);
  if (typeof partition === 'object') return partition;
  const othersMayRunUntilMs = takenOverMs + MAY_RUN_MS.sync;
  const plan = { command, partition, wasRestarted: false, othersMayRunUntilMs, refused: undefined };
  return beginPlan(plan, known, settings);
}

function partitionOf(
  workspace: string | undefined,
  { workspacePartitions }: PlanSettings,
): string | undefined | Failure {
  if (workspace === undefined) return undefined;
  const name = workspace.toLowerCase();
  const partition = workspacePartitions.get(name);
  if (partition !== undefined || name === 'default') return partition;
  return refusal(
    'lead-rejected',
    'This gateway has no partition for the workspace. The operator can name it in MARKETO_WORKSPACE_PARTITIONS.',
    [{ pointer: memberPointer('workspace'), detail: 'has no partition in MARKETO_WORKSPACE_PARTITIONS' }],
  );
}

/** The same from the start of a plan, with what has become known meanwhile. */
export function beginPlan(plan: Plan, known: Known, settings: PlanSettings): PlanStep | Failure {
  const { command } = plan;
  const { attributes, foreignKey, marketoCookie = '', returnLead } = command;
  const key = decidingKey(command);
  const fieldName = foreignKey === undefined ? undefined : foreignIdField(foreignKey, settings.foreignIds);
  if (typeof fieldName === 'object') return fieldName;
  if (key === 'cookie' && marketoCookie.includes(',')) return cannotBeAskedFor('marketoCookie');
  const { fields, searchable } = known;
  if (fields === undefined) {
    const needsFields = attributes.length > 0 || foreignKey !== undefined || returnLead;
    if (needsFields) return factStep(plan, 'describe');
  }
  if (fieldName !== undefined && searchable === undefined) return factStep(plan, 'describe2');
  if (plan.partition !== undefined && key !== 'email' && known.partitions === undefined) {
    return factStep(plan, 'partitions');
  }
  if (fields === undefined) return firstCall(plan, emailJson(command), undefined);

  const foreign =
    foreignKey === undefined || fieldName === undefined
      ? undefined
      : foreignIdValue(foreignKey.id, fields.field(fieldName), searchable ?? new Set());
  if (foreign !== undefined && 'kind' in foreign) return foreign;
  const isSearchedFor = key === 'foreign' && foreign?.field.isReadOnly === true;
  const lead = leadJson(command, isSearchedFor ? undefined : foreign, fields);
  if ('members' in lead) return firstCall(plan, lead, foreign?.field);
  if (lead.kind === 'failed') return lead;
  return known.mayReadAgain ? factStep(plan, 'describe', known.fieldsReadMs) : unknownAttributes(lead.names);
}

/** The call that writes the lead, or one that finds it first. */
function firstCall(
  plan: Plan,
  lead: LeadJson,
  foreignField: { readonly restName: string; readonly isReadOnly: boolean } | undefined,
): PlanStep | Failure {
  const { command, partition } = plan;
  const { id, foreignKey, marketoCookie, email = '' } = command;
  if (id !== undefined) {
    if (partition === undefined) return syncById(plan, id, lead);
    return findStep(plan, 'id', String(id), { kind: 'partition', lead });
  }
  if (foreignKey !== undefined && foreignField !== undefined) {
    const { restName, isReadOnly } = foreignField;
    if (!isReadOnly) return upsertBy(plan, restName, foreignKey.id, lead);
    if (foreignKey.id.includes(',')) return cannotBeAskedFor('foreignSysPersonId');
    return findStep(plan, restName, foreignKey.id, { kind: 'key', lead });
  }
  if (marketoCookie !== undefined) return findStep(plan, 'cookies', marketoCookie, { kind: 'key', lead });
  return upsertBy(plan, 'email', email, lead);
}

/** Writes a lead that exists; its cookie is linked next unless it was found by it. */
export function syncById(
  plan: Plan,
  id: number,
  lead: LeadJson,
  associates = hasWeakerCookie(plan.command),
): SyncStep | Failure {
  const json = lead.members === '' ? `{"id":${id}}` : `{"id":${id},${lead.members}}`;
  return syncStep(plan, {
    action: 'updateOnly',
    lookupField: 'id',
    key: String(id),
    partition: undefined,
    lead,
    json,
    associates,
  });
}

/** Writes a lead by a key that may be new. */
export function upsertBy(plan: Plan, lookupField: string, key: string, lead: LeadJson): SyncStep | Failure {
  return syncStep(plan, {
    action: 'createOrUpdate',
    lookupField,
    key,
    partition: plan.partition,
    lead,
    json: `{${lead.members}}`,
    associates: plan.command.marketoCookie !== undefined,
  });
}

function hasWeakerCookie(command: UpsertLead): boolean {
  return command.marketoCookie !== undefined && decidingKey(command) !== 'cookie';
}

/** In UTF-16 units: 300 leads of this length fit into a call, whatever they are written with. */
const SMALL_LEAD = 1000;
/** UTF-8 has three bytes for a unit at most. */
const MAX_BYTES_A_UNIT = 3;

/** The usual group, as one text for all: it is looked up for each lead. */
const BY_EMAIL = 'sync createOrUpdate email ';

type Writing = Pick<
  SyncStep,
  'action' | 'lookupField' | 'key' | 'partition' | 'lead' | 'json' | 'associates'
>;

function syncStep(plan: Plan, writing: Writing): SyncStep | Failure {
  const { action, lookupField, partition, json } = writing;
  if (plan.refused?.json === json) return plan.refused.failure;
  // Counting makes one text of the many that a lead is written with; a call of small leads has room for any of them.
  const bytes = json.length > SMALL_LEAD ? Buffer.byteLength(json) : json.length * MAX_BYTES_A_UNIT;
  // What goes around a lead has some hundred bytes.
  if (bytes > MAX_BODY_BYTES / 2) {
    const failure = tooLarge(syncFrameBytes(action, lookupField, partition) + bytes);
    if (failure !== undefined) return failure;
  }
  return {
    kind: 'sync',
    group:
      partition === undefined && lookupField === 'email'
        ? BY_EMAIL
        : `sync ${action} ${lookupField} ${partition ?? ''}`,
    // A comma goes between two records.
    size: bytes + 1,
    note: undefined,
    plan,
    ...writing,
  };
}

/** All leads that wait for a fact share the call that reads it. */
export function factStep(plan: Plan, fact: Fact, staleMs?: number): FactStep {
  return { kind: 'fact', group: fact, size: 0, note: undefined, plan, fact, staleMs };
}

/** Finds the lead that a value means; `id` comes with every lead, whatever the fields. */
export function findStep(plan: Plan, filterType: string, value: string, purpose: FindPurpose): FindStep {
  const fields = ['id', ...(filterType === 'id' ? [] : [filterType])];
  const isChecked = purpose.kind !== 'moved' && plan.partition !== undefined;
  if (isChecked) fields.push('leadPartitionId');
  return findOf(plan, filterType, value, fields.join(','), purpose);
}

/** Reads a stored lead with all its fields. */
export function readBackStep(plan: Plan, stored: StoredLead, { readBackFields }: FieldMap): FindStep {
  const { leadId } = stored;
  return {
    ...findOf(plan, 'id', String(leadId), readBackFields, { kind: 'read-back', stored }),
    // The answer is what is large, and it grows with the fields.
    size: 2 * readBackFields.length,
    note: storedNote(stored, 'it could not be read back'),
  };
}

function findOf(
  plan: Plan,
  filterType: string,
  value: string,
  fields: string,
  purpose: FindPurpose,
): FindStep {
  return {
    kind: 'find',
    group: `find ${filterType} ${fields}`,
    size: value.length,
    note: undefined,
    plan,
    filterType,
    value,
    fields,
    purpose,
    page: undefined,
    sentAs: undefined,
  };
}

export function associateStep(plan: Plan, stored: StoredLead): AssociateStep {
  const note = storedNote(stored, 'its cookie was not linked yet');
  return { kind: 'associate', group: null, size: 0, note, plan, stored };
}

function storedNote({ leadId }: StoredLead, what: string): string {
  return `The lead was stored (id ${leadId}); ${what}.`;
}

/** A comma separates the values of a find. */
function cannotBeAskedFor(member: 'marketoCookie' | 'foreignSysPersonId'): Failure {
  return invalidMember(member, 'must not contain a comma, since Marketo cannot be asked for it');
}
