import { describe, expect, test } from 'vitest';
import {
  authentication,
  credentials,
  email,
  envelopeOf,
  startStillSandbox,
  START,
} from '../support/sandbox.ts';
import { testEvery } from '../support/exhaustive.ts';

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
const MKT = 'http://www.marketo.com/mktows/';
const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
const { user, sign, timestamp } = credentials(START);

const AUTH_PARTS = `<mktowsUserId>${user}</mktowsUserId><requestSignature>${sign}</requestSignature><requestTimestamp>${timestamp}</requestTimestamp>`;
const PARAMS =
  '<leadRecord><Email>t@t.com</Email><leadAttributeList><attribute><attrName>FirstName</attrName>' +
  '<attrValue>George</attrValue></attribute></leadAttributeList></leadRecord><returnLead>true</returnLead>';

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const mark = (...bytes: number[]) => Buffer.from(bytes);

/** What real clients send, each a whole message; all of them mean the same lead. */
const MESSAGES: Record<string, string> = {
  'JAX-WS: prefixes S and ns2, and several for one namespace': `<?xml version='1.0' encoding='UTF-8'?><S:Envelope xmlns:S="${SOAP}" xmlns:SOAP-ENV="${SOAP}"><SOAP-ENV:Header xmlns:ns3="${MKT}"><ns3:AuthenticationHeader>${AUTH_PARTS}</ns3:AuthenticationHeader><ns3:MktowsContextHeader xmlns:xsi="${XSI}" xsi:nil="true"/></SOAP-ENV:Header><S:Body><ns2:paramsSyncLead xmlns:ns2="${MKT}">${PARAMS}</ns2:paramsSyncLead></S:Body></S:Envelope>`,

  'default namespaces, undone for the children with xmlns=""': `<Envelope xmlns="${SOAP}"><Header><AuthenticationHeader xmlns="${MKT}">${AUTH_PARTS.replaceAll(/<(\w+)>/g, '<$1 xmlns="">')}</AuthenticationHeader></Header><Body><paramsSyncLead xmlns="${MKT}"><leadRecord xmlns=""><Email>t@t.com</Email><leadAttributeList><attribute><attrName>FirstName</attrName><attrValue>George</attrValue></attribute></leadAttributeList></leadRecord><returnLead xmlns="">true</returnLead></paramsSyncLead></Body></Envelope>`,

  'default namespace left on for the children': `<Envelope xmlns="${SOAP}"><Header><AuthenticationHeader xmlns="${MKT}">${AUTH_PARTS}</AuthenticationHeader></Header><Body><paramsSyncLead xmlns="${MKT}">${PARAMS}</paramsSyncLead></Body></Envelope>`,

  "qualified children, as the vendor's Java sample sends them": `<soapenv:Envelope xmlns:soapenv="${SOAP}" xmlns:ns2="${MKT}"><soapenv:Header><ns2:AuthenticationHeader>${AUTH_PARTS.replaceAll(/<(\/?)/g, '<$1ns2:')}</ns2:AuthenticationHeader></soapenv:Header><soapenv:Body><ns2:paramsSyncLead>${PARAMS.replaceAll(/<(\/?)/g, '<$1ns2:')}</ns2:paramsSyncLead></soapenv:Body></soapenv:Envelope>`,

  'any order, and unknown elements': `<e:Envelope xmlns:e="${SOAP}" xmlns:m="${MKT}"><e:Header><m:AuthenticationHeader><audit/><requestTimestamp>${timestamp}</requestTimestamp><mode>1</mode><requestSignature>${sign}</requestSignature><x>1</x><mktowsUserId>${user}</mktowsUserId></m:AuthenticationHeader></e:Header><e:Body><m:paramsSyncLead><new>1</new><returnLead>1</returnLead><leadRecord><leadAttributeList><y/><attribute><attrValue>George</attrValue><attrName>FirstName</attrName><z>2</z></attribute></leadAttributeList><email>x@y.z</email><Email>t@t.com</Email></leadRecord></m:paramsSyncLead></e:Body></e:Envelope>`,

  'xsi:type everywhere and an encodingStyle': `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}" xmlns:ns1="${MKT}" xmlns:xsi="${XSI}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><SOAP-ENV:Header><ns1:AuthenticationHeader xsi:type="ns1:AuthenticationHeader">${AUTH_PARTS}</ns1:AuthenticationHeader></SOAP-ENV:Header><SOAP-ENV:Body><ns1:paramsSyncLead xsi:type="ns1:ParamsSyncLead"><leadRecord xsi:type="ns1:LeadRecord"><Id xsi:nil="true" xsi:type="xsd:int"/><Email xsi:type="xsd:string">t@t.com</Email><leadAttributeList xsi:type="undeclared:Type"><attribute><attrName xsi:type="xsd:string">FirstName</attrName><attrType xsi:nil="true"/><attrValue xsi:type="xsd:int">George</attrValue></attribute></leadAttributeList></leadRecord><returnLead xsi:type="xsd:boolean">true</returnLead><marketoCookie xsi:nil="true"/></ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>`,

  'single quotes, odd blanks in tags, indentation': `<?xml version='1.0'?>\n<a:Envelope\n  xmlns:a = '${SOAP}' >\r\n <a:Header >\n  <b:AuthenticationHeader xmlns:b\t=\n'${MKT}'>\n   <mktowsUserId>${user}</mktowsUserId >\n   <requestSignature\n>${sign}</requestSignature>\n   <requestTimestamp>${timestamp}</requestTimestamp>\n  </b:AuthenticationHeader>\n </a:Header>\n <a:Body>\n  <b:paramsSyncLead xmlns:b='${MKT}'>\n   <leadRecord>\n    <Id xmlns:i="${XSI}" i:nil=' 1 ' />\n    <Email>t@t.com</Email>\n    <leadAttributeList>\n     <attribute>\n      <attrName>FirstName</attrName>\n      <attrValue>George</attrValue>\n     </attribute>\n    </leadAttributeList>\n   </leadRecord>\n   <returnLead> true </returnLead>\n  </b:paramsSyncLead>\n </a:Body>\n</a:Envelope>\n\n`,

  'CDATA, comments and processing instructions inside texts': `<!-- a --><?b c?><SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}" xmlns:ns1="${MKT}"><!-- d --><SOAP-ENV:Header><?e?><ns1:AuthenticationHeader><mktowsUserId><![CDATA[sand]]>box</mktowsUserId><requestSignature>${sign.slice(0, 7)}<!-- f -->${sign.slice(7)}</requestSignature><requestTimestamp><![CDATA[${timestamp}]]></requestTimestamp></ns1:AuthenticationHeader></SOAP-ENV:Header><SOAP-ENV:Body><!-- g --><ns1:paramsSyncLead><!-- h --><leadRecord><Email>t<?i j?>@t<![CDATA[.]]>c&#111;m</Email><leadAttributeList><attribute><attrName>FirstName</attrName><attrValue>Geo<!-- k --><![CDATA[rge]]></attrValue></attribute></leadAttributeList></leadRecord><returnLead>true</returnLead></ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope><!-- l -->`,

  'mustUnderstand and an actor on the headers it knows': `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}" xmlns:ns1="${MKT}"><SOAP-ENV:Header><ns1:AuthenticationHeader SOAP-ENV:mustUnderstand="1" SOAP-ENV:actor="">${AUTH_PARTS}</ns1:AuthenticationHeader><ns1:MktowsContextHeader SOAP-ENV:mustUnderstand="0" SOAP-ENV:actor="http://schemas.xmlsoap.org/soap/actor/next"><targetWorkspace>default</targetWorkspace></ns1:MktowsContextHeader></SOAP-ENV:Header><SOAP-ENV:Body><ns1:paramsSyncLead>${PARAMS}</ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>`,

  'unknown headers that need not be understood, or are for another actor': `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}" xmlns:ns1="${MKT}" xmlns:w="http://www.w3.org/2005/08/addressing"><SOAP-ENV:Header><w:Action>${MKT}syncLead</w:Action><w:To SOAP-ENV:mustUnderstand="1" SOAP-ENV:actor="http://elsewhere/">x</w:To><ns1:Other SOAP-ENV:mustUnderstand="0"/><ns1:AuthenticationHeader>${AUTH_PARTS}</ns1:AuthenticationHeader></SOAP-ENV:Header><SOAP-ENV:Body><ns1:paramsSyncLead>${PARAMS}</ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>`,

  'ids and attributes of WS-Security on the body, as proxies add': `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}" xmlns:ns1="${MKT}" xmlns:wsu="urn:wsu"><SOAP-ENV:Header><ns1:AuthenticationHeader wsu:Id="a" xml:lang="en">${AUTH_PARTS}</ns1:AuthenticationHeader></SOAP-ENV:Header><SOAP-ENV:Body wsu:Id="b"><ns1:paramsSyncLead a="&lt;1&gt; &quot;">${PARAMS}</ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
};

describe('messages of real clients', () => {
  testEvery(3, Object.entries(MESSAGES))('%s', async (_name, message) => {
    const marketo = await startStillSandbox();
    const answer = await marketo.post(message);
    expect(answer.text).toContain('<status>CREATED</status>');
    expect(answer.value('Email')).toBe('t@t.com');
    expect(answer.text).toContain(
      '<attrName>FirstName</attrName><attrType>string</attrType><attrValue>George<',
    );
  });

  test.each([
    ['mustUnderstand 1', 'SOAP-ENV:mustUnderstand="1"'],
    [
      'mustUnderstand 1, for the next actor',
      'SOAP-ENV:mustUnderstand="1" SOAP-ENV:actor="http://schemas.xmlsoap.org/soap/actor/next"',
    ],
  ])('an unknown header with %s is refused as SOAP says', async (_what, attribute) => {
    const marketo = await startStillSandbox();
    const header = `${authentication(START)}<w:Security xmlns:w="urn:w" ${attribute}/>`;
    const answer = await marketo.post(
      envelopeOf(`<ns1:paramsSyncLead>${PARAMS}</ns1:paramsSyncLead>`, header),
    );
    expect(answer.httpStatus).toBe(500);
    expect(answer.value('faultcode')).toBe('SOAP-ENV:MustUnderstand');
    expect((await marketo.control('GET', '/leads')).total).toBe(0);
  });

  test('xsi:nil counts by its namespace, not by its prefix', async () => {
    const marketo = await startStillSandbox();
    const record = `<Email xmlns:xsi="urn:other" xsi:nil="true">t@t.com</Email>`;
    expect((await marketo.sync(record)).status).toBe('CREATED');
  });

  test('blanks around CDATA belong to the value', async () => {
    const answer = await (
      await startStillSandbox()
    ).sync(
      `${email('a@b.c')}<leadAttributeList><attribute><attrName>FirstName</attrName>` +
        '<attrValue> a <![CDATA[ <b> &amp; ]]> c </attrValue></attribute></leadAttributeList>',
    );
    expect(answer.text).toContain('<attrValue> a  &lt;b&gt; &amp;amp;  c </attrValue>');
  });

  test('a raw line end becomes a line feed, a reference to a carriage return stays', async () => {
    const answer = await (
      await startStillSandbox()
    ).sync(
      `${email('a@b.c')}<leadAttributeList><attribute><attrName>Address</attrName>` +
        '<attrValue>one\r\ntwo\rthree&#xD;four</attrValue></attribute></leadAttributeList>',
    );
    expect(answer.text).toContain('<attrValue>one\ntwo\nthree&#13;four</attrValue>');
  });
});

describe('encodings', () => {
  const message = envelopeOf(
    `<ns1:paramsSyncLead>${PARAMS.replace('George', 'Zoë')}</ns1:paramsSyncLead>`,
    authentication(START),
  );
  const declaring = (name: string) => message.replace('encoding="UTF-8"', `encoding="${name}"`);
  const undeclared = message.replace(/^<\?xml[^>]*>\n/, '');

  testEvery<[string, Uint8Array, string]>(3, [
    ['UTF-8', Buffer.from(message), 'text/xml; charset=utf-8'],
    [
      'UTF-8 with a byte order mark',
      Buffer.concat([mark(0xef, 0xbb, 0xbf), Buffer.from(message)]),
      'text/xml',
    ],
    ['UTF-8 without a declaration', Buffer.from(undeclared), 'text/xml'],
    ['UTF-8, the charset spelled otherwise', Buffer.from(undeclared), 'text/xml;charset="UTF-8"'],
    [
      'UTF-8 that says it is something else in the header',
      Buffer.from(message),
      'text/xml; charset=ISO-8859-1',
    ],
    ['UTF-8 that declares UTF-16, as .NET strings do', Buffer.from(declaring('utf-16')), 'text/xml'],
    [
      'UTF-16 little-endian with a mark',
      Buffer.concat([mark(0xff, 0xfe), Buffer.from(declaring('UTF-16'), 'utf16le')]),
      'text/xml',
    ],
    [
      'UTF-16 big-endian with a mark',
      Buffer.concat([mark(0xfe, 0xff), utf16be(declaring('UTF-16'))]),
      'text/xml; charset=utf-16',
    ],
    ['UTF-16 little-endian without a mark', Buffer.from(declaring('UTF-16LE'), 'utf16le'), 'text/xml'],
    ['UTF-16 big-endian without a mark', utf16be(declaring('UTF-16')), 'text/xml'],
    ['ISO-8859-1 by declaration', Buffer.from(declaring('ISO-8859-1'), 'latin1'), 'text/xml'],
    [
      'ISO-8859-1 by declaration, in other case',
      Buffer.from(declaring('iso-8859-1'), 'latin1'),
      'text/xml; charset=utf-8',
    ],
    ['ISO-8859-1 by Content-Type', Buffer.from(undeclared, 'latin1'), 'text/xml; charset=iso-8859-1'],
    ['US-ASCII with a reference', Buffer.from(declaring('US-ASCII').replace('ë', '&#235;')), 'text/xml'],
    ['no Content-Type at all', Buffer.from(message), ''],
    ['application/xml', Buffer.from(message), 'application/xml'],
  ])('%s', async (_name, bytes, contentType) => {
    const answer = await (await startStillSandbox()).post(bytes, { 'Content-Type': contentType });
    expect(answer.text).toContain('<attrValue>Zoë</attrValue>');
  });

  testEvery<[string, Uint8Array, string]>(2, [
    ['an unsupported encoding', Buffer.from(declaring('EBCDIC-CP-US')), 'text/xml'],
    ['bytes over 127 in US-ASCII', Buffer.from(declaring('US-ASCII')), 'text/xml'],
    ['half a character of UTF-16', Buffer.concat([mark(0xff, 0xfe, 0x3c)]), 'text/xml'],
    [
      'a lone surrogate in UTF-16',
      Buffer.concat([mark(0xff, 0xfe), Buffer.from(message.replace('ë', '\ud83d'), 'utf16le')]),
      'text/xml',
    ],
  ])('%s is fault 20012', async (_name, bytes, contentType) => {
    expect((await (await startStillSandbox()).post(bytes, { 'Content-Type': contentType })).fault).toBe(
      20012,
    );
  });
});
