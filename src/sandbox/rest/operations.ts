import { LOOKUP_FIELDS, REST_CODES, REST_LIMITS, SYNC_ACTIONS } from '../../text/rest-protocol.ts';
import type { LeadStore } from '../leads/store.ts';
import { partitionsOf, type Settings, type SettingsHolder } from '../settings.ts';
import { RestError, titleOf } from './answer.ts';
import type { Operation, RestCall } from './call.ts';
import { describe2Operation, describeOperation, partitionsOperation, usageOperation } from './describe.ts';
import type { RestOperation } from './fault.ts';
import { type RestFields, restFieldsOf } from './fields.ts';
import { createFind, readFindQuery } from './find.ts';
import { associateOperation, deleteOperation, leadOperation, mergeOperation } from './lead-operations.ts';
import { lookupField } from './lookup.ts';
import { membersOf } from './request.ts';
import { commitRecords, planRecords, type RecordResult, type SyncRules } from './sync.ts';

export type RestOperationsDeps = {
  readonly store: LeadStore;
  readonly settings: SettingsHolder;
  readonly now: () => number;
  /** The calls of the day. */
  readonly today: () => number;
  /** Resolves after the time a call takes between finding and writing leads: the gap in which two can overlap. */
  readonly process: (injectedMs: number | undefined) => Promise<void>;
};

export type RestOperations = Readonly<Record<Exclude<RestOperation, 'identity'>, Operation>>;

/** The operations of the REST API on the sandbox's leads, each by the settings as they are when the call arrives. */
export function createRestOperations(deps: RestOperationsDeps): RestOperations {
  return {
    sync: syncOperation(deps),
    find: findOperation(deps),
    lead: leadOperation(deps),
    associate: associateOperation(deps),
    merge: mergeOperation(deps),
    delete: deleteOperation(deps),
    describe: describeOperation(deps),
    describe2: describe2Operation(deps),
    partitions: partitionsOperation(deps),
    usage: usageOperation(deps),
  };
}

function findOperation({ store, settings, process }: RestOperationsDeps): Operation {
  const find = createFind(store);
  return async ({ request, note, injected }) => {
    const now = settings.current();
    const query = readFindQuery(request.parameters, restFieldsOf(now));
    note({ lookupField: query.filter.name, records: query.values.length });
    await process(injected?.processingMs);
    return { ...find(query, now), outcome: 'FOUND' };
  };
}

function syncOperation({ store, settings, process, now }: RestOperationsDeps): Operation {
  return async (call) => {
    const { records, rules } = readSync(call, store, settings.current());
    const plans = planRecords(records, rules).map((plan, index) => {
      const reasons = (call.injected?.reasons ?? []).filter((reason) => reason.index === index);
      return reasons.length === 0 ? plan : { reasons: reasons.map(injectedReason) };
    });
    await process(call.injected?.processingMs);
    const results = commitRecords(plans, rules, now);
    const statuses = statusesOf(results);
    call.note({ statuses });
    return { result: results.map((result) => JSON.stringify(result)), outcome: outcomeOf(statuses) };
  };
}

/** @throws {RestError} 609, 1003, 1006, 1011, in the order of the checks */
function readSync(
  { request, json, note }: RestCall,
  store: LeadStore,
  settings: Settings,
): { readonly records: readonly unknown[]; readonly rules: SyncRules } {
  if (request.body.trim() === '') throw new RestError(REST_CODES.invalidJson, 'Invalid JSON');
  const body = membersOf(json);
  const fields = restFieldsOf(settings);
  const { input, action, lookupField: lookup, partitionName } = body;
  const records = Array.isArray(input) ? (input as readonly unknown[]) : [];
  const known = SYNC_ACTIONS.find((name) => name === (action ?? 'createOrUpdate'));
  const partition = typeof partitionName === 'string' && partitionName !== '' ? partitionName : null;
  const lookupName = typeof lookup === 'string' && lookup !== '' ? lookup : 'email';
  note({
    action: known ?? 'unknown',
    lookupField: loggedField(lookupName, fields),
    ...(partition !== null && { partition: loggedPartition(partition, settings) }),
    records: records.length,
  });
  if (records.length === 0) throw new RestError(REST_CODES.invalidRequest, 'Leads not specified');
  if (records.length > REST_LIMITS.records) {
    throw new RestError(REST_CODES.invalidRequest, `Too many leads: at most ${REST_LIMITS.records}`);
  }
  const field = lookupField(fields, lookupName);
  if (!known) throw new RestError(REST_CODES.invalidRequest, 'Invalid value for action');
  return {
    records,
    rules: { store, settings, fields, action: known, lookupField: field, partitionName: partition },
  };
}

function injectedReason({ code, message }: { readonly code: string | number; readonly message?: string }) {
  return { code: code as string, message: message ?? titleOf(code) };
}

/** A client may write anything in the place of a name, a secret even. */
function loggedField(name: string, fields: RestFields): string {
  return fields.has(name) || LOOKUP_FIELDS.some((known) => known === name) ? name : 'unknown';
}

function loggedPartition(name: string, settings: Settings): string {
  return (
    partitionsOf(settings).find((known) => known.name.toLowerCase() === name.toLowerCase())?.name ?? 'unknown'
  );
}

function statusesOf(results: readonly RecordResult[]): Readonly<Record<string, number>> {
  const statuses: Record<string, number> = {};
  for (const { status } of results) {
    const name = status.toUpperCase();
    statuses[name] = (statuses[name] ?? 0) + 1;
  }
  return statuses;
}

function outcomeOf(statuses: Readonly<Record<string, number>>): 'CREATED' | 'UPDATED' | 'SKIPPED' | 'MIXED' {
  const [only, ...others] = Object.keys(statuses);
  return others.length > 0 ? 'MIXED' : (only as 'CREATED' | 'UPDATED' | 'SKIPPED');
}
