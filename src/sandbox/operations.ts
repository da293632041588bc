import { type RecordResult, type ReturnedLead, SoapFault } from '../soap-server/answer.ts';
import {
  type LeadInput,
  type Operations,
  orRecordFault,
  type SyncMultipleLeadsRequest,
} from '../soap-server/operation.ts';
import { describeObject } from './describe.ts';
import { type LeadField, REST_ONLY_ATTRIBUTES } from './leads/fields.ts';
import type { Lead } from './leads/lead.ts';
import type { LeadStore } from './leads/store.ts';
import {
  commitSync,
  planSync,
  type SyncMode,
  type SyncPlan,
  type SyncRules,
  unknownFields,
} from './leads/sync.ts';
import { type SettingsHolder, targetPartition } from './settings.ts';

export type LeadOperationsDeps = {
  readonly store: LeadStore;
  readonly settings: SettingsHolder;
  readonly now: () => number;
  /** Resolves after the time the server takes over a call: the gap in which two upserts can overlap. */
  readonly process: () => Promise<void>;
};

/** The operations of the SOAP API on the sandbox's leads, each by the settings as they are when the call arrives. */
export function createLeadOperations({ store, settings, now, process }: LeadOperationsDeps): Operations {
  const rulesNow = (): SyncRules => ({ store, ...settings.current() });
  return {
    async syncLead({ input, returnLead, targetWorkspace }) {
      const rules = rulesNow();
      refuseUnknownFields('syncLead', [input], rules);
      const plan = planSync(input, rules, {
        targetPartition: targetPartition(rules.workspaces, targetWorkspace),
        findByEmail: true,
        writeEmailBesideKey: true,
      });
      await process();
      const result = commitSync(plan, store, { nowMs: now(), operation: 'syncLead' });
      const lead = returnLead && result.status !== 'FAILED' ? store.get(result.leadId) : undefined;
      return { result, returned: lead ? returnedLead(lead, rules.fields) : null };
    },

    async syncMultipleLeads(request) {
      const rules = rulesNow();
      const batch = planBatch(request, rules);
      await process();
      return commitBatch(batch, rules, now);
    },

    async getLead({ keyType, keyValue }) {
      const { fields } = settings.current();
      await process();
      const leads = findLeads(store, keyType, keyValue);
      if (leads.length === 0) throw new SoapFault(20103, `No lead found with ${keyType} = ${keyValue}`);
      return leads.map((lead) => returnedLead(lead, fields));
    },

    async getMultipleLeads({ keyType, keyValues, includeAttributes, batchSize, streamPosition }) {
      const { fields } = settings.current();
      await process();
      const found = new Set(keyValues.flatMap((keyValue) => findLeads(store, keyType, keyValue)));
      const start = Number(streamPosition ?? 0);
      const end = start + batchSize;
      const remaining = Math.max(0, found.size - end);
      const leads = [...found].slice(start, end).map((lead) => returnedLead(lead, fields));
      return {
        leads: leads.map((lead) => only(lead, includeAttributes)),
        remaining,
        position: remaining > 0 ? String(end) : '',
      };
    },

    async describeMObject(objectName) {
      const { fields } = settings.current();
      await process();
      return describeObject(objectName, fields.values());
    },
  };
}

/** The lead with these attributes and no others; all where none is named. */
function only(lead: ReturnedLead, names: readonly string[]): ReturnedLead {
  if (names.length === 0) return lead;
  return { ...lead, attributes: lead.attributes.filter(({ name }) => names.includes(name)) };
}

