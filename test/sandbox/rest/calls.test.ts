import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sendRaw } from '../../support/client.ts';
import { getBytes, restClient } from '../../support/rest.ts';
import { START, startStillSandbox } from '../../support/sandbox.ts';
import { testEvery } from '../../support/exhaustive.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };
const JANE = { input: [{ email: 'jane@example.com', firstName: 'Jane' }] };

async function start() {
  const sandbox = await startStillSandbox();
  return { sandbox, rest: restClient(sandbox) };
}

const errorOf = ({ status, json }: { status: number; json: any }) => [
  status,
  json.success,
  json.errors.map(({ code, message }: any) => `${code} ${message}`),
];

describe('authorisation', () => {
  test.each(['Bearer', 'bearer', 'BEARER'])('takes the scheme as %s', async (scheme) => {
    const { rest } = await start();
    const headers = { Authorization: `${scheme} ${await rest.token()}` };
    expect((await rest.request('GET', '/leads/partitions.json', { headers })).json.success).toBe(true);
  });

  test.each([
    ['no token', '', '603 Access denied'],
    ['another scheme', 'Basic abc', '603 Access denied'],
    ['a token that never was', 'Bearer abc', '601 Access token invalid'],
  ])('%s is refused', async (_what, Authorization, error) => {
    const { rest } = await start();
    const answer = await rest.request('GET', '/leads/partitions.json', { headers: { Authorization } });
    expect(errorOf(answer)).toEqual([200, false, [error]]);
  });

  test('a token that has ended is refused, and a new one is taken', async () => {
    const { sandbox, rest } = await start();
    await rest.token();
    sandbox.tick(3_599_998);
    expect((await rest.request('GET', '/leads/partitions.json')).json.success).toBe(true);
    sandbox.tick(1);
    const ended = await rest.request('GET', '/leads/partitions.json');
    expect(errorOf(ended)).toEqual([200, false, ['602 Access token expired']]);
    expect((await restClient(sandbox).request('GET', '/leads/partitions.json')).json.success).toBe(true);
  });

  test('access_token in query or body is ignored: neither refused beside a token nor taken for one', async () => {
    const { rest } = await start();
    const both = await rest.request('GET', '/leads/partitions.json?access_token=other');
    expect(both.json.success).toBe(true);
    const body = `_method=GET&filterType=email&filterValues=a@b.c&access_token=${await rest.token()}`;
    expect((await rest.request('POST', '/leads.json', { headers: FORM_TYPE, body })).json.success).toBe(true);
    for (const answer of [
      await rest.request('GET', `/leads/partitions.json?access_token=${await rest.token()}`, {
        headers: { Authorization: '' },
      }),
      await rest.request('POST', '/leads.json', { headers: { ...FORM_TYPE, Authorization: '' }, body }),
    ]) {
      expect(answer.code).toBe('603');
    }
  });
});

describe('paths and methods', () => {
  testEvery(3, [
    '/leads',
    '/leads.json/',
    '//leads.json',
    '/lead/.json',
    '/lead/1/2.json',
    '/leads/1/associate',
    '/campaigns.json',
    '/../v2/leads.json',
    '/leads/describe3.json',
  ])('%s is not served', async (path) => {
    const { rest } = await start();
    const answer = await rest.request('GET', path);
    expect(errorOf(answer)).toEqual([200, false, ['610 Requested resource not found']]);
  });

  test('two slashes in a row, before or after the version, are another path', async () => {
    const { sandbox, rest } = await start();
    const Authorization = `Bearer ${await rest.token()}`;
    for (const path of ['/rest//v1/leads.json', '/rest/v1//leads.json', '/rest/x']) {
      const answer = await (await fetch(sandbox.url + path, { headers: { Authorization } })).json();
      expect(answer).toMatchObject({ success: false, errors: [{ code: '610' }] });
    }
  });

  testEvery(3, [
    ['PUT', '/leads.json'],
    ['PATCH', '/leads.json'],
    ['DELETE', '/leads/describe.json'],
    ['POST', '/leads/describe.json'],
    ['POST', '/leads/describe2.json'],
    ['POST', '/leads/partitions.json'],
    ['POST', '/stats/usage.json'],
    ['POST', '/lead/1.json'],
    ['GET', '/leads/1/associate.json'],
    ['GET', '/leads/1/merge.json'],
    ['GET', '/leads/delete.json'],
  ])('%s %s is not supported', async (method, path) => {
    const { rest } = await start();
    expect(errorOf(await rest.request(method, path))).toEqual([
      200,
      false,
      [`605 Request method '${method}' not supported`],
    ]);
  });
});

