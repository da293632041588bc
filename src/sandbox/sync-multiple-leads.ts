import { readLeadInput, type LeadInput } from './lead-input.ts';
import { commitSync, planSync, type SyncMode, type SyncOutcome, type SyncPlan } from './lead-sync.ts';
import { countStatuses, refuseUnknownFields, requireParams, type Operation } from './operation.ts';
import { syncMultipleLeadsAnswer } from './soap-answer.ts';
import { SoapFault } from './soap-fault.ts';
import { childBoolean, childPresent, childrenNamed } from './xml-find.ts';

type Planned = { readonly input: LeadInput; readonly plan: SyncPlan };
type Failed = { readonly failed: SyncOutcome };

/**
 * Upserts many leads (contract A, "syncMultipleLeads"). A record with a key missing, bad or unknown is FAILED and
 * the others are written; an unknown field refuses the whole batch, as an import does (assumed). A dedupEnabled
 * that is missing or nil counts as true (assumed). Records of one batch see what the records before them wrote.
 */
export const syncMultipleLeads: Operation = async ({ operation, params }, context) => {
  const { rules } = context;
  requireParams(params);
  const list = childPresent(params, 'leadRecordList');
  const records = list ? childrenNamed(list, 'leadRecord') : [];
  if (records.length === 0) throw new SoapFault(20104, 'leadRecordList is required');
  const max = context.recordsPerBatch();
  if (records.length > max) throw new SoapFault(20110, `At most ${max} lead records a call`);
  const mode: SyncMode = {
    targetPartition: null,
    findByEmail: childBoolean(params, 'dedupEnabled') ?? true,
    writeEmailBesideKey: false,
  };

  const inputs = records.map((record) => orFailure(() => readLeadInput(record)));
  refuseUnknownFields(
    operation,
    inputs.filter((input): input is LeadInput => !('failed' in input)),
    rules,
  );
  const planned = inputs.map((input) =>
    'failed' in input ? input : orFailure((): Planned => ({ input, plan: planSync(input, rules, mode) })),
  );
  await context.process();

  const created = new Set<number>();
  const outcomes = planned.map((record) => {
    if ('failed' in record) return record.failed;
    const note = { nowMs: context.now(), operation };
    const result = orFailure(() => commitSync(withinBatch(record), rules.store, note));
    const outcome = 'failed' in result ? result.failed : result;
    if (outcome.status === 'CREATED') created.add(outcome.lead.id);
    return outcome;
  });
  const statuses = countStatuses(outcomes);
  const [first] = outcomes;
  return {
    answer: syncMultipleLeadsAnswer(outcomes),
    outcome: first && Object.keys(statuses).length === 1 ? first.status : 'MIXED',
    statuses,
  };

  /** A record that was to make a new lead updates the one a record before it made. */
  function withinBatch({ input, plan }: Planned): SyncPlan {
    if (plan.leadId !== null || created.size === 0) return plan;
    const again = planSync(input, rules, mode);
    return again.leadId !== null && created.has(again.leadId) ? again : plan;
  }
};

/** A fault about one lead (201xx) is that record's failure; any other is the call's. */
function orFailure<T>(work: () => T): T | Failed {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SoapFault) || error.code < 20100) throw error;
    return { failed: { status: 'FAILED', leadId: 0, error: `${error.message} (${error.code})` } };
  }
}