/** The key types in docs/marketo-soap.md#getlead but for LEADOWNEREMAIL. */
function findLeads(store: LeadStore, keyType: string, keyValue: string): Lead[] {
  switch (keyType) {
    case 'IDNUM':
      return [store.get(Number(keyValue))].flatMap((lead) => lead ?? []);
    case 'EMAIL':
      return store.allByEmail(keyValue);
    case 'COOKIE':
      return [store.byCookie(keyValue)].flatMap((lead) => lead ?? []);
    case 'SFDCLEADID':
    case 'SFDCCONTACTID':
      return keyValue.startsWith('003') === (keyType === 'SFDCCONTACTID')
        ? store.allByForeignKey({ id: keyValue, type: 'SFDC' })
        : [];
    case 'SFDCACCOUNTID':
    case 'SFDCLEADOWNERID':
    case 'SFDCOPPTYID':
      return [...store.all()].filter(
        ({ attributes }) => attributes.get(SALESFORCE_IDS[keyType]) === keyValue,
      );
    default:
      throw new SoapFault(20102, 'The sandbox does not find leads by this type of key');
  }
}

/** The attributes that have them, which are REST's. */
const SALESFORCE_IDS = {
  SFDCACCOUNTID: 'sfdcAccountId',
  SFDCLEADOWNERID: 'sfdcLeadOwnerId',
  SFDCOPPTYID: 'sfdcOpptyId',
} as const;

function returnedLead(lead: Lead, fields: ReadonlyMap<string, LeadField>): ReturnedLead {
  const attributes = [...lead.attributes]
    .filter(([name]) => !REST_ONLY_ATTRIBUTES.has(name))
    .map(([name, value]) => ({ name, type: fields.get(name)?.type ?? 'string', value }));
  return { id: lead.id, email: lead.email, foreign: lead.foreign, attributes };
}

/** The wording is observed (docs/marketo-soap.md#faults). @throws {SoapFault} 20105 */
function refuseUnknownFields(operation: string, inputs: readonly LeadInput[], rules: SyncRules): void {
  const unknown = unknownFields(inputs, rules.fields);
  if (unknown.length > 0) {
    throw new SoapFault(
      20105,
      `${operation} operation failed: unknown fields for import: ${unknown.join(', ')}`,
    );
  }
}

type PlannedRecord = { readonly input: LeadInput; readonly plan: SyncPlan };
type Batch = { readonly records: readonly (PlannedRecord | SoapFault)[]; readonly mode: SyncMode };

/**
 * A record with a missing, bad or unknown key fails and the others are written; an unknown field refuses the whole
 * batch, as an import does (assumed, docs/marketo-soap.md#syncmultipleleads).
 */
function planBatch({ records, dedupEnabled }: SyncMultipleLeadsRequest, rules: SyncRules): Batch {
  const mode: SyncMode = { targetPartition: null, findByEmail: dedupEnabled, writeEmailBesideKey: false };
  const inputs = records.filter((record): record is LeadInput => !(record instanceof SoapFault));
  refuseUnknownFields('syncMultipleLeads', inputs, rules);
  return {
    mode,
    records: records.map((record) =>
      record instanceof SoapFault
        ? record
        : orRecordFault(() => ({ input: record, plan: planSync(record, rules, mode) })),
    ),
  };
}

/** Writes the records in order. One that was to make a new lead updates the lead that an earlier record made. */
function commitBatch({ records, mode }: Batch, rules: SyncRules, now: () => number): RecordResult[] {
  const created = new Set<number>();
  const planWithinBatch = ({ input, plan }: PlannedRecord): SyncPlan => {
    if (plan.leadId !== null || created.size === 0) return plan;
    const again = planSync(input, rules, mode);
    return again.leadId !== null && created.has(again.leadId) ? again : plan;
  };
  return records.map((record) => {
    if (record instanceof SoapFault) return failedRecord(record);
    const note = { nowMs: now(), operation: 'syncMultipleLeads' };
    const result = orRecordFault(() => commitSync(planWithinBatch(record), rules.store, note));
    if (result instanceof SoapFault) return failedRecord(result);
    if (result.status === 'CREATED') created.add(result.leadId);
    return result;
  });
}

function failedRecord(fault: SoapFault): RecordResult {
  return { status: 'FAILED', leadId: 0, error: `${fault.message} (${fault.code})` };
}
