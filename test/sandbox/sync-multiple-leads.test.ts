import { describe, expect, test } from 'vitest';
import {
  attributes,
  context,
  email,
  foreign,
  id,
  startStillSandbox,
  type SoapAnswer,
  type StillSandbox,
} from '../support/sandbox.ts';

function batch(
  marketo: StillSandbox,
  records: readonly string[],
  dedup = 'true',
  headers = '',
): Promise<SoapAnswer> {
  const list = records.map((record) => `<leadRecord>${record}</leadRecord>`).join('');
  const flag = dedup === '' ? '' : `<dedupEnabled>${dedup}</dedupEnabled>`;
  return marketo.call(
    `<ns1:paramsSyncMultipleLeads><leadRecordList>${list}</leadRecordList>${flag}</ns1:paramsSyncMultipleLeads>`,
    headers,
  );
}

function statuses({ text }: SoapAnswer): [number, string][] {
  return [...text.matchAll(/<leadId>(\d+)<\/leadId><status>(\w+)<\/status>/g)].map(([, leadId, status]) => [
    Number(leadId),
    status ?? '',
  ]);
}

function errors({ text }: SoapAnswer): string[] {
  return [...text.matchAll(/<error>([^<]*)<\/error>/g)].map(([, error]) => error ?? '');
}

