import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { refuse, sendJson, startRestUpstream, succeed } from '../support/rest-upstream.ts';

/** What a REST API may do with a call, and what the caller of one lead gets. */
type Case = readonly [what: string, behave: (response: ServerResponse) => unknown, expected: string];

const ID = '1234567';
const HTML = '<html><body>Bad gateway</body></html>';

function raw(body: string | Buffer, status = 200, headers: Readonly<Record<string, string>> = {}) {
  return (response: ServerResponse): true => {
    response.writeHead(status, { 'Content-Type': 'application/json;charset=UTF-8', ...headers });
    response.end(body);
    return true;
  };
}

const html = (status: number) => raw(HTML, status, { 'Content-Type': 'text/html' });
const code = (value: unknown, message?: string) => (response: ServerResponse) =>
  refuse(response, value, message);
const reset = (response: ServerResponse): true => {
  response.destroy();
  return true;
};
const cut = (response: ServerResponse): true => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '500' });
  response.write('{"success":true,"result":[');
  setTimeout(() => response.destroy(), 20);
  return true;
};

/** The whole call is refused: one `updateOnly`, which may be repeated freely. */
const CALLS: readonly Case[] = [
  ['600', code('600'), '502 upstream-access-denied'],
  ['601', code('601'), '502 upstream-access-denied'],
  ['602', code('602'), '502 upstream-access-denied'],
  ['603', code('603'), '502 upstream-access-denied'],
  ['604', code('604'), '502 upstream-error retryable'],
  ['605', code('605'), '502 upstream-error'],
  ['607', code('607'), '429 daily-quota-exhausted retryable'],
  ['608', code('608'), '502 upstream-error retryable'],
  ['609', code('609'), '502 upstream-error'],
  ['610', code('610'), '502 upstream-error'],
  ['611', code('611'), '502 upstream-error retryable'],
  ['612', code('612'), '502 upstream-error'],
  ['613', code('613'), '502 upstream-error'],
  ['614', code('614'), '502 upstream-unreachable retryable'],
  ['616', code('616'), '502 upstream-error'],
  ['701', code('701'), '502 upstream-error'],
  ['713', code('713'), '502 upstream-error retryable'],
  ['719', code('719'), '502 upstream-error retryable'],
  ['500 as a code', code('500'), '502 upstream-error retryable'],
  ['502 as a code', code('502'), '502 upstream-unreachable retryable'],
  ['503 as a code', code('503'), '502 upstream-unreachable retryable'],
  ['504 as a code', code('504'), '502 upstream-unreachable retryable'],
  ...Array.from({ length: 13 }, (_, index): Case => {
    const number = 1001 + index;
    const isPartition = number === 1008 || number === 1009;
    return [
      `${number} for the call`,
      code(String(number)),
      isPartition ? '422 lead-rejected' : '502 upstream-error',
    ];
  }),
  ['a code that is not listed', code('4711'), '502 upstream-error'],
  ['a code that is a number', code(610), '502 upstream-error'],
  ['a code that is no number', code('E42'), '502 upstream-error'],
  ['a code that is null', code(null), '502 upstream-error'],
  ['no errors', raw('{"success":false}'), '502 upstream-error'],
  ['an empty list of errors', raw('{"success":false,"errors":[]}'), '502 upstream-error'],
  ['errors that are no list', raw('{"success":false,"errors":"610"}'), '502 upstream-error'],
  ['errors with null in them', raw('{"success":false,"errors":[null]}'), '502 upstream-error'],
  ['errors without success', raw('{"errors":[{"code":"610"}]}'), '502 upstream-error'],
  ['refused with HTTP 400', raw('{"success":false,"errors":[{"code":"610"}]}', 400), '502 upstream-error'],
  ['HTTP 400', raw('', 400), '502 upstream-bad-response'],
  ['HTTP 401', raw('', 401), '502 upstream-bad-response'],
  ['HTTP 403', raw('', 403), '502 upstream-bad-response'],
  ['HTTP 404', raw('', 404), '502 upstream-bad-response'],
  ['HTTP 413', html(413), '413 body-too-large'],
  ['HTTP 414', html(414), '502 upstream-error'],
  ['HTTP 500', raw('', 500), '502 upstream-error retryable'],
  ['HTTP 500 in HTML', html(500), '502 upstream-unreachable retryable'],
  ['HTTP 502', raw('', 502), '502 upstream-unreachable retryable'],
  ['HTTP 502 in HTML', html(502), '502 upstream-unreachable retryable'],
  ['HTTP 503', raw('', 503), '502 upstream-unreachable retryable'],
  ['HTTP 504', raw('', 504), '502 upstream-unreachable retryable'],
  ['HTML with HTTP 200', html(200), '502 upstream-unreachable retryable'],
  ['HTML as JSON', raw(HTML), '502 upstream-unreachable retryable'],
  [
    'JSON as HTML',
    raw('{"success":true}', 200, { 'Content-Type': 'text/html' }),
    '502 upstream-unreachable retryable',
  ],
  ['a redirect', raw('', 302, { Location: 'https://elsewhere.example.com/' }), '502 upstream-bad-response'],
  ['a permanent redirect', raw('', 308, { Location: '/other' }), '502 upstream-bad-response'],
  ['nothing changed', raw('', 304), '502 upstream-bad-response'],
  [
    'success with HTTP 201',
    raw(`{"success":true,"result":[{"id":${ID},"status":"updated"}]}`, 201),
    '502 upstream-bad-response',
  ],
  ['an empty body', raw(''), '502 upstream-bad-response'],
  ['text', raw('OK'), '502 upstream-bad-response'],
  ['XML', raw('<ok/>'), '502 upstream-bad-response'],
  ['half of a JSON', raw('{"success":true,"result":[{"id":'), '502 upstream-bad-response'],
  ['two JSONs', raw('{"success":true}{"success":true}'), '502 upstream-bad-response'],
  ['a JSON list', raw('[]'), '502 upstream-bad-response'],
  ['a JSON null', raw('null'), '502 upstream-bad-response'],
  ['success as a text', raw('{"success":"true","result":[]}'), '502 upstream-bad-response'],
  ['success as 1', raw('{"success":1,"result":[]}'), '502 upstream-bad-response'],
  ['no success', raw('{"result":[{"id":1,"status":"updated"}]}'), '502 upstream-bad-response'],
  ['no result', raw('{"success":true}'), '502 upstream-bad-response'],
  ['a result that is null', raw('{"success":true,"result":null}'), '502 upstream-bad-response'],
  ['a result that is an object', raw('{"success":true,"result":{}}'), '502 upstream-bad-response'],
  ['no results', raw('{"success":true,"result":[]}'), '502 upstream-bad-response'],
  [
    'two results',
    raw('{"success":true,"result":[{"id":1,"status":"updated"},{"id":2,"status":"updated"}]}'),
    '502 upstream-bad-response',
  ],
  ['a result that is null', raw('{"success":true,"result":[null]}'), '502 upstream-bad-response'],
  ['no status', raw('{"success":true,"result":[{"id":1}]}'), '502 upstream-bad-response'],
  [
    'a status in capitals',
    raw('{"success":true,"result":[{"id":1,"status":"Updated"}]}'),
    '502 upstream-bad-response',
  ],
  [
    'a status that is not listed',
    raw('{"success":true,"result":[{"id":1,"status":"failed"}]}'),
    '502 upstream-bad-response',
  ],
  ...['null', '0', '-1', '1.5', '2147483648', '"1"', '{}', 'true'].map((id): Case => [
    `the id ${id}`,
    raw(`{"success":true,"result":[{"id":${id},"status":"updated"}]}`),
    '502 upstream-bad-response',
  ]),
  ['no id', raw('{"success":true,"result":[{"status":"updated"}]}'), '502 upstream-bad-response'],
  ['bytes that are not UTF-8', raw(Buffer.from([0x7b, 0xff, 0x7d])), '502 upstream-bad-response'],
  ['gzip that is not', raw('x', 200, { 'Content-Encoding': 'gzip' }), '502 upstream-bad-response'],
  ['a coding that is not known', raw('x', 200, { 'Content-Encoding': 'zstd' }), '502 upstream-bad-response'],
  ['too much', raw(' '.repeat(5000)), '502 upstream-bad-response'],
  ['a reset', reset, '502 upstream-unreachable retryable'],
  ['a body that ends too early', cut, '502 upstream-unreachable retryable'],
  ['no answer', () => true, '504 upstream-timeout retryable'],
];

