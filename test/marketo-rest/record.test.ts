import { describe, expect, test } from 'vitest';
import type { ForeignSysType, UpsertLead } from '../../src/leads/lead.ts';
import { createFieldMap, type Field, readDescribe } from '../../src/marketo-rest/fields.ts';
import {
  foreignIdField,
  foreignIdValue,
  leadJson,
  tooLarge,
  unknownAttributes,
} from '../../src/marketo-rest/record.ts';
import type { Failure } from '../../src/upstream/outcome.ts';

const FIELDS = readDescribe([
  { dataType: 'string', rest: { name: 'firstName', readOnly: false }, soap: { name: 'FirstName' } },
  { dataType: 'integer', rest: { name: 'leadScore', readOnly: false }, soap: { name: 'LeadScore' } },
  { dataType: 'boolean', rest: { name: 'unsubscribed', readOnly: false }, soap: { name: 'Unsubscribed' } },
  {
    dataType: 'string',
    rest: { name: 'inferredCompany', readOnly: true },
    soap: { name: 'InferredCompany' },
  },
  { dataType: 'email', rest: { name: 'email', readOnly: false }, soap: { name: 'Email' } },
  { dataType: 'string', length: 10, rest: { name: 'crmPersonId', readOnly: false } },
  { dataType: 'integer', rest: { name: 'netsuiteId', readOnly: false } },
  { dataType: 'text', rest: { name: 'notes', readOnly: false } },
  { dataType: 'string', rest: { name: 'sfdcLeadId', readOnly: true } },
]);
const MAP = createFieldMap(FIELDS ?? [], {
  fieldNames: new Map([['Mail', 'email']]),
  foreignIdFields: new Set(['crmPersonId', 'netsuiteId']),
});
const field = (name: string): Field => MAP.field(name) ?? expect.fail(name);

const command = (attributes: Readonly<Record<string, string | number | boolean | null>>): UpsertLead => ({
  email: 'jane@example.com',
  attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
  returnLead: false,
});

const detailOf = (written: object) =>
  'explain' in written ? (written as Failure).explain(command({})).detail : expect.fail('is no failure');

/** What a refusal says of which members. */
function refusalOf(written: ReturnType<typeof leadJson> | ReturnType<typeof foreignIdValue>) {
  if (!('kind' in written) || written.kind !== 'failed') return written;
  return [
    written.error,
    written.explain(command({})).errors?.map(({ pointer }) => pointer),
    written.counted,
    written.isolates,
  ];
}

describe('a lead is written', () => {
  test('by the names and types of its fields', () => {
    const written = leadJson(
      command({ FirstName: 'Jane "J"', leadScore: 62, Unsubscribed: '0', notes: null }),
      { field: field('crmPersonId'), json: '"C1"' },
      MAP,
    );
    expect(written).toMatchObject({
      members: String.raw`"email":"jane@example.com","crmPersonId":"C1","firstName":"Jane \"J\"","leadScore":62,"unsubscribed":false,"notes":null`,
    });
    expect('paths' in written && [...written.paths]).toEqual([
      ['email', ['email']],
      ['crmPersonId', ['foreignSysPersonId']],
      ['firstName', ['attributes', 'FirstName']],
      ['leadScore', ['attributes', 'leadScore']],
      ['unsubscribed', ['attributes', 'Unsubscribed']],
      ['notes', ['attributes', 'notes']],
    ]);
  });

  test('not if names are unknown or those of members; all of them are named', () => {
    const written = leadJson(command({ Nope: 1, Mail: 'a', FirstName: 'x', netsuiteId: 1 }), undefined, MAP);
    expect(written).toEqual({ kind: 'unknown-names', names: ['Nope', 'Mail', 'netsuiteId'] });
    expect(unknownAttributes(['Nope', 'A/b']).explain(command({}))).toEqual({
      detail: 'Marketo has no fields named Nope, A/b. Check the spelling; names are case-sensitive.',
      errors: [
        { pointer: '#/attributes/Nope', detail: 'is not the name of a field in Marketo' },
        { pointer: '#/attributes/A~1b', detail: 'is not the name of a field in Marketo' },
      ],
    });
  });

  test('not if two names are one field', () => {
    const written = leadJson(command({ FirstName: 'a', firstName: 'b' }), undefined, MAP);
    expect(refusalOf(written)).toEqual(['validation-failed', ['#/attributes/firstName'], 'no', 'record']);
  });

  test('not if a field is read-only, a foreign id included', () => {
    const written = leadJson(command({ InferredCompany: 'a', FirstName: 'b' }), undefined, MAP);
    expect(refusalOf(written)).toEqual(['lead-rejected', ['#/attributes/InferredCompany'], 'no', 'record']);
    const foreign = leadJson(command({}), { field: field('sfdcLeadId'), json: '"00Q"' }, MAP);
    expect(refusalOf(foreign)).toEqual(['lead-rejected', ['#/foreignSysPersonId'], 'no', 'record']);
  });

  test('not if it is larger than a call', () => {
    expect(tooLarge(1_000_000)).toBeUndefined();
    expect(tooLarge(1_000_001)).toMatchObject({ error: 'body-too-large' });
  });
});

