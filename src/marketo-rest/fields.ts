import { documentedRestName, documentedSoapName } from '../text/rest-protocol.ts';
import { isXmlText } from '../text/xml-characters.ts';
import { isRecord } from './answer.ts';

/** A field of a lead as Describe has it (docs/marketo-rest.md#describe). */
export type Field = {
  readonly restName: string;
  readonly soapName: string | undefined;
  /** Its name for people. */
  readonly title: string;
  readonly dataType: string;
  /** In characters; undefined where Describe does not say. */
  readonly maxLength: number | undefined;
  readonly isReadOnly: boolean;
  /** How values are written. */
  readonly kind: 'boolean' | 'number' | 'text';
  /** The name in JSON with the colon after it: names are written once, not for every lead. */
  readonly jsonName: string;
};

/** What the operator says about names; `MARKETO_FIELD_NAMES` and `MARKETO_FOREIGN_ID_FIELDS`. */
export type NameSettings = {
  /** Attribute name to REST name; comes before Describe. */
  readonly fieldNames: ReadonlyMap<string, string>;
  /** REST names of the fields that hold foreign ids. */
  readonly foreignIdFields: ReadonlySet<string>;
};

/** The fields of a subscription, by every name an attribute may have. */
export type FieldMap = {
  /** In the order of Describe. */
  readonly all: readonly Field[];
  /** The field with this REST name. */
  field(restName: string): Field | undefined;
  /** The field that a name means. Names count with their case. */
  resolve(name: string): Field | undefined;
  /** The same for an attribute, which no member of the lead can be. */
  attribute(name: string): Field | undefined;
  /** Whether a field is a member of the lead, and so not an attribute under any name. */
  isMember(field: Field): boolean;
  /** The fields that are asked for when a whole lead is read back. */
  readonly returned: readonly Field[];
  /** Their REST names with commas between them, as in a query. */
  readonly readBackFields: string;
  /** The attribute's name of a field in an answer. */
  attributeName(field: Field): string;
  /** All names that an attribute may have for a field; that of answers is the first. */
  attributeNames(field: Field): readonly string[];
};

const NUMERIC: ReadonlySet<string> = new Set([
  'integer',
  'score',
  'float',
  'currency',
  'percent',
  'reference',
]);

/** They would go past a key's permissions if they were attributes. */
const MEMBER_FIELDS = ['id', 'email', 'cookies'];

/**
 * Reads the result of `describe.json`. Entries without a REST name are skipped; undefined if there is no field at all,
 * which no subscription has.
 */
export function readDescribe(result: readonly unknown[]): readonly Field[] | undefined {
  const fields = result.flatMap((entry) => {
    const field = readField(entry);
    return field === undefined ? [] : [field];
  });
  return fields.length === 0 ? undefined : fields;
}

function readField(entry: unknown): Field | undefined {
  if (!isRecord(entry) || !isRecord(entry['rest'])) return undefined;
  const { name, readOnly } = entry['rest'];
  if (typeof name !== 'string' || name === '' || !isXmlText(name)) return undefined;
  const soap = isRecord(entry['soap']) ? entry['soap']['name'] : undefined;
  const dataType = typeof entry['dataType'] === 'string' ? entry['dataType'].toLowerCase() : '';
  return {
    restName: name,
    soapName: typeof soap === 'string' && soap !== '' ? soap : undefined,
    title: typeof entry['displayName'] === 'string' ? entry['displayName'] : name,
    dataType,
    maxLength: typeof entry['length'] === 'number' ? entry['length'] : undefined,
    isReadOnly: readOnly === true || readOnly === 'true',
    kind: dataType === 'boolean' ? 'boolean' : NUMERIC.has(dataType) ? 'number' : 'text',
    jsonName: `${JSON.stringify(name)}:`,
  };
}

/** Reads the result of `describe2.json`: the REST names of the fields that leads can be found by. */
export function readSearchableFields(result: readonly unknown[]): ReadonlySet<string> | undefined {
  const [lead] = result;
  if (!isRecord(lead) || !Array.isArray(lead['searchableFields'])) return undefined;
  const names = lead['searchableFields'].flat().filter((name) => typeof name === 'string');
  return new Set(names);
}

/** Reads the result of `partitions.json`: ids by name in lower case. */
export function readPartitions(result: readonly unknown[]): ReadonlyMap<string, number> {
  const partitions = new Map<string, number>();
  for (const entry of result) {
    if (!isRecord(entry)) continue;
    const { id, name } = entry;
    if (typeof id === 'number' && typeof name === 'string') partitions.set(name.toLowerCase(), id);
  }
  return partitions;
}

/** The names of all fields, in the order in which they count (docs/marketo-rest.md#names). */
export function createFieldMap(fields: readonly Field[], settings: NameSettings): FieldMap {
  const byRestName = firstOf(fields, ({ restName }) => restName);
  const bySoapName = firstOf(fields, ({ soapName }) => soapName);
  const members = new Set([...MEMBER_FIELDS, ...settings.foreignIdFields]);
  const isMember = ({ restName }: Field) => members.has(restName);
  const aliases = new Map<string, string>();
  for (const [alias, restName] of settings.fieldNames)
    if (!aliases.has(restName)) aliases.set(restName, alias);
  // Only hits are kept, so that callers cannot fill the memory with names.
  const attributes = new Map<string, Field>();

  const find = (name: string): Field | undefined => {
    const mapped = settings.fieldNames.get(name);
    if (mapped !== undefined) return byRestName.get(mapped);
    return bySoapName.get(name) ?? byRestName.get(name) ?? byRestName.get(documentedRestName(name));
  };
  const named = fields.filter(({ soapName }) => soapName !== undefined);
  const returned = named.length > 0 ? named : fields;
  const asked = [...returned.map(({ restName }) => restName), ...members].filter(
    (name) => byRestName.has(name) && !name.includes(','),
  );
  const attributeName = ({ restName, soapName }: Field) => aliases.get(restName) ?? soapName ?? restName;
  return {
    all: fields,
    field: (restName) => byRestName.get(restName),
    resolve: find,
    attribute(name) {
      const known = attributes.get(name);
      if (known !== undefined) return known;
      const field = find(name);
      if (field === undefined || isMember(field)) return undefined;
      attributes.set(name, field);
      return field;
    },
    isMember,
    returned,
    readBackFields: [...new Set(['id', 'email', ...asked])].join(','),
    attributeName,
    attributeNames(field) {
      const { restName, soapName = restName } = field;
      const names = [attributeName(field), soapName, restName, documentedSoapName(restName)];
      return [...new Set(names)].filter((name) => find(name) === field);
    },
  };
}

function firstOf(fields: readonly Field[], nameOf: (field: Field) => string | undefined) {
  const map = new Map<string, Field>();
  for (const field of fields) {
    const name = nameOf(field);
    if (name !== undefined && !map.has(name)) map.set(name, field);
  }
  return map;
}
