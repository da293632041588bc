import { expect, test } from 'vitest';
import { success } from '../support/answers.ts';
import { problemType } from '../support/client.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { startUpstream } from '../support/upstream.ts';

type Row = {
  readonly what: string;
  readonly body?: string | Buffer;
  readonly method?: string;
  readonly path?: string;
  readonly contentType?: string;
  readonly status: number;
  readonly slug: string;
  readonly pointers?: readonly string[];
};

const MIB = 1_048_576;
const padded = (bytes: number) => {
  const shell = '{"email":"a@b.c","attributes":{}}';
  return shell.slice(0, -1) + ' '.repeat(bytes - shell.length) + '}';
};
const invalid = { status: 422, slug: 'validation-failed' } as const;

const ROWS: readonly Row[] = [
  { what: 'a wrong type', body: '{"id":"5"}', ...invalid, pointers: ['#/id'] },
  { what: 'an array', body: '[{"email":"a@b.c"}]', ...invalid, pointers: ['#'] },
  { what: 'a bare string', body: '"a@b.c"', ...invalid, pointers: ['#'] },
  { what: 'null', body: 'null', ...invalid, pointers: ['#'] },
  { what: 'a null email', body: '{"email":null}', ...invalid, pointers: ['#'] },
  { what: 'an unknown member', body: '{"email":"a@b.c","name":"x"}', ...invalid, pointers: ['#/name'] },
  { what: 'a member in the wrong case', body: '{"Email":"a@b.c"}', ...invalid, pointers: ['#/Email', '#'] },
  { what: 'missing keys', body: '{"attributes":{"FirstName":"x"}}', ...invalid, pointers: ['#'] },
  { what: 'an empty object', body: '{}', ...invalid, pointers: ['#'] },
  {
    what: 'a foreign id without its type',
    body: '{"foreignSysPersonId":"1"}',
    ...invalid,
    pointers: ['#/foreignSysType'],
  },
  {
    what: 'a foreign type without an id',
    body: '{"email":"a@b.c","foreignSysType":"SFDC"}',
    ...invalid,
    pointers: ['#/foreignSysType'],
  },
  {
    what: 'an unknown foreign type',
    body: '{"foreignSysPersonId":"1","foreignSysType":"sfdc"}',
    ...invalid,
    pointers: ['#/foreignSysType'],
  },
  ...['Id', 'ID', 'email', 'EMAIL', 'foreignSysPersonId', 'FOREIGNSYSTYPE'].map((name) => ({
    what: `the reserved attribute name ${name}`,
    body: `{"email":"a@b.c","attributes":{"${name}":"x"}}`,
    ...invalid,
    pointers: [`#/attributes/${name}`],
  })),
  {
    what: 'a control character in a value',
    body: '{"email":"a@b.c","attributes":{"A":"\\u0007"}}',
    ...invalid,
    pointers: ['#/attributes/A'],
  },
  {
    what: 'a control character in a name',
    body: '{"email":"a@b.c","attributes":{"A\\u0001":"x"}}',
    ...invalid,
    pointers: ['#/attributes/A%01'],
  },
  {
    what: 'a lone surrogate',
    body: '{"email":"a@b.c","attributes":{"A":"x\\ud83d"}}',
    ...invalid,
    pointers: ['#/attributes/A'],
  },
  { what: 'U+FFFE', body: '{"email":"a@b.c","workspace":"\\ufffe"}', ...invalid, pointers: ['#/workspace'] },
  {
    what: 'a control character in an encoded cookie',
    body: '{"marketoCookie":"id%3A1%00"}',
    ...invalid,
    pointers: ['#/marketoCookie'],
  },
  {
    what: 'an unsafe integer',
    body: '{"email":"a@b.c","attributes":{"A":9007199254740993}}',
    ...invalid,
    pointers: ['#/attributes/A'],
  },
  {
    what: '1e21',
    body: '{"email":"a@b.c","attributes":{"A":1e21}}',
    ...invalid,
    pointers: ['#/attributes/A'],
  },
  {
    what: 'a number beyond doubles',
    body: '{"email":"a@b.c","attributes":{"A":1e400}}',
    ...invalid,
    pointers: ['#/attributes/A'],
  },
  { what: 'an id of 0', body: '{"id":0}', ...invalid, pointers: ['#/id'] },
  { what: 'an id of 2^31', body: '{"id":2147483648}', ...invalid, pointers: ['#/id'] },
  { what: 'an id with a fraction', body: '{"id":1.5}', ...invalid, pointers: ['#/id'] },
  { what: 'an invalid address', body: '{"email":"jane"}', ...invalid, pointers: ['#/email'] },
  {
    what: 'an address of 256 characters',
    body: `{"email":"${'a'.repeat(250)}@b.com"}`,
    ...invalid,
    pointers: ['#/email'],
  },
  {
    what: 'a list as a value',
    body: '{"email":"a@b.c","attributes":{"A":[]}}',
    ...invalid,
    pointers: ['#/attributes/A'],
  },
  {
    what: 'a list of attributes',
    body: '{"email":"a@b.c","attributes":[]}',
    ...invalid,
    pointers: ['#/attributes'],
  },
  {
    what: 'an attribute without a name',
    body: '{"email":"a@b.c","attributes":{"":"x"}}',
    ...invalid,
    pointers: ['#/attributes/'],
  },
  {
    what: 'a name of 256 characters',
    body: `{"email":"a@b.c","attributes":{"${'n'.repeat(256)}":"x"}}`,
    ...invalid,
    pointers: [`#/attributes/${'n'.repeat(256)}`],
  },
  {
    what: 'a value of 65,536 characters',
    body: `{"email":"a@b.c","attributes":{"A":"${'v'.repeat(65_536)}"}}`,
    ...invalid,
    pointers: ['#/attributes/A'],
  },
  {
    what: '1001 attributes',
    body: JSON.stringify({
      email: 'a@b.c',
      attributes: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`F${i}`, i])),
    }),
    ...invalid,
    pointers: ['#/attributes'],
  },
  {
    what: '__proto__',
    body: '{"email":"a@b.c","__proto__":{"id":1}}',
    ...invalid,
    pointers: ['#/__proto__'],
  },
  {
    what: 'constructor',
    body: '{"email":"a@b.c","constructor":{}}',
    ...invalid,
    pointers: ['#/constructor'],
  },
  {
    what: '__proto__ among the attributes',
    body: '{"email":"a@b.c","attributes":{"__proto__":"x"}}',
    ...invalid,
    pointers: ['#/attributes/__proto__'],
  },
  {
    what: 'many mistakes at once',
    body: '{"id":0,"email":"x","foreignSysPersonId":"","returnLead":"yes","attributes":{"Id":1,"a/b~c":{}},"extra":1}',
    ...invalid,
    pointers: [
      '#/id',
      '#/email',
      '#/foreignSysPersonId',
      '#/foreignSysType',
      '#/returnLead',
      '#/attributes/Id',
      '#/attributes/a~1b~0c',
      '#/extra',
    ],
  },
  { what: 'broken JSON', body: '{"email":', status: 400, slug: 'malformed-json' },
  { what: 'an empty body', body: '', status: 400, slug: 'malformed-json' },
  {
    what: 'bytes that are not UTF-8',
    body: Buffer.from('{"email":"a@b.c","attributes":{"A":"\xff"}}', 'latin1'),
    status: 400,
    slug: 'malformed-json',
  },
  { what: '1 MiB and a byte', body: padded(MIB + 1), status: 413, slug: 'body-too-large' },
  {
    what: 'a form',
    body: 'email=a@b.c',
    contentType: 'application/x-www-form-urlencoded',
    status: 415,
    slug: 'unsupported-media-type',
  },
  {
    what: 'text',
    body: '{"email":"a@b.c"}',
    contentType: 'text/plain',
    status: 415,
    slug: 'unsupported-media-type',
  },
  {
    what: 'another charset',
    body: '{"email":"a@b.c"}',
    contentType: 'application/json; charset=iso-8859-1',
    status: 415,
    slug: 'unsupported-media-type',
  },
  ...['PATCH', 'DELETE'].map((method) => ({
    what: `the method ${method}`,
    method,
    body: '{"email":"a@b.c"}',
    status: 405,
    slug: 'method-not-allowed',
  })),
  ...['/lead', '/leads/1', '/LEADS', '/../leads2', '/%zz'].map((path) => ({
    what: `the path ${path}`,
    path,
    body: '{"email":"a@b.c"}',
    status: 404,
    slug: 'not-found',
  })),
];

test('each bad request gets its own row of the table and none reaches the upstream', async () => {
  const upstream = await startUpstream((response) => {
    response.writeHead(200, { 'content-type': 'text/xml' }).end(success());
  });
  const gateway = await startTestGateway(upstreamAt(upstream.endpoint));
  for (const row of ROWS) {
    const answer = await gateway.request(row.method ?? 'PUT', row.path ?? '/leads', {
      headers: { 'content-type': row.contentType ?? 'application/json' },
      ...(row.body !== undefined && { body: row.body as NonNullable<RequestInit['body']> }),
    });
    expect([row.what, answer.status, answer.body?.type]).toEqual([
      row.what,
      row.status,
      problemType(row.slug),
    ]);
    expect([row.what, answer.body.retryable]).toEqual([row.what, false]);
    const pointers = (answer.body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer);
    expect([row.what, new Set(pointers)]).toEqual([row.what, new Set(row.pointers ?? [])]);
    if (row.status === 405) expect(answer.headers.get('allow')).toBe('GET, HEAD, PUT, POST, OPTIONS');
  }
  expect(upstream.calls).toEqual([]);

  const limit = await gateway.putLead(padded(MIB));
  expect(limit.status).toBe(200);
});
