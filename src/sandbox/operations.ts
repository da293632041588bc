import { FOREIGN_SYS_TYPES } from '../text/soap-protocol.ts';
import type { ForeignKey, ForeignSysType, Lead } from './leads/lead.ts';
import { getLeadAnswer, SoapFault, syncLeadAnswer, syncMultipleLeadsAnswer } from '../soap-server/answer.ts';
import {
  childBoolean,
  childNamed,
  childPresent,
  childrenNamed,
  childText,
  isNil,
  textOf,
  type XmlElement,
} from '../soap-server/read-xml.ts';
import {
  countStatuses,
  type Operation,
  refuseUnknownFields,
  requireParams,
} from '../soap-server/operation.ts';
import type { LeadStore } from './leads/store.ts';
import { commitSync, planSync, type SyncMode, type SyncOutcome, type SyncPlan } from './leads/sync.ts';
import { targetPartition } from './settings.ts';

/** A LeadRecord as a client sent it; null for every key that is missing, nil or empty. */
export type LeadInput = {
  readonly id: number | null;
  readonly email: string | null;
  readonly foreign: ForeignKey | null;
  readonly cookie: string | null;
  /** In the order given; an empty value clears its field. */
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
};

/**
 * Reads a LeadRecord. Elements that are no member of it are ignored, whatever they look like (contract A: `id` and
 * `foreignSysPersonId` are no keys).
 * @throws {SoapFault} by the table in soap-fault.ts.
 */
function readLeadInput(record: XmlElement, cookie: string | null = null): LeadInput {
  const input: LeadInput = {
    id: readInt(record, 'Id'),
    email: childText(record, 'Email'),
    foreign: readForeignKey(record),
    cookie,
    attributes: readAttributes(record),
  };
  if (input.id === null && input.email === null && input.foreign === null && cookie === null) {
    throw new SoapFault(
      20101,
      'The lead record holds no key: Id, ForeignSysPersonId, marketoCookie or Email is expected',
    );
  }
  return input;
}

/** An xs:int that is there. @throws {SoapFault} 20110 */
function readInt(parent: XmlElement, local: string): number | null {
  const text = childText(parent, local)?.trim();
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || value < -0x80000000 || value > 0x7fffffff) {
    throw new SoapFault(20110, `${local} must be an integer of 32 bits`);
  }
  return value;
}

function readForeignKey(record: XmlElement): ForeignKey | null {
  const id = childText(record, 'ForeignSysPersonId');
  if (id === null) return null;
  const type = childText(record, 'ForeignSysType');
  if (type === null) throw new SoapFault(20109, 'ForeignSysType is required with ForeignSysPersonId');
  if (!isForeignSysType(type)) {
    throw new SoapFault(20110, `ForeignSysType must be one of ${FOREIGN_SYS_TYPES.join(', ')}`);
  }
  return { id, type };
}

function readAttributes(record: XmlElement): LeadInput['attributes'] {
  const list = childPresent(record, 'leadAttributeList');
  if (!list) return [];
  return childrenNamed(list, 'attribute')
    .filter((attribute) => !isNil(attribute))
    .map((attribute) => {
      const name = childText(attribute, 'attrName');
      if (name === null) throw new SoapFault(20109, 'attrName is required in every attribute');
      const value = childNamed(attribute, 'attrValue');
      return { name, value: value ? textOf(value) : '' };
    });
}

function isForeignSysType(text: string): text is ForeignSysType {
  return FOREIGN_SYS_TYPES.some((type) => type === text);
}

/** Finds leads by one key (contract A, "Types"); serves IDNUM, EMAIL and COOKIE. */
const getLead: Operation = async ({ params }, context) => {
  requireParams(params);
  const key = childPresent(params, 'leadKey');
  if (!key) throw new SoapFault(20101, 'leadKey is required');
  const keyType = childText(key, 'keyType');
  if (keyType === null) throw new SoapFault(20109, 'keyType is required');
  const keyValue = childText(key, 'keyValue');
  if (keyValue === null) throw new SoapFault(20109, 'keyValue is required');
  await context.process();
  const leads = findLeads(context.rules.store, keyType, keyValue);
  if (leads.length === 0) throw new SoapFault(20103, `No lead found with ${keyType} = ${keyValue}`);
  return { answer: getLeadAnswer(leads, context.rules.fields), outcome: 'FOUND' };
};

function findLeads(store: LeadStore, keyType: string, keyValue: string): Lead[] {
  switch (keyType) {
    case 'IDNUM':
      return [store.get(Number(keyValue))].flatMap((lead) => lead ?? []);
    case 'EMAIL':
      return store.allByEmail(keyValue);
    case 'COOKIE':
      return [store.byCookie(keyValue)].flatMap((lead) => lead ?? []);
    default:
      throw new SoapFault(20102, 'The sandbox finds leads by IDNUM, EMAIL and COOKIE');
  }
}

/** Inserts or updates one lead (contract A, "syncLead"). */
const syncLead: Operation = async ({ operation, params, targetWorkspace }, context) => {
  const { rules } = context;
  requireParams(params);
  const record = childPresent(params, 'leadRecord');
  if (!record) throw new SoapFault(20104, 'leadRecord is required');
  const input = readLeadInput(record, childText(params, 'marketoCookie'));
  const returnLead = childBoolean(params, 'returnLead');
  if (returnLead === null) throw new SoapFault(20109, 'returnLead is required');
  refuseUnknownFields(operation, [input], rules);
  const plan = planSync(input, rules, {
    targetPartition: targetPartition(rules.workspaces, targetWorkspace),
    findByEmail: true,
    writeEmailBesideKey: true,
  });
  await context.process();
  const outcome = commitSync(plan, rules.store, { nowMs: context.now(), operation });
  return {
    answer: syncLeadAnswer(outcome, returnLead, rules.fields),
    outcome: outcome.status,
    statuses: { [outcome.status]: 1 },
  };
};

type Planned = { readonly input: LeadInput; readonly plan: SyncPlan };
type Failed = { readonly failed: SyncOutcome };

/**
 * Upserts many leads (contract A, "syncMultipleLeads"). A record with a key missing, bad or unknown is FAILED and
 * the others are written; an unknown field refuses the whole batch, as an import does (assumed). A dedupEnabled
 * that is missing or nil counts as true (assumed). Records of one batch see what the records before them wrote.
 */
const syncMultipleLeads: Operation = async ({ operation, params }, context) => {
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

/** The operations served; any other name is fault 20019 (contract D). */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['syncLead', syncLead],
  ['syncMultipleLeads', syncMultipleLeads],
  ['getLead', getLead],
]);
