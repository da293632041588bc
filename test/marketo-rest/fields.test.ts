import { describe, expect, test } from 'vitest';
import {
  createFieldMap,
  readDescribe,
  readPartitions,
  readSearchableFields,
} from '../../src/marketo-rest/fields.ts';

const RESULT = [
  {
    id: 2,
    displayName: 'Company Name',
    dataType: 'string',
    length: 255,
    rest: { name: 'company', readOnly: false },
    soap: { name: 'Company', readOnly: false },
  },
  {
    id: 3,
    dataType: 'integer',
    rest: { name: 'leadScore', readOnly: false },
    soap: { name: 'LeadScore', readOnly: false },
  },
  { id: 4, dataType: 'string', rest: { name: 'sicCode', readOnly: false } },
  { id: 5, dataType: 'datetime', rest: { name: 'createdAt', readOnly: true } },
  {
    id: 6,
    dataType: 'email',
    rest: { name: 'email', readOnly: false },
    soap: { name: 'Email', readOnly: false },
  },
  { id: 7, dataType: 'string', rest: { name: 'crmPersonId', readOnly: false } },
  { id: 8, dataType: 'brandNew', rest: { name: 'shoe Size', readOnly: false }, soap: { name: 'company' } },
];

function mapOf(fieldNames: readonly (readonly [string, string])[] = [], result: readonly unknown[] = RESULT) {
  return createFieldMap(readDescribe(result) ?? [], {
    fieldNames: new Map(fieldNames),
    foreignIdFields: new Set(['crmPersonId']),
  });
}

describe('an attribute means a field', () => {
  test.each([
    ['Company', 'company'],
    // The SOAP name of another field comes before the REST name.
    ['company', 'shoe Size'],
    ['leadScore', 'leadScore'],
    ['LeadScore', 'leadScore'],
    // The documented table, since this Describe has no SOAP name for it.
    ['SICCode', 'sicCode'],
    ['CreatedAt', 'createdAt'],
    ['leadscore', undefined],
    ['DateofBirth', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['', undefined],
  ])('%s: %s', (name, restName) => {
    const map = mapOf();
    expect(map.resolve(name)?.restName).toBe(restName);
    expect(map.resolve(name)?.restName).toBe(restName);
  });

  test('by MARKETO_FIELD_NAMES first, and by nothing else if Marketo lacks that field', () => {
    const map = mapOf([
      ['Company', 'leadScore'],
      ['LeadScore', 'gone'],
    ]);
    expect(map.resolve('Company')?.restName).toBe('leadScore');
    expect(map.resolve('LeadScore')).toBeUndefined();
  });
});

test('fields that are members of their own are no attributes under any name', () => {
  const map = mapOf([['Mail', 'email']]);
  const isMember = (name: string) => {
    const field = map.resolve(name);
    return field !== undefined && map.isMember(field);
  };
  expect(['Mail', 'email', 'crmPersonId', 'Company'].map(isMember)).toEqual([true, true, true, false]);
});

test('a lead is read back by the fields with a SOAP name, and by all of them where there are none', () => {
  expect(mapOf().returned.map(({ restName }) => restName)).toEqual([
    'company',
    'leadScore',
    'email',
    'shoe Size',
  ]);
  const withoutSoap = RESULT.map(({ id, dataType, rest }) => ({ id, dataType, rest }));
  expect(mapOf([], withoutSoap).returned).toHaveLength(RESULT.length);
});

test('an answer names a field as the map, else as SOAP, else as REST does', () => {
  const map = mapOf([['Firm', 'company']]);
  const names = map.returned.map((field) => map.attributeName(field));
  expect(names).toEqual(['Firm', 'LeadScore', 'Email', 'company']);
  const score = map.field('createdAt');
  expect(score && map.attributeName(score)).toBe('createdAt');
});

test('entries of Describe without a REST name are skipped, and types have any case', () => {
  const fields = readDescribe([
    null,
    7,
    {},
    { rest: {} },
    { rest: { name: 7 } },
    { soap: { name: 'OnlySoap' } },
    { rest: { name: 'a', readOnly: 'true' }, dataType: 'Boolean' },
    { rest: { name: 'b' } },
  ]);
  expect(fields).toEqual([
    {
      restName: 'a',
      soapName: undefined,
      title: 'a',
      dataType: 'boolean',
      maxLength: undefined,
      isReadOnly: true,
      kind: 'boolean',
      jsonName: '"a":',
    },
    {
      restName: 'b',
      soapName: undefined,
      title: 'b',
      dataType: '',
      maxLength: undefined,
      isReadOnly: false,
      kind: 'text',
      jsonName: '"b":',
    },
  ]);
  expect(readDescribe([])).toBeUndefined();
  expect(readDescribe([{ soap: { name: 'OnlySoap' } }])).toBeUndefined();
});

test('searchable fields and partitions', () => {
  const lead = { name: 'API Lead', searchableFields: [['id'], ['email'], ['crmPersonId']], fields: [] };
  expect([...(readSearchableFields([lead]) ?? [])]).toEqual(['id', 'email', 'crmPersonId']);
  expect(readSearchableFields([])).toBeUndefined();
  expect(readSearchableFields([{ searchableFields: 'id' }])).toBeUndefined();
  expect([...readPartitions([{ id: 1, name: 'Default' }, { id: '2', name: 'X' }, null])]).toEqual([
    ['default', 1],
  ]);
});
