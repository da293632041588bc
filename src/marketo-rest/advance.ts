import type { UpsertResult } from '../leads/lead.ts';
import { memberPointer } from '../text/json.ts';
import type { Failure, RecordOutcome } from '../upstream/outcome.ts';
import { readId, type SyncRecord } from './answer.ts';
import { recordMeaning } from './codes.ts';
import { endUnknown, recordFailure, refusal } from './failures.ts';
import { toLeadRecord } from './lead-record.ts';
import {
  associateStep,
  beginPlan,
  decidingKey,
  factStep,
  findStep,
  type Known,
  type PlanSettings,
  readBackStep,
  syncById,
  upsertBy,
} from './plan.ts';
import type { AssociateStep, FindStep, FoundLead, Plan, RestStep, StoredLead, SyncStep } from './step.ts';

/** What the next step of a plan depends on besides the answer. */
export type PlanContext = { readonly known: Known; readonly settings: PlanSettings };

/** A step that follows, or the end of the plan. */
export function nextOf(step: RestStep | Failure): RecordOutcome {
  return step.kind === 'failed' ? step : { kind: 'next', step };
}

/** After a fact was read that leads have waited for. */
export function afterFact(
  { plan }: { readonly plan: Plan },
  { known, settings }: PlanContext,
): RecordOutcome {
  return nextOf(beginPlan(plan, known, settings));
}

/** After a sync call has answered for one record. */
export function afterSync(
  step: SyncStep,
  record: SyncRecord,
  requestId: string | undefined,
  context: PlanContext,
): RecordOutcome {
  const { plan, associates } = step;
  if (record.kind === 'stored') {
    const stored = { leadId: record.id, status: record.status };
    return associates ? nextOf(associateStep(plan, stored)) : afterStored(plan, stored, context);
  }
  const failure = recordFailure(record.reasons, step.lead.paths, requestId);
  const code = record.reasons[0]?.code ?? null;
  if (code === 1006) return readFieldsAgain(step, failure, context);
  // A lead matched by email is written where it is, whether the caller named a workspace or Marketo took its default one.
  if (code === 1010 && step.lookupField === 'email') {
    return nextOf(findStep(plan, 'email', step.key, { kind: 'moved', sync: step }));
  }
  return recordMeaning(code).error === 'lead-not-found' ? leadIsGone(plan, failure, context) : failure;
}

/** Marketo does not know a field that Describe has: it may have changed. */
function readFieldsAgain({ plan, json }: SyncStep, failure: Failure, { known }: PlanContext): RecordOutcome {
  if (plan.refused !== undefined || !known.mayReadAgain) return failure;
  const refused = { json, failure };
  return nextOf(factStep({ ...plan, refused }, 'describe', known.fieldsReadMs));
}

/** A lead by its id was not found; one that the plan has found itself may have been merged, so it starts again, once. */
export function leadIsGone(plan: Plan, failure: Failure, context: PlanContext): RecordOutcome {
  if (decidingKey(plan.command) === 'id') return failure;
  if (!plan.wasRestarted) {
    return nextOf(beginPlan({ ...plan, wasRestarted: true }, context.known, context.settings));
  }
  return {
    ...failure,
    error: 'upstream-error',
    retryable: true,
    explain: () => ({
      detail: 'Marketo found the lead, but did not have it any more when it was written. Send it again.',
    }),
  };
}

function afterStored(plan: Plan, stored: StoredLead, { known }: PlanContext): RecordOutcome {
  const { fields } = known;
  return plan.command.returnLead && fields !== undefined
    ? nextOf(readBackStep(plan, stored, fields))
    : { kind: 'stored', result: stored };
}

export function afterAssociate({ plan, stored }: AssociateStep, context: PlanContext): RecordOutcome {
  return afterStored(plan, stored, context);
}

/**
 * After a find has answered for one value.
 *
 * @param found the leads with this value, those of earlier pages included
 */
