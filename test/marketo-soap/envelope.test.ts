import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { writeSyncLead, writeSyncMultipleLeads } from '../../src/marketo-soap/envelope.ts';
import { readSentLead } from './envelope-schema.ts';
import { anyCharacter, fuzz } from '../support/fuzz.ts';

const signature = {
  userId: 'demo17_1_809934544BFABAE58E5D27',
  requestSignature: 'b5e21953ae9f1b263e644da5eccce9ff33802513',
  requestTimestamp: '2013-08-01T18:22:30-07:00',
};

const lead = (members: Partial<UpsertLead>): UpsertLead => ({
  attributes: [],
  returnLead: false,
  ...members,
});

const sent = (members: Partial<UpsertLead>, workspace?: string) =>
  readSentLead(writeSyncLead(lead(members), signature, workspace));

test('the whole envelope, byte for byte', () => {
  const command = lead({
    id: 1089965,
    email: 't@t.com',
    foreignKey: { id: '0035x', type: 'SFDC' },
    marketoCookie: 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169',
    attributes: [
      { name: 'FirstName', value: 'George' },
      { name: 'LeadScore', value: 62 },
    ],
    returnLead: true,
  });
  expect(writeSyncLead(command, signature, 'Default')).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>' +
      '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="http://www.marketo.com/mktows/">' +
      '<SOAP-ENV:Header>' +
      '<ns1:AuthenticationHeader>' +
      '<mktowsUserId>demo17_1_809934544BFABAE58E5D27</mktowsUserId>' +
      '<requestSignature>b5e21953ae9f1b263e644da5eccce9ff33802513</requestSignature>' +
      '<requestTimestamp>2013-08-01T18:22:30-07:00</requestTimestamp>' +
      '</ns1:AuthenticationHeader>' +
      '<ns1:MktowsContextHeader><targetWorkspace>Default</targetWorkspace></ns1:MktowsContextHeader>' +
      '</SOAP-ENV:Header>' +
      '<SOAP-ENV:Body><ns1:paramsSyncLead>' +
      '<leadRecord><Id>1089965</Id><Email>t@t.com</Email>' +
      '<ForeignSysPersonId>0035x</ForeignSysPersonId><ForeignSysType>SFDC</ForeignSysType>' +
      '<leadAttributeList>' +
      '<attribute><attrName>FirstName</attrName><attrValue>George</attrValue></attribute>' +
      '<attribute><attrName>LeadScore</attrName><attrValue>62</attrValue></attribute>' +
      '</leadAttributeList></leadRecord>' +
      '<returnLead>true</returnLead>' +
      '<marketoCookie>id:287-GTJ-838&amp;token:_mch-marketo.com-1396310362214-46169</marketoCookie>' +
      '</ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>',
  );
});

describe('each combination of keys fits the schema and carries its values', () => {
  test('email only', () => {
    expect(sent({ email: 'a@b.c' })).toEqual({
      leadRecord: { Email: 'a@b.c' },
      attributes: [],
      returnLead: 'false',
      marketoCookie: undefined,
      workspace: undefined,
      headers: ['AuthenticationHeader'],
    });
  });

  test('id and foreign id', () => {
    const { leadRecord } = sent({ id: 2_147_483_647, foreignKey: { id: 'x', type: 'CUSTOM' } });
    expect(leadRecord).toEqual({ Id: '2147483647', ForeignSysPersonId: 'x', ForeignSysType: 'CUSTOM' });
  });

  test('foreign id and email', () => {
    const { leadRecord } = sent({ email: 'a@b.c', foreignKey: { id: '<7>', type: 'NETSUITE' } });
    expect(leadRecord).toEqual({ Email: 'a@b.c', ForeignSysPersonId: '<7>', ForeignSysType: 'NETSUITE' });
  });

  test('cookie only', () => {
    const { leadRecord, marketoCookie } = sent({ marketoCookie: 'id:1&token:_mch' });
    expect(leadRecord).toEqual({});
    expect(marketoCookie).toBe('id:1&token:_mch');
  });

  test('a workspace goes into a second header', () => {
    const { workspace, headers } = sent({ email: 'a@b.c' }, 'R&D <EMEA>');
    expect(workspace).toBe('R&D <EMEA>');
    expect(headers).toEqual(['AuthenticationHeader', 'MktowsContextHeader']);
  });
});

test.each([0, 1, 1000])('%i attributes go in the order given', (count) => {
  const attributes = Array.from({ length: count }, (_, index) => ({
    name: `Field${index}`,
    value: `v${index}`,
  }));
  expect(sent({ email: 'a@b.c', attributes }).attributes).toEqual(
    attributes.map(({ name, value }) => [name, value]),
  );
});

test('no list of attributes is written when there are none', () => {
  expect(writeSyncLead(lead({ email: 'a@b.c' }), signature, undefined)).not.toContain('leadAttributeList');
});

