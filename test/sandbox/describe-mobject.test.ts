import { describe, expect, test } from 'vitest';
import { startStillSandbox, type SoapAnswer, type StillSandbox } from '../support/sandbox.ts';

function describeObject(marketo: StillSandbox, content: string): Promise<SoapAnswer> {
  return marketo.call(`<ns1:paramsDescribeMObject>${content}</ns1:paramsDescribeMObject>`);
}

/** The elements of a field, in their order. */
function fieldOf(text: string, name: string): string | undefined {
  return [...text.matchAll(/<field>(.*?)<\/field>/g)]
    .map(([, content]) => content)
    .find((content) => content?.startsWith(`<name>${name}</name>`));
}

const LEAD = '<objectName>LeadRecord</objectName>';

describe('describeMObject', () => {
  test('tells of an object and each of its fields what the vendor tells, in the same order', async () => {
    const marketo = await startStillSandbox();
    const { text, httpStatus } = await describeObject(marketo, LEAD);
    expect(httpStatus).toBe(200);
    expect(text).toContain(
      '<ns1:successDescribeMObject><result><metadata><name>LeadRecord</name><description xsi:nil="true"/>' +
        '<isCustom>false</isCustom><isVirtual>false</isVirtual><fieldList><field>',
    );
    expect(fieldOf(text, 'BillingStreet')).toBe(
      '<name>BillingStreet</name><description xsi:nil="true"/><displayName>Billing Street</displayName>' +
        '<sourceObject>Company</sourceObject><dataType>text</dataType><size>2000</size><isReadonly>false</isReadonly>' +
        '<isUpdateBlocked>false</isUpdateBlocked><isName>false</isName><isPrimaryKey>false</isPrimaryKey>' +
        '<isCustom>false</isCustom><isDynamic>false</isDynamic><dynamicFieldRef xsi:nil="true"/>' +
        '<updatedAt xsi:nil="true"/>',
    );
    expect(fieldOf(text, 'AcquisitionDate')).toContain('<dataType>dateTime</dataType><size xsi:nil="true"/>');
    expect(fieldOf(text, 'Id')).toContain('<isReadonly>true</isReadonly>');
    expect(await marketo.calls()).toMatchObject([{ operation: 'describeMObject', outcome: 'FOUND' }]);
  });

  test('has custom fields, with their names as they are', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('PUT', '/fields', { fields: [{ name: 'A & B', type: 'integer' }] });
    const { text } = await describeObject(marketo, LEAD);
    expect(fieldOf(text, 'A &amp; B')).toContain('<isCustom>true</isCustom>');
    expect(fieldOf(text, 'FirstName')).toBeUndefined();
  });

  test.each([
    ['<objectName>ActivityRecord</objectName>', 20110],
    ['<objectName>leadrecord</objectName>', 20110],
    ['<objectName/>', 20109],
    ['', 20017],
  ])('%s is refused', async (content, code) => {
    expect((await describeObject(await startStillSandbox(), content)).fault).toBe(code);
  });
});
