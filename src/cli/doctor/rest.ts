import type { Config } from '../../config/config.ts';
import type { RestUpstream } from '../../config/upstream.ts';
import type { RestReader } from '../../marketo-rest/client-read.ts';
import { type Field, readPartitions } from '../../marketo-rest/fields.ts';
import { isSearchedType } from '../../marketo-rest/record.ts';
import type { Failure } from '../../upstream/outcome.ts';
import {
  connectRest,
  describeFailure,
  fieldsWithSoapNames,
  isFailure,
  readFields,
  readSearchable,
} from '../rest-connection.ts';
import { isLimit, limitFault } from './limits.ts';
import type { Finding } from './network.ts';
import { counted } from '../../text/counted.ts';

const READING = 'Read-Only Person or Read-Write Person';
const WRITING = 'Read-Write Person';

/**
 * What keeps the gateway from writing leads by the REST API: token, fields, the fields of foreign ids, the partitions of
 * workspaces, the calls of the day, the right to write. Five calls at most; stores nothing.
 */
export async function checkRest(
  config: Config,
  upstream: RestUpstream,
  { version }: { readonly version: string },
): Promise<readonly Finding[]> {
  const { reader, close } = connectRest(config, upstream, `lead-gateway/${version} doctor`);
  try {
    return await findingsOf(reader, config);
  } finally {
    await close();
  }
}

/** Stops without a token or without Describe: every check after them would fail for the same reason. */
async function findingsOf(reader: RestReader, config: Config): Promise<readonly Finding[]> {
  const refused = await reader.checkToken();
  if (refused !== undefined) return [faultOf(refused, READING)];
  const token = ok('credentials', 'identity gives a token for them');
  const fields = await readFields(reader);
  if (isFailure(fields)) return [token, faultOf(fields, READING)];
  return [
    token,
    ...fieldFindings(fields, config),
    ...(await foreignIdFindings(reader, fields, config)),
    ...(await partitionFindings(reader, config)),
    await callsFinding(reader, config),
    await writingFinding(reader),
  ];
}

function ok(subject: Finding['subject'], message: string): Finding {
  return { state: 'ok', subject, message };
}

function fault(subject: Finding['subject'], message: string): Finding {
  return { state: 'fault', subject, message };
}

/** @param permission what the role of the API user needs for the call */
function faultOf(failure: Failure, permission: string): Finding {
  const said = describeFailure(failure);
  const code = failure.upstream?.code;
  if (isLimit(failure.error)) return limitFault(failure.error, code, said);
  if (failure.error !== 'upstream-access-denied') return fault('answer', said);
  const isPermission = code === 603;
  return fault(
    'credentials',
    isPermission ? `${said}; the role needs the permission ${permission} (Access API)` : said,
  );
}

/** How attributes can be named. */
function fieldFindings(fields: readonly Field[], { rest }: Config): Finding[] {
  const { fieldNames } = rest;
  const named = fieldsWithSoapNames(fields, rest).length;
  const count =
    named > 0
      ? ok('fields', `Describe has ${fields.length}, ${named} of them attributes with a SOAP name`)
      : fieldsWithoutNames(fields.length, fieldNames.size);
  const known = new Set(fields.map(({ restName }) => restName));
  const missing = [...fieldNames].filter(([, restName]) => !known.has(restName));
  const complaints = missing.map(([name, restName]) =>
    fault(
      'fields',
      `MARKETO_FIELD_NAMES has ${quote(name)} for ${quote(restName)}, which Marketo does not have`,
    ),
  );
  return [count, ...complaints];
}

function fieldsWithoutNames(count: number, mapped: number): Finding {
  const message = `Describe has ${count}, none of them with a SOAP name`;
  return mapped > 0
    ? ok('fields', `${message}; MARKETO_FIELD_NAMES has ${counted(mapped, 'name')}`)
    : {
        state: 'note',
        subject: 'fields',
        message: `${message}: attributes need REST names, or names in MARKETO_FIELD_NAMES`,
      };
}

