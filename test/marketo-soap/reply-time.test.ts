import { afterAll, expect } from 'vitest';
import { readSyncLeadReply } from '../../src/marketo-soap/reply.ts';
import {
  readSyncLeadReplyFast,
  readSyncMultipleLeadsReplyFast,
} from '../../src/marketo-soap/reply-fast-path.ts';
import { GROWTH_BYTES, LINEAR_GROWTH, measureGrowth } from '../support/time.ts';
import { testEvery } from '../support/exhaustive.ts';

/** The largest answer that is read where nothing else is configured. */
const MAX_BYTES = 4_194_304;

const SOAP = 'xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://www.marketo.com/mktows/"';

type Write = (bytes: number) => Buffer;

const inBody = (start: string, filling: string, end: string): Write =>
  fill(`<e:Envelope ${SOAP}><e:Body>${start}`, filling, `${end}</e:Body></e:Envelope>`);

const inResult = (start: string, filling: string, end: string): Write =>
  inBody(`<m:successSyncLead><result>${start}`, filling, `${end}</result></m:successSyncLead>`);

/** As much of the filling as there is room for; `#` in it is a number that is different each time. */
function fill(start: string, filling: string, end: string): Write {
  return (bytes) => {
    const room = bytes - start.length - end.length;
    if (!filling.includes('#')) {
      return Buffer.from(start + filling.repeat(room / Buffer.byteLength(filling)) + end);
    }
    let filled = '';
    for (let count = 0; filled.length < room - 50; count += 1)
      filled += filling.replaceAll('#', count.toString(36));
    return Buffer.from(start + filled + end);
  };
}

const hundred = (one: string) =>
  Array.from({ length: 100 }, (_, index) => one.replaceAll('$', String(index))).join(' ');

/** A third of the nodes an answer may have are prefixes of the root, a third elements, a third what they declare. */
function declaringElements(bytes: number): Buffer {
  const count = Math.floor((33_000 * bytes) / MAX_BYTES);
  const prefixes = Array.from({ length: count }, (_, index) => `xmlns:p${index}="u"`).join(' ');
  return Buffer.from(
    `<e:Envelope ${SOAP} ${prefixes}><e:Body>${'<a xmlns:x="y"/>'.repeat(count)}</e:Body></e:Envelope>`,
  );
}

const timings: [number, string][] = [];

