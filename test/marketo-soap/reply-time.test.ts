import { afterAll, expect, test } from 'vitest';
import { readSyncLeadReply } from '../../src/marketo-soap/reply.ts';
import {
  readSyncLeadReplyFast,
  readSyncMultipleLeadsReplyFast,
} from '../../src/marketo-soap/reply-fast-path.ts';

/** The largest answer that is read where nothing else is configured. */
const BYTES = 4 * 1_048_576;
/**
 * What takes quadratic time takes minutes; the slowest of these takes a third of a second on an idle core. The limit
 * lies far from both, so that a busy machine does not fail the run.
 */
const LIMIT_MS = 8000;

const SOAP = 'xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://www.marketo.com/mktows/"';

const inBody = (start: string, filling: string, end: string) =>
  fill(`<e:Envelope ${SOAP}><e:Body>${start}`, filling, `${end}</e:Body></e:Envelope>`);

const inResult = (start: string, filling: string, end: string) =>
  inBody(`<m:successSyncLead><result>${start}`, filling, `${end}</result></m:successSyncLead>`);

/** As much of the filling as there is room for; `#` in it is a number that is different each time. */
function fill(start: string, filling: string, end: string): Buffer {
  const room = BYTES - start.length - end.length;
  if (!filling.includes('#')) {
    return Buffer.from(start + filling.repeat(room / Buffer.byteLength(filling)) + end);
  }
  let filled = '';
  for (let count = 0; filled.length < room - 50; count += 1)
    filled += filling.replaceAll('#', count.toString(36));
  return Buffer.from(start + filled + end);
}

const hundred = (one: string) =>
  Array.from({ length: 100 }, (_, index) => one.replaceAll('$', String(index))).join(' ');

/** A third of the nodes an answer may have are prefixes of the root, a third elements, a third what they declare. */
function declaringElements(): Buffer {
  const count = 33_000;
  const prefixes = Array.from({ length: count }, (_, index) => `xmlns:p${index}="u"`).join(' ');
  return Buffer.from(
    `<e:Envelope ${SOAP} ${prefixes}><e:Body>${'<a xmlns:x="y"/>'.repeat(count)}</e:Body></e:Envelope>`,
  );
}

const timings: [number, string][] = [];

