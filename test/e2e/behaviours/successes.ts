import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { success } from '../../support/answers.ts';
import { LEAD, rawAnswer, result, says, type UpstreamBehaviour } from './behaviour.ts';

const SOAP_NS = 'http://schemas.xmlsoap.org/soap/envelope/';
const SOAP12_NS = 'http://www.w3.org/2003/05/soap-envelope';
const MARKETO_NS = 'http://www.marketo.com/mktows/';

const STATUS =
  '<leadId>1089965</leadId><syncStatus><leadId>1089965</leadId><status>UPDATED</status></syncStatus>';

/** An answer with the lead's address and attributes as given. */
const withLead = (attributes: string, email = 't@t.com') =>
  success({
    leadRecord: `<leadRecord><Id>1089965</Id><Email>${email}</Email><ForeignSysPersonId xsi:nil="true"/><ForeignSysType xsi:nil="true"/><leadAttributeList>${attributes}</leadAttributeList></leadRecord>`,
  });

const attribute = (name: string, type: string, value: string) =>
  `<attribute><attrName>${name}</attrName><attrType>${type}</attrType><attrValue>${value}</attrValue></attribute>`;

const named = (value: string) => withLead(attribute('FirstName', 'string', value));
const leadNamed = (FirstName: unknown) => result({ lead: { ...LEAD, attributes: { FirstName } } });

const ZOE = named('Zoë');

/** The prefixes and declarations that servers write. */
const SPELLINGS: readonly [string, string][] = [
  ["the vendor's own", success()],
  [
    'soapenv:',
    `<soapenv:Envelope xmlns:soapenv="${SOAP_NS}"><soapenv:Body><ns2:successSyncLead xmlns:ns2="${MARKETO_NS}"><result>${STATUS}</result></ns2:successSyncLead></soapenv:Body></soapenv:Envelope>`,
  ],
  [
    'S:, as JAX-WS writes it',
    `<?xml version='1.0' encoding='UTF-8'?><S:Envelope xmlns:S="${SOAP_NS}"><S:Body><ns2:successSyncLead xmlns:ns2="${MARKETO_NS}"><result>${STATUS}</result></ns2:successSyncLead></S:Body></S:Envelope>`,
  ],
  [
    'no prefix anywhere',
    `<Envelope xmlns="${SOAP_NS}"><Body><successSyncLead xmlns="${MARKETO_NS}"><result xmlns="">${STATUS}</result></successSyncLead></Body></Envelope>`,
  ],
  [
    'a default namespace that covers the children',
    `<s:Envelope xmlns:s="${SOAP_NS}"><s:Body><successSyncLead xmlns="${MARKETO_NS}"><result>${STATUS}</result></successSyncLead></s:Body></s:Envelope>`,
  ],
  [
    'one prefix for everything',
    `<a:Envelope xmlns:a="${SOAP_NS}"><a:Body><a:successSyncLead xmlns:a="${MARKETO_NS}"><result>${STATUS}</result></a:successSyncLead></a:Body></a:Envelope>`,
  ],
  [
    'qualified children',
    `<s:Envelope xmlns:s="${SOAP_NS}" xmlns:m="${MARKETO_NS}"><s:Body><m:successSyncLead><m:result>${STATUS.replaceAll(/<(\/?)/g, '<$1m:')}</m:result></m:successSyncLead></s:Body></s:Envelope>`,
  ],
  ['SOAP 1.2', success().replace(SOAP_NS, SOAP12_NS)],
  [
    'a header block',
    success().replace('<SOAP-ENV:Body>', '<SOAP-ENV:Header><a/></SOAP-ENV:Header><SOAP-ENV:Body>'),
  ],
  ['CDATA', success({ status: '<![CDATA[UPDATED]]>', leadId: '<![CDATA[1089965]]>' })],
  [
    'comments',
    success({ status: 'UP<!-- <status>FAILED</status> -->DATED' }).replace('<result>', '<!-- - --><result>'),
  ],
  ['processing instructions', success().replace('<result>', `<?a it's?><result><?b "?>`)],
  [
    'white space everywhere',
    success({ status: '\n UPDATED\t', leadId: ' 1089965\r\n' }).replaceAll('><', '>\n  <'),
  ],
  ['numeric references', success({ status: 'UP&#68;&#x41;TED' })],
  [
    'unknown elements',
    success()
      .replace('<status>', '<warning>x</warning><status>')
      .replace('</result>', '<new><leadId>5</leadId></new></result>'),
  ],
  ['xsi:type on the elements', success().replace('<status>', '<status xsi:type="ns1:LeadSyncStatus">')],
  ['no leadId in the syncStatus', success().replace('<syncStatus><leadId>1089965</leadId>', '<syncStatus>')],
  [
    'another order of elements',
    success().replace(/(<leadId>\d+<\/leadId>)(<syncStatus>.*<\/syncStatus>)/, '$2$1'),
  ],
];

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const declaring = (encoding: string) => ZOE.replace('UTF-8', encoding);