describe('a foreign id', () => {
  const fields = { CUSTOM: 'crmPersonId', SFDC: { lead: 'sfdcLeadId', contact: 'sfdcContactId' } } as const;
  test.each([
    ['CUSTOM', 'x', 'crmPersonId'],
    ['SFDC', '00Q1', 'sfdcLeadId'],
    ['SFDC', '0031', 'sfdcContactId'],
  ] as const)('of %s, %s, is in %s', (type, id, name) => {
    expect(foreignIdField({ id, type }, fields)).toBe(name);
  });
  test.each([
    ['SFDC', '0051', '#/foreignSysPersonId'],
    ['NETSUITE', '1', '#/foreignSysType'],
  ] as [ForeignSysType, string, string][])('of %s, %s, has no field: %s', (type, id, pointer) => {
    const refused = foreignIdField({ id, type }, fields);
    expect(typeof refused === 'string' ? refused : refused.explain(command({})).errors?.[0]?.pointer).toBe(
      pointer,
    );
    expect(refused).toMatchObject({ error: 'validation-failed' });
  });
  test('its detail alone says which member must change', () => {
    const unprefixed = foreignIdField({ id: '0051', type: 'SFDC' }, fields);
    expect(detailOf(Object(unprefixed))).toMatch(/^foreignSysPersonId: must be the id of a lead .*\.$/);
    const unfit = foreignIdValue('abc', field('netsuiteId'), new Set(['netsuiteId']));
    expect(detailOf(unfit)).toMatch(/^foreignSysPersonId: must be a whole number of 32 bits.*\.$/);
    const fixed = leadJson(command({ sfdcLeadId: '00Q1' }), undefined, MAP);
    expect(detailOf(fixed)).toMatch(/ Leave out sfdcLeadId\.$/);
    const repeated = leadJson(command({ FirstName: 'a', firstName: 'b' }), undefined, MAP);
    expect(detailOf(repeated)).toContain('leave out firstName, ');
  });
  test('without a field names the variable', () => {
    const refused = foreignIdField({ id: '1', type: 'NETSUITE' }, fields);
    expect(typeof refused === 'string' ? '' : refused.explain(command({})).detail).toContain(
      'MARKETO_FOREIGN_ID_FIELDS',
    );
  });

  const searchable = new Set(['crmPersonId', 'netsuiteId', 'email', 'notes']);
  test.each([
    ['crmPersonId', 'a,b"c', String.raw`"a,b\"c"`],
    // Ten characters in twenty UTF-16 units.
    ['crmPersonId', '😀'.repeat(10), `"${'😀'.repeat(10)}"`],
    ['netsuiteId', '0', '0'],
    ['netsuiteId', '-2147483648', '-2147483648'],
    ['netsuiteId', '2147483647', '2147483647'],
    ['email', 'a@b', '"a@b"'],
  ])('in %s, %s, is written as %s', (name, id, json) => {
    expect(foreignIdValue(id, field(name), searchable)).toEqual({ field: field(name), json });
  });
  test.each([
    ['crmPersonId', '12345678901'],
    ['crmPersonId', '😀'.repeat(11)],
    ['netsuiteId', '2147483648'],
    ['netsuiteId', '007'],
    ['netsuiteId', '-0'],
    ['netsuiteId', '1.0'],
    ['netsuiteId', ' 1'],
    ['email', 'no address'],
  ])('does not fit in %s: %s', (name, id) => {
    const refused = foreignIdValue(id, field(name), searchable);
    expect(refusalOf(refused)).toEqual(['validation-failed', ['#/foreignSysPersonId'], 'no', 'record']);
  });
  test.each(['sfdcLeadId', 'notes', 'gone'])('needs a field that can be searched: %s', (name) => {
    expect(foreignIdValue('1', MAP.field(name), searchable)).toMatchObject({ error: 'upstream-error' });
  });
});
