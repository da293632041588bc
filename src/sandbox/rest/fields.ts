import type { ForeignKey } from '../../soap-server/answer.ts';
import {
  CUSTOM_LOOKUP_TYPES,
  documentedRestName,
  LOOKUP_FIELDS,
  PARTITION_FIELD,
} from '../../text/rest-protocol.ts';
import {
  displayNameOf,
  type FieldType,
  isStandardField,
  type LeadField,
  REST_ONLY_ATTRIBUTES,
} from '../leads/fields.ts';
import { partitionsOf, type Settings } from '../settings.ts';

/** Where the value of a field is in a lead. */
export type FieldSource =
  /** An attribute by its SOAP name. */
  | { readonly of: 'attribute'; readonly name: string; readonly type: FieldType }
  | { readonly of: 'foreign'; readonly type: ForeignKey['type']; readonly holds: (id: string) => boolean }
  | { readonly of: 'id' | 'email' | 'cookies' | 'partition' | 'createdAt' | 'updatedAt' | 'isAnonymous' };

/** A field as REST shows it. */
export type RestField = {
  readonly name: string;
  readonly displayName: string;
  readonly dataType: FieldType | 'reference';
  /** Null for fields that SOAP does not have. */
  readonly soapName: string | null;
  readonly readOnly: boolean;
  readonly soapReadOnly: boolean;
  /** Whether leads can be looked up by it. */
  readonly searchable: boolean;
  readonly source: FieldSource;
};

export type RestFields = ReadonlyMap<string, RestField>;

/** REST has a field for a foreign id of each type; Salesforce's has two, by the prefix of its ids. */
const FOREIGN_FIELDS: readonly [name: string, type: ForeignKey['type'], holds: (id: string) => boolean][] = [
  ['sfdcLeadId', 'SFDC', (id) => !id.startsWith('003')],
  ['sfdcContactId', 'SFDC', (id) => id.startsWith('003')],
  ['crmPersonId', 'CUSTOM', () => true],
  ['netsuiteId', 'NETSUITE', () => true],
];

/** The fields by their REST names: the sandbox's own, then those of the settings. */
export function restFieldsOf(settings: Settings): RestFields {
  const readOnly = new Set(settings.rest.readOnly);
  const fields = [...ownFields(), ...[...settings.fields.values()].map(databaseField)];
  return new Map(
    fields.map((field) => [field.name, readOnly.has(field.name) ? { ...field, readOnly: true } : field]),
  );
}

/** A REST name that two fields would have; undefined if none would. */
export function clashingRestName(fields: readonly LeadField[]): string | undefined {
  const names = [...ownFields().map(({ name }) => name), ...fields.map(restNameOf)];
  return names.find((name, index) => names.indexOf(name) < index);
}

/** The REST name of a field; for a custom one the words of its name in camel case, `shoeSize` for `Shoe size`. */
function restNameOf({ name, restName }: LeadField): string {
  if (restName !== undefined) return restName;
  const documented = documentedRestName(name);
  return documented.replaceAll(/[^A-Za-z0-9_]+(.?)/g, (_match, next: string) => next.toUpperCase());
}

function ownFields(): RestField[] {
  const own = (name: string, dataType: RestField['dataType'], source: FieldSource, more = {}): RestField => ({
    name,
    displayName: displayNameOf(name),
    dataType,
    soapName: null,
    readOnly: false,
    soapReadOnly: false,
    searchable: LOOKUP_FIELDS.some((known) => known === name),
    source,
    ...more,
  });
  const fixed = { readOnly: true };
  return [
    own('id', 'integer', { of: 'id' }, { ...fixed, soapName: 'Id', soapReadOnly: true }),
    own('cookies', 'string', { of: 'cookies' }),
    ...FOREIGN_FIELDS.map(([name, type, holds]) =>
      own(name, 'string', { of: 'foreign', type, holds }, { searchable: true }),
    ),
    ...[...REST_ONLY_ATTRIBUTES].map((name) =>
      own(name, 'string', { of: 'attribute', name, type: 'string' }),
    ),
    own(
      PARTITION_FIELD,
      'reference',
      { of: 'partition' },
      {
        ...fixed,
        soapName: 'Lead Partition ID',
        soapReadOnly: true,
      },
    ),
    own('isAnonymous', 'boolean', { of: 'isAnonymous' }, fixed),
    own('createdAt', 'datetime', { of: 'createdAt' }, fixed),
    own('updatedAt', 'datetime', { of: 'updatedAt' }, fixed),
  ];
}

function databaseField(field: LeadField): RestField {
  const { name, type } = field;
  return {
    name: restNameOf(field),
    displayName: displayNameOf(name),
    // Describe calls score fields integers.
    dataType: type === 'score' ? 'integer' : type,
    soapName: name,
    readOnly: false,
    soapReadOnly: false,
    searchable: name === 'Email' || (!isStandardField(name) && isOneOf(CUSTOM_LOOKUP_TYPES, type)),
    source: name === 'Email' ? { of: 'email' } : { of: 'attribute', name, type },
  };
}

function isOneOf(list: readonly string[], value: string): boolean {
  return list.includes(value);
}

/** The id of each partition by its name. */
export function partitionIds(settings: Settings): ReadonlyMap<string, number> {
  return new Map(partitionsOf(settings).map(({ name }, index) => [name, index + 1]));
}
