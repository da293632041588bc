import { describe, expect, test } from 'vitest';
import { attributes, email, startStillSandbox } from '../support/sandbox.ts';
import { testEvery } from '../support/exhaustive.ts';

describe('fields and their types', () => {
  test('an unknown field is fault 20105 with the observed message, and nothing is written', async () => {
    const marketo = await startStillSandbox();
    const answer = await marketo.sync(email('a@b.c') + attributes({ pants: '32', FirstName: 'Ann' }));
    expect(answer.httpStatus).toBe(500);
    expect(answer.fault).toBe(20105);
    expect(answer.value('faultstring')).toBe('20105 - Unknown lead field');
    expect(answer.value('message')).toBe(
      'syncLead operation failed: unknown fields for import: pants (20105)',
    );
    expect((await marketo.control('GET', '/leads')).total).toBe(0);
  });

  test('several unknown fields are named once each, in order', async () => {
    const answer = await (
      await startStillSandbox()
    ).sync(
      `${email('a@b.c')}<leadAttributeList>${['socks', 'pants', 'socks']
        .map((name) => `<attribute><attrName>${name}</attrName><attrValue>1</attrValue></attribute>`)
        .join('')}</leadAttributeList>`,
    );
    expect(answer.value('message')).toContain('unknown fields for import: socks, pants (20105)');
  });

  testEvery(2, ['firstname', 'FIRSTNAME', ' FirstName', 'Id', 'ForeignSysPersonId'])(
    'field names have case and no blanks: "%s" is unknown',
    async (name) => {
      expect(
        (await (await startStillSandbox()).sync(email('a@b.c') + attributes({ [name]: '1' }))).fault,
      ).toBe(20105);
    },
  );

  testEvery(3, [
    ['LeadScore', '62', 'score', '62'],
    ['LeadScore', '-5', 'score', '-5'],
    ['NumberOfEmployees', ' 007 ', 'integer', '7'],
    ['NumberOfEmployees', '-0', 'integer', '0'],
    ['AnnualRevenue', '1234.50', 'currency', '1234.50'],
    ['Urgency', '1e3', 'float', '1e3'],
    ['Unsubscribed', 'true', 'boolean', '1'],
    ['Unsubscribed', '1', 'boolean', '1'],
    ['Unsubscribed', 'False', 'boolean', '0'],
    ['DateofBirth', '1980-02-29', 'date', '1980-02-29'],
    ['AcquisitionDate', '2026-03-02T12:00:00-06:00', 'datetime', '2026-03-02T12:00:00-06:00'],
    ['AcquisitionDate', '2026-03-02', 'datetime', '2026-03-02'],
    ['PostalCode', '02134', 'string', '02134'],
    ['Phone', '+15551234567', 'phone', '+15551234567'],
    ['Website', 'https://b.c/?x=1&amp;y=2', 'url', 'https://b.c/?x=1&amp;y=2'],
    ['Address', '  1 Main St\nBoston\t', 'text', '  1 Main St\nBoston\t'],
    ['Address', 'one&#13;&#10;two', 'text', 'one&#13;\ntwo'],
    ['FirstName', '&lt;b&gt; &quot;&apos; ]]&gt; &#x1F600;', 'string', '&lt;b&gt; "\' ]]&gt; 😀'],
  ])('%s given %j is a %s and comes back as %j', async (name, given, type, returned) => {
    const answer = await (await startStillSandbox()).sync(email('a@b.c') + attributes({ [name]: given }));
    expect(answer.text).toContain(
      `<attribute><attrName>${name}</attrName><attrType>${type}</attrType><attrValue>${returned}</attrValue></attribute>`,
    );
  });

  testEvery(3, [
    ['LeadScore', 'abc', 'score: a whole number such as 62'],
    ['LeadScore', '1.5', 'score: a whole number such as 62'],
    ['NumberOfEmployees', '2147483648', 'integer: a whole number such as 62'],
    ['AnnualRevenue', '$5', 'currency: a number such as 12.5'],
    ['Unsubscribed', 'yes', 'boolean: 1, 0, true or false'],
    ['DateofBirth', '1981-02-29', 'date: a date such as 1999-12-31'],
    ['DateofBirth', '02/28/1981', 'date: a date such as 1999-12-31'],
    ['AcquisitionDate', '2026-03-02T25:00:00Z', 'datetime: a time such as 1999-12-31T23:59:59Z'],
  ])('%s given %j is a record-level failure, no fault, and tells the form', async (name, value, form) => {
    const marketo = await startStillSandbox();
    const answer = await marketo.sync(email('a@b.c') + attributes({ [name]: value }));
    expect(answer.httpStatus).toBe(200);
    expect(answer.text).toContain(
      '<result><leadId>0</leadId><syncStatus><leadId>0</leadId><status>FAILED</status>' +
        `<error>The value of ${name} is not of type ${form} is expected</error></syncStatus><leadRecord xsi:nil="true"/></result>`,
    );
    expect((await marketo.control('GET', '/leads')).total).toBe(0);
  });

  test('a failure names the lead that was found, and leaves it as it was', async () => {
    const marketo = await startStillSandbox();
    const { leadId } = await marketo.sync(email('a@b.c'));
    const answer = await marketo.sync(email('a@b.c') + attributes({ FirstName: 'Ann', LeadScore: 'abc' }));
    expect([answer.status, answer.leadId]).toEqual(['FAILED', leadId]);
    expect((await marketo.control('GET', `/leads/${leadId}`)).attributes).toEqual({});
  });

  test.each([
    ['an empty element', '<attrValue></attrValue>'],
    ['a nil element', '<attrValue xsi:nil="true"/>'],
    ['no element', ''],
  ])('%s as the value clears the field, and empty values are not returned', async (_form, value) => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c') + attributes({ FirstName: 'Ann', LeadScore: '5' }));
    const answer = await marketo.sync(
      `${email('a@b.c')}<leadAttributeList><attribute><attrName>FirstName</attrName>${value}</attribute>` +
        `<attribute><attrName>LeadScore</attrName>${value}</attribute></leadAttributeList>`,
    );
    expect(answer.text).toContain('<leadAttributeList></leadAttributeList>');
  });

  test('Email as an attribute writes the address, which is returned in leadRecord/Email only', async () => {
    const marketo = await startStillSandbox();
    const { leadId } = await marketo.sync(email('a@b.c'));
    const answer = await marketo.sync(`<Id>${leadId}</Id>${attributes({ Email: 'new@b.c' })}`);
    expect(answer.value('Email')).toBe('new@b.c');
    expect(answer.text).not.toContain('<attrName>Email</attrName>');
  });

  test('Email as an attribute is not a key', async () => {
    expect((await (await startStillSandbox()).sync(attributes({ Email: 'a@b.c' }))).fault).toBe(20101);
  });

  test('attrType in a request is ignored', async () => {
    const answer = await (
      await startStillSandbox()
    ).sync(
      `${email('a@b.c')}<leadAttributeList><attribute><attrValue>02134</attrValue><attrType>integer</attrType>` +
        '<attrName>PostalCode</attrName></attribute></leadAttributeList>',
    );
    expect(answer.text).toContain('<attrType>string</attrType><attrValue>02134</attrValue>');
  });

  test('a thousand attributes are read and returned', async () => {
    const marketo = await startStillSandbox();
    const fields = Array.from({ length: 1000 }, (_, index) => ({ name: `Field ${index}`, type: 'text' }));
    await marketo.control('PUT', '/fields', { fields });
    const answer = await marketo.sync(
      email('a@b.c') + attributes(Object.fromEntries(fields.map(({ name }) => [name, `value of ${name}`]))),
    );
    expect(answer.text.split('<attribute>')).toHaveLength(1001);
    expect(answer.text).toContain('<attrValue>value of Field 999</attrValue>');
  });
});
