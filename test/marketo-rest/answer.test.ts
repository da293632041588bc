import { describe, expect, test } from 'vitest';
import { readAnswer, readSyncRecords } from '../../src/marketo-rest/answer.ts';

const JSON_TYPE = 'application/json;charset=UTF-8';

function read(
  body: string | Uint8Array,
  { status = 200, contentType = JSON_TYPE, keepsNumbers = false } = {},
) {
  return readAnswer({ status, contentType, body: Buffer.from(body) }, keepsNumbers);
}

describe('success is success: true with HTTP 200', () => {
  test('with a result', () => {
    expect(read('{"requestId":"3f1a#199c82cc400","result":[{"id":1}],"success":true}')).toEqual({
      kind: 'success',
      result: [{ id: 1 }],
      nextPageToken: undefined,
      requestId: '3f1a#199c82cc400',
    });
  });
  test('without one, as associate answers, and with empty lists and warnings', () => {
    const body =
      '\uFEFF {"success":true,"errors":[],"warnings":["x"],"moreResult":false,"nextPageToken":"T"}';
    expect(read(body)).toEqual({
      kind: 'success',
      result: undefined,
      nextPageToken: 'T',
      requestId: undefined,
    });
  });
  test.each([
    ['{"success":"true","result":[]}', 'does not say whether the call succeeded'],
    ['{"result":[]}', 'does not say whether the call succeeded'],
    ['{"success":1}', 'does not say whether the call succeeded'],
    ['{}', 'does not say whether the call succeeded'],
    ['[]', 'is not a JSON object'],
    ['null', 'is not a JSON object'],
    ['7', 'is not a JSON object'],
    ['', 'is empty'],
    [' \n', 'is empty'],
    ['{"success":true,"result":[{"id":1', 'is not JSON, or was cut'],
    ['OK', 'is not JSON, or was cut'],
  ])('not %j', (body, reason) => {
    expect(read(body)).toEqual({ kind: 'unreadable', reason });
  });
  test('not with another status', () => {
    for (const status of [201, 400, 500, 502]) {
      const answer = read('{"success":true,"result":[]}', { status });
      expect(answer).toEqual({ kind: 'http-status', status, isHtml: false });
    }
  });
  test('not in another encoding', () => {
    const answer = read(Uint8Array.from([0x7b, 0xff, 0x7d]));
    expect(answer).toEqual({ kind: 'unreadable', reason: 'is not UTF-8' });
  });
});

describe('a refusal has its codes', () => {
  test.each([
    ['"601"', 601],
    ['601', 601],
    ['" 601 "', 601],
    ['"E601"', null],
    ['null', null],
    ['6.01', null],
    ['-1', null],
  ])('%s', (code, number) => {
    const answer = read(`{"success":false,"errors":[{"code":${code},"message":"m"}]}`);
    expect(answer).toEqual({
      kind: 'refused',
      errors: [{ code: number, message: 'm' }],
      requestId: undefined,
    });
  });
  test('whatever the status, and also if success is missing', () => {
    const body = '{"errors":[{"code":"606"}]}';
    for (const status of [200, 400, 500]) {
      expect(read(body, { status })).toEqual({
        kind: 'refused',
        errors: [{ code: 606, message: '' }],
        requestId: undefined,
      });
    }
  });
  test('or none at all', () => {
    expect(read('{"success":false}')).toEqual({ kind: 'refused', errors: [], requestId: undefined });
    expect(read('{"success":false,"errors":{}}')).toMatchObject({ kind: 'refused', errors: [] });
  });
});

describe('the status decides', () => {
  test.each([413, 414, 429, 302, 304])('%i', (status) => {
    expect(read('<html>', { status, contentType: 'text/html' })).toEqual({
      kind: 'http-status',
      status,
      isHtml: false,
      ...(status < 400 && { redirectsTo: null }),
    });
  });
  test('when the body is no JSON', () => {
    expect(read('Bad Gateway', { status: 502 })).toEqual({ kind: 'http-status', status: 502, isHtml: false });
  });
  test.each([
    ['{"success":true}', 'text/html; charset=utf-8'],
    ['<!DOCTYPE HTML><p>', JSON_TYPE],
    [' <html lang="en">', 'text/plain'],
  ])('when the answer is HTML: %j as %s', (body, contentType) => {
    expect(read(body, { contentType })).toEqual({ kind: 'http-status', status: 200, isHtml: true });
  });
});

describe('numbers of a lead', () => {
  const values = (json: string) => {
    const answer = read(`{"success":true,"result":[${json}]}`, { keepsNumbers: true });
    return answer.kind === 'success' ? answer.result : answer;
  };
  test('are numbers where JavaScript has the same value', () => {
    expect(values('0,-0,62,1.50,100000000000000000000,1e3,1.0000000000000000,0.1')).toEqual([
      0, -0, 62, 1.5, 1e20, 1000, 1, 0.1,
    ]);
  });
  test('and else strings, byte for byte', () => {
    expect(values('9007199254740993,0.12345678901234567890,1e400,-12345678901234567890.5')).toEqual([
      '9007199254740993',
      '0.12345678901234567890',
      '1e400',
      '-12345678901234567890.5',
    ]);
  });
  test('strings keep what looks like a number', () => {
    expect(values(String.raw`"9007199254740993","a\"9007199254740993","\\",9007199254740993`)).toEqual([
      '9007199254740993',
      'a"9007199254740993',
      '\\',
      '9007199254740993',
    ]);
  });
  test('no JSON becomes JSON by it', () => {
    expect(values('1.2.3,9007199254740993')).toMatchObject({ kind: 'unreadable' });
    expect(values('012345678901234567890')).toMatchObject({ kind: 'unreadable' });
  });
});

describe('the records of a sync call', () => {
  test('in their order', () => {
    const result = [
      { id: 1_000_001, status: 'created' },
      { id: 7, status: 'updated' },
      { status: 'skipped', reasons: [{ code: '1006', message: "Field 'shoeSize' not found" }] },
      { status: 'skipped' },
    ];
    expect(readSyncRecords(result, 4)).toEqual([
      { kind: 'stored', id: 1_000_001, status: 'CREATED' },
      { kind: 'stored', id: 7, status: 'UPDATED' },
      { kind: 'skipped', reasons: [{ code: 1006, message: "Field 'shoeSize' not found" }] },
      { kind: 'skipped', reasons: [] },
    ]);
  });
  test.each<[unknown, string]>([
    [undefined, 'has no result'],
    [[], 'has 0 results for 1 lead'],
    [[{ id: 1, status: 'created' }, null], 'has 2 results for 1 lead'],
    [[null], 'has a result that is not an object'],
    [[{ id: 1 }], 'has a status that is not known'],
    [[{ id: 1, status: 'Created' }], 'has a status that is not known'],
    [[{ id: 1, status: 'failed' }], 'has a status that is not known'],
    ...['1', 0, -1, 1.5, 2_147_483_648, null].map((id): [unknown, string] => [
      [{ id, status: 'created' }],
      'has a stored lead without a valid id',
    ]),
  ])('%j cannot be read: %s', (result, reason) => {
    expect(readSyncRecords(result as unknown[] | undefined, 1)).toBe(reason);
  });
});
