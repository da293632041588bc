import { describe, expect, test } from 'vitest';
import {
  readSyncLeadReply,
  readSyncMultipleLeadsReply,
  type SyncLeadReply,
} from '../../src/marketo-soap/reply.ts';
import { envelope, fault, success } from '../support/answers.ts';

const read = (xml: string, contentType = 'text/xml; charset=utf-8') =>
  readSyncLeadReply(Buffer.from(xml), contentType);

const stored = (rest: Partial<SyncLeadReply> = {}) => ({
  kind: 'stored',
  leadId: 1089965,
  status: 'UPDATED',
  lead: undefined,
  ...rest,
});

const unreadable = (reason: string, said?: string) => ({
  kind: 'unreadable',
  reason,
  ...(said !== undefined && { said }),
});

/** The vendor's own example answer, but for the lead's personal data. */
const VENDOR_SAMPLE = `<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/">
  <SOAP-ENV:Body>
    <ns1:successSyncLead>
      <result>
        <leadId>1089965</leadId>
        <syncStatus>
          <leadId>1089965</leadId>
          <status>UPDATED</status>
          <error xsi:nil="true" />
        </syncStatus>
        <leadRecord>
          <Id>1089965</Id>
          <Email>t@t.com</Email>
          <ForeignSysPersonId xsi:nil="true" />
          <ForeignSysType xsi:nil="true" />
          <leadAttributeList>
            <attribute>
              <attrName>FirstName</attrName>
              <attrType>string</attrType>
              <attrValue>George</attrValue>
            </attribute>
            <attribute>
              <attrName>LeadScore</attrName>
              <attrType>score</attrType>
              <attrValue>62</attrValue>
            </attribute>
            <attribute>
              <attrName>Unsubscribed</attrName>
              <attrType>boolean</attrType>
              <attrValue>0</attrValue>
            </attribute>
          </leadAttributeList>
        </leadRecord>
      </result>
    </ns1:successSyncLead>
  </SOAP-ENV:Body>
</SOAP-ENV:Envelope>
`;

test("the vendor's sample is read whole", () => {
  expect(read(VENDOR_SAMPLE)).toEqual({
    kind: 'stored',
    leadId: 1089965,
    status: 'UPDATED',
    lead: {
      id: 1089965,
      email: 't@t.com',
      foreignSysPersonId: null,
      foreignSysType: null,
      attributes: [
        { name: 'FirstName', value: 'George' },
        { name: 'LeadScore', value: 62 },
        { name: 'Unsubscribed', value: false },
      ],
    },
  });
});