describe('_method turns a POST', () => {
  const query = 'filterType=email&filterValues=jane%40example.com&fields=firstName';
  testEvery(2, [
    ['GET in the query, the rest as a form', '/leads.json?_method=GET', FORM_TYPE, query],
    ['GET in the form with the rest', '/leads.json', FORM_TYPE, `_method=GET&${query}`],
    ['GET in small letters', '/leads.json?_method=get', FORM_TYPE, query],
    [
      'GET in the query with the rest, a JSON body of null',
      `/leads.json?_method=GET&${query}`,
      JSON_TYPE,
      'null',
    ],
    [
      'GET in the query, a form with a charset',
      '/leads.json?_method=GET',
      { 'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8' },
      query,
    ],
  ])('%s', async (_how, path, headers, body) => {
    const { rest } = await start();
    await rest.sync(JANE.input);
    const answer = await rest.request('POST', path, { headers, body });
    expect(answer.json.result).toEqual([{ id: 1000001, firstName: 'Jane' }]);
  });

  test.each([
    ['in the query', '/leads.json?_method=DELETE', JSON_TYPE, '{"input":[{"id":1000001}]}'],
    ['in a form', '/leads.json', FORM_TYPE, '_method=DELETE&id=1000001'],
  ])('DELETE %s', async (_where, path, headers, body) => {
    const { sandbox, rest } = await start();
    await rest.sync(JANE.input);
    const answer = await rest.request('POST', path, { headers, body });
    expect(answer.json.result).toEqual([{ id: 1000001, status: 'deleted' }]);
    expect(await sandbox.leads()).toEqual([]);
  });

  test('nothing else does, and no other method is turned', async () => {
    const { rest } = await start();
    const put = await rest.request('POST', '/leads.json?_method=PUT', { body: JANE });
    expect(put.json.result).toEqual([{ id: 1000001, status: 'created' }]);
    const get = await rest.request('GET', '/leads.json?_method=DELETE&filterType=id&filterValues=1000001');
    expect(get.json.result).toHaveLength(1);
  });
});

