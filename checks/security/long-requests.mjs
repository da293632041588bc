// Requests with a body of 1 MiB, or with a head as long as it may be, that take long to read, to check or to refuse.
import { BODIES, fill, MAX } from './large-bodies.mjs';
import { ORIGIN } from './target.mjs';

/** Of a head of 16 KiB, what is left for one field. */
const MAX_FIELD = 15_500;
const JSON_TYPE = { 'content-type': 'application/json' };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const URL_ENCODED = { 'content-type': 'application/x-www-form-urlencoded' };
const BOUNDARY = 'xxxxxxxxxx';
const MULTIPART = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

const times = (unit, max = MAX) => unit.repeat(Math.floor(max / Buffer.byteLength(unit)));
const counted = (count, write) => Array.from({ length: count }, (_, index) => write(index)).join('');
const leadOf = (index) =>
  `{"email":"p${index}@example.com","attributes":{"FirstName":"Jane","LastName":"Doe ${index}","Company":"Example Ltd","LeadScore":${index},"Phone":"+44 20 7946 0000","Unsubscribed":false}}`;

const BATCHES = {
  'line feeds': times('\n'),
  blanks: times(' '),
  'line feeds before': `${times('\n', MAX - 40)}{"leads":[{"id":1}]}`,
  'line feeds behind': `{"leads":[{"email":"a@b.c"}]}${times('\n', MAX - 40)}`,
  'line feeds inside': `{"leads":[${times('\n', MAX - 40)}]}`,
  'line feeds in a lead': `{"leads":[{${times('\n', MAX - 60)}"id":}]}`,
  'line feeds between leads': `{"leads":[${times(`{"id":0},${'\n'.repeat(1024)}`, MAX - 100)}{"id":0}]}`,
  'a fault at the end': `{"leads":[${times('{"id":0},', MAX - 8000).slice(0, 8900)}{"id":"${times('é', MAX - 20_000)}",}]}`,
  'open lists': `{"leads":[${times('[', MAX - 20)}`,
  'nested lists': `{"leads":[${times('[', MAX / 2 - 20)}${times(']', MAX / 2 - 20)}]}`,
  'an open string': `{"leads":["${times('a', MAX - 20)}`,
  'an open string of escapes': `{"leads":["${times('\\\\', MAX - 20)}`,
  'an open name': `{"${times('a', MAX - 20)}`,
  'a long name': `{"${times('é', MAX - 20)}":1}`,
  'a name of escapes': `{"${times(String.raw`\u0041`, MAX - 20)}":1}`,
  'empty leads': `{"leads":[${times('{},', MAX - 30)}{}]}`,
  numbers: `{"leads":[${times('0,', MAX - 30)}0]}`,
  'a long number': `{"leads":[${times('1', MAX - 30)}]}`,
  commas: `{"leads":[${times(',', MAX - 30)}]}`,
  'closing brackets': `{"leads":[{}${times(']', MAX - 30)}`,
  '1000 empty leads': `{"leads":[${times('{},', 2997)}{}]}`,
  '1000 leads': `{"leads":[${counted(999, (index) => `${leadOf(index)},`)}${leadOf(999)}]}`,
  '1000 leads of attributes that no field has': `{"leads":[${counted(999, (index) => `{"email":"u${index}@example.com","attributes":{"Nope${index}":"x","FristName":"y"}},`)}{"id":1}]}`,
  '1000 leads of values that do not fit': `{"leads":[${counted(999, (index) => `{"email":"v${index}@example.com","attributes":{"LeadScore":"many","Unsubscribed":"x"}},`)}{"id":1}]}`,
  '8 MiB of valid leads': `{"leads":[${counted(999, (index) => `{"email":"w${index}@example.com","attributes":{"Address":"${'é'.repeat(4000)}"}},`)}{"id":1}]}`,
  '1000 leads of mistakes': `{"leads":[${counted(999, () => `{${counted(80, (index) => `"a${index}":[],`)}"x":{}},`)}{}]}`,
  '1000 leads of names like members': `{"leads":[${counted(999, () => `{${counted(30, (index) => `"emailaddres_${index}":1,`)}"x":{}},`)}{}]}`,
  '100 leads of mistakes': `{"leads":[${counted(99, () => `{"id":1,"attributes":{${counted(990, (index) => `"${index}":{},`)}"x":{}}},`)}{}]}`,
  '8 MiB of line feeds': '\n'.repeat(8 * MAX),
  '8 MiB of blanks in a lead': `{"leads":[{${' '.repeat(8 * MAX - 100)}}]}`,
  '8 MiB, not UTF-8': Buffer.concat([
    Buffer.from('{"leads":[{"id":"'),
    Buffer.alloc(8 * MAX - 100, '中'),
    Buffer.from([0xff]),
    Buffer.from('"}]}'),
  ]),
  '8 MiB in a string': `{"leads":["${'a'.repeat(8 * MAX - 100)}"]}`,
  '8 MiB in 8 strings': `{"leads":[${counted(7, () => `"${'é'.repeat(MAX / 2 - 100)}",`)}0]}`,
  '8 MiB of lists': `{"leads":[${'['.repeat(8 * MAX - 100)}`,
  ...Object.fromEntries(
    Object.entries(BODIES)
      .filter(([, bytes]) => bytes.length < MAX + 1)
      .map(([name, bytes]) => [
        `a lead: ${name}`,
        Buffer.concat([Buffer.from('{"leads":['), bytes.subarray(0, MAX), Buffer.from(']}')]),
      ]),
  ),
};