const skipped = (reasons: unknown) => (response: ServerResponse) =>
  succeed(response, [{ status: 'skipped', ...(reasons !== undefined && { reasons }) }]);
const because = (...codes: readonly unknown[]) =>
  skipped(codes.map((one) => ({ code: one, message: `because of ${String(one)}` })));

/** The record is refused. */
const RECORDS: readonly Case[] = [
  ['1001', because('1001'), '422 lead-rejected'],
  ['1003', because('1003'), '422 lead-rejected'],
  ['1004', because('1004'), '404 lead-not-found'],
  ['1005', because('1005'), '502 upstream-error'],
  ['1006', because('1006'), '422 unknown-attribute'],
  ['1007', because('1007'), '422 lead-rejected'],
  ['1008', because('1008'), '422 lead-rejected'],
  ['1009', because('1009'), '422 lead-rejected'],
  ['1010', because('1010'), '422 lead-rejected'],
  ['1013', because('1013'), '404 lead-not-found'],
  ...['1018', '1021', '1022', '1036', '1099'].map((one): Case => [one, because(one), '422 lead-rejected']),
  ...['600', '604', '611', '713', '2000', 'E1', null].map((one): Case => [
    String(one),
    because(one),
    '502 upstream-error',
  ]),
  ['a number', because(1007), '422 lead-rejected'],
  ['two reasons, of which the first decides', because('1007', '1006'), '422 lead-rejected'],
  ['no reasons', skipped(undefined), '502 upstream-error'],
  ['an empty list of reasons', skipped([]), '502 upstream-error'],
  ['reasons that are no list', skipped('1007'), '502 upstream-error'],
];