describe('bodies', () => {
  test.each(['application/json', 'application/json;charset=UTF-8', 'Application/JSON ; charset=utf-8'])(
    'a POST may be %s',
    async (type) => {
      const { rest } = await start();
      const answer = await rest.request('POST', '/leads.json', {
        headers: { 'Content-Type': type },
        body: JANE,
      });
      expect(answer.json.success).toBe(true);
    },
  );

  testEvery(2, [
    ['text', '/leads.json', { 'Content-Type': 'text/plain' }],
    ['a form without _method', '/leads.json', FORM_TYPE],
    ['JSON of another kind', '/leads.json', { 'Content-Type': 'application/json-patch+json' }],
    ['a text with _method=GET', '/leads.json?_method=GET', { 'Content-Type': 'text/plain' }],
  ])('%s is refused', async (_what, path, headers) => {
    const { rest } = await start();
    const answer = await rest.request('POST', path, { headers, body: JANE });
    expect(errorOf(answer)).toEqual([200, false, ['612 Invalid Content Type']]);
  });

  testEvery(2, [
    '/leads.json',
    '/leads/1/associate.json',
    '/leads.json?_method=GET',
    '/leads/delete.json?id=1',
  ])('a POST to %s without a content type is refused, with a body or without', async (path) => {
    const { sandbox, rest } = await start();
    const head =
      `POST /rest/v1${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
      `Authorization: Bearer ${await rest.token()}\r\nContent-Length: `;
    for (const body of ['', 'filterType=email&filterValues=a@b.c']) {
      const received = await sendRaw(sandbox.url, `${head}${body.length}\r\n\r\n${body}`);
      expect(received).toContain('"errors":[{"code":"612","message":"Invalid Content Type"}]');
    }
  });

  testEvery(2, ['{', '[1,]', 'input', '{"input":[{"email":"a@b.c"}]} x'])('%s is no JSON', async (body) => {
    const { rest } = await start();
    for (const path of ['/leads.json', '/leads/delete.json', '/leads/1/associate.json']) {
      expect(errorOf(await rest.request('POST', path, { body }))).toEqual([200, false, ['609 Invalid JSON']]);
    }
  });

  test('an empty body is no JSON where one is needed', async () => {
    const { rest } = await start();
    expect((await rest.request('POST', '/leads.json', { body: '' })).code).toBe('609');
  });

  testEvery(2, [undefined, '', 'null', '{}'])('a body of %j is fine where none is needed', async (body) => {
    const { rest } = await start();
    await rest.sync(JANE.input);
    const cookie = encodeURIComponent('id:123-ABC-456&token:_mch-example.com-1');
    for (const path of [`/leads/1000001/associate.json?cookie=${cookie}`, '/leads/delete.json?id=1000001']) {
      expect((await rest.request('POST', path, body === undefined ? {} : { body })).json.success).toBe(true);
    }
  });

  test('may be gzip and chunked, as clients send them', async () => {
    const { sandbox, rest } = await start();
    const response = await fetch(`${sandbox.url}/rest/v1/leads.json`, {
      method: 'POST',
      headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip', Authorization: `Bearer ${await rest.token()}` },
      body: new Blob([gzipSync(JSON.stringify(JANE))]).stream(),
      duplex: 'half',
    });
    expect(await response.json()).toMatchObject({ success: true });
  });
});

describe('the form of answers', () => {
  test('one line of JSON with the members in order, and a request id with the time in it', async () => {
    const { rest } = await start();
    const success = await rest.sync(JANE.input);
    expect(success.text).toMatch(
      /^\{"requestId":"[\da-f]+#[\da-f]+","success":true,"result":\[\{"id":1000001,"status":"created"\}\]\}$/,
    );
    const failure = await rest.sync([]);
    expect(failure.text).toMatch(
      /^\{"requestId":"[\da-f]+#[\da-f]+","success":false,"errors":\[\{"code":"1003","message":"Leads not specified"\}\]\}$/,
    );
    const skipped = await rest.sync([{ email: 'x@example.com', pants: 1 }]);
    expect(skipped.text).toContain(
      `"result":[{"status":"skipped","reasons":[{"code":"1006","message":"Field 'pants' not found"}]}]`,
    );
    for (const { headers, status, json } of [success, failure, skipped]) {
      expect([status, headers.get('content-type')]).toEqual([200, 'application/json;charset=UTF-8']);
      expect(Number.parseInt(json.requestId.split('#')[1], 16)).toBe(START);
    }
    expect(new Set([success, failure, skipped].map(({ json }) => json.requestId)).size).toBe(3);
  });

  test('there are no headers about limits', async () => {
    const { rest } = await start();
    const names = [...(await rest.sync(JANE.input)).headers.keys()];
    expect(names.filter((name) => /limit|retry/i.test(name))).toEqual([]);
  });

  testEvery(3, [
    ['gzip', 'gzip'],
    ['br, GZIP;q=0.5', 'gzip'],
    ['*', 'gzip'],
    ['identity', null],
    ['gzip;q=0', null],
    ['*, gzip;q=0.0', null],
    [null, null],
  ])('an answer from 1,024 bytes to a client that accepts %s has the coding %s', async (accepts, coding) => {
    const { sandbox, rest } = await start();
    const request = async (path: string) =>
      getBytes(`${sandbox.url}/rest/v1${path}`, {
        Authorization: `Bearer ${await rest.token()}`,
        ...(accepts !== null && { 'Accept-Encoding': accepts }),
      });
    const long = await request('/leads/describe.json');
    expect(long.coding).toBe(coding);
    const text = (coding === null ? long.body : gunzipSync(long.body)).toString();
    expect(JSON.parse(text).success).toBe(true);
    expect((await request('/leads/partitions.json')).coding).toBeNull();
  });

  test('1,023 bytes are not compressed, 1,024 are', async () => {
    const { sandbox, rest } = await start();
    const codingOf = async (length: number) => {
      const text = 'x'.repeat(length);
      const garbage = { contentType: 'application/json;charset=UTF-8', body: text };
      await sandbox.control('POST', '/next', { garbage });
      const answer = await rest.request('GET', '/leads/partitions.json', {
        headers: { 'Accept-Encoding': 'gzip' },
      });
      expect(answer.text).toBe(text);
      return answer.headers.get('content-encoding');
    };
    expect([await codingOf(1023), await codingOf(1024)]).toEqual([null, 'gzip']);
  });
});

describe('what the proxy refuses', () => {
  test('a body over 1 MB: 413 with an HTML page', async () => {
    const { sandbox, rest } = await start();
    const lead = (length: number) => ({ email: 'a@example.com', firstName: 'x'.repeat(length) });
    expect((await rest.sync([lead(1_000_000 - 100)])).json.success).toBe(true);
    const answer = await rest.sync([lead(1024 * 1024)]);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([413, 'text/html']);
    expect(answer.text).toContain('<h1>413 Request Entity Too Large</h1>');
    expect((await sandbox.calls()).at(-1)).toMatchObject({ outcome: 'OTHER', records: 0 });
  });

  test('an address over 8 KB: 414 with an HTML page', async () => {
    const { rest } = await start();
    const address = '/rest/v1/leads.json?filterType=email&filterValues=';
    const find = (length: number) =>
      rest.request('GET', `/leads.json?filterType=email&filterValues=${'x'.repeat(length - address.length)}`);
    expect((await find(8192)).json.success).toBe(true);
    for (const length of [8193, 100_000]) {
      const answer = await find(length);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([414, 'text/html']);
      expect(answer.text).toContain('<h1>414 Request-URI Too Long</h1>');
    }
  });
});
