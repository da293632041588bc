import { beforeEach, describe, expect, test } from 'vitest';
import { type RestClient, restClient } from '../../support/rest.ts';
import { startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { A, B, COOKIE, created, errorOf, FIRST, MULTIPLE, NOT_FOUND, skipped, updated } from './results.ts';
import { testEvery } from '../../support/exhaustive.ts';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

describe('lookupField id', () => {
  test.each(['createOrUpdate', 'updateOnly'])('%s updates the lead and never creates one', async (action) => {
    await rest.results([{ email: A }]);
    const byId = (id: unknown) => rest.results([{ id, firstName: 'Ann' }], { action, lookupField: 'id' });
    expect(await byId(FIRST)).toEqual([updated()]);
    expect(await byId(String(FIRST))).toEqual([updated()]);
    expect(await byId(7)).toEqual([NOT_FOUND]);
    expect(await byId(2147483647)).toEqual([NOT_FOUND]);
    expect(await byId('x')).toEqual([skipped('1003', "Invalid value for field 'id' and value 'x'")]);
    expect(await sandbox.leads()).toMatchObject([{ id: FIRST, attributes: { FirstName: 'Ann' } }]);
  });

  test('an email beside it is written', async () => {
    await rest.results([{ email: A }]);
    await rest.results([{ id: FIRST, email: B }], { action: 'updateOnly', lookupField: 'id' });
    expect(await sandbox.leads()).toMatchObject([{ email: B }]);
  });

  test('an update without values is one, too', async () => {
    await rest.results([{ email: A }]);
    const probe = (id: number) => rest.results([{ id }], { action: 'updateOnly', lookupField: 'id' });
    expect(await probe(FIRST)).toEqual([updated()]);
    expect(await probe(2147483647)).toEqual([NOT_FOUND]);
  });
});

describe('other keys', () => {
  testEvery(3, [
    ['sfdcLeadId', '00Q1', { foreignSysPersonId: '00Q1', foreignSysType: 'SFDC' }],
    ['sfdcContactId', '0031', { foreignSysPersonId: '0031', foreignSysType: 'SFDC' }],
    ['crmPersonId', 'C1', { foreignSysPersonId: 'C1', foreignSysType: 'CUSTOM' }],
    ['netsuiteId', 'N1', { foreignSysPersonId: 'N1', foreignSysType: 'NETSUITE' }],
    ['sfdcAccountId', '0011', { foreignSysPersonId: null }],
    ['sfdcLeadOwnerId', '0051', { foreignSysPersonId: null }],
    ['sfdcOpptyId', '0061', { foreignSysPersonId: null }],
    ['cookies', COOKIE, { cookies: [COOKIE] }],
  ])('%s makes a lead, then finds it', async (lookupField, value, lead) => {
    expect(await rest.results([{ [lookupField]: value }], { lookupField })).toEqual([created()]);
    expect(await rest.results([{ [lookupField]: value, email: A }], { lookupField })).toEqual([updated()]);
    expect(await sandbox.leads()).toMatchObject([{ email: A, ...lead }]);
  });

  test.each([
    ['string', 'X-1', 'x-1'],
    ['email', 'x@example.com', 'y@example.com'],
    ['integer', 7, 8],
  ])('a custom field of type %s', async (type, value, other) => {
    await sandbox.control('POST', '/fields', { name: 'Customer number', type });
    const by = (customerNumber: unknown) =>
      rest.results([{ customerNumber }], { lookupField: 'customerNumber' });
    expect(await by(value)).toEqual([created()]);
    expect(await by(String(value))).toEqual([updated()]);
    expect(await by(other)).toEqual([created(FIRST + 1)]);
  });

  testEvery(2, ['boolean', 'float', 'date', 'text'])('a custom field of type %s is no key', async (type) => {
    await sandbox.control('POST', '/fields', { name: 'Customer number', type });
    const answer = await rest.sync([{ customerNumber: 1 }], { lookupField: 'customerNumber' });
    expect(errorOf(answer)).toMatch(/^1011 /);
  });

  test('a field that REST cannot write finds leads and is not written', async () => {
    await sandbox.control('PUT', '/rest', { readOnly: ['sfdcLeadId'] });
    await rest.results([{ email: A }]);
    await sandbox.sync(
      `<Id>${FIRST}</Id><ForeignSysPersonId>00Q1</ForeignSysPersonId><ForeignSysType>SFDC</ForeignSysType>`,
    );
    expect(
      await rest.results([{ sfdcLeadId: '00Q1', firstName: 'Ann' }], { lookupField: 'sfdcLeadId' }),
    ).toEqual([updated()]);
    await rest.results([{ email: A, sfdcLeadId: '00Q2' }]);
    expect(await sandbox.leads()).toMatchObject([{ foreignSysPersonId: '00Q1' }]);
  });

  test('a lead has one foreign id: another system replaces it, and clearing the field of another leaves it', async () => {
    await rest.results([{ email: A, crmPersonId: 'C1' }]);
    await rest.results([{ email: A, netsuiteId: null, sfdcLeadId: '' }]);
    expect(await sandbox.leads()).toMatchObject([{ foreignSysPersonId: 'C1' }]);
    await rest.results([{ email: A, netsuiteId: 'N1', crmPersonId: null }]);
    expect(await sandbox.leads()).toMatchObject([{ foreignSysPersonId: 'N1', foreignSysType: 'NETSUITE' }]);
  });

  test('a foreign id moves to a lead that is updated; a new lead shares it, and then there are several', async () => {
    await rest.results([{ email: A, netsuiteId: 'N1' }, { email: B }]);
    await rest.results([{ email: B, netsuiteId: 'N1' }]);
    expect((await sandbox.leads()).map((lead) => lead.foreignSysPersonId)).toEqual([null, 'N1']);
    await rest.results([{ email: 'c@example.com', netsuiteId: 'N1' }]);
    expect(await rest.results([{ netsuiteId: 'N1' }], { lookupField: 'netsuiteId' })).toEqual([MULTIPLE]);
  });
});