testEvery<[string, Write]>(4, [
  ['elements', inBody('', '<a/>', '')],
  ['elements of different names', inBody('', '<a#/>', '')],
  ['elements that are never closed', inBody('', '<a>', '')],
  ['elements with 100 attributes', inBody('', `<a ${hundred('b$=""')}/>`, '')],
  ['elements with 100 namespaces', inBody('', `<a ${hundred('xmlns:b$="$"')}/>`, '')],
  ['attributes', inBody('<a ', 'b#="" ', '/>')],
  ['the same attribute', inBody('<a ', 'b="" ', '/>')],
  ['namespaces', inBody('<a ', 'xmlns:b#="c" ', '/>')],
  ['namespaces, as many as there may be, and elements that each declare another', declaringElements],
  ['attributes without quotes', inBody('<a ', 'b=1 ', '/>')],
  ['attributes without values', inBody('<a ', 'b ', '/>')],
  ['quotes', inBody('<a b=', '"', '/>')],
  ['quotes of two kinds', inBody('<a b=', `'"' `, '/>')],
  ['blanks in a tag', inBody('<a', ' ', '/>')],
  ['tabs in an attribute', inBody('<a b="', '\t', '"/>')],
  ['references in an attribute', inBody('<a b="', '&lt;', '"/>')],
  ['one name', inBody('<', 'a', '/>')],
  ['colons in a name', inBody('<', 'a:', '/>')],
  ['references', inBody('', '&amp;', '')],
  ['numeric references', inBody('', '&#9;', '')],
  ['digits in a reference', inBody('&#', '1', ';')],
  ['ampersands', inBody('', '&', '')],
  ['opening brackets', fill('', '<', '')],
  ['closing brackets', inBody('', '>', '')],
  ['square brackets', inBody('', ']', '')],
  ['square brackets in CDATA', inBody('<![CDATA[', ']]', ' ]]>')],
  ['CDATA sections', inBody('', '<![CDATA[]]>', '')],
  ['CDATA sections that are never closed', inBody('', '<![CDATA[', '')],
  ['comments', inBody('', '<!---->', '')],
  ['comments that are never closed', inBody('', '<!--', '')],
  ['dashes in a comment', inBody('<!--', '- ', '-->')],
  ['processing instructions', inBody('', '<?a?>', '')],
  ['question marks in an instruction', inBody('<?a ', '? ', '?>')],
  ['exclamation marks', inBody('', '<!', '')],
  ['carriage returns', inBody('', '\r', '')],
  ['carriage returns and line feeds', inBody('', '\r\n', '')],
  ['line feeds', inBody('', '\n', '')],
  ['emoji', inBody('', '😀', '')],
  ['blanks', fill('', ' ', '')],
  ['blanks before HTML', fill('', ' ', '<html>')],
  ['a declaration of blanks', fill('<?xml version="1.0"', ' ', '?><a/>')],
  ['entities in a DOCTYPE', fill('<!DOCTYPE a [', '<!ENTITY b# "&b;&b;">', ']><a>&b1;</a>')],
  ['a DOCTYPE that is never closed', fill('<!DOCTYPE a ', '"', '')],
  ['comments with DOCTYPEs', fill('', '<!-- <!DOCTYPE a> -->', '<a/>')],
  ['Bodies', fill(`<e:Envelope ${SOAP}>`, '<e:Body/>', '</e:Envelope>')],
  ['results', inResult('', '</result><result>', '')],
  ['leadIds', inResult('', '<leadId>7</leadId>', '')],
  [
    'digits in a leadId',
    inResult('<leadId>', '7', '</leadId><syncStatus><status>UPDATED</status></syncStatus>'),
  ],
  [
    'blanks in a leadId',
    inResult('<leadId>7', ' ', '7</leadId><syncStatus><status>UPDATED</status></syncStatus>'),
  ],
  ['a status', inResult('<syncStatus><status>', 'U', '</status></syncStatus>')],
  [
    'blanks in an error',
    inResult('<syncStatus><status>FAILED</status><error>a', ' ', 'b</error></syncStatus>'),
  ],
  ['blanks in a faultstring', inBody('<e:Fault><faultstring>20014', ' ', 'b</faultstring></e:Fault>')],
  ['codes in a faultstring', inBody('<e:Fault><faultstring>', '(20014', '</faultstring></e:Fault>')],
  [
    'a number of many digits',
    inResult(
      '<leadId>7</leadId><syncStatus><status>UPDATED</status></syncStatus><leadRecord><leadAttributeList><attribute><attrName>a</attrName><attrType>float</attrType><attrValue>',
      '1',
      '</attrValue></attribute></leadAttributeList></leadRecord>',
    ),
  ],
])('an answer full of %s is read in linear time', (what, write) => {
  const { growth, ms } = measureGrowth(GROWTH_BYTES, write, (bytes) => {
    readSyncLeadReplyFast(bytes, undefined);
    readSyncMultipleLeadsReplyFast(bytes, undefined);
    readSyncLeadReply(bytes, undefined);
  });
  timings.push([ms, what]);
  expect(growth).toBeLessThan(LINEAR_GROWTH);
});

afterAll(() => {
  const slowest = timings.toSorted(([one], [other]) => other - one).slice(0, 3);
  // oxlint-disable-next-line no-console -- the figures of the run
  console.log(
    `slowest answers of ${GROWTH_BYTES / 1024} KiB: ${slowest.map(([ms, what]) => `${what} ${ms.toFixed(0)} ms`).join(', ')}`,
  );
});
