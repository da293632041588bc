import { describe, expect, test } from 'vitest';
import { readSyncLeadReply, readSyncMultipleLeadsReply } from '../../src/marketo-soap/reply.ts';
import {
  readSyncLeadReplyFast,
  readSyncMultipleLeadsReplyFast,
} from '../../src/marketo-soap/reply-fast-path.ts';
import { generatedAnswer, mutated, mutatedAnswer, randomBytes, randomFrom } from './answer-fuzz.ts';
import { FUZZ_ROUNDS, FUZZ_SEED } from '../support/fuzz.ts';
import { envelope, success } from '../support/answers.ts';

const bytes = (xml: string) => Buffer.from(xml);
const READ = { kind: 'stored', leadId: 1089965, status: 'UPDATED', lead: undefined };

const status = (leadId: number, word = 'UPDATED', error = '<error xsi:nil="true"/>') =>
  `<syncStatus><leadId>${leadId}</leadId><status>${word}</status>${error}</syncStatus>`;
const many = (...statuses: string[]) =>
  envelope(
    `<ns1:successSyncMultipleLeads><result><syncStatusList>${statuses.join('')}</syncStatusList></result></ns1:successSyncMultipleLeads>`,
  );

describe('readUsualSyncLeadReply', () => {
  test.each([
    ['as the vendor writes it', success()],
    ['without line feeds', success().replaceAll('\n', '')],
    ['without an error and a record', success({ error: '', leadRecord: '' })],
    [
      'with line feeds and blanks between its tags',
      success().replaceAll('><', '>\r\n  <').replaceAll('"/>', '" />'),
    ],
    ['with other prefixes', success().replaceAll('SOAP-ENV', 'soapenv').replaceAll('ns1', 'mkt')],
    [
      'with namespaces it has no use for',
      success().replace(' xmlns:xsi', ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi'),
    ],
    ['with a line feed before it', `\n${success()}`],
    ['with a byte order mark before it', `\uFEFF${success()}`],
    ['with NULs around it', `\0 ${success()}\0\0\n`],
    ['without a declaration', success().replace(/^.*\n/, '')],
    [
      'with its namespaces in the other order',
      success().replace(/( xmlns:xsi="[^"]*")( xmlns:ns1="[^"]*")/, '$2$1'),
    ],
  ])('reads a success %s', (_what, xml) => {
    expect(readSyncLeadReplyFast(bytes(xml), undefined)).toStrictEqual(READ);
    expect(readSyncLeadReply(bytes(xml), undefined)).toStrictEqual(READ);
  });

  test.each([
    ['FAILED', success({ status: 'FAILED' })],
    ['a record', success({ leadRecord: '<leadRecord><Id>1089965</Id></leadRecord>' })],
    ['two ids', success().replace('1089965', '7')],
    ['an id of ten digits', success({ leadId: '2147483647' })],
    ['blanks', success({ status: ' UPDATED' })],
    ['no namespace', success().replace(/ xmlns:ns1="[^"]*"/, '')],
    ['more behind it', `${success()}<a/>`],
    ['another encoding', success().replace('UTF-8', 'ISO-8859-1')],
    ['a prefix declared twice', success().replace(' xmlns:xsi', ' xmlns:ns1="urn:x" xmlns:xsi')],
    ['another service', success().replace('marketo.com/mktows/', 'marketo.com/mktows')],
    [
      'another SOAP',
      success().replace(
        'http://schemas.xmlsoap.org/soap/envelope/',
        'http://www.w3.org/2003/05/soap-envelope',
      ),
    ],
    ['another xsi', success().replace('XMLSchema-instance', 'XMLSchema')],
    ['two results', success().replace('<result>', '<result><leadId>7</leadId></result><result>')],
    ['a comment', success().replace('<result>', '<result><!-- -->')],
  ])('leaves %s to the other reader', (_what, xml) => {
    expect(readSyncLeadReplyFast(bytes(xml), undefined)).toBeUndefined();
  });
});

test.each([
  ['text/xml', true],
  ['text/xml; charset=utf-8', true],
  ['application/soap+xml;charset="UTF-8"', true],
  ['text/xml; charset=x-unknown', false],
  ['text/xml; charset=utf-16', false],
  ['text/html', false],
])('an answer of type %s is usual: %s', (contentType, isUsual) => {
  expect(readSyncLeadReplyFast(bytes(success()), contentType) !== undefined).toBe(isUsual);
});

describe('readSyncMultipleLeadsReplyFast', () => {
  test('reads one status a lead, in their order', () => {
    const xml = many(status(7, 'CREATED'), status(8, 'UNCHANGED', ''), status(7));
    const read = readSyncMultipleLeadsReplyFast(bytes(xml), undefined);
    expect(read).toMatchObject({ records: [{ leadId: 7 }, { leadId: 8 }, { leadId: 7 }] });
    expect(read).toStrictEqual(readSyncMultipleLeadsReply(bytes(xml), undefined));
  });

  test('reads 300 statuses and leaves 301 to the other reader', () => {
    const of = (count: number) =>
      bytes(many(...Array.from({ length: count }, (_, index) => status(index + 1))));
    expect(readSyncMultipleLeadsReplyFast(of(300), undefined)).toStrictEqual(
      readSyncMultipleLeadsReply(of(300), undefined),
    );
    expect(readSyncMultipleLeadsReplyFast(of(301), undefined)).toBeUndefined();
  });

  test.each([
    ['', { kind: 'rejected', message: '' }],
    ['<error xsi:nil="true"/>', { kind: 'rejected', message: '' }],
    ['<error></error>', { kind: 'rejected', message: '' }],
    ['<error> Not a lead: "x" </error>', { kind: 'rejected', message: 'Not a lead: "x"' }],
    [
      '<error>&quot;R&amp;amp;D&quot; &lt;&apos;&gt;</error>',
      { kind: 'rejected', message: '"R&amp;D" <\'>' },
    ],
    ['<error>\u00a0Müller – 名前 😀\ufeff</error>', { kind: 'rejected', message: 'Müller – 名前 😀' }],
    ['<error>Unknown (20105)</error>', { kind: 'fault', fault: { code: 20105, message: 'Unknown (20105)' } }],
  ])('reads a lead that failed with %s among others', (error, expected) => {
    const xml = many(status(7), status(0, 'FAILED', error), status(8));
    const read = readSyncMultipleLeadsReplyFast(bytes(xml), undefined);
    expect(read).toMatchObject({ records: [{ leadId: 7 }, expected, { leadId: 8 }] });
    expect(read).toStrictEqual(readSyncMultipleLeadsReply(bytes(xml), undefined));
  });

  test('leaves a message that is not UTF-8 to the other reader', () => {
    const xml = Buffer.from(many(status(0, 'FAILED', '<error>M\u00fcller</error>')), 'latin1');
    expect(readSyncMultipleLeadsReplyFast(xml, undefined)).toBeUndefined();
  });

  test.each(['R&#38;D', 'R&D', '&nbsp;', 'a > b', '\uffff', 'two\nlines', '<b/>', 'tab\there'])(
    'leaves a failed lead with the message %j to the other reader',
    (message) => {
      const xml = many(status(7), status(0, 'FAILED', `<error>${message}</error>`));
      expect(readSyncMultipleLeadsReplyFast(bytes(xml), undefined)).toBeUndefined();
    },
  );
});

test('whatever bytes come, it says what the other reader says, or nothing', () => {
  const random = randomFrom(FUZZ_SEED);
  const one = bytes(success());
  const several = bytes(
    many(
      status(7, 'CREATED'),
      status(8),
      status(9, 'UNCHANGED', ''),
      status(0, 'FAILED', '<error>No (20105)</error>'),
      status(0, 'FAILED', '<error>R&amp;D \u2028Müller 😀\ud7ff</error>'),
    ),
  );
  const padded = bytes(`\0\n\uFEFF${success()}\0\uFEFF<!-- a -->\0`);
  const pretty = bytes(success().replaceAll('><', '>\n <').replaceAll('SOAP-ENV', 'S'));
  const sources = [
    () => mutated(one, random),
    () => mutated(pretty, random),
    () => mutated(padded, random),
    () => mutated(several, random),
    () => mutatedAnswer(random),
    () => generatedAnswer(random),
    () => randomBytes(random),
  ];
  let read = 0;
  for (let run = 0; run < FUZZ_ROUNDS; run += 1) {
    const answer = sources[run % sources.length]!();
    try {
      const lead = readSyncLeadReplyFast(answer, undefined);
      if (lead !== undefined) expect(lead).toStrictEqual(readSyncLeadReply(answer, undefined));
      const leads = readSyncMultipleLeadsReplyFast(answer, undefined);
      if (leads !== undefined) expect(leads).toStrictEqual(readSyncMultipleLeadsReply(answer, undefined));
      if (lead !== undefined || leads !== undefined) read += 1;
    } catch (cause) {
      throw new Error(`run ${run} of seed ${FUZZ_SEED}, bytes in base64: ${answer.toString('base64')}`, {
        cause,
      });
    }
  }
  // The generators do come near to what is usual.
  expect(read).toBeGreaterThan(FUZZ_ROUNDS / 100);
});
