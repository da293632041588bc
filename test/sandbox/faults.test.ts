import { describe, expect, test } from 'vitest';
import { authentication, email, envelopeOf, foreign, startStillSandbox, START } from '../support/sandbox.ts';
import { testEvery } from '../support/exhaustive.ts';

const RETURN = '<returnLead>false</returnLead>';
const LEAD = `<leadRecord>${email('a@b.c')}</leadRecord>`;

test('a fault has the form of the vendor', async () => {
  const answer = await (await startStillSandbox()).call('<ns1:paramsListOperation/>');
  expect(answer.httpStatus).toBe(500);
  expect(answer.headers.get('content-type')).toBe('text/xml; charset=utf-8');
  expect(answer.text).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"' +
      ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/">' +
      '<SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode>' +
      '<faultstring>20019 - Unsupported operation</faultstring><detail><ns1:serviceException>' +
      '<name>mktServiceException</name><message>Unsupported operation (20019)</message><code>20019</code>' +
      '</ns1:serviceException></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>\n',
  );
});

describe('the table of what is missing or bad', () => {
  testEvery(3, [
    ['empty parameters', '<ns1:paramsSyncLead/>', 20017],
    ['nil parameters', `<ns1:paramsSyncLead xsi:nil="true">${LEAD}${RETURN}</ns1:paramsSyncLead>`, 20017],
    ['no leadRecord', `<ns1:paramsSyncLead>${RETURN}</ns1:paramsSyncLead>`, 20104],
    [
      'a nil leadRecord',
      `<ns1:paramsSyncLead><leadRecord xsi:nil="1"/>${RETURN}</ns1:paramsSyncLead>`,
      20104,
    ],
    ['a leadRecord without a key', `<ns1:paramsSyncLead><leadRecord/>${RETURN}</ns1:paramsSyncLead>`, 20101],
    ['no returnLead', `<ns1:paramsSyncLead>${LEAD}</ns1:paramsSyncLead>`, 20109],
    [
      'a nil returnLead',
      `<ns1:paramsSyncLead>${LEAD}<returnLead xsi:nil="true"/></ns1:paramsSyncLead>`,
      20109,
    ],
    [
      'returnLead maybe',
      `<ns1:paramsSyncLead>${LEAD}<returnLead>maybe</returnLead></ns1:paramsSyncLead>`,
      20110,
    ],
    [
      'a foreign id without its type',
      `<ns1:paramsSyncLead><leadRecord><ForeignSysPersonId>F1</ForeignSysPersonId>${email('a@b.c')}</leadRecord>${RETURN}</ns1:paramsSyncLead>`,
      20109,
    ],
    [
      'a type not in the list',
      `<ns1:paramsSyncLead><leadRecord>${foreign('F1', 'sfdc')}</leadRecord>${RETURN}</ns1:paramsSyncLead>`,
      20110,
    ],
    [
      'an Id that is a word',
      `<ns1:paramsSyncLead><leadRecord><Id>one</Id></leadRecord>${RETURN}</ns1:paramsSyncLead>`,
      20110,
    ],
    [
      'an Id over 32 bits',
      `<ns1:paramsSyncLead><leadRecord><Id>2147483648</Id></leadRecord>${RETURN}</ns1:paramsSyncLead>`,
      20110,
    ],
    [
      'an attribute without a name',
      `<ns1:paramsSyncLead><leadRecord>${email('a@b.c')}<leadAttributeList><attribute><attrValue>x</attrValue></attribute></leadAttributeList></leadRecord>${RETURN}</ns1:paramsSyncLead>`,
      20109,
    ],
    [
      'elements where a text belongs',
      `<ns1:paramsSyncLead><leadRecord><Email><b>a@b.c</b></Email></leadRecord>${RETURN}</ns1:paramsSyncLead>`,
      20012,
    ],
    [
      'no leadRecordList',
      '<ns1:paramsSyncMultipleLeads><dedupEnabled>1</dedupEnabled></ns1:paramsSyncMultipleLeads>',
      20104,
    ],
    [
      'an empty leadRecordList',
      '<ns1:paramsSyncMultipleLeads><leadRecordList/></ns1:paramsSyncMultipleLeads>',
      20104,
    ],
    ['no leadKey', '<ns1:paramsGetLead><x/></ns1:paramsGetLead>', 20101],
    [
      'a leadKey without a type',
      '<ns1:paramsGetLead><leadKey><keyValue>1</keyValue></leadKey></ns1:paramsGetLead>',
      20109,
    ],
    [
      'a leadKey without a value',
      '<ns1:paramsGetLead><leadKey><keyType>IDNUM</keyType></leadKey></ns1:paramsGetLead>',
      20109,
    ],
    [
      'a key type not served',
      '<ns1:paramsGetLead><leadKey><keyType>LEADOWNEREMAIL</keyType><keyValue>a@b.c</keyValue></leadKey></ns1:paramsGetLead>',
      20102,
    ],
    [
      'an operation of the vendor that is not served',
      '<ns1:paramsGetLeadActivity><x/></ns1:paramsGetLeadActivity>',
      20019,
    ],
    ['an unknown operation', '<ns1:paramsFly/>', 20019],
    ['an element that is not an operation', '<ns1:syncLead/>', 20019],
    ['parameters in no namespace', `<paramsSyncLead>${LEAD}${RETURN}</paramsSyncLead>`, 20019],
  ])('%s', async (_what, body, fault) => {
    const marketo = await startStillSandbox();
    const answer = await marketo.call(body);
    expect([answer.fault, answer.httpStatus]).toEqual([fault, 500]);
    expect((await marketo.control('GET', '/leads')).total).toBe(0);
  });
});

