import { envelope, fault, success } from '../support/answers.ts';

/** 0 up to but not 1, the same sequence for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;

const below = (random: Random, end: number) => Math.floor(random() * end);
const pick = <T>(random: Random, values: readonly T[]): T => values[below(random, values.length)] as T;

/** Any bytes; every other time they begin like a document. */
export function randomBytes(random: Random): Buffer {
  const bytes = Buffer.alloc(below(random, 200));
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = below(random, 256);
  return random() < 0.5 ? bytes : Buffer.concat([Buffer.from(pick(random, STARTS), 'latin1'), bytes]);
}

const STARTS = [
  '<',
  '<?xml ',
  '\xef\xbb\xbf<',
  '\xff\xfe<\0',
  '\xfe\xff\0<',
  '<!DOCTYPE ',
  '<a>',
  '<a b="',
  '<![CDATA[',
];

const LEAD_RECORD =
  '<leadRecord><Id>1089965</Id><Email>t@t.com</Email><ForeignSysPersonId xsi:nil="true"/><ForeignSysType xsi:nil="true"/><leadAttributeList>' +
  '<attribute><attrName>FirstName</attrName><attrType>string</attrType><attrValue>Zo&#235; &amp; é</attrValue></attribute>' +
  '<attribute><attrName>LeadScore</attrName><attrType>score</attrType><attrValue><![CDATA[62]]></attrValue></attribute>' +
  '</leadAttributeList></leadRecord>';

/** Answers as servers send them. */
const REAL_ANSWERS: readonly Buffer[] = [
  Buffer.from(success()),
  Buffer.from(success({ status: 'CREATED', leadRecord: LEAD_RECORD })),
  Buffer.from(success({ status: 'FAILED', error: '<error>Lead is a duplicate</error>' })),
  Buffer.from(fault(20105, 'Unknown lead field')),
  Buffer.from(envelope('<SOAP-ENV:Fault><faultstring>20014 - no</faultstring></SOAP-ENV:Fault>')),
  Buffer.from(success().replace('UTF-8', 'ISO-8859-1'), 'latin1'),
  Buffer.from(`\uFEFF${success().slice(39)}`, 'utf16le'),
  Buffer.from('<!DOCTYPE html><html><body>502 Bad Gateway</body></html>'),
  Buffer.from(
    `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><successSyncLead xmlns="http://www.marketo.com/mktows/"><result xmlns=""><leadId>7</leadId><!-- a --><?b c?><syncStatus><status>UPDATED</status></syncStatus></result></successSyncLead></S:Body></S:Envelope>`,
  ),
];

/** A real answer with none to four things done to it that networks and proxies do, and some that they do not. */
export function mutatedAnswer(random: Random): Buffer {
  return mutated(pick(random, REAL_ANSWERS), random);
}

/** The same of an answer of your own. */
export function mutated(answer: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(answer);
  for (let times = random() < 0.5 ? 1 : below(random, 5); times > 0; times -= 1)
    bytes = mutate(bytes, random);
  return bytes;
}

function mutate(bytes: Buffer, random: Random): Buffer {
  const from = below(random, bytes.length + 1);
  const to = Math.min(bytes.length, from + below(random, 60));
  const [before, middle, after] = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
  switch (below(random, 8)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (from < flipped.length) flipped[from] = (flipped[from] ?? 0) ^ (1 << below(random, 8));
      return flipped;
    }
    case 1:
      return before;
    case 2:
      return Buffer.concat([before, middle, middle, after]);
    case 3:
      return Buffer.concat([before, after]);
    case 4: {
      const other = pick(random, REAL_ANSWERS);
      return Buffer.concat([before, other.subarray(below(random, other.length))]);
    }
    case 5:
      return Buffer.concat([before, Buffer.from(pick(random, SNIPPETS), 'latin1'), after]);
    case 6:
      return Buffer.concat([before, Buffer.from(pick(random, SNIPPETS), 'latin1'), middle, after]);
    default:
      return Buffer.concat([after, before]);
  }
}

const SNIPPETS = [
  '<!-- ',
  ' -->',
  '<![CDATA[',
  ']]>',
  '<?a "',
  '?>',
  '<!DOCTYPE a>',
  '<!',
  '</',
  '/>',
  '<',
  '>',
  '&',
  ';',
  '"',
  "'",
  '&amp;',
  '&#0;',
  '&#65;',
  '&nbsp;',
  '&#xD800;',
  '&#x10FFFF;',
  '\0',
  '\xff',
  '\xc3\xa9',
  '\xed\xa0\x80',
  '\xef\xbb\xbf',
  '\r\n',
  ' ',
  ' xmlns=""',
  ' xmlns:a="b"',
  ' xsi:nil="true"',
  '<a/>',
  '<leadId>9</leadId>',
  '<status>CREATED</status>',
  '<result/>',
  'a:',
];

