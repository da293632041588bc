import { FOREIGN_SYS_TYPES } from '../text/soap-protocol.ts';
import {
  countKeys,
  getMultipleLeadsAnswer,
  type GetMultipleLeadsRequest,
  type ManyLeads,
  readGetMultipleLeads,
} from './many-leads.ts';
import { describeMObjectAnswer, type ObjectMetadata } from './metadata-answer.ts';
import {
  type ForeignKey,
  getLeadAnswer,
  type RecordResult,
  type ReturnedLead,
  SoapFault,
  syncLeadAnswer,
  syncMultipleLeadsAnswer,
} from './answer.ts';
import {
  childBoolean,
  childInt,
  childNamed,
  childPresent,
  childrenNamed,
  childText,
  isNil,
  textOf,
  type XmlElement,
} from './read-xml.ts';

/** A LeadRecord as a client sent it; null for every key that is missing, nil or empty. */
export type LeadInput = {
  readonly id: number | null;
  readonly email: string | null;
  readonly foreign: ForeignKey | null;
  readonly cookie: string | null;
  /** In the order given; an empty value clears its field. */
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
};

export type SyncLeadRequest = {
  readonly input: LeadInput;
  readonly returnLead: boolean;
  /** From MktowsContextHeader; null when the call names none. */
  readonly targetWorkspace: string | null;
};

export type SyncMultipleLeadsRequest = {
  /** In order; a fault stands for a record that could not be read, which fails alone. */
  readonly records: readonly (LeadInput | SoapFault)[];
  /** Whether leads are found by email. */
  readonly dedupEnabled: boolean;
};

export type GetLeadRequest = { readonly keyType: string; readonly keyValue: string };

/** The handlers behind the server. Each rejects with a SoapFault when the call as a whole fails. */
export type Operations = {
  /** Resolves to what became of the record, and to the lead if the request asks for it. */
  syncLead(request: SyncLeadRequest): Promise<{ result: RecordResult; returned: ReturnedLead | null }>;
  /** Resolves to a result for each record, in order. */
  syncMultipleLeads(request: SyncMultipleLeadsRequest): Promise<readonly RecordResult[]>;
  getLead(request: GetLeadRequest): Promise<readonly ReturnedLead[]>;
  /** Resolves to the leads that have one of the keys; keys that no lead has are left out. */
  getMultipleLeads(request: GetMultipleLeadsRequest): Promise<ManyLeads>;
  describeMObject(objectName: string): Promise<ObjectMetadata>;
};

/** A call that was read as far as its operation. */
export type OperationCall = {
  /** The element inside the body, e.g. paramsSyncLead. */
  readonly params: XmlElement;
  readonly targetWorkspace: string | null;
};

/** An answer and its summary for the call log. */
export type OperationAnswer = {
  readonly body: string;
  /** MIXED: a batch whose records got different statuses. */
  readonly outcome: RecordResult['status'] | 'MIXED' | 'FOUND';
  /** How many records got which status; only of upserts. */
  readonly statuses?: Readonly<Record<string, number>>;
};

type OperationServer = {
  /** Reads the parameters, runs the operation and writes the answer. Rejects with a SoapFault. */
  serve(operations: Operations, call: OperationCall, maxRecords: number): Promise<OperationAnswer>;
  /** How many records a call carries, for the call log. */
  recordCount(params: XmlElement): number;
};

const syncLead: OperationServer = {
  async serve(operations, { params, targetWorkspace }) {
    requireParams(params);
    const record = childPresent(params, 'leadRecord');
    if (!record) throw new SoapFault(20104, 'leadRecord is required');
    const input = readLeadInput(record, childText(params, 'marketoCookie'));
    const returnLead = childBoolean(params, 'returnLead');
    if (returnLead === null) throw new SoapFault(20109, 'returnLead is required');

    const { result, returned } = await operations.syncLead({ input, returnLead, targetWorkspace });
    return {
      body: syncLeadAnswer(result, returned),
      outcome: result.status,
      statuses: { [result.status]: 1 },
    };
  },
  recordCount: () => 1,
};