test.each([
  ['markup', `<&>"'`, `<&>"'`],
  ['the end of a CDATA section', ']]>', ']]>'],
  ['an emoji', 'a😀b', 'a😀b'],
  ['leading zeros', '02134', '02134'],
  ['a phone number', '+15551234567', '+15551234567'],
  ['leading and trailing blanks', '  a  ', '  a  '],
  ['only blanks', '   ', '   '],
  ['a tab', 'a\tb', 'a\tb'],
  ['a line feed', 'a\nb', 'a\nb'],
  ['a carriage return', 'a\rb', 'a\rb'],
  ['a carriage return and a line feed', 'a\r\nb', 'a\r\nb'],
  ['next line and line separator', 'a\u0085b\u2028c', 'a\u0085b\u2028c'],
  ['keys that would be markup to xmlbuilder2', '@a#b!c?d$e', '@a#b!c?d$e'],
  ['the character that marks a slot', 'a\uE000b', 'a\uE000b'],
  ['a decimal', 0.1, '0.1'],
  ['minus zero', -0, '0'],
  ['a number with a positive exponent', 1e21, '1000000000000000000000'],
  ['a number with digits before its exponent', 1.5e22, '15000000000000000000000'],
  ['a number with a negative exponent', -1.25e-7, '-0.000000125'],
  ['the smallest number', 5e-324, `0.${'0'.repeat(323)}5`],
  ['the largest safe integer', 9007199254740991, '9007199254740991'],
  ['a negative integer', -5, '-5'],
  ['true', true, '1'],
  ['false', false, '0'],
  ['null', null, ''],
  ['an empty string', '', ''],
] as const)('an attribute keeps %s', (_what, value, expected) => {
  expect(sent({ email: 'a@b.c', attributes: [{ name: 'Field', value }] }).attributes).toEqual([
    ['Field', expected],
  ]);
});

const xmlText = fc.string({ unit: anyCharacter }).map((text) =>
  // oxlint-disable-next-line no-control-regex -- removes the characters that XML cannot contain
  text.replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, ''),
);

test('any text in any place comes out of another parser as it went in', () => {
  fc.assert(
    fc.property(
      xmlText,
      xmlText,
      xmlText,
      xmlText,
      fc.array(fc.tuple(xmlText, xmlText)),
      (foreignId, cookie, workspace, email, pairs) => {
        const read = sent(
          {
            email,
            foreignKey: { id: foreignId, type: 'CUSTOM' },
            marketoCookie: cookie,
            attributes: pairs.map(([name, value]) => ({ name, value })),
          },
          workspace,
        );
        expect(read.leadRecord).toEqual({
          Email: email,
          ForeignSysPersonId: foreignId,
          ForeignSysType: 'CUSTOM',
        });
        expect(read.marketoCookie).toBe(cookie);
        expect(read.workspace).toBe(workspace);
        expect(read.attributes).toEqual(pairs);
      },
    ),
    fuzz(4),
  );
});

test('any number is written without an exponent and reads as the same number', () => {
  fc.assert(
    fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
      const [[, written] = ['', '']] = sent({
        email: 'a@b.c',
        attributes: [{ name: 'N', value }],
      }).attributes;
      expect(written).toMatch(/^-?\d+(?:\.\d+)?$/);
      expect(Number(written)).toBe(value === 0 ? 0 : value);
    }),
    fuzz(4),
  );
});

test('an envelope of many leads, byte for byte', () => {
  const xml = writeSyncMultipleLeads(
    [
      lead({ email: 'a@b.c', attributes: [{ name: 'FirstName', value: 'Zoë & co' }] }),
      lead({ id: 5, email: 'a@b.c' }),
      lead({ foreignKey: { id: 'x', type: 'SFDC' }, attributes: [{ name: 'LeadScore', value: 62 }] }),
      lead({ email: 'd@e.f', foreignKey: { id: 'y', type: 'CUSTOM' } }),
    ],
    signature,
  );
  readSentLead(xml);
  expect(xml).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>' +
      '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="http://www.marketo.com/mktows/">' +
      '<SOAP-ENV:Header>' +
      '<ns1:AuthenticationHeader>' +
      '<mktowsUserId>demo17_1_809934544BFABAE58E5D27</mktowsUserId>' +
      '<requestSignature>b5e21953ae9f1b263e644da5eccce9ff33802513</requestSignature>' +
      '<requestTimestamp>2013-08-01T18:22:30-07:00</requestTimestamp>' +
      '</ns1:AuthenticationHeader>' +
      '</SOAP-ENV:Header>' +
      '<SOAP-ENV:Body><ns1:paramsSyncMultipleLeads><leadRecordList>' +
      '<leadRecord><Email>a@b.c</Email><leadAttributeList>' +
      '<attribute><attrName>FirstName</attrName><attrValue>Zoë &amp; co</attrValue></attribute>' +
      '</leadAttributeList></leadRecord>' +
      // Beside a stronger key the email is written only where it is an attribute as well.
      '<leadRecord><Id>5</Id><Email>a@b.c</Email><leadAttributeList>' +
      '<attribute><attrName>Email</attrName><attrValue>a@b.c</attrValue></attribute>' +
      '</leadAttributeList></leadRecord>' +
      '<leadRecord><ForeignSysPersonId>x</ForeignSysPersonId><ForeignSysType>SFDC</ForeignSysType><leadAttributeList>' +
      '<attribute><attrName>LeadScore</attrName><attrValue>62</attrValue></attribute>' +
      '</leadAttributeList></leadRecord>' +
      '<leadRecord><Email>d@e.f</Email><ForeignSysPersonId>y</ForeignSysPersonId><ForeignSysType>CUSTOM</ForeignSysType><leadAttributeList>' +
      '<attribute><attrName>Email</attrName><attrValue>d@e.f</attrValue></attribute>' +
      '</leadAttributeList></leadRecord>' +
      '</leadRecordList><dedupEnabled>true</dedupEnabled></ns1:paramsSyncMultipleLeads></SOAP-ENV:Body></SOAP-ENV:Envelope>',
  );
});