/** A document that is put together from the words of the protocol; most are well-formed and few are right. */
export function generatedAnswer(random: Random): Buffer {
  const soap = pick(random, ['SOAP-ENV', 'S', '']);
  const service = pick(random, ['ns1', 'm', '']);
  const name = (prefix: string, local: string) => (prefix === '' ? local : `${prefix}:${local}`);
  const bind = (prefix: string, uri: string) => `${prefix === '' ? 'xmlns' : `xmlns:${prefix}`}="${uri}"`;
  const envelopeNs = pick(random, ENVELOPE_NAMESPACES);
  const children = some(
    random,
    0.03,
    () => `<result${service === '' ? ' xmlns=""' : ''}>${resultContent(random)}</result>`,
  );
  const answer = name(service, random() < 0.95 ? 'successSyncLead' : 'successGetLead');
  const bodies = some(random, 0.02, () =>
    random() < 0.85
      ? `<${answer} ${bind(service, pick(random, SERVICE_NAMESPACES))}>${children}</${answer}>`
      : `<${name(soap, 'Fault')}>${faultContent(random)}</${name(soap, 'Fault')}>`,
  );
  const root = name(soap, 'Envelope');
  const body = name(soap, 'Body');
  return Buffer.from(
    `${pick(random, PROLOGUES)}<${root} ${bind(soap, envelopeNs)} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><${body}>${bodies}</${body}></${root}>${pick(random, EPILOGUES)}`,
  );
}

const mostly = (value: string) => Array.from({ length: 30 }, () => value);

const ENVELOPE_NAMESPACES = [
  ...mostly('http://schemas.xmlsoap.org/soap/envelope/'),
  'http://www.w3.org/2003/05/soap-envelope',
  'urn:other',
];
const SERVICE_NAMESPACES = [...mostly('http://www.marketo.com/mktows/'), 'urn:other'];
const PROLOGUES = [
  ...mostly(''),
  '<?xml version="1.0"?>',
  "<?xml version='1.0' encoding='utf-8'?>\n",
  '<!-- a -->',
  "<?p it's?>",
  '\n',
  '<!DOCTYPE a>',
  'x',
];
const EPILOGUES = [...mostly(''), '\n', '<!-- a -->', '<?p "?>', 'x', '<a/>'];
const IDS = [
  ...mostly('7'),
  ' 7 ',
  '+7',
  '8',
  '0',
  '',
  '7x',
  '<![CDATA[7]]>',
  '&#55;',
  '7<!-- -->',
  '<b/>7',
  '٧',
];
const STATUSES = [
  ...mostly('UPDATED'),
  'CREATED',
  'UNCHANGED',
  ' UPDATED\n',
  'FAILED',
  'SKIPPED',
  'updated',
  '',
  '<![CDATA[UPDATED]]>',
];
const TEXTS = [
  ...mostly('a'),
  ' a ',
  '',
  '&lt;b&gt;',
  '<![CDATA[<b>]]>',
  '&#13;',
  'é😀',
  '62',
  '1',
  '0E68',
  '<b/>',
  '&bad;',
  'a&b',
  ']]>',
];

/** Usually once; with the probability given not at all, and with the same twice. */
function some(random: Random, probability: number, write: () => string): string {
  const chance = random();
  if (chance < probability) return '';
  return chance < probability * 2 ? write() + write() : write();
}

function leaf(random: Random, name: string, values: readonly string[]): string {
  const nil =
    random() < 0.05
      ? pick(random, [' xsi:nil="true"', " xsi:nil='1'", ' xsi:nil="false"', ' nil="true"'])
      : '';
  return `<${name}${nil}>${pick(random, values)}</${name}>${random() < 0.1 ? pick(random, ['\n', '<!-- -->', '<?p?>', '<x/>', 'text']) : ''}`;
}

function resultContent(random: Random): string {
  const syncStatus = () =>
    `<syncStatus>${some(random, 0.1, () => leaf(random, 'leadId', IDS))}${some(random, 0.03, () => leaf(random, 'status', STATUSES))}${some(random, 0.3, () => leaf(random, 'error', TEXTS))}</syncStatus>`;
  const attribute = () =>
    `<attribute>${some(random, 0.02, () => leaf(random, 'attrName', ['A', 'B', '__proto__', ' ']))}${some(random, 0.1, () => leaf(random, 'attrType', ['string', 'integer', 'boolean', 'float', 'new']))}${some(random, 0.05, () => leaf(random, 'attrValue', TEXTS))}</attribute>`;
  const leadRecord = () =>
    `<leadRecord>${some(random, 0.1, () => leaf(random, 'Id', IDS))}${some(random, 0.1, () => leaf(random, 'Email', TEXTS))}<leadAttributeList>${some(random, 0.3, attribute)}</leadAttributeList></leadRecord>`;
  return (
    some(random, 0.02, () => leaf(random, 'leadId', IDS)) +
    some(random, 0.03, syncStatus) +
    some(random, 0.4, leadRecord)
  );
}

function faultContent(random: Random): string {
  return (
    some(random, 0.2, () => leaf(random, 'faultstring', ['20014 - no', 'no', ''])) +
    some(
      random,
      0.3,
      () => `<detail>${leaf(random, 'code', ['20103', 'x', ''])}${leaf(random, 'message', TEXTS)}</detail>`,
    )
  );
}