test.each<[string, () => Buffer]>([
  ['elements', () => inBody('', '<a/>', '')],
  ['elements of different names', () => inBody('', '<a#/>', '')],
  ['elements that are never closed', () => inBody('', '<a>', '')],
  ['elements with 100 attributes', () => inBody('', `<a ${hundred('b$=""')}/>`, '')],
  ['elements with 100 namespaces', () => inBody('', `<a ${hundred('xmlns:b$="$"')}/>`, '')],
  ['attributes', () => inBody('<a ', 'b#="" ', '/>')],
  ['the same attribute', () => inBody('<a ', 'b="" ', '/>')],
  ['namespaces', () => inBody('<a ', 'xmlns:b#="c" ', '/>')],
  ['namespaces, as many as there may be, and elements that each declare another', declaringElements],
  ['attributes without quotes', () => inBody('<a ', 'b=1 ', '/>')],
  ['attributes without values', () => inBody('<a ', 'b ', '/>')],
  ['quotes', () => inBody('<a b=', '"', '/>')],
  ['quotes of two kinds', () => inBody('<a b=', `'"' `, '/>')],
  ['blanks in a tag', () => inBody('<a', ' ', '/>')],
  ['tabs in an attribute', () => inBody('<a b="', '\t', '"/>')],
  ['references in an attribute', () => inBody('<a b="', '&lt;', '"/>')],
  ['one name', () => inBody('<', 'a', '/>')],
  ['colons in a name', () => inBody('<', 'a:', '/>')],
  ['references', () => inBody('', '&amp;', '')],
  ['numeric references', () => inBody('', '&#9;', '')],
  ['digits in a reference', () => inBody('&#', '1', ';')],
  ['ampersands', () => inBody('', '&', '')],
  ['opening brackets', () => fill('', '<', '')],
  ['closing brackets', () => inBody('', '>', '')],
  ['square brackets', () => inBody('', ']', '')],
  ['square brackets in CDATA', () => inBody('<![CDATA[', ']]', ' ]]>')],
  ['CDATA sections', () => inBody('', '<![CDATA[]]>', '')],
  ['CDATA sections that are never closed', () => inBody('', '<![CDATA[', '')],
  ['comments', () => inBody('', '<!---->', '')],
  ['comments that are never closed', () => inBody('', '<!--', '')],
  ['dashes in a comment', () => inBody('<!--', '- ', '-->')],
  ['processing instructions', () => inBody('', '<?a?>', '')],
  ['question marks in an instruction', () => inBody('<?a ', '? ', '?>')],
  ['exclamation marks', () => inBody('', '<!', '')],
  ['carriage returns', () => inBody('', '\r', '')],
  ['carriage returns and line feeds', () => inBody('', '\r\n', '')],
  ['line feeds', () => inBody('', '\n', '')],
  ['emoji', () => inBody('', '😀', '')],
  ['blanks', () => fill('', ' ', '')],
  ['blanks before HTML', () => fill('', ' ', '<html>')],
  ['a declaration of blanks', () => fill('<?xml version="1.0"', ' ', '?><a/>')],
  ['entities in a DOCTYPE', () => fill('<!DOCTYPE a [', '<!ENTITY b# "&b;&b;">', ']><a>&b1;</a>')],
  ['a DOCTYPE that is never closed', () => fill('<!DOCTYPE a ', '"', '')],
  ['comments with DOCTYPEs', () => fill('', '<!-- <!DOCTYPE a> -->', '<a/>')],
  ['Bodies', () => fill(`<e:Envelope ${SOAP}>`, '<e:Body/>', '</e:Envelope>')],
  ['results', () => inResult('', '</result><result>', '')],
  ['leadIds', () => inResult('', '<leadId>7</leadId>', '')],
  [
    'digits in a leadId',
    () => inResult('<leadId>', '7', '</leadId><syncStatus><status>UPDATED</status></syncStatus>'),
  ],
  [
    'blanks in a leadId',
    () => inResult('<leadId>7', ' ', '7</leadId><syncStatus><status>UPDATED</status></syncStatus>'),
  ],
  ['a status', () => inResult('<syncStatus><status>', 'U', '</status></syncStatus>')],
  [
    'blanks in an error',
    () => inResult('<syncStatus><status>FAILED</status><error>a', ' ', 'b</error></syncStatus>'),
  ],
  ['blanks in a faultstring', () => inBody('<e:Fault><faultstring>20014', ' ', 'b</faultstring></e:Fault>')],
  ['codes in a faultstring', () => inBody('<e:Fault><faultstring>', '(20014', '</faultstring></e:Fault>')],
  [
    'a number of many digits',
    () =>
      inResult(
        '<leadId>7</leadId><syncStatus><status>UPDATED</status></syncStatus><leadRecord><leadAttributeList><attribute><attrName>a</attrName><attrType>float</attrType><attrValue>',
        '1',
        '</attrValue></attribute></leadAttributeList></leadRecord>',
      ),
  ],
])('4 MiB of %s are read in linear time', (what, write) => {
  const bytes = write();
  expect(bytes.length).toBeLessThanOrEqual(BYTES);
  const startedAt = performance.now();
  readSyncLeadReplyFast(bytes, undefined);
  readSyncMultipleLeadsReplyFast(bytes, undefined);
  readSyncLeadReply(bytes, undefined);
  const elapsedMs = performance.now() - startedAt;
  timings.push([elapsedMs, what]);
  expect(elapsedMs).toBeLessThan(LIMIT_MS);
});

afterAll(() => {
  const slowest = timings.toSorted(([one], [other]) => other - one).slice(0, 3);
  // oxlint-disable-next-line no-console -- the figures of the run
  console.log(
    `slowest answers of 4 MiB: ${slowest.map(([ms, what]) => `${what} ${ms.toFixed(0)} ms`).join(', ')}`,
  );
});
