import { describe, expect, test } from 'vitest';
import {
  attributes,
  email,
  foreign,
  startStillSandbox,
  type SoapAnswer,
  type StillSandbox,
} from '../support/sandbox.ts';

function getLead(marketo: StillSandbox, keyType: string, keyValue: string): Promise<SoapAnswer> {
  return marketo.call(
    `<ns1:paramsGetLead><leadKey><keyType>${keyType}</keyType><keyValue>${keyValue}</keyValue></leadKey></ns1:paramsGetLead>`,
  );
}

describe('getLead', () => {
  test('the whole answer has the form of the vendor', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c') + foreign('F1', 'CUSTOM') + attributes({ FirstName: 'Ann' }));
    const answer = await getLead(marketo, 'IDNUM', '1000001');
    expect(answer.text).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n' +
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"' +
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/">' +
        '<SOAP-ENV:Body><ns1:successGetLead><result><count>1</count><leadRecordList>' +
        '<leadRecord><Id>1000001</Id><Email>a@b.c</Email><ForeignSysPersonId>F1</ForeignSysPersonId>' +
        '<ForeignSysType>CUSTOM</ForeignSysType><leadAttributeList><attribute><attrName>FirstName</attrName>' +
        '<attrType>string</attrType><attrValue>Ann</attrValue></attribute></leadAttributeList></leadRecord>' +
        '</leadRecordList></result></ns1:successGetLead></SOAP-ENV:Body></SOAP-ENV:Envelope>\n',
    );
  });

  test('EMAIL finds every lead that has the address', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(foreign('F1') + email('a@b.c'));
    await marketo.sync(foreign('F2') + email('A@b.c'));
    expect((await getLead(marketo, 'EMAIL', 'a@B.c')).value('count')).toBe('2');
  });

  test('COOKIE finds the lead of a browser, anonymous or not', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/visits', { cookie: 'id:1&token:x' });
    const answer = await getLead(marketo, 'COOKIE', 'id:1&amp;token:x');
    expect(answer.text).toContain('<Id>1000001</Id><Email xsi:nil="true"/>');
  });

  test.each([
    ['IDNUM', '77'],
    ['IDNUM', 'one'],
    ['EMAIL', 'x@y.z'],
    ['COOKIE', 'c'],
  ])('unknown %s %s is fault 20103', async (keyType, keyValue) => {
    const answer = await getLead(await startStillSandbox(), keyType, keyValue);
    expect(answer.fault).toBe(20103);
    expect(answer.value('message')).toBe(`No lead found with ${keyType} = ${keyValue} (20103)`);
  });

  test('Salesforce ids find the leads that have them', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(foreign('00Q1', 'SFDC'));
    await marketo.sync(foreign('0031', 'SFDC'));
    expect((await getLead(marketo, 'SFDCLEADID', '00Q1')).text).toContain('<Id>1000001</Id>');
    expect((await getLead(marketo, 'SFDCCONTACTID', '0031')).text).toContain('<Id>1000002</Id>');
    for (const [type, id] of [
      ['SFDCLEADID', '0031'],
      ['SFDCCONTACTID', '00Q1'],
      ['SFDCACCOUNTID', '001'],
      ['SFDCLEADOWNERID', '005'],
      ['SFDCOPPTYID', '006'],
    ] as const)
      expect((await getLead(marketo, type, id)).fault).toBe(20103);
  });

  test.each(['LEADOWNEREMAIL', 'idnum', 'SHOESIZE'])('%s is fault 20102', async (keyType) => {
    expect((await getLead(await startStillSandbox(), keyType, '1')).fault).toBe(20102);
  });
});