/**
 * Leads that are refused take 10 to 30 µs each, however many came before them: 65,536 of them show in a few seconds what half
 * a million would show in half a minute.
 */
const REFUSED_BYTES = MAX / 8;

/** @param refusedBytes how much of lines that are refused and very short */
const linesOf = (refusedBytes) => ({
  'line feeds': times('\n'),
  'CR LF': times('\r\n'),
  'blank lines': times(' \n'),
  'lines of blanks': times(`${' '.repeat(1000)}\n`),
  'lines of tabs behind a mark': times(`\u00EF\u00BB\u00BF\t\n`, refusedBytes),
  'a blank line': times(' '),
  'one line': times('x'),
  'one line of escapes': fill('{"email":"', String.raw`\u0041`, '"}'),
  'empty leads': times('{}\n', refusedBytes),
  'lines of x': times('x\n', refusedBytes),
  'lines of lists': times('[]\n', refusedBytes),
  'lines of mistakes': times(`{${counted(80, (index) => `"a${index}":[],`)}"x":{}}\n`),
  'lines of many mistakes': times(
    `{"id":1,"attributes":{${counted(990, (index) => `"${index}":{},`)}"x":{}}}\n`,
  ),
  'lines of 16 KiB of mistakes': times(`{${counted(1700, (index) => `"a${index}":0,`)}"x":{}}\n`),
  leads: counted(4000, (index) => `${leadOf(index)}\n`),
  ...Object.fromEntries(Object.entries(BODIES).map(([name, bytes]) => [`a lead: ${name}`, bytes])),
});

/** Batches that are accepted and answered when all is known; a stream does not wait. */
const AWAITED = Object.fromEntries(
  Object.entries(BATCHES).filter(([name]) => /1000|8 MiB of valid/.test(name)),
);

const VALID = Object.fromEntries(Object.entries(BODIES).filter(([name]) => name.startsWith('a valid')));