/** All that differs from the usual answer and still is a success. */
const SUCCESSES: readonly Case[] = [
  [
    'members that are not known',
    raw(`{"success":true,"more":1,"result":[{"id":${ID},"status":"updated","x":[]}]}`),
    '200',
  ],
  [
    'warnings and an empty list of errors',
    raw(`{"success":true,"warnings":["w"],"errors":[],"result":[{"id":${ID},"status":"updated"}]}`),
    '200',
  ],
  [
    'a byte order mark and blanks',
    raw(`\uFEFF {"success":true,"result":[{"id":${ID},"status":"updated"}]} \n`),
    '200',
  ],
  [
    'no content type',
    raw(`{"success":true,"result":[{"id":${ID},"status":"updated"}]}`, 200, { 'Content-Type': '' }),
    '200',
  ],
  [
    'as text',
    raw(`{"success":true,"result":[{"id":${ID},"status":"updated"}]}`, 200, { 'Content-Type': 'text/plain' }),
    '200',
  ],
  [
    'with gzip',
    raw(gzipSync(`{"success":true,"result":[{"id":${ID},"status":"updated"}]}`), 200, {
      'Content-Encoding': 'gzip',
    }),
    '200',
  ],
  ['the largest id', raw('{"success":true,"result":[{"id":2147483647,"status":"updated"}]}'), '200'],
  ['an exponent', raw('{"success":true,"result":[{"id":1e2,"status":"updated"}]}'), '200'],
];

async function outcomeOf(behave: (response: ServerResponse) => unknown): Promise<string> {
  const upstream = await startRestUpstream({
    call: (response, { url }) => (url.endsWith('/leads.json') ? behave(response) : undefined),
  });
  const gateway = await startTestGateway(
    {
      ...upstream.env,
      UPSTREAM_TIMEOUT_MS: '300',
      REQUEST_DEADLINE_MS: '4000',
      MARKETO_MAX_RESPONSE_BYTES: '2048',
      SHUTDOWN_GRACE_MS: '0',
    },
    // No pauses between attempts.
    { random: () => 0 },
  );
  const { status, body } = await gateway.putLead({ id: 5, email: 'a@example.com' });
  await gateway.close();
  if (status === 200) return '200';
  const slug = /[^/]+$/.exec(body.type)?.[0] ?? '';
  return `${status} ${slug}${body.retryable === true ? ' retryable' : ''}`;
}

describe.each([
  ['the call', CALLS],
  ['the record', RECORDS],
  ['success', SUCCESSES],
])('%s', (_, cases) => {
  test.each(cases)('%s', async (_what, behave, expected) => {
    expect(await outcomeOf(behave)).toBe(expected);
  });
});

test('there are at least 120 of them', () => {
  expect(CALLS.length + RECORDS.length + SUCCESSES.length).toBeGreaterThanOrEqual(120);
});

test.each([
  ['606', '606'],
  ['615', '615'],
])('%s is waited out', async (_, number) => {
  const upstream = await startRestUpstream({
    call: (response, __, nth) => (nth === 0 ? refuse(response, number) : undefined),
  });
  const gateway = await startTestGateway(upstream.env);
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
  expect(upstream.paths()).toHaveLength(2);
});

test('HTTP 429 is waited out as long as it says', async () => {
  const upstream = await startRestUpstream({
    call: (response, __, nth) => {
      if (nth > 0) return undefined;
      response.setHeader('Retry-After', '1');
      return sendJson(response, '', 429);
    },
  });
  const gateway = await startTestGateway(upstream.env);
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
});