export function afterFind(step: FindStep, found: readonly FoundLead[], context: PlanContext): RecordOutcome {
  const { plan, purpose } = step;
  const [lead] = found;
  if (purpose.kind === 'read-back')
    return { kind: 'stored', result: readBack(plan, purpose.stored, lead, context) };
  if (found.length > 1) return several();
  if (lead === undefined) return notFound(step, context);
  const id = readId(lead['id']);
  if (id === undefined) return several();
  const misplaced = misplacement(plan, step, lead, context);
  if (misplaced !== undefined) return misplaced;
  if ('lead' in purpose) return nextOf(syncById(plan, id, purpose.lead));
  const { lead: json, associates } = purpose.sync;
  return nextOf(syncById(plan, id, json, associates));
}

/** No lead has the value. */
function notFound({ plan, purpose }: FindStep, context: PlanContext): RecordOutcome {
  const { command } = plan;
  switch (purpose.kind) {
    case 'recover':
      return {
        kind: 'next',
        step: purpose.sync,
        wait: { untilMs: purpose.untilMs, failure: endUnknown() },
      };
    case 'moved':
      return leadIsGone(plan, recordFailure([], new Map(), undefined), context);
    default:
      return decidingKey(command) === 'cookie' && command.email !== undefined && 'lead' in purpose
        ? nextOf(upsertBy(plan, 'email', command.email, purpose.lead))
        : unknownKey(plan);
  }
}

function unknownKey({ command }: Plan): Failure {
  switch (decidingKey(command)) {
    case 'id':
      return refusal('lead-not-found', recordMeaning(1004).detail, [
        { pointer: memberPointer('id'), detail: 'is not the id of a lead in Marketo' },
      ]);
    case 'cookie':
      return refusal(
        'lead-rejected',
        'Marketo knows no lead with this cookie, and without an email none can be created. Add an email.',
        [{ pointer: memberPointer('marketoCookie'), detail: 'is not the cookie of a lead in Marketo' }],
      );
    default:
      return refusal(
        'lead-rejected',
        'Marketo has no lead with this foreignSysPersonId, and the REST API cannot write its field, so none was created.',
        [{ pointer: memberPointer('foreignSysPersonId'), detail: 'is not the id of a lead in Marketo' }],
      );
  }
}

function several(): Failure {
  return refusal('lead-rejected', recordMeaning(1007).detail);
}

/** Why a found lead is not in the partition of the workspace; undefined if it is. */
function misplacement(
  { partition }: Plan,
  { fields }: FindStep,
  lead: FoundLead,
  { known }: PlanContext,
): Failure | undefined {
  if (partition === undefined || !fields.includes('leadPartitionId') || known.partitions === undefined) {
    return undefined;
  }
  const id = known.partitions.get(partition.toLowerCase());
  if (id !== undefined && Number(lead['leadPartitionId']) === id) return undefined;
  return refusal(
    'lead-rejected',
    'The lead is not in the partition of the workspace, so it was not changed.',
    [{ pointer: memberPointer('workspace'), detail: 'has another partition than that of the lead' }],
  );
}

/** The lead may be gone in between; then the answer has none. */
function readBack(
  { command }: Plan,
  stored: StoredLead,
  lead: FoundLead | undefined,
  { known, settings }: PlanContext,
): UpsertResult {
  if (lead === undefined || known.fields === undefined) return stored;
  return { ...stored, lead: toLeadRecord(lead, command.foreignKey?.type, known.fields, settings.foreignIds) };
}

/** The find that tells what became of a call whose end is not known; undefined where Marketo cannot be asked. */
export function recoverStep(sync: SyncStep, untilMs: number): FindStep | undefined {
  if (sync.key.includes(',')) return undefined;
  const purpose = { kind: 'recover', sync, untilMs } as const;
  const { plan } = sync;
  // A lead found by email is written where it is.
  const asked = sync.lookupField === 'email' ? { ...plan, partition: undefined } : plan;
  return { ...findStep(asked, sync.lookupField, sync.key, purpose), plan };
}