const FORMS = {
  'many fields': times('a=b&'),
  'fields of one letter': times('a&'),
  'empty fields': times('&'),
  '1999 fields': counted(1999, (index) => `a${index}=${'b'.repeat(500)}&`),
  '1999 fields of one name': counted(1999, () => `a=${'b'.repeat(500)}&`),
  '1999 fields of one empty name': counted(1999, () => `=${'b'.repeat(500)}&`),
  '1999 fields of plus signs': counted(1999, (index) => `a${index}=${'+'.repeat(500)}&`),
  '1999 fields of codes': counted(1999, (index) => `a${index}=${'%41'.repeat(170)}&`),
  '1999 long names': counted(1999, (index) => `${'%C3%A9'.repeat(80)}${index}=1&`),
  '1999 names of __proto__': counted(1999, () => `__proto__=${'b'.repeat(500)}&`),
  'one field': `a=${times('b', MAX - 2)}`,
  'one field of plus signs': `a=${times('+', MAX - 2)}`,
  'one field of codes': `a=${times('%41', MAX - 4)}`,
  'one field of codes of 4': `a=${times('%F0%9F%98%80', MAX - 12)}`,
  'one field of broken codes': `a=${times('%41', MAX - 4)}%`,
  'one name': times('b'),
  'one name of codes': times('%41'),
  'equal signs': times('='),
  'not UTF-8': Buffer.concat([Buffer.alloc(MAX - 1, 'é'), Buffer.of(0xff)]),
  'an email of codes': `email=${times('%41', MAX - 8)}`,
  'names to clear': `_clear=${times('a,', MAX - 8)}`,
  'commas to clear': `_clear=${times(',', MAX - 8)}`,
  'blanks to clear': `_clear=${times('+', MAX - 8)}`,
  'names to clear, 1999 times': counted(1999, () => `_clear=${'a;'.repeat(240)}&`),
};

const part = (name, value, more = '') =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
const END = `--${BOUNDARY}--\r\n`;
const PARTS = {
  'many parts': times(part('a', '')) + '',
  '1999 parts': counted(1999, (index) => part(`a${index}`, 'b'.repeat(440))) + END,
  '1999 parts of one name': counted(1999, () => part('a', 'b'.repeat(440))) + END,
  '1999 files': counted(1999, (index) => part(`a${index}`, 'b'.repeat(400), '; filename="x.txt"')) + END,
  '1999 heads of parameters': counted(1999, (index) => part(`a${index}`, '', `;a=b`.repeat(105))) + END,
  '250 long heads': counted(250, (index) => part(`a${index}`, '', `;a=b`.repeat(1000))) + END,
  '250 long names': counted(250, (index) => part(`${'%22'.repeat(1330)}${index}`, '')) + END,
  '250 heads of fields':
    counted(
      250,
      (index) =>
        `--${BOUNDARY}\r\n${'a:b\r\n'.repeat(790)}Content-Disposition: form-data; name="${index}"\r\n\r\nx\r\n`,
    ) + END,
  '250 heads of dispositions':
    counted(
      250,
      (index) =>
        `--${BOUNDARY}\r\n${'content-disposition:form-data x\r\n'.repeat(120)}Content-Disposition: form-data; name="${index}"\r\n\r\nx\r\n`,
    ) + END,
  '250 heads of blanks':
    counted(
      250,
      (index) =>
        `--${BOUNDARY}\r\ncontent-disposition:${' '.repeat(3900)}x\r\nContent-Disposition: form-data; name="${index}"\r\n\r\nx\r\n`,
    ) + END,
  '250 heads of blank dispositions':
    counted(
      250,
      (index) =>
        `--${BOUNDARY}\r\ncontent-disposition:form-data${' '.repeat(3900)}x\r\nContent-Disposition: form-data; name="${index}"\r\n\r\nx\r\n`,
    ) + END,
  '250 heads of line feeds':
    counted(
      250,
      (index) =>
        `--${BOUNDARY}\r\n${'\n'.repeat(3950)}Content-Disposition: form-data; name="${index}"\r\n\r\nx\r\n`,
    ) + END,
  '250 heads of semicolons': counted(250, (index) => part(`a${index}`, '', `;`.repeat(4000))) + END,
  '250 heads of quotes': counted(250, (index) => part(`a${index}`, '', `;a="`.repeat(1000))) + END,
  'near delimiters': part('a', times(`\r\n--${BOUNDARY}x`, MAX - 200)) + END,
  'near delimiters with blanks': part('a', times(`\r\n--${BOUNDARY}${' '.repeat(40)}x`, MAX - 200)) + END,
  'beginnings of delimiters': part('a', times(`\r\n--${BOUNDARY.slice(1)}`, MAX - 200)) + END,
  'line feeds before': times('\r\n', MAX - 200) + part('a', 'b') + END,
  'line feeds alone': times('\r\n'),
  hyphens: times('-'),
  'one part': part('a', times('b', MAX - 200)) + END,
  'one part of another alphabet': part('a', times('é', MAX - 200)) + END,
  'a part that does not end': part('a', times('b', MAX - 200)),
  'a head that does not end': `--${BOUNDARY}\r\n${times('a:b\r\n', MAX - 200)}`,
  'names to clear': part('_clear', times('a,', MAX - 200)) + END,
};