describe('messages that are not an envelope are fault 20012', () => {
  const good = envelopeOf(`<ns1:paramsSyncLead>${LEAD}${RETURN}</ns1:paramsSyncLead>`, authentication(START));
  testEvery(3, [
    ['an empty body', ''],
    ['a word', 'hello'],
    ['JSON', '{"email":"a@b.c"}'],
    ['an HTML page', '<html><body>Hello</body></html>'],
    ['an envelope in no namespace', '<Envelope/>'],
    ['truncated XML', good.slice(0, -20)],
    ['two root elements', `${good}<x/>`],
    ['a document type', good.replace('?>', '?><!DOCTYPE x [<!ENTITY a "b">]>')],
    ['an unknown entity', good.replace('a@b.c', '&nbsp;')],
    ['a bare ampersand', good.replace('a@b.c', 'a&b')],
    ['an emoji as two surrogate references, as Axis writes it', good.replace('a@b.c', '&#55357;&#56832;')],
    ['a reference to a control character', good.replace('a@b.c', '&#1;')],
    ['a control character', good.replace('a@b.c', '\u0001')],
    ['a missing end tag', good.replace('</leadRecord>', '')],
    ['an undeclared prefix', good.replaceAll('ns1:paramsSyncLead', 'ns7:paramsSyncLead')],
    [
      '10,000 elements inside each other',
      good.replace('a@b.c', '<a>'.repeat(10_000) + '</a>'.repeat(10_000)),
    ],
    ['no body', good.replace(/<SOAP-ENV:Body>.*<\/SOAP-ENV:Body>/, '')],
    ['an empty Body', good.replace(/<SOAP-ENV:Body>.*<\/SOAP-ENV:Body>/, '<SOAP-ENV:Body/>')],
    ['bytes that are not UTF-8', Buffer.from(good.replace('a@b.c', 'ÿ'), 'latin1')],
  ])('%s', async (what, message) => {
    const marketo = await startStillSandbox();
    const answer = await marketo.post(message);
    const expected = what === 'an envelope in no namespace' ? null : 20012;
    expect(answer.httpStatus).toBe(500);
    expect(answer.fault).toBe(expected);
    expect(answer.value('faultcode')).toBe(expected ? 'SOAP-ENV:Client' : 'SOAP-ENV:VersionMismatch');
    expect((await marketo.control('GET', '/leads')).total).toBe(0);
  });

  test('a SOAP 1.2 envelope is a version mismatch', async () => {
    const answer = await (
      await startStillSandbox()
    ).post(
      good.replace('http://schemas.xmlsoap.org/soap/envelope/', 'http://www.w3.org/2003/05/soap-envelope'),
    );
    expect(answer.value('faultcode')).toBe('SOAP-ENV:VersionMismatch');
    expect(answer.text).not.toContain('<detail>');
  });

  test('the sandbox goes on after the worst of them', async () => {
    const marketo = await startStillSandbox();
    await marketo.post('<a>'.repeat(100_000));
    expect((await marketo.sync(email('a@b.c'))).status).toBe('CREATED');
  });
});