describe('a success is one in any spelling', () => {
  const spelled = (soap: string, service: string) => {
    const [s, m] = [soap && `${soap}:`, service && `${service}:`];
    const declare = (prefix: string, name: string) =>
      prefix ? `xmlns:${prefix}="${name}"` : `xmlns="${name}"`;
    const none = soap && service ? '' : ' xmlns=""';
    return (
      `<${s}Envelope ${declare(soap, 'http://schemas.xmlsoap.org/soap/envelope/')}><${s}Body>` +
      `<${m}successSyncLead ${declare(service, 'http://www.marketo.com/mktows/')}><result${none}>` +
      '<leadId>1089965</leadId><syncStatus><leadId>1089965</leadId><status>UPDATED</status></syncStatus>' +
      `</result></${m}successSyncLead></${s}Body></${s}Envelope>`
    );
  };

  test.each([
    ['soapenv:', spelled('soapenv', 'ns1')],
    ['S:', spelled('S', 'ns2')],
    ['the same prefix for all, redeclared', spelled('x', 'x')],
    ['no prefixes at all', spelled('', '')],
    ['a default namespace that covers the children as well', spelled('S', '').replace(' xmlns=""', '')],
    [
      'SOAP 1.2',
      success().replace(
        'http://schemas.xmlsoap.org/soap/envelope/',
        'http://www.w3.org/2003/05/soap-envelope',
      ),
    ],
    [
      'a header',
      success().replace('<SOAP-ENV:Body>', '<SOAP-ENV:Header><a/></SOAP-ENV:Header><SOAP-ENV:Body>'),
    ],
    [
      'unknown elements',
      success().replace('<status>', '<warning>w</warning><status>').replace('</result>', '<x/></result>'),
    ],
    ['blanks around the words', success({ leadId: '\n 1089965 ', status: ' UPDATED\n' })],
    ['a plus sign and zeros', success({ leadId: '+0001089965' })],
    ['CDATA', success({ status: '<![CDATA[UPDATED]]>' })],
    ['references', success({ status: 'UPD&#65;TED' })],
    ['a comment in a word', success({ status: 'UPD<!-- -->ATED' })],
    ['an error text beside it', success({ error: '<error>careful</error>' })],
    [
      'no leadId in the syncStatus',
      success().replace('<syncStatus><leadId>1089965</leadId>', '<syncStatus>'),
    ],
    [
      'an empty leadId in the syncStatus',
      success().replace('<syncStatus><leadId>1089965</leadId>', '<syncStatus><leadId/>'),
    ],
    ['no leadRecord', success({ leadRecord: '' })],
  ])('%s', (_what, xml) => {
    expect(read(xml)).toEqual(stored());
  });

  test.each(['CREATED', 'UPDATED', 'UNCHANGED'])('status %s', (status) => {
    expect(read(success({ status }))).toEqual(stored({ status } as Partial<SyncLeadReply>));
  });

  test.each([1, 2_147_483_647])('lead %i', (leadId) => {
    expect(read(success({ leadId: String(leadId) }))).toEqual(stored({ leadId }));
  });
});

describe('the lead comes back as it was written', () => {
  const lead = (leadRecord: string) => {
    const reply = read(success({ leadRecord: `<leadRecord>${leadRecord}</leadRecord>` }));
    return reply.kind === 'stored' ? reply.lead : reply;
  };
  const NOTHING = { id: null, email: null, foreignSysPersonId: null, foreignSysType: null, attributes: [] };
  const attribute = (parts: string) =>
    `<leadAttributeList><attribute>${parts}</attribute></leadAttributeList>`;

  test.each([
    ['missing elements', ''],
    ['empty elements', '<Id/><Email></Email><ForeignSysPersonId/><ForeignSysType/><leadAttributeList/>'],
    [
      'xsi:nil',
      '<Id xsi:nil="true"/><Email xsi:nil="1"/><ForeignSysPersonId xsi:nil="true">x</ForeignSysPersonId><ForeignSysType xsi:nil="true"/><leadAttributeList xsi:nil="true"/>',
    ],
  ])('null in three spellings: %s', (_what, xml) => {
    expect(lead(xml)).toEqual(NOTHING);
  });

  test('all keys', () => {
    expect(
      lead(
        '<Id> 1089965 </Id><Email> a@b.c</Email><ForeignSysPersonId>02134</ForeignSysPersonId><ForeignSysType>SFDC</ForeignSysType>',
      ),
    ).toEqual({
      ...NOTHING,
      id: 1089965,
      email: ' a@b.c',
      foreignSysPersonId: '02134',
      foreignSysType: 'SFDC',
    });
  });

  test.each([
    ['no type', '<attrName>A</attrName><attrValue>1</attrValue>', '1'],
    ['a nil type', '<attrName>A</attrName><attrType xsi:nil="true"/><attrValue>1</attrValue>', '1'],
    ['a type with blanks', '<attrName>A</attrName><attrType> integer </attrType><attrValue>1</attrValue>', 1],
    ['no value', '<attrName>A</attrName>', null],
    ['an empty value', '<attrName>A</attrName><attrType>integer</attrType><attrValue/>', null],
    ['a nil value', '<attrName>A</attrName><attrValue xsi:nil="true"/>', null],
    ['a value of blanks', '<attrName>A</attrName><attrValue> </attrValue>', ' '],
    ['line breaks in a value', '<attrName>A</attrName><attrValue>a\r\nb&#13;c</attrValue>', 'a\nb\rc'],
    ['another order', '<attrValue>1</attrValue><x/><attrType>integer</attrType><attrName>A</attrName>', 1],
  ])('an attribute with %s', (_what, parts, value) => {
    expect(lead(attribute(parts))).toEqual({ ...NOTHING, attributes: [{ name: 'A', value }] });
  });

  test('elements in the list that are not attributes are ignored', () => {
    expect(
      lead('<leadAttributeList><note/><attribute><attrName>A</attrName></attribute></leadAttributeList>'),
    ).toEqual({
      ...NOTHING,
      attributes: [{ name: 'A', value: null }],
    });
  });

  test.each([
    ['an invalid Id', '<Id>x</Id>', unreadable('has an invalid Id', 'x')],
    ['an Id of another lead', '<Id>5</Id>', unreadable('names two different leads')],
    [
      'two Emails',
      '<Email>a</Email><Email>b</Email>',
      unreadable('has more than one Email where one belongs'),
    ],
    [
      'elements in a value',
      '<Email>a<b/></Email>',
      unreadable('has elements in Email where a value belongs'),
    ],
    [
      'an attribute without a name',
      attribute('<attrValue>1</attrValue>'),
      unreadable('has an attribute without a name'),
    ],
    [
      'an attribute with an empty name',
      attribute('<attrName/>'),
      unreadable('has an attribute without a name'),
    ],
    [
      'an attribute with two values',
      attribute('<attrName>A</attrName><attrValue>1</attrValue><attrValue>2</attrValue>'),
      unreadable('has more than one attrValue where one belongs'),
    ],
    [
      'two lists',
      '<leadAttributeList/><leadAttributeList/>',
      unreadable('has more than one leadAttributeList where one belongs'),
    ],
  ])('%s cannot be read', (_what, xml, expected) => {
    expect(lead(xml)).toEqual(expected);
  });
});