const POSTED = {
  ...BODIES,
  'a posted list in a text': Buffer.from(`{"payload":${JSON.stringify(times('[1],', MAX / 2))}}`),
  'a posted JSON in a text': Buffer.from(
    `{"payload":${JSON.stringify(`{"a":[${times('1,', MAX - 200)}1]}`)}}`,
  ),
  'posted blanks in a text': Buffer.from(`{"payload":"${times(' ', MAX - 40)}"}`),
  'posted line feeds in a text': Buffer.from(`{"payload":"${times('\\n', MAX - 40)}"}`),
  'a posted list of elements': Buffer.from(
    `{"list":[${counted(990, (index) => `{"key":"${'k'.repeat(900)}${index}","value":1},`)}0]}`,
  ),
  'posted 49,000 values': Buffer.from(`{"list":[${times('{"k":1},', 180_000)}0]}`),
  'posted texts in a list': Buffer.from(
    `{"list":[${counted(990, () => `${JSON.stringify(`{"key":"${'k'.repeat(980)}"}`)},`)}0]}`,
  ),
  'posted names': Buffer.from(`{${counted(24_000, (index) => `"${'n'.repeat(30)}${index}":1,`)}"x":1}`),
};

/** A head with one long field, beside a small lead. */
const FIELDS = {
  'content-type of semicolons': { 'content-type': `application/json${times(';', MAX_FIELD)}` },
  'content-type of parameters': { 'content-type': `application/json${times(';a=b', MAX_FIELD)}` },
  'content-type of many parameters': {
    'content-type': `application/json${counted(1700, (index) => `;p${index}=b`)}`,
  },
  'content-type of quotes': { 'content-type': `application/json${times(';a="\\""', MAX_FIELD)}` },
  'content-type of escapes': { 'content-type': `application/json;a="${times('\\a', MAX_FIELD)}"` },
  'content-type of an open quote': { 'content-type': `application/json;a="${times('\\a', MAX_FIELD)}` },
  'content-type of blanks': { 'content-type': `application/json${times('; ', MAX_FIELD)}` },
  'content-type of a long token': { 'content-type': `application/json;${times('a', MAX_FIELD)}` },
  'content-type of blanks and a letter': { 'content-type': `application/json;${times(' ', MAX_FIELD)}x` },
  'content-type of letters': { 'content-type': times('a', MAX_FIELD) },
  'content-encoding list': { ...JSON_TYPE, 'content-encoding': times('gzip,', MAX_FIELD) },
  'accept of texts': { ...JSON_TYPE, accept: times('text/html,', MAX_FIELD) },
  'accept of letters': { ...JSON_TYPE, accept: `text/html,${times('a,', MAX_FIELD)}` },
  'accept of commas': { ...JSON_TYPE, accept: `text/*${times(',', MAX_FIELD)}` },
  'accept of parameters': { ...JSON_TYPE, accept: `text/html${times(';a', MAX_FIELD)}` },
  'accept of qualities': { ...JSON_TYPE, accept: `text/html,${times('a;q=1,', MAX_FIELD)}` },
  'accept of semicolons': { ...JSON_TYPE, accept: `text/html${times(';', MAX_FIELD)}` },
  'accept of blanks': { ...JSON_TYPE, accept: `text/html,${times(' ', MAX_FIELD)}a` },
  'accept-encoding list': { ...JSON_TYPE, 'accept-encoding': times('a,', MAX_FIELD) },
  'accept-language list': { ...JSON_TYPE, 'accept-language': times('a,', MAX_FIELD) },
  'prefer list': { ...JSON_TYPE, prefer: times('a,', MAX_FIELD) },
  'prefer parameters': { ...JSON_TYPE, prefer: `respond-async${times(';a', MAX_FIELD)}` },
  'prefer of 500': { ...JSON_TYPE, prefer: times(',', 500) },
  'cookie list': { ...JSON_TYPE, cookie: times('a=b; ', MAX_FIELD) },
  'forwarded list': { ...JSON_TYPE, forwarded: times('for=1;a=b,', MAX_FIELD) },
  'x-forwarded-for list': { ...JSON_TYPE, 'x-forwarded-for': times('1.1.1.1,', MAX_FIELD) },
  'x-forwarded-for commas': { ...JSON_TYPE, 'x-forwarded-for': times(',', MAX_FIELD) },
  'x-forwarded-for blanks': { ...JSON_TYPE, 'x-forwarded-for': `a${times(' ', MAX_FIELD)}a` },
  'x-forwarded-host list': { ...JSON_TYPE, 'x-forwarded-host': times('a,', MAX_FIELD) },
  'x-forwarded-proto list': { ...JSON_TYPE, 'x-forwarded-proto': times('http,', MAX_FIELD) },
  'traceparent fields': { ...JSON_TYPE, traceparent: times('00-', MAX_FIELD) },
  'a long traceparent': {
    ...JSON_TYPE,
    traceparent: `01-${'a'.repeat(32)}-${'b'.repeat(16)}-01-${times('a-', MAX_FIELD)}`,
  },
  'tracestate members': {
    ...JSON_TYPE,
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    tracestate: times('a=b,', MAX_FIELD),
  },
  'tracestate commas': {
    ...JSON_TYPE,
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    tracestate: times(',', MAX_FIELD),
  },
  'tracestate blanks': {
    ...JSON_TYPE,
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    tracestate: `a=b,${times(' ', MAX_FIELD)}a=b`,
  },
  'if-none-match list': { ...JSON_TYPE, 'if-none-match': times('"a",', MAX_FIELD) },
  'if-none-match quotes': { ...JSON_TYPE, 'if-none-match': times('"', MAX_FIELD) },
  'range list': { ...JSON_TYPE, range: `bytes=${times('0-0,', MAX_FIELD)}` },
  'connection list': { ...JSON_TYPE, connection: times('a,', MAX_FIELD) },
  'te list': { ...JSON_TYPE, te: times('a,', MAX_FIELD) },
  'expect list': { ...JSON_TYPE, expect: times('a,', MAX_FIELD) },
  'a long idempotency-key': { ...JSON_TYPE, 'idempotency-key': times('a', MAX_FIELD) },
  'a long x-request-id': { ...JSON_TYPE, 'x-request-id': times('a', MAX_FIELD) },
  'a long x-api-key': { ...JSON_TYPE, authorization: undefined, 'x-api-key': times('a', MAX_FIELD) },
  'a long key': { ...JSON_TYPE, authorization: `Bearer lgs_${times('a', MAX_FIELD)}` },
  'a long token': {
    ...JSON_TYPE,
    authorization: `Bearer ${times('a', 5000)}.${times('a', 5000)}.${times('a', 5000)}`,
  },
  'a token of a long header': {
    ...JSON_TYPE,
    authorization: `Bearer ${Buffer.from(`{"alg":"RS256",${counted(900, (index) => `"a${index}":1,`)}"typ":"jwt"}`).toString('base64url')}.e30.eA`,
  },
  'a token of repeated names': {
    ...JSON_TYPE,
    authorization: `Bearer ${Buffer.from(`{"alg":"RS256","a":${times('[', 5000)}${times(']', 5000)}}`).toString('base64url')}.e30.eA`,
  },
  'bearer of blanks': { ...JSON_TYPE, authorization: `Bearer ${times(' ', MAX_FIELD)}a b` },
  'a long origin': { ...JSON_TYPE, origin: `https://${times('a.', MAX_FIELD)}` },
  'a long host': { ...JSON_TYPE, host: times('a.', MAX_FIELD) },
  'requested headers': {
    'access-control-request-method': 'PUT',
    'access-control-request-headers': times('a,', MAX_FIELD),
    origin: ORIGIN,
  },
  'requested headers of commas': {
    'access-control-request-method': 'PUT',
    'access-control-request-headers': times(',', MAX_FIELD),
    origin: ORIGIN,
  },
  'a long requested method': { 'access-control-request-method': times('a', MAX_FIELD), origin: ORIGIN },
  'webhook-signature of blanks': {
    ...JSON_TYPE,
    'webhook-id': 'x',
    'webhook-timestamp': '1',
    'webhook-signature': `v1,a${times(' ', MAX_FIELD)}a`,
  },
  'webhook-signature of commas': {
    ...JSON_TYPE,
    'webhook-id': 'x',
    'webhook-timestamp': '1',
    'webhook-signature': `v1,a${times(',', MAX_FIELD)}a`,
  },
  'webhook-signature list': {
    ...JSON_TYPE,
    'webhook-id': 'x',
    'webhook-timestamp': '1',
    'webhook-signature': times('v1,a ', MAX_FIELD),
  },
  'stripe-signature list': { ...JSON_TYPE, 'stripe-signature': `t=1,${times('v1=a,', MAX_FIELD)}` },
  '100 fields': {
    ...JSON_TYPE,
    ...Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`x${index}`, 'a'.repeat(150)])),
  },
};