const syncMultipleLeads: OperationServer = {
  async serve(operations, { params }, maxRecords) {
    requireParams(params);
    const records = recordsOf(params);
    if (records.length === 0) throw new SoapFault(20104, 'leadRecordList is required');
    if (records.length > maxRecords) throw new SoapFault(20110, `At most ${maxRecords} lead records a call`);
    const dedupEnabled = childBoolean(params, 'dedupEnabled') ?? true;

    const results = await operations.syncMultipleLeads({
      records: records.map((record) => orRecordFault(() => readLeadInput(record))),
      dedupEnabled,
    });
    const statuses: Record<string, number> = {};
    for (const { status } of results) statuses[status] = (statuses[status] ?? 0) + 1;
    const [first] = results;
    return {
      body: syncMultipleLeadsAnswer(results),
      outcome: first && Object.keys(statuses).length === 1 ? first.status : 'MIXED',
      statuses,
    };
  },
  recordCount: (params) => recordsOf(params).length,
};

const getLead: OperationServer = {
  async serve(operations, { params }) {
    requireParams(params);
    const key = childPresent(params, 'leadKey');
    if (!key) throw new SoapFault(20101, 'leadKey is required');
    const keyType = childText(key, 'keyType');
    if (keyType === null) throw new SoapFault(20109, 'keyType is required');
    const keyValue = childText(key, 'keyValue');
    if (keyValue === null) throw new SoapFault(20109, 'keyValue is required');

    return { body: getLeadAnswer(await operations.getLead({ keyType, keyValue })), outcome: 'FOUND' };
  },
  recordCount: () => 1,
};

const getMultipleLeads: OperationServer = {
  async serve(operations, { params }) {
    requireParams(params);
    const found = await operations.getMultipleLeads(readGetMultipleLeads(params));
    return { body: getMultipleLeadsAnswer(found), outcome: 'FOUND' };
  },
  recordCount: countKeys,
};

const describeMObject: OperationServer = {
  async serve(operations, { params }) {
    requireParams(params);
    const objectName = childText(params, 'objectName');
    if (objectName === null) throw new SoapFault(20109, 'objectName is required');
    return {
      body: describeMObjectAnswer(await operations.describeMObject(objectName)),
      outcome: 'FOUND',
    };
  },
  recordCount: () => 1,
};

/** The operations served, by the name in their parameters' element. */
export const OPERATION_SERVERS: ReadonlyMap<string, OperationServer> = new Map([
  ['syncLead', syncLead],
  ['syncMultipleLeads', syncMultipleLeads],
  ['getLead', getLead],
  ['getMultipleLeads', getMultipleLeads],
  ['describeMObject', describeMObject],
]);

/** What `work` returns, or its fault where that is about one lead (201xx). @throws {SoapFault} any other */
export function orRecordFault<Value>(work: () => Value): Value | SoapFault {
  try {
    return work();
  } catch (error) {
    if (error instanceof SoapFault && error.code >= 20100) return error;
    throw error;
  }
}

function requireParams(params: XmlElement): void {
  if (isNil(params) || params.children.length === 0) throw new SoapFault(20017, 'The call has no parameters');
}

function recordsOf(params: XmlElement): readonly XmlElement[] {
  const list = childPresent(params, 'leadRecordList');
  return list ? childrenNamed(list, 'leadRecord') : [];
}

/** Elements that are not members of a LeadRecord are ignored: `id` and `foreignSysPersonId` are not keys. */
function readLeadInput(record: XmlElement, cookie: string | null = null): LeadInput {
  const input: LeadInput = {
    id: childInt(record, 'Id'),
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

function readForeignKey(record: XmlElement): ForeignKey | null {
  const id = childText(record, 'ForeignSysPersonId');
  if (id === null) return null;
  const text = childText(record, 'ForeignSysType');
  if (text === null) throw new SoapFault(20109, 'ForeignSysType is required with ForeignSysPersonId');
  const type = FOREIGN_SYS_TYPES.find((known) => known === text);
  if (!type) throw new SoapFault(20110, `ForeignSysType must be one of ${FOREIGN_SYS_TYPES.join(', ')}`);
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
