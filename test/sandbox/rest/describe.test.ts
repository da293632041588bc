import { beforeEach, describe, expect, test } from 'vitest';
import { type RestClient, restClient } from '../../support/rest.ts';
import { startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { testEvery } from '../../support/exhaustive.ts';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

const described = async (): Promise<any[]> => (await rest.request('GET', '/leads/describe.json')).json.result;
const described2 = async (): Promise<any> =>
  (await rest.request('GET', '/leads/describe2.json')).json.result[0];
const fieldNamed = async (name: string) => (await described()).find((field) => field.rest.name === name);

describe('Describe', () => {
  test('has both names of a standard field, its type, and readOnly on each side, in the documented order', async () => {
    const { text } = await rest.request('GET', '/leads/describe.json');
    expect(text).toMatch(
      /\{"id":\d+,"displayName":"First Name","dataType":"string","length":255,"rest":\{"name":"firstName","readOnly":false\},"soap":\{"name":"FirstName","readOnly":false\}\}/,
    );
  });

  test('every field has an id, names that no other has, and a documented type', async () => {
    const fields = await described();
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length);
    expect(new Set(fields.map((field) => field.rest.name)).size).toBe(fields.length);
    const types = new Set(fields.map(({ dataType }) => dataType));
    expect([...types].toSorted()).toEqual([
      'boolean',
      'currency',
      'date',
      'datetime',
      'email',
      'float',
      'integer',
      'phone',
      'reference',
      'string',
      'text',
      'url',
    ]);
  });

  testEvery(3, [
    ['sicCode', 'SICCode', 'string'],
    ['dateOfBirth', 'DateofBirth', 'date'],
    ['anonymousIP', 'AnonymousIP', 'string'],
    ['jigsawContactId', 'Marketo Jigsaw Contact Id', 'integer'],
    ['jigsawContactStatus', 'Marketo Jigsaw Contact Status', 'string'],
    ['email', 'Email', 'email'],
    ['unsubscribed', 'Unsubscribed', 'boolean'],
    ['annualRevenue', 'AnnualRevenue', 'currency'],
  ])('%s is %s by SOAP and of type %s', async (name, soapName, dataType) => {
    expect(await fieldNamed(name)).toMatchObject({
      dataType,
      rest: { readOnly: false },
      soap: { name: soapName, readOnly: false },
    });
  });

  test('score fields say integer', async () => {
    await sandbox.control('POST', '/fields', { name: 'Product score', type: 'score' });
    expect((await fieldNamed('leadScore')).dataType).toBe('integer');
    expect((await fieldNamed('productScore')).dataType).toBe('integer');
  });

  testEvery(3, [
    'originalSourceType',
    'originalSourceInfo',
    'originalSearchEngine',
    'originalSearchPhrase',
    'originalReferrer',
    'inferredCompany',
    'inferredCountry',
    'contactCompany',
    'leadPerson',
    'personPrimaryLeadInterest',
  ])('%s is read-only by REST alone', async (name) => {
    const { rest: byRest, soap } = await fieldNamed(name);
    expect([byRest.readOnly, soap.readOnly]).toEqual([true, false]);
  });

  test('SOAP writes what is read-only by REST alone, and REST reads it', async () => {
    await sandbox.sync(
      '<Email>a@example.com</Email><leadAttributeList><attribute><attrName>Contact Company</attrName>' +
        '<attrValue>7</attrValue></attribute></leadAttributeList>',
    );
    expect(await rest.find('email', 'a@example.com', 'contactCompany')).toMatchObject([
      { contactCompany: 7 },
    ]);
  });

  testEvery(2, ['createdAt', 'updatedAt', 'cookies', 'isAnonymous'])('%s has no SOAP name', async (name) => {
    const field = await fieldNamed(name);
    expect(field).not.toHaveProperty('soap');
    expect(field.rest.readOnly).toBe(name !== 'cookies');
  });

  test('leadPartitionId is a reference with the SOAP name Lead Partition ID', async () => {
    expect(await fieldNamed('leadPartitionId')).toMatchObject({
      dataType: 'reference',
      rest: { readOnly: true },
      soap: { name: 'Lead Partition ID', readOnly: true },
    });
  });

  test('has the custom fields', async () => {
    await sandbox.control('POST', '/fields', { name: 'Shoe size', type: 'integer' });
    await sandbox.control('POST', '/fields', { name: 'Size', type: 'float', restName: 'mkto_Size__c' });
    expect(await fieldNamed('shoeSize')).toMatchObject({ dataType: 'integer', soap: { name: 'Shoe size' } });
    expect(await fieldNamed('mkto_Size__c')).toMatchObject({ dataType: 'float', soap: { name: 'Size' } });
    expect(await rest.results([{ email: 'a@example.com', shoeSize: 44, mkto_Size__c: 1.5 }])).toMatchObject([
      { status: 'created' },
    ]);
    expect((await sandbox.leads())[0]?.attributes).toEqual({ 'Shoe size': '44', Size: '1.5' });
  });

  test('a switch leaves out every soap', async () => {
    await sandbox.control('PUT', '/rest', { describeSoapNames: false });
    const fields = await described();
    expect(fields.length).toBeGreaterThan(50);
    expect(fields.filter((field) => 'soap' in field)).toEqual([]);
    await sandbox.control('PUT', '/rest', { describeSoapNames: true });
    expect(await fieldNamed('firstName')).toHaveProperty('soap');
  });

  test('read-only fields are those that are put', async () => {
    await sandbox.control('PUT', '/rest', { readOnly: ['sfdcLeadId', 'firstName'] });
    const readOnly = (await described())
      .filter((field) => field.rest.readOnly)
      .map((field) => field.rest.name);
    expect(readOnly.toSorted()).toEqual([
      'createdAt',
      'firstName',
      'id',
      'isAnonymous',
      'leadPartitionId',
      'sfdcLeadId',
      'updatedAt',
    ]);
    await rest.results([{ email: 'a@example.com', firstName: 'Ann', inferredCompany: 'Acme' }]);
    expect((await sandbox.leads())[0]?.attributes).toEqual({ InferredCompany: 'Acme' });
  });
});

describe('Describe 2', () => {
  test('has the name, the searchable fields and every field of Describe', async () => {
    await sandbox.control('POST', '/fields', { name: 'Shoe size', type: 'integer' });
    await sandbox.control('POST', '/fields', { name: 'Newsletter', type: 'boolean' });
    const { name, searchableFields, fields } = await described2();
    expect(name).toBe('API Lead');
    expect(searchableFields).toEqual([
      ['id'],
      ['cookies'],
      ['sfdcLeadId'],
      ['sfdcContactId'],
      ['crmPersonId'],
      ['netsuiteId'],
      ['sfdcAccountId'],
      ['sfdcLeadOwnerId'],
      ['sfdcOpptyId'],
      ['leadPartitionId'],
      ['email'],
      ['shoeSize'],
    ]);
    expect(fields.map((field: any) => field.name)).toEqual(
      (await described()).map((field) => field.rest.name),
    );
  });

  test('updateable is what REST can write', async () => {
    const { fields } = await described2();
    const field = (wanted: string) => fields.find(({ name }: any) => name === wanted);
    expect(field('firstName')).toEqual({
      name: 'firstName',
      displayName: 'First Name',
      dataType: 'string',
      length: 255,
      updateable: true,
      crmManaged: false,
    });
    expect(field('inferredCompany').updateable).toBe(false);
    expect(field('leadScore')).not.toHaveProperty('length');
  });
});
