import { deflateSync, gzipSync } from 'node:zlib';
import { envelope, success } from '../../support/answers.ts';
import { badResponse, problem, rawAnswer, says, unreachable, type UpstreamBehaviour } from './behaviour.ts';

const MIB = 1_048_576;

const HTML = '<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Error</h1><br></body></html>';
const html = (status: number) => says(HTML, { status, headers: { 'content-type': 'text/html' } });
const passing = problem(502, 'upstream-bad-response', { retryable: true });

const wrongWord = (message: string) =>
  problem(502, 'upstream-bad-response', { retryable: false, upstream: { message } });

const once = success();
const declare = (doctype: string, body: string) =>
  once.replace('?>\n', `?>\n${doctype}\n`).replace('<status>UPDATED', `<status>${body}`);

const BILLION_LAUGHS = declare(
  `<!DOCTYPE a [<!ENTITY l0 "UPDATED">${Array.from({ length: 9 }, (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`).join('')}]>`,
  '&l9;',
);
const QUADRATIC_BLOWUP = declare(`<!DOCTYPE a [<!ENTITY a "${'a'.repeat(100_000)}">]>`, '&a;'.repeat(10_000));
const EXTERNAL_ENTITY = declare('<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>', '&a;');

/** What is no answer to a syncLead, on the HTTP status given. */
const BODIES: readonly [string, string | Buffer, number?][] = [
  ['HTML on 200', HTML],
  ['HTML on 404', HTML, 404],
  ['HTML on 500', HTML, 500],
  ['XHTML on 200', '<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>'],
  ['JSON', '{"leadId":1089965,"status":"UPDATED"}'],
  ['plain text', 'UPDATED'],
  ['nothing on 200', ''],
  ['nothing on 201', '', 201],
  ['nothing on 401', '', 401],
  ['nothing on 429', '', 429],
  ['nothing on 500', '', 500],
  ['blanks', ' \r\n'],
  ['a byte order mark', '\uFEFF'],
  ['nulls', Buffer.alloc(100)],
  ['random bytes', Buffer.from('f1a9027cdeadbeef00ff3c3f786d6c', 'hex')],
  ['two roots', once + once.slice(39)],
  ['a root and an empty one', `${once}<a/>`],
  ['text after the root', `${once}OK`],
  ['text and a NUL after the root', `${once}\0OK`],
  ['a control character after the root', `${once}\x01`],
  ['two roots with NULs between them', `${once}\0\0${once.slice(39)}`],
  ['two documents with a byte order mark between them', `${once}\uFEFF${once}`],
  ['text before the root', once.replace('<SOAP-ENV:Envelope', 'OK<SOAP-ENV:Envelope')],
  ['a NUL inside the root', once.replace('<result>', '\0<result>')],
  ['a byte order mark inside a name', once.replaceAll('status>', 'sta\uFEFFtus>')],
  [
    'half a character of Shift_JIS before markup',
    Buffer.from(once.replace('UTF-8', 'Shift_JIS').replace('UPDATED<', 'UPDATED\x83<'), 'latin1'),
  ],
  [
    'a byte that EUC-KR has not',
    Buffer.from(once.replace('UTF-8', 'EUC-KR').replace('UPDATED', '\xff'), 'latin1'),
  ],
  ['a control character of IBM866', once.replace('UTF-8', 'IBM866').replace('UPDATED', 'UPDATED\x1c')],
  ['a DOCTYPE', declare('<!DOCTYPE a>', 'UPDATED')],
  ['billion laughs', BILLION_LAUGHS],
  ['quadratic blow-up', QUADRATIC_BLOWUP],
  ['an external entity', EXTERNAL_ENTITY],
  ['10,000 levels of elements', once.replace('<result>', '<a>'.repeat(10_000) + '<result>')],
  [
    '10,000 levels of elements, all closed',
    once.replace('<result>', `<result>${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}`),
  ],
  [
    'half a million attributes',
    once.replace(
      '<result>',
      `<result ${Array.from({ length: 300_000 }, (_, index) => `a${index}=""`).join(' ')}>`,
    ),
  ],
  ['half a million elements', once.replace('<result>', `<result>${'<a/>'.repeat(500_000)}`)],
  ['an undeclared entity', success({ status: 'UPDATED&nbsp;' })],
  ['a reference to a null', success({ status: 'UPDATED&#0;' })],
  ['an undeclared prefix', once.replace(' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', '')],
  ['tags that cross', success({ error: '' }).replace('</status></syncStatus>', '</syncStatus></status>')],
  ['an envelope in another namespace', once.replace('/soap/envelope/', '/soap/envelope')],
  ['a success in another namespace', once.replace('http://www.marketo.com/mktows/', 'urn:other')],
  ['a success in no namespace', once.replaceAll('ns1:successSyncLead', 'successSyncLead')],
  ['a success of getLead', once.replaceAll('successSyncLead', 'successGetLead')],
  ['a success of syncMultipleLeads', once.replaceAll('successSyncLead', 'successSyncMultipleLeads')],
  ['the request itself', once.replaceAll('successSyncLead', 'paramsSyncLead')],
  ['a success outside a Body', once.replaceAll('SOAP-ENV:Body', 'SOAP-ENV:Header')],
  ['an empty Body', envelope('')],
  ['a fault and a success', once.replace('<SOAP-ENV:Body>', '<SOAP-ENV:Body><SOAP-ENV:Fault/>')],
  [
    'a fault hidden from parsers that mind quotes in instructions',
    once.replace('<SOAP-ENV:Body>', `<SOAP-ENV:Body><?a "?><SOAP-ENV:Fault/><?a "?>`),
  ],
  ['two successes', once.replace(/(<ns1:success.*<\/ns1:successSyncLead>)/, '$1$1')],
  ['two results', once.replace(/(<result>.*<\/result>)/, '$1$1')],
  ['two statuses', once.replace('<status>', '<status>UPDATED</status><status>')],
  ['no result', envelope('<ns1:successSyncLead/>')],
  ['no syncStatus', once.replace(/<syncStatus>.*<\/syncStatus>/, '')],
  ['leadIds that differ', once.replace('<syncStatus><leadId>1089965', '<syncStatus><leadId>1089966')],
  ['a record of another lead', success({ leadRecord: '<leadRecord><Id>5</Id></leadRecord>' })],
  [
    'a record with an attribute without a name',
    success({ leadRecord: '<leadRecord><leadAttributeList><attribute/></leadAttributeList></leadRecord>' }),
  ],
  ['a status of elements', success({ status: '<UPDATED/>' })],
  ['Latin-1 that says it is UTF-8', Buffer.from(success({ error: '<error>é</error>' }), 'latin1')],
  ['UTF-16 of an odd length', Buffer.concat([Buffer.from(`\uFEFF${once}`, 'utf16le'), Buffer.of(0x3c)])],
];

/** One kind of cut for each tenth byte: the length that is announced is that of the part, or of the whole. */
const CUTS: readonly UpstreamBehaviour[] = Array.from(
  { length: Math.ceil(once.trimEnd().length / 10) },
  (_, index) => index * 10,
).flatMap((bytes) => [
  { what: `cut after ${bytes} bytes`, upstream: says(once.slice(0, bytes)), expected: badResponse, calls: 1 },
  ...(bytes % 100 === 0
    ? [
        {
          what: `cut after ${bytes} bytes with the length of the whole`,
          upstream: {
            raw: { onRequest: (socket) => void socket.end(rawAnswer(once).slice(0, -once.length + bytes)) },
          },
          expected: unreachable,
        } satisfies UpstreamBehaviour,
        {
          what: `cut after ${bytes} bytes without a length`,
          upstream: {
            raw: { onRequest: (socket) => void socket.end(`HTTP/1.1 200 OK\r\n\r\n${once.slice(0, bytes)}`) },
          },
          expected: badResponse,
        } satisfies UpstreamBehaviour,
      ]
    : []),
]);

/** 20 MiB in pieces, until the other side has had enough. */
const large = (headers: Record<string, string>): UpstreamBehaviour['upstream'] => ({
  http: (response) => {
    response.writeHead(200, { 'content-type': 'text/xml', ...headers });
    let left = 20;
    const more = () => {
      if (response.destroyed) return;
      left -= 1;
      if (left === 0) response.end(Buffer.alloc(MIB, ' '));
      else response.write(Buffer.alloc(MIB, ' '), more);
    };
    more();
  },
});

export const WRONG_ANSWERS: readonly UpstreamBehaviour[] = [
  ...BODIES.map(([what, body, status = 200]) => ({
    what: `body: ${what}`,
    upstream: says(body, { status }),
    expected: badResponse,
    calls: 1,
  })),
  ...[502, 503, 504].flatMap((status) => [
    { what: `body: HTML on ${status}`, upstream: html(status), expected: passing },
    { what: `body: nothing on ${status}`, upstream: says('', { status }), expected: passing },
  ]),
  {
    what: 'body: HTML on 503 with a Retry-After of an hour',
    upstream: says(HTML, { status: 503, headers: { 'retry-after': '3600' } }),
    expected: passing,
    calls: 1,
  },
  ...['SKIPPED', 'updated', 'UPDATED CREATED', 'OK'].map((status) => ({
    what: `status ${status}`,
    upstream: says(success({ status })),
    expected: wrongWord(status),
    calls: 1,
  })),
  { what: 'an empty status', upstream: says(success({ status: '' })), expected: wrongWord('(none)') },
  {
    what: 'a status of 1 MiB',
    upstream: says(success({ status: 'U'.repeat(MIB) })),
    expected: wrongWord(`${'U'.repeat(80)}…`),
  },
  ...[
    '0',
    '-1',
    '12x',
    '1.5',
    '1e6',
    '0x10',
    '2147483648',
    '99999999999999999999',
    'true',
    'null',
    '1 2',
  ].map((leadId) => ({
    what: `leadId ${leadId}`,
    upstream: says(success({ leadId })),
    expected: wrongWord(leadId),
    calls: 1,
  })),
  { what: 'an empty leadId', upstream: says(success({ leadId: '' })), expected: wrongWord('(none)') },
  {
    what: 'a nil leadId',
    upstream: says(once.replace('<leadId>', '<leadId xsi:nil="true">')),
    expected: wrongWord('(none)'),
  },
  {
    what: 'no leadId',
    upstream: says(once.replaceAll(/<leadId>\d+<\/leadId>/g, '')),
    expected: wrongWord('(none)'),
  },
  {
    what: '204',
    upstream: { http: (response) => void response.writeHead(204).end() },
    expected: badResponse,
    calls: 1,
  },
  ...[301, 302, 307, 308].map((status) => ({
    what: `a redirect ${status}`,
    upstream: says('', { status, headers: { location: '/elsewhere' } }),
    expected: badResponse,
    calls: 1,
  })),
  ...CUTS,
  {
    what: '20 MiB that are announced',
    upstream: large({ 'content-length': String(20 * MIB) }),
    expected: badResponse,
    calls: 1,
  },
  { what: '20 MiB that are not announced', upstream: large({}), expected: badResponse, calls: 1 },
  {
    what: 'a gzip bomb of 200 MiB',
    upstream: says(gzipSync(Buffer.alloc(200 * MIB), { level: 1 }), {
      headers: { 'content-encoding': 'gzip' },
    }),
    expected: badResponse,
    calls: 1,
  },
  {
    what: 'a cut gzip',
    upstream: says(gzipSync(once).subarray(0, -9), { headers: { 'content-encoding': 'gzip' } }),
    expected: badResponse,
  },
  {
    what: 'plain text declared as gzip',
    upstream: says(once, { headers: { 'content-encoding': 'gzip' } }),
    expected: badResponse,
  },
  {
    what: 'undeclared deflate',
    upstream: says(deflateSync(once)),
    expected: badResponse,
  },
  {
    what: 'an unknown content coding',
    upstream: says(once, { headers: { 'content-encoding': 'zstd' } }),
    expected: badResponse,
  },
  {
    what: 'an unknown charset',
    upstream: says(once.slice(39), { headers: { 'content-type': 'text/xml; charset=ebcdic' } }),
    expected: wrongWord('ebcdic'),
  },
  ...['UTF-7', 'utf-32', 'x-user-defined', 'hz-gb-2312', 'ISO-2022-KR'].map((charset) => ({
    what: `a charset of ${charset}`,
    upstream: says(once.slice(39), { headers: { 'content-type': `text/xml; charset=${charset}` } }),
    expected: wrongWord(charset),
  })),
  {
    what: 'an unknown encoding by declaration',
    upstream: says(once.replace('UTF-8', 'IBM037')),
    expected: wrongWord('IBM037'),
  },
];