const ENCODINGS: readonly [string, Buffer, string?][] = [
  ['UTF-8', Buffer.from(ZOE)],
  ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${ZOE}`)],
  ['UTF-8 that nothing declares', Buffer.from(ZOE.slice(39)), 'text/xml'],
  ['UTF-8 that says it is UTF-16', Buffer.from(declaring('utf-16'))],
  ['UTF-16LE with a byte order mark', Buffer.from(`\uFEFF${declaring('UTF-16')}`, 'utf16le')],
  ['UTF-16BE with a byte order mark', utf16be(`\uFEFF${declaring('UTF-16')}`)],
  ['UTF-16LE without a byte order mark', Buffer.from(declaring('UTF-16LE'), 'utf16le')],
  ['UTF-16BE without a byte order mark', utf16be(declaring('UTF-16'))],
  ['ISO-8859-1 by declaration', Buffer.from(declaring('ISO-8859-1'), 'latin1'), 'text/xml'],
  ['ISO-8859-1 by Content-Type', Buffer.from(ZOE.slice(39), 'latin1'), 'text/xml; charset=iso-8859-1'],
  ['US-ASCII with references', Buffer.from(declaring('US-ASCII').replace('ë', '&#235;'), 'latin1')],
  ['UTF-8, called text/plain', Buffer.from(ZOE), 'text/plain'],
  [
    'UTF-8, called application/soap+xml',
    Buffer.from(ZOE),
    'application/soap+xml; charset="utf-8"; action="x"',
  ],
];

/** Encodings of one byte a character, and of several, each with a word it has and ISO-8859-1 has not. */
const LEGACY_ENCODINGS: readonly [string, string, string][] = [
  ['windows-1252', '€ – Zoë’s', '802096205a6feb9273'],
  ['iso_8859-1', '€ – Zoë’s', '802096205a6feb9273'],
  ['windows-1250', 'Łódź', 'a3f3649f'],
  ['windows-1251', 'Зоя', 'c7eeff'],
  ['windows-1253', 'Ζωή', 'c6f9de'],
  ['ISO-8859-2', 'Łódź', 'a3f364bc'],
  ['ISO-8859-7', 'Ζωή', 'c6f9de'],
  ['ISO-8859-9', 'Şule', 'de756c65'],
  ['ISO-8859-15', '€', 'a4'],
  ['KOI8-R', 'Зоя', 'facfd1'],
  ['macintosh', 'Zoë', '5a6f91'],
  ['IBM866', 'Зоя', '87aeef'],
  ['GBK', '名前', 'c3fbc7b0'],
  ['GB18030', '😀', '9439fc36'],
  ['Big5', '名', 'a657'],
  ['Shift_JIS', 'ソ表', '835c955c'],
  ['EUC-JP', '名前', 'ccbec1b0'],
  ['ISO-2022-JP', '名前', '1b24424c3e41301b2842'],
  ['EUC-KR', '이름', 'c0ccb8a7'],
];

const inBytes = (xml: string, hex: string) => {
  const [before = '', after = ''] = xml.split('Zoë');
  return Buffer.concat([
    Buffer.from(before),
    Buffer.from(hex.replaceAll(' ', ''), 'hex'),
    Buffer.from(after),
  ]);
};

const NUL = '\0';
const MARK = '\uFEFF';
const BARE = ZOE.slice(39).trimEnd();

/** What servers and proxies leave around a document. */
const PADDED: readonly [string, Buffer][] = [
  ['a line feed before it', Buffer.from(`\n${ZOE}`)],
  ['blanks and line feeds before it', Buffer.from(` \t\r\n\n${ZOE}`)],
  ['a line feed and a byte order mark before it', Buffer.from(`\n${MARK}${ZOE}`)],
  ['two byte order marks before it', Buffer.from(MARK + MARK + ZOE)],
  ['a NUL before it', Buffer.from(NUL + ZOE)],
  ['a line feed before one without a declaration', Buffer.from(`\n${BARE}`)],
  ['blanks behind it', Buffer.from(`${ZOE} \t\r\n`)],
  ['a NUL behind it', Buffer.from(ZOE + NUL)],
  ['many NULs behind it', Buffer.from(ZOE + NUL.repeat(4096))],
  ['a byte order mark behind it', Buffer.from(ZOE + MARK)],
  ['NULs, line feeds and a byte order mark behind it', Buffer.from(`${ZOE}\n${NUL}${MARK}\r\n${NUL}`)],
  ['a comment and an instruction behind it', Buffer.from(`${ZOE}<!-- served by a -->\n<?b c?>\n`)],
  ['a NUL, a comment and a NUL behind it', Buffer.from(`${ZOE}${NUL}<!-- a -->${NUL}`)],
  ['a comment before one without a declaration', Buffer.from(`\n<!-- a -->\n${BARE}`)],
  ['a line feed before its mark, in UTF-16LE', Buffer.from(`\n${MARK}${declaring('UTF-16')}`, 'utf16le')],
  ['a line feed before its mark, in UTF-16BE', utf16be(`\n${MARK}${declaring('UTF-16')}`)],
  ['line feeds before it, in UTF-16LE without a mark', Buffer.from(`\r\n${declaring('UTF-16')}`, 'utf16le')],
  ['line feeds before it, in UTF-16BE without a mark', utf16be(`\n\n\n${declaring('UTF-16')}`)],
  ['NULs behind it, in UTF-16LE', Buffer.from(`${MARK}${declaring('UTF-16')}\n${NUL}`, 'utf16le')],
  [
    'one byte of NUL behind it, in UTF-16BE',
    Buffer.concat([utf16be(MARK + declaring('UTF-16')), Buffer.of(0)]),
  ],
  ['a NUL behind it, in windows-1252', Buffer.from(`\n${declaring('windows-1252')}${NUL}`, 'latin1')],
];

const CODINGS: readonly [string, string, Buffer][] = [
  ['gzip', 'gzip', gzipSync(ZOE)],
  ['deflate', 'deflate', deflateSync(ZOE)],
  ['deflate without its wrapper', 'deflate', deflateRawSync(ZOE)],
  ['br', 'br', brotliCompressSync(ZOE)],
  ['gzip twice', 'gzip, gzip', gzipSync(gzipSync(ZOE))],
];

/** Pieces of a lead, and the member they must become. */
const VALUES: readonly [string, string, object][] = [
  ['one attribute', attribute('FirstName', 'string', 'George'), { FirstName: 'George' }],
  ['no attribute', '', {}],
  [
    '1000 attributes',
    Array.from({ length: 1000 }, (_, index) => attribute(`F${index}`, 'integer', String(index))).join(''),
    Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`F${index}`, index])),
  ],
  [
    'an attribute without a value',
    '<attribute><attrName>A</attrName><attrType>string</attrType></attribute>',
    { A: null },
  ],
  ['an attribute with an empty value', attribute('A', 'integer', ''), { A: null }],
  [
    'an attribute without a type',
    '<attribute><attrName>A</attrName><attrValue>1</attrValue></attribute>',
    { A: '1' },
  ],
  [
    'xsi:nil in three spellings',
    '<attribute><attrName>A</attrName><attrValue xsi:nil="true"/></attribute>' +
      '<attribute><attrName>B</attrName><attrValue xsi:nil="1"></attrValue></attribute>' +
      `<attribute><attrName>C</attrName><attrValue xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='true'/></attribute>`,
    { A: null, B: null, C: null },
  ],
  ['the entities of XML', attribute('A', 'string', '&lt;&gt;&amp;&quot;&apos;'), { A: `<>&"'` }],
  ['numeric references beyond the BMP', attribute('A', 'string', '&#x1F600;&#128512;'), { A: '😀😀' }],
  ['a reference that is escaped', attribute('A', 'string', '&amp;lt;'), { A: '&lt;' }],
  ['markup in CDATA', attribute('A', 'string', ' <![CDATA[<b>&amp;</b>]]> '), { A: ' <b>&amp;</b> ' }],
  ['line breaks', attribute('A', 'text', 'a\r\nb&#13;\nc'), { A: 'a\nb\r\nc' }],
  [
    'typed values',
    attribute('I', 'integer', '-5') +
      attribute('S', 'score', '62') +
      attribute('F', 'float', '1.50') +
      attribute('T', 'boolean', '1') +
      attribute('N', 'boolean', 'false') +
      attribute('Z', 'string', '02134') +
      attribute('E', 'string', '0E68') +
      attribute('D', 'date', '2013-08-01'),
    { I: -5, S: 62, F: 1.5, T: true, N: false, Z: '02134', E: '0E68', D: '2013-08-01' },
  ],
  [
    'values that do not fit their types',
    attribute('I', 'integer', '9007199254740993') +
      attribute('F', 'float', '1,5') +
      attribute('B', 'boolean', 'yes'),
    { I: '9007199254740993', F: '1,5', B: 'yes' },
  ],
  [
    'attributes named like properties',
    attribute('__proto__', 'string', 'x') + attribute('constructor', 'integer', '1'),
    {
      ['__proto__']: 'x',
      constructor: 1,
    },
  ],
];