const PATHS = {
  'PUT /leads of parameters': ['PUT', `/leads?${times('a&', MAX_FIELD)}`],
  'PUT /leads of other parameters': ['PUT', `/leads?${counted(1500, (index) => `dryr${index}=1&`)}`],
  'PUT /leads of codes': ['PUT', `/leads?${times('%41', MAX_FIELD)}`],
  'PUT /leads of dryRun': ['PUT', `/leads?${times('dryRun=true&', MAX_FIELD)}`],
  'POST /leads of keys': ['POST', `/leads?${times('key=a&', MAX_FIELD)}`],
  'GET /leads of parameters': ['GET', `/leads?${times('a&', MAX_FIELD)}`],
  'GET /leads of many parameters': ['GET', `/leads?${counted(2000, (index) => `emai${index}=1&`)}`],
  'GET /leads of fields': ['GET', `/leads?email=a@b.c&fields=${times('a,', MAX_FIELD)}`],
  'GET /leads of 1000 fields': [
    'GET',
    `/leads?email=a@b.c&fields=${counted(1000, (index) => `f${index},`)}a`,
  ],
  'GET /leads of a long email': ['GET', `/leads?email=${times('a', MAX_FIELD)}`],
  'GET /leads of a long cookie': ['GET', `/leads?marketoCookie=${times('%2525', MAX_FIELD)}`],
  'GET /leads/fields of parameters': ['GET', `/leads/fields?${times('readOnl&', MAX_FIELD)}`],
  'GET /outbox/leads of parameters': ['GET', `/outbox/leads?${times('stat&', MAX_FIELD)}`],
  'GET /outbox/leads of a problem': ['GET', `/outbox/leads?problem=${times('a', MAX_FIELD)}`],
  'GET of slashes': ['GET', times('/', MAX_FIELD)],
  'GET of codes': ['GET', `/${times('%2e', MAX_FIELD)}`],
  'GET /docs of dots': ['GET', `/docs/${times('../', MAX_FIELD)}`],
  'GET /docs of codes': ['GET', `/docs/${times('%2e%2f', MAX_FIELD)}`],
  'GET /receipts of letters': ['GET', `/receipts/${times('a', MAX_FIELD)}`],
  'GET of a scheme': ['GET', `${times('a', MAX_FIELD)}://x/leads`],
  'GET /healthz of parameters': ['GET', `/healthz?${times('a&', MAX_FIELD)}`],
};