function quote(name: string): string {
  return JSON.stringify(name);
}

/** The fields of MARKETO_FOREIGN_ID_FIELDS: there, searchable, of a type that can be searched, and writable. */
async function foreignIdFindings(
  reader: RestReader,
  fields: readonly Field[],
  { rest: { foreignIdFields } }: Config,
): Promise<Finding[]> {
  if (foreignIdFields.size === 0) return [];
  const searchable = await readSearchable(reader);
  if (isFailure(searchable)) return [faultOf(searchable, READING)];
  return [...foreignIdFields].map((name) =>
    foreignIdFinding(
      name,
      fields.find(({ restName }) => restName === name),
      searchable,
    ),
  );
}

function foreignIdFinding(name: string, field: Field | undefined, searchable: ReadonlySet<string>): Finding {
  const where = `${quote(name)} of MARKETO_FOREIGN_ID_FIELDS`;
  if (field === undefined)
    return fault('foreign ids', `Marketo has no field ${where}; the REST name is needed`);
  const { dataType, isReadOnly } = field;
  if (!searchable.has(name)) {
    return fault('foreign ids', `${where} cannot be searched, so no lead can be found by it`);
  }
  if (!isSearchedType(dataType)) {
    return fault('foreign ids', `${where} is of the type ${dataType}; it must be string, email or integer`);
  }
  return ok(
    'foreign ids',
    isReadOnly
      ? `${where} (${dataType}) is read-only: leads are found by it, but never created`
      : `${where} (${dataType}) can be searched and written`,
  );
}

/** The partitions of MARKETO_WORKSPACE_PARTITIONS, and whether the default workspace has one. */
async function partitionFindings(
  reader: RestReader,
  { rest: { workspacePartitions }, defaultWorkspace }: Config,
): Promise<Finding[]> {
  const name = defaultWorkspace?.toLowerCase();
  const isMapped = name === undefined || name === 'default' || workspacePartitions.has(name);
  const complaint = fault(
    'workspace',
    `MARKETO_DEFAULT_WORKSPACE has no partition in MARKETO_WORKSPACE_PARTITIONS, so leads without a workspace are refused`,
  );
  const unmapped = isMapped ? [] : [complaint];
  if (workspacePartitions.size === 0) return unmapped;
  const result = await reader.read('partitions');
  if (isFailure(result)) return [...unmapped, faultOf(result, READING)];
  const partitions = readPartitions(result);
  const missing = [...new Set(workspacePartitions.values())].filter(
    (partition) => !partitions.has(partition.toLowerCase()),
  );
  const complaints = missing.map((partition) =>
    fault(
      'workspace',
      `the partition ${quote(partition)} of MARKETO_WORKSPACE_PARTITIONS does not exist, or the API user may not use it`,
    ),
  );
  const found = ok('workspace', 'the API user may use every partition of MARKETO_WORKSPACE_PARTITIONS');
  return [...unmapped, ...(missing.length === 0 ? [found] : complaints)];
}

/** The gateway goes on without that number, by its own count. */
async function callsFinding(reader: RestReader, { dailyCalls }: Config): Promise<Finding> {
  const calls = await reader.callsToday();
  if (typeof calls !== 'number') {
    const message = `how many were made today is not known: ${describeFailure(calls)}`;
    return { state: 'note', subject: 'calls', message };
  }
  const message = `${calls} of ${dailyCalls} (MARKETO_DAILY_CALLS) were made today, by all integrations`;
  return calls < dailyCalls
    ? ok('calls', message)
    : fault('calls', `${message}; leads are refused until midnight US Central time`);
}

async function writingFinding(reader: RestReader): Promise<Finding> {
  const failure = await reader.checkWriting();
  return failure === undefined
    ? ok('credentials', 'Marketo lets them write leads')
    : faultOf(failure, WRITING);
}