export const SUCCESSES: readonly UpstreamBehaviour[] = [
  ...SPELLINGS.map(([what, body]) => ({
    what: `spelling: ${what}`,
    upstream: says(body),
    expected: result(),
    calls: 1,
  })),
  ...ENCODINGS.map(([what, body, contentType]) => ({
    what: `encoding: ${what}`,
    upstream: says(body, { headers: { 'content-type': contentType ?? 'text/xml' } }),
    expected: leadNamed('Zoë'),
    calls: 1,
  })),
  ...LEGACY_ENCODINGS.flatMap(([encoding, word, hex]) => [
    {
      what: `encoding: ${encoding} by declaration`,
      upstream: says(inBytes(declaring(encoding), hex), { headers: { 'content-type': 'text/xml' } }),
      expected: leadNamed(word),
      calls: 1,
    },
    {
      what: `encoding: ${encoding} by Content-Type`,
      upstream: says(inBytes(BARE, hex), { headers: { 'content-type': `text/xml; charset="${encoding}"` } }),
      expected: leadNamed(word),
      calls: 1,
    },
  ]),
  ...PADDED.map(([what, body]) => ({
    what: `around the document: ${what}`,
    upstream: says(body, { headers: { 'content-type': 'text/xml' } }),
    expected: leadNamed('Zoë'),
    calls: 1,
  })),
  ...CODINGS.map(([what, coding, body]) => ({
    what: `compressed: ${what}`,
    upstream: says(body, { headers: { 'content-encoding': coding } }),
    expected: leadNamed('Zoë'),
    calls: 1,
  })),
  ...VALUES.map(([what, attributes, expected]) => ({
    what: `lead: ${what}`,
    upstream: says(withLead(attributes)),
    expected: result({ lead: { ...LEAD, attributes: expected } }),
    calls: 1,
  })),
  {
    what: 'lead: empty elements instead of nil ones',
    upstream: says(
      success({
        leadRecord:
          '<leadRecord><Id/><Email/><ForeignSysPersonId/><ForeignSysType/><leadAttributeList/></leadRecord>',
      }),
    ),
    expected: result({ lead: { ...LEAD, id: null, email: null } }),
  },
  {
    what: 'lead: missing elements instead of nil ones',
    upstream: says(success({ leadRecord: '<leadRecord/>' })),
    expected: result({ lead: { ...LEAD, id: null, email: null } }),
  },
  {
    what: 'status CREATED',
    upstream: says(success({ status: 'CREATED' })),
    expected: result({ status: 'CREATED' }),
  },
  {
    what: 'status UNCHANGED',
    upstream: says(success({ status: 'UNCHANGED' })),
    expected: result({ status: 'UNCHANGED' }),
  },
  {
    what: 'a success whose HTTP status a proxy changed to 500',
    upstream: says(success(), { status: 500 }),
    expected: result(),
  },
  {
    what: 'chunks of one byte',
    upstream: {
      http: async (response) => {
        response.writeHead(200, { 'content-type': 'text/xml' });
        for (const byte of Buffer.from(success())) response.write(Buffer.of(byte));
        response.end();
      },
    },
    expected: result(),
    calls: 1,
  },
  {
    what: 'bytes one at a time, head and body',
    upstream: {
      raw: {
        onRequest(socket) {
          socket.setNoDelay(true);
          const bytes = Buffer.from(rawAnswer(success()));
          let at = 0;
          const writeNext = () => {
            if (at >= bytes.length || socket.destroyed) return;
            socket.write(bytes.subarray(at, (at += 1)), () => setImmediate(writeNext));
          };
          writeNext();
        },
      },
    },
    expected: result(),
    calls: 1,
  },
  {
    what: 'HTTP/1.0 that ends with the connection',
    upstream: {
      raw: {
        onRequest: (socket) =>
          void socket.end(`HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n${success()}`),
      },
    },
    expected: result(),
    calls: 1,
  },
  {
    what: 'HTTP/1.1 without a length',
    upstream: {
      raw: {
        onRequest: (socket) =>
          void socket.end(`HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n${success()}`),
      },
    },
    expected: result(),
    calls: 1,
  },
  {
    what: '103 Early Hints before the answer',
    upstream: {
      raw: {
        onRequest: (socket) =>
          void socket.write(`HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n${rawAnswer(success())}`),
      },
    },
    expected: result(),
    calls: 1,
  },
  {
    what: 'the answer before the request was read',
    upstream: {
      raw: { onConnection: (socket) => void socket.once('data', () => socket.write(rawAnswer(success()))) },
    },
    expected: result(),
  },
  {
    what: 'an answer that takes its time',
    upstream: {
      http: (response) =>
        void setTimeout(() => response.writeHead(200, { 'content-type': 'text/xml' }).end(success()), 200),
    },
    expected: result(),
    calls: 1,
  },
];