describe('a failed record is reported with its text', () => {
  test.each([
    ['text', '<error> Lead is a duplicate </error>', 'Lead is a duplicate'],
    ['nil', '<error xsi:nil="true"/>', ''],
    ['an empty element', '<error/>', ''],
    ['no element', '', ''],
  ])('%s', (_what, error, message) => {
    expect(read(success({ status: 'FAILED', error }))).toEqual({ kind: 'rejected', message });
  });

  test.each(['0', '', '-1', 'x'])('whatever its leadId is: %j', (leadId) => {
    expect(read(success({ status: 'FAILED', leadId }))).toEqual({ kind: 'rejected', message: '' });
  });

  test('with two texts it cannot be read', () => {
    expect(read(success({ status: 'FAILED', error: '<error>a</error><error>b</error>' }))).toEqual(
      unreadable('has more than one error where one belongs'),
    );
  });
});

describe('only a success is read as one', () => {
  const once = success();
  test.each<[string, string, ReturnType<typeof unreadable>]>([
    ...['SKIPPED', 'updated', 'Updated', 'OK', 'CREATED UPDATED'].map(
      (status) =>
        [
          `status ${status}`,
          success({ status }),
          unreadable('has a status this gateway does not know', status),
        ] as [string, string, ReturnType<typeof unreadable>],
    ),
    [
      'an empty status',
      success({ status: '' }),
      unreadable('has a status this gateway does not know', '(none)'),
    ],
    [
      'no status',
      once.replace(/<status>.*<\/status>/, ''),
      unreadable('has a status this gateway does not know', '(none)'),
    ],
    [
      'two statuses',
      once.replace('<status>', '<status>CREATED</status><status>'),
      unreadable('has more than one status where one belongs'),
    ],
    [
      'a status of elements',
      success({ status: '<b/>UPDATED' }),
      unreadable('has elements in status where a value belongs'),
    ],
    [
      'no syncStatus',
      once.replace(/<syncStatus>.*<\/syncStatus>/, ''),
      unreadable('has no syncStatus in it'),
    ],
    [
      'two syncStatus',
      once.replace('<syncStatus>', '<syncStatus/><syncStatus>'),
      unreadable('has more than one syncStatus where one belongs'),
    ],
    ['no result', envelope('<ns1:successSyncLead/>'), unreadable('has no result in it')],
    [
      'two results',
      once.replace('<result>', '<result/><result>'),
      unreadable('has more than one result where one belongs'),
    ],
    ...['0', '-5', '12x', '1.0', '1e3', '0x1F', '2147483648', '99999999999999999999', 'NaN', '1 2', '٣'].map(
      (leadId) =>
        [`leadId ${leadId}`, success({ leadId }), unreadable('has an invalid leadId', leadId)] as [
          string,
          string,
          ReturnType<typeof unreadable>,
        ],
    ),
    ['an empty leadId', success({ leadId: '' }), unreadable('has no leadId', '(none)')],
    [
      'no leadId in the result',
      once.replace('<leadId>1089965</leadId>', ''),
      unreadable('has no leadId', '(none)'),
    ],
    [
      'a nil leadId',
      once.replace('<leadId>', '<leadId xsi:nil="true">'),
      unreadable('has no leadId', '(none)'),
    ],
    [
      'a leadId of elements',
      once.replace('<leadId>', '<leadId><b/>'),
      unreadable('has elements in leadId where a value belongs'),
    ],
    [
      'two leadIds',
      once.replace('<leadId>', '<leadId>1089965</leadId><leadId>'),
      unreadable('has more than one leadId where one belongs'),
    ],
    [
      'leadIds that differ',
      once.replace('<syncStatus><leadId>1089965', '<syncStatus><leadId>1089966'),
      unreadable('names two different leads'),
    ],
    [
      'an invalid leadId in the syncStatus',
      once.replace('<syncStatus><leadId>1089965', '<syncStatus><leadId>x'),
      unreadable('has an invalid leadId', 'x'),
    ],
    [
      'a success of another operation',
      once.replaceAll('successSyncLead', 'successGetLead'),
      unreadable('is not an answer to this call'),
    ],
    [
      'the request, echoed',
      once.replaceAll('successSyncLead', 'paramsSyncLead'),
      unreadable('is not an answer to this call'),
    ],
    [
      'a success in another namespace',
      once.replaceAll('http://www.marketo.com/mktows/', 'http://www.marketo.com/mktows'),
      unreadable('is not an answer to this call'),
    ],
    [
      'a success in no namespace',
      once.replaceAll('ns1:successSyncLead', 'successSyncLead'),
      unreadable('is not an answer to this call'),
    ],
    [
      'a fault in the wrong namespace',
      envelope('<Fault><faultstring>20014 - no</faultstring></Fault>'),
      unreadable('is not an answer to this call'),
    ],
    [
      'an envelope in another namespace',
      once.replace('/soap/envelope/', '/soap/envelope'),
      unreadable('is not a SOAP envelope'),
    ],
    [
      'an envelope of another name',
      once.replaceAll(':Envelope', ':Letter'),
      unreadable('is not a SOAP envelope'),
    ],
    [
      'the success without an envelope',
      '<m:successSyncLead xmlns:m="http://www.marketo.com/mktows/"/>',
      unreadable('is not a SOAP envelope'),
    ],
    [
      'an XHTML page',
      '<h:html xmlns:h="http://www.w3.org/1999/xhtml"/>',
      unreadable('is not a SOAP envelope'),
    ],
    [
      'no Body',
      '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>',
      unreadable('does not have one SOAP Body'),
    ],
    [
      'a Body in no namespace',
      once.replaceAll('SOAP-ENV:Body', 'Body'),
      unreadable('does not have one SOAP Body'),
    ],
    [
      'two Bodies',
      once.replace('<SOAP-ENV:Body>', '<SOAP-ENV:Body/><SOAP-ENV:Body>'),
      unreadable('does not have one SOAP Body'),
    ],
    ['an empty Body', envelope(''), unreadable('has an empty SOAP Body')],
    ['a Body of text', envelope('OK'), unreadable('has an empty SOAP Body')],
    [
      'a success and another element',
      envelope('<a/>').replace('<a/>', '<a/><b/>'),
      unreadable('has more than one element in its SOAP Body'),
    ],
    [
      'a fault and a success',
      once.replace('<SOAP-ENV:Body>', '<SOAP-ENV:Body><SOAP-ENV:Fault/>'),
      unreadable('has more than one element in its SOAP Body'),
    ],
    [
      'a success between two instructions that hide the fault from some parsers',
      once.replace('<SOAP-ENV:Body>', `<SOAP-ENV:Body><?a "?><SOAP-ENV:Fault/><?a "?>`),
      unreadable('has more than one element in its SOAP Body'),
    ],
    ['nothing', '', unreadable('is empty')],
    ['bytes of another encoding', '\u0000', unreadable('is empty')],
    ['bytes that are not text', '\u0001', unreadable('is not XML')],
  ])('%s', (_what, xml, expected) => {
    expect(read(xml)).toEqual(expected);
  });

  test('what the parser found wrong is the cause', () => {
    expect(read('<a>')).toEqual({
      kind: 'unreadable',
      reason: 'is not well-formed XML',
      cause: expect.objectContaining({ message: "Unclosed tag 'a'." }),
    });
  });

  test('a defect of ours is not taken for an answer', () => {
    expect(() => readSyncLeadReply(undefined as unknown as Buffer, undefined)).toThrow(TypeError);
  });

  test('bytes in an encoding we do not read', () => {
    expect(readSyncLeadReply(Buffer.from(success()), 'text/xml; charset=utf-8')).toEqual(stored());
    expect(readSyncLeadReply(Buffer.from('<a/>'), 'text/xml; charset=utf-7')).toEqual(
      unreadable('is in an encoding this gateway does not read', 'utf-7'),
    );
  });
});

