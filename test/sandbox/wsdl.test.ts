import { readFileSync } from 'node:fs';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { describe, expect, test } from 'vitest';
import { sendRaw } from '../support/client.ts';
import { attributes, email, foreign, startStillSandbox } from '../support/sandbox.ts';
import { testEvery } from '../support/exhaustive.ts';

const SCHEMA = readFileSync(new URL('../../assets/wsdl/mktows.xsd', import.meta.url), 'utf8');

async function wsdlOf(url: string, path = '/soap/mktows/2_9?WSDL'): Promise<string> {
  const response = await fetch(url + path);
  expect(response.headers.get('content-type')).toBe('text/xml; charset=utf-8');
  return response.text();
}

/** Throws what libxml2 finds wrong in the element inside the body, by the schema. */
function validateBody(answer: string): void {
  const [, inner = ''] = /<SOAP-ENV:Body>(.*)<\/SOAP-ENV:Body>/s.exec(answer) ?? [];
  const alone = inner.replace(
    /^<ns1:(\w+)/,
    '<ns1:$1 xmlns:ns1="http://www.marketo.com/mktows/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
  );
  const schema = XmlDocument.fromString(SCHEMA);
  const validator = XsdValidator.fromDoc(schema);
  const document = XmlDocument.fromString(alone);
  try {
    validator.validate(document);
  } finally {
    for (const used of [document, validator, schema]) used.dispose();
  }
}

describe('the WSDL', () => {
  testEvery(2, ['?WSDL', '?wsdl', '?Wsdl', '?singleWsdl', '?wsdl=1'])('is served for %s', async (query) => {
    const { url } = await startStillSandbox();
    expect(await wsdlOf(url, `/soap/mktows/2_9${query}`)).toContain('<wsdl:definitions');
  });

  test('holds the schema itself, and nothing is left to be fetched', async () => {
    const wsdl = await wsdlOf((await startStillSandbox()).url);
    expect(wsdl).toContain('<xs:complexType name="LeadRecord">');
    expect(wsdl).not.toMatch(/<xs:(?:include|import)|schemaLocation/);
    const document = XmlDocument.fromString(wsdl);
    document.dispose();
  });

  test('names service, port and port type as the vendor did', async () => {
    const wsdl = await wsdlOf((await startStillSandbox()).url);
    expect(wsdl).toContain('<wsdl:service name="MktMktowsApiService">');
    expect(wsdl).toContain('<wsdl:port name="MktowsApiSoapPort"');
    expect(wsdl).toContain('<wsdl:portType name="MktowsPort">');
    for (const operation of [
      'syncLead',
      'syncMultipleLeads',
      'getLead',
      'getMultipleLeads',
      'describeMObject',
    ]) {
      expect(wsdl).toContain(`soapAction="http://www.marketo.com/mktows/${operation}"`);
    }
  });

  test('binds the context header to syncLead only, after the authentication header', async () => {
    const wsdl = await wsdlOf((await startStillSandbox()).url);
    const headers = [...wsdl.matchAll(/<soap:header [^>]*part="(\w+)"/g)].map(([, part]) => part);
    expect(headers).toEqual([
      'AuthenticationHeader',
      'MktowsContextHeader',
      'AuthenticationHeader',
      'AuthenticationHeader',
      'AuthenticationHeader',
      'AuthenticationHeader',
    ]);
  });

  test.each([
    ['sandbox.internal:8081', 'http://sandbox.internal:8081/soap/mktows/2_9'],
    ['[::1]:9', 'http://[::1]:9/soap/mktows/2_9'],
  ])('has the address of the Host asked: %s', async (host, address) => {
    const { url } = await startStillSandbox();
    const answer = await sendRaw(
      url,
      `GET /soap/mktows/2_9?WSDL HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toContain(`<soap:address location="${address}"/>`);
  });

  test('has its own address for HTTP/1.0 without Host, and for a Host that is not valid', async () => {
    const { url, endpoint } = await startStillSandbox();
    const get = 'GET /soap/mktows/2_9?WSDL HTTP/';
    for (const request of [`${get}1.0\r\n\r\n`, `${get}1.1\r\nHost: "><x\r\nConnection: close\r\n\r\n`]) {
      expect(await sendRaw(url, request)).toContain(`<soap:address location="${endpoint}"/>`);
    }
  });

  test('keeps the version that was asked for', async () => {
    const { url } = await startStillSandbox();
    expect(await wsdlOf(url, '/soap/mktows/1_7?WSDL')).toContain(`location="${url}/soap/mktows/1_7"`);
  });

  test('a GET without ?WSDL says what is here', async () => {
    const { endpoint } = await startStillSandbox();
    const response = await fetch(endpoint);
    expect(await response.text()).toBe(
      `This is a SOAP endpoint: POST an envelope, or GET ${endpoint}?WSDL for the description.\n`,
    );
  });

  test('a HEAD has the length and no body', async () => {
    const { endpoint } = await startStillSandbox();
    const response = await fetch(`${endpoint}?WSDL`, { method: 'HEAD' });
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(5000);
    expect(await response.text()).toBe('');
  });
});

const list = (records: string) =>
  `<ns1:paramsSyncMultipleLeads><leadRecordList>${records}</leadRecordList></ns1:paramsSyncMultipleLeads>`;
const key = (type: string, value: string) =>
  `<ns1:paramsGetLead><leadKey><keyType>${type}</keyType><keyValue>${value}</keyValue></leadKey></ns1:paramsGetLead>`;

describe('every answer is valid by the schema', () => {
  test('results of all operations', async () => {
    const marketo = await startStillSandbox();
    const answers = [
      await marketo.sync(email('a@b.c') + attributes({ FirstName: 'a &lt; b' })),
      await marketo.sync(foreign('F1')),
      await marketo.sync(email('a@b.c'), { returnLead: 'false' }),
      await marketo.sync(email('a@b.c') + attributes({ LeadScore: 'x' })),
      await marketo.call(list(`<leadRecord>${email('b@b.c')}</leadRecord><leadRecord/>`)),
      await marketo.call(key('IDNUM', '1000001')),
      await marketo.call(key('EMAIL', 'a@b.c')),
      await marketo.call(
        '<ns1:paramsDescribeMObject><objectName>LeadRecord</objectName></ns1:paramsDescribeMObject>',
      ),
    ];
    for (const { text, fault } of answers) {
      expect(fault).toBeNull();
      expect(() => validateBody(text)).not.toThrow();
    }
  });

  test('the detail of a fault', async () => {
    const { text } = await (await startStillSandbox()).call('<ns1:paramsFly/>');
    const detail = /<detail>(.*)<\/detail>/.exec(text)?.[1] ?? '';
    expect(() => validateBody(`<SOAP-ENV:Body>${detail}</SOAP-ENV:Body>`)).not.toThrow();
  });

  test('and the validator would notice', () => {
    expect(() => validateBody('<SOAP-ENV:Body><ns1:successSyncLead/></SOAP-ENV:Body>')).toThrow('result');
  });
});