const request = (name, method, path, headers, body = '') => ({ name, method, path, headers, body });
const each = (set, make) => Object.entries(set).map(([name, value]) => make(name, value));

const only = (start) => Object.fromEntries(Object.entries(FIELDS).filter(([name]) => name.startsWith(start)));

/**
 * Every request: its name, method, path, headers and body.
 *
 * @param keys by their kinds: `secret`, `page` (with a honeypot), `map` (a webhook with a map), and by their schemes those of
 *   signed webhooks: `standard`, `stripe`
 * @param isFull whether streams of refused leads have 1 MiB
 */
export function longRequests(keys, isFull) {
  const lines = linesOf(isFull ? MAX : REFUSED_BYTES);
  const secret = { authorization: `Bearer ${keys.secret}` };
  const put = (name, headers, body, path = '/leads') =>
    request(name, 'PUT', path, { ...secret, ...headers }, body);
  const post = (name, headers, body, key = keys.map) =>
    request(name, 'POST', `/leads?key=${key}`, headers, body);
  const page = (name, headers, body) => post(`page ${name}`, { ...headers, origin: ORIGIN }, body, keys.page);
  const small = '{"email":"a@b.c"}';
  return [
    ...each(BODIES, (name, body) => put(`PUT JSON: ${name}`, JSON_TYPE, body)),
    ...each(BATCHES, (name, body) => put(`batch JSON: ${name}`, JSON_TYPE, body, '/leads/batch')),
    ...each(AWAITED, (name, body) =>
      put(
        `awaited batch JSON: ${name}`,
        { ...JSON_TYPE, prefer: 'respond-async, wait=30' },
        body,
        '/leads/batch',
      ),
    ),
    ...each(VALID, (name, body) => put(`dry run: ${name}`, JSON_TYPE, body, '/leads?dryRun=true')),
    ...each(VALID, (name, body) =>
      put(`PUT accepted: ${name}`, { ...JSON_TYPE, prefer: 'respond-async' }, body),
    ),
    ...each(lines, (name, body) => put(`batch NDJSON: ${name}`, NDJSON, body, '/leads/batch')),
    ...each(BATCHES, (name, body) =>
      put(`accepted batch JSON: ${name}`, { ...JSON_TYPE, prefer: 'respond-async' }, body, '/leads/batch'),
    ),
    ...each(lines, (name, body) =>
      put(`accepted batch NDJSON: ${name}`, { ...NDJSON, prefer: 'respond-async' }, body, '/leads/batch'),
    ),
    ...each(POSTED, (name, body) => post(`POST mapped JSON: ${name}`, JSON_TYPE, body)),
    ...each(FORMS, (name, body) => page(`form: ${name}`, URL_ENCODED, body)),
    ...each(FORMS, (name, body) => post(`POST mapped form: ${name}`, URL_ENCODED, body)),
    ...each(PARTS, (name, body) => page(`multipart: ${name}`, MULTIPART, body)),
    ...each(PARTS, (name, body) => post(`POST mapped multipart: ${name}`, MULTIPART, body)),
    ...each(FIELDS, (name, headers) => put(`PUT head: ${name}`, headers, small)),
    ...each(only('webhook'), (name, headers) =>
      post(`POST signed head: ${name}`, headers, small, keys.standard),
    ),
    ...each(only('stripe'), (name, headers) =>
      post(`POST signed head: ${name}`, headers, small, keys.stripe),
    ),
    ...each(FIELDS, (name, headers) => page(`head: ${name}`, headers, small)),
    ...['/leads/fields', '/openapi.json'].flatMap((path) =>
      each(FIELDS, (name, headers) =>
        request(`GET ${path} head: ${name}`, 'GET', path, { ...secret, ...headers }),
      ),
    ),
    ...each(FIELDS, (name, headers) => request(`OPTIONS head: ${name}`, 'OPTIONS', '/leads', headers)),
    ...each(PATHS, (name, [method, path]) =>
      request(`path: ${name}`, method, path, { ...secret, ...JSON_TYPE }, method === 'GET' ? '' : small),
    ),
  ];
}