describe('a fault is read wherever its code stands', () => {
  const soap11 = (content: string) => envelope(`<SOAP-ENV:Fault>${content}</SOAP-ENV:Fault>`);
  const soap12 = (content: string) =>
    `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault>${content}</e:Fault></e:Body></e:Envelope>`;

  test.each<[string, string, number | null, string]>([
    ["the vendor's form", fault(20014, 'Authentication failed'), 20014, 'Authentication failed (20014)'],
    [
      'a detail under another prefix',
      soap11(
        '<faultcode>SOAP-ENV:Client</faultcode><faultstring>f</faultstring><detail><x:serviceException xmlns:x="urn:x"><x:message>m</x:message><x:code> 20103 </x:code></x:serviceException></detail>',
      ),
      20103,
      'm',
    ],
    [
      'a detail without a serviceException',
      soap11('<detail><message>m</message><code>20103</code></detail>'),
      20103,
      'm',
    ],
    [
      'only a faultstring',
      soap11('<faultstring>20014 - Authentication failed</faultstring>'),
      20014,
      '20014 - Authentication failed',
    ],
    [
      'only a message that ends in the code',
      soap11('<detail><serviceException><message>No (20105)</message></serviceException></detail>'),
      20105,
      'No (20105)',
    ],
    ['an empty detail', soap11('<faultstring>20014 - x</faultstring><detail/>'), 20014, '20014 - x'],
    [
      'an invalid code, and a valid one in the faultstring',
      soap11('<faultstring>20014 - x</faultstring><detail><code>none</code></detail>'),
      20014,
      '20014 - x',
    ],
    [
      'a code that differs from the faultstring: the detail counts',
      soap11('<faultstring>20014 - x</faultstring><detail><code>20103</code></detail>'),
      20103,
      '20014 - x',
    ],
    [
      'no code',
      soap11('<faultcode>SOAP-ENV:Server</faultcode><faultstring>Gateway timed out</faultstring>'),
      null,
      'Gateway timed out',
    ],
    [
      'a number that is not a code',
      soap11('<faultstring>404 - not found</faultstring>'),
      null,
      '404 - not found',
    ],
    ['nothing but a faultcode', soap11('<faultcode>SOAP-ENV:Server</faultcode>'), null, 'SOAP-ENV:Server'],
    ['nothing at all', soap11(''), null, ''],
    [
      'everything twice: the first counts',
      soap11('<faultstring>20014 - a</faultstring><faultstring>20103 - b</faultstring>'),
      20014,
      '20014 - a',
    ],
    [
      'SOAP 1.2',
      soap12(
        '<e:Code><e:Value>e:Sender</e:Value></e:Code><e:Reason><e:Text xml:lang="en">20014 - Authentication failed</e:Text></e:Reason><e:Detail><serviceException><message>m</message><code>20013</code></serviceException></e:Detail>',
      ),
      20013,
      'm',
    ],
    [
      'SOAP 1.2 without a detail',
      soap12('<e:Reason><e:Text>20014 - x</e:Text></e:Reason>'),
      20014,
      '20014 - x',
    ],
    [
      'SOAP 1.2 with only a code',
      soap12('<e:Code><e:Value>e:Receiver</e:Value></e:Code>'),
      null,
      'e:Receiver',
    ],
  ])('%s', (_what, xml, code, message) => {
    expect(read(xml)).toEqual({ kind: 'fault', fault: { code, message } });
  });

  test('a fault of SOAP 1.2 in an envelope of 1.1 is not a fault', () => {
    const mixed = envelope('<f:Fault xmlns:f="http://www.w3.org/2003/05/soap-envelope"/>');
    expect(read(mixed)).toEqual(unreadable('is not an answer to this call'));
  });
});