describe('syncMultipleLeads', () => {
  test('the whole answer has the form of the vendor, with a status for each record', async () => {
    const answer = await batch(await startStillSandbox(), [
      email('a@b.c'),
      email('b@b.c') + attributes({ LeadScore: 'x' }),
    ]);
    expect(answer.httpStatus).toBe(200);
    expect(answer.text).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n' +
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"' +
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/">' +
        '<SOAP-ENV:Body><ns1:successSyncMultipleLeads><result><syncStatusList>' +
        '<syncStatus><leadId>1000001</leadId><status>CREATED</status><error xsi:nil="true"/></syncStatus>' +
        '<syncStatus><leadId>0</leadId><status>FAILED</status><error>The value of LeadScore is not of type score: a whole number such as 62 is expected</error></syncStatus>' +
        '</syncStatusList></result></ns1:successSyncMultipleLeads></SOAP-ENV:Body></SOAP-ENV:Envelope>\n',
    );
  });

  test('statuses come in the order of the request', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('one@b.c'));
    const two = await marketo.sync(foreign('F2'));
    const answer = await batch(marketo, [foreign('F2'), email('new@b.c'), email('one@b.c'), id(two.leadId)]);
    expect(statuses(answer)).toEqual([
      [two.leadId, 'UPDATED'],
      [1000003, 'CREATED'],
      [one.leadId, 'UPDATED'],
      [two.leadId, 'UPDATED'],
    ]);
  });

  test('300 records are taken, 301 are fault 20110', async () => {
    const marketo = await startStillSandbox({ limits: {} });
    const records = Array.from({ length: 301 }, (_, index) => email(`a${index}@b.c`));
    expect(statuses(await batch(marketo, records.slice(1)))).toHaveLength(300);
    expect((await batch(marketo, records)).fault).toBe(20110);
    expect((await marketo.control('GET', '/leads')).total).toBe(300);
  });

  test('dedupEnabled true finds leads by email', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('a@b.c'));
    expect(statuses(await batch(marketo, [email('A@b.c')], '1'))).toEqual([[one.leadId, 'UPDATED']]);
  });

  test('dedupEnabled false creates duplicates', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c'));
    expect(statuses(await batch(marketo, [email('a@b.c'), email('a@b.c')], 'false'))).toEqual([
      [1000002, 'CREATED'],
      [1000003, 'CREATED'],
    ]);
  });

  test('dedupEnabled false does not keep the stronger keys from being unique', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(foreign('F1'));
    expect(statuses(await batch(marketo, [foreign('F1')], '0'))).toEqual([[one.leadId, 'UPDATED']]);
  });

  test('dedupEnabled missing counts as true', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('a@b.c'));
    expect(statuses(await batch(marketo, [email('a@b.c')], ''))).toEqual([[one.leadId, 'UPDATED']]);
  });

  test('two records of one new key in a batch make one lead', async () => {
    const marketo = await startStillSandbox();
    const answer = await batch(marketo, [email('a@b.c'), email('A@b.c'), foreign('F'), foreign('F')]);
    expect(statuses(answer)).toEqual([
      [1000001, 'CREATED'],
      [1000001, 'UPDATED'],
      [1000002, 'CREATED'],
      [1000002, 'UPDATED'],
    ]);
  });

  test.each([
    ['an Id', (leadId: number) => id(leadId)],
    ['a foreign id', () => foreign('F1')],
  ])('beside %s, Email is not written unless it stands in the attribute list', async (_key, key) => {
    const marketo = await startStillSandbox();
    const { leadId } = await marketo.sync(foreign('F1') + email('old@b.c'));
    await batch(marketo, [key(leadId) + email('new@b.c')]);
    expect((await marketo.control('GET', `/leads/${leadId}`)).email).toBe('old@b.c');
    await batch(marketo, [key(leadId) + email('new@b.c') + attributes({ Email: 'new@b.c' })]);
    expect((await marketo.control('GET', `/leads/${leadId}`)).email).toBe('new@b.c');
  });

  test('beside a new foreign id, Email is not written either', async () => {
    const marketo = await startStillSandbox();
    await batch(marketo, [foreign('F1') + email('a@b.c')]);
    expect((await marketo.control('GET', '/leads/1000001')).email).toBeNull();
  });

  test('a cookie, returnLead and the workspace header have no meaning here', async () => {
    const marketo = await startStillSandbox();
    const answer = await marketo.call(
      `<ns1:paramsSyncMultipleLeads><leadRecordList><leadRecord>${email('a@b.c')}<marketoCookie>c</marketoCookie></leadRecord>` +
        '</leadRecordList><dedupEnabled>true</dedupEnabled><returnLead>true</returnLead><marketoCookie>c</marketoCookie></ns1:paramsSyncMultipleLeads>',
      context('Atlantis'),
    );
    expect(statuses(answer)).toEqual([[1000001, 'CREATED']]);
    expect(answer.text).not.toContain('leadRecord');
    expect(await marketo.control('GET', '/leads/1000001')).toMatchObject({
      partition: 'Default',
      cookies: [],
    });
  });

  test('new leads go to the partition an assignment rule names', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('PUT', '/assignment-rules', {
      rules: [{ attribute: 'Country', equals: 'Japan', partition: 'Asia' }],
    });
    await batch(marketo, [email('a@b.c') + attributes({ Country: 'Japan' }), email('b@b.c')]);
    const leads = await marketo.leads();
    expect(leads.map(({ partition }) => partition)).toEqual(['Asia', 'Default']);
  });

  test('a record that fails does not keep the others from being written', async () => {
    const marketo = await startStillSandbox();
    const records = [
      id(77),
      '<ForeignSysPersonId>F1</ForeignSysPersonId>',
      '',
      '<email>a@b.c</email>',
      email('a@b.c') + attributes({ LeadScore: 'x' }),
      email('b@b.c'),
    ];
    const answer = await batch(marketo, records);
    expect(statuses(answer)).toEqual([
      [0, 'FAILED'],
      [0, 'FAILED'],
      [0, 'FAILED'],
      [0, 'FAILED'],
      [0, 'FAILED'],
      [1000001, 'CREATED'],
    ]);
    expect(errors(answer)).toEqual([
      'No lead found with ID = 77 (20103)',
      'ForeignSysType is required with ForeignSysPersonId (20109)',
      'The lead record holds no key: Id, ForeignSysPersonId, marketoCookie or Email is expected (20101)',
      'The lead record holds no key: Id, ForeignSysPersonId, marketoCookie or Email is expected (20101)',
      'The value of LeadScore is not of type score: a whole number such as 62 is expected',
    ]);
  });

  test('an unknown field refuses the whole batch', async () => {
    const marketo = await startStillSandbox();
    const answer = await batch(marketo, [email('a@b.c'), email('b@b.c') + attributes({ pants: '1' })]);
    expect(answer.fault).toBe(20105);
    expect(answer.value('message')).toBe(
      'syncMultipleLeads operation failed: unknown fields for import: pants (20105)',
    );
    expect((await marketo.control('GET', '/leads')).total).toBe(0);
  });

  test('the call log counts the records and their statuses', async () => {
    const marketo = await startStillSandbox();
    await batch(marketo, [email('a@b.c'), email('a@b.c'), id(7)]);
    expect((await marketo.control('GET', '/calls')).calls).toMatchObject([
      {
        operation: 'syncMultipleLeads',
        records: 3,
        outcome: 'MIXED',
        statuses: { CREATED: 1, UPDATED: 1, FAILED: 1 },
      },
    ]);
  });
});
