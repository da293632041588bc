import { expect, test } from 'vitest';
import { restClient } from '../../support/rest.ts';
import { attributes, email, foreign, id, startStillSandbox } from '../../support/sandbox.ts';

test('a lead written by REST is seen by SOAP', async () => {
  const sandbox = await startStillSandbox();
  const [result] = await restClient(sandbox).results([
    { email: 'jane@example.com', firstName: 'Jane', leadScore: 62, unsubscribed: true, crmPersonId: 'C1' },
  ]);
  expect(result).toEqual({ id: 1000001, status: 'created' });
  const { text } = await sandbox.sync(id(1000001));
  expect(text).toContain('<Email>jane@example.com</Email>');
  expect(text).toContain(
    '<ForeignSysPersonId>C1</ForeignSysPersonId><ForeignSysType>CUSTOM</ForeignSysType>',
  );
  expect(text).toContain('<attrName>LeadScore</attrName><attrType>score</attrType><attrValue>62</attrValue>');
  expect(text).toContain('<attrName>Unsubscribed</attrName><attrType>boolean</attrType><attrValue>1<');
});

test('a lead written by SOAP is seen and updated by REST', async () => {
  const sandbox = await startStillSandbox();
  await sandbox.sync(email('Jane@Example.com') + foreign('00Q1') + attributes({ DateofBirth: '1980-02-29' }));
  const rest = restClient(sandbox);
  expect(await rest.find('email', 'jane@example.com', 'email,dateOfBirth,sfdcLeadId,sfdcContactId')).toEqual([
    {
      id: 1000001,
      email: 'Jane@Example.com',
      dateOfBirth: '1980-02-29',
      sfdcLeadId: '00Q1',
      sfdcContactId: null,
    },
  ]);
  expect(await rest.results([{ email: 'jane@example.com', firstName: 'Jane' }])).toEqual([
    { id: 1000001, status: 'updated' },
  ]);
  expect((await sandbox.leads()).map((lead) => lead.attributes)).toEqual([
    { DateofBirth: '1980-02-29', FirstName: 'Jane' },
  ]);
});