describe('an answer to many leads', () => {
  const readMany = (statuses: string) =>
    readSyncMultipleLeadsReply(
      Buffer.from(
        envelope(
          `<ns1:successSyncMultipleLeads><result><syncStatusList>${statuses}</syncStatusList></result></ns1:successSyncMultipleLeads>`,
        ),
      ),
      'text/xml',
    );
  const status = (leadId: string, word: string, error = '') =>
    `<syncStatus><leadId>${leadId}</leadId><status>${word}</status>${error}</syncStatus>`;

  test('has a reply for each, in their order; a broken one does not affect the others', () => {
    const statuses = [
      status('1', 'CREATED', '<error xsi:nil="true"/>'),
      status('0', 'FAILED', '<error>Lead is a duplicate</error>'),
      status('0', 'FAILED', '<error>unknown fields for import: pants (20105)</error>'),
      status('0', 'FAILED', '<error>wait (5 min)</error>'),
      status('x', 'UPDATED'),
      status('5', 'SKIPPED'),
      '<syncStatus/>',
      '<note/>',
      status('8', 'UNCHANGED'),
    ];
    expect(readMany(statuses.join(''))).toEqual({
      kind: 'answered',
      records: [
        { kind: 'stored', leadId: 1, status: 'CREATED', lead: undefined },
        { kind: 'rejected', message: 'Lead is a duplicate' },
        { kind: 'fault', fault: { code: 20105, message: 'unknown fields for import: pants (20105)' } },
        { kind: 'rejected', message: 'wait (5 min)' },
        unreadable('has an invalid leadId', 'x'),
        unreadable('has a status this gateway does not know', 'SKIPPED'),
        unreadable('has a status this gateway does not know', '(none)'),
        { kind: 'stored', leadId: 8, status: 'UNCHANGED', lead: undefined },
      ],
    });
  });

  test('may have none', () => {
    expect(readMany('')).toEqual({ kind: 'answered', records: [] });
  });

  test.each([
    ['no result', envelope('<ns1:successSyncMultipleLeads/>'), unreadable('has no syncStatusList in it')],
    [
      'no list',
      envelope('<ns1:successSyncMultipleLeads><result/></ns1:successSyncMultipleLeads>'),
      unreadable('has no syncStatusList in it'),
    ],
    ['the answer to one lead', success(), unreadable('is not an answer to this call')],
    ['a fault', fault(20014, 'no'), { kind: 'fault', fault: { code: 20014, message: 'no (20014)' } }],
    ['nothing', '', unreadable('is empty')],
  ])('%s', (_what, xml, expected) => {
    expect(readSyncMultipleLeadsReply(Buffer.from(xml), 'text/xml')).toEqual(expected);
  });
});
