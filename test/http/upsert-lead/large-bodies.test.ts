import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { MAX_PARSED, violationsOf } from '../../../src/http/leads/large-body.ts';
import { toUpsertLead } from '../../../src/http/leads/mapping.ts';
import { upsertLeadRequest } from '../../../src/http/leads/schema.ts';
import { findJsonSyntaxError, measureJson } from '../../../src/text/json.ts';
import { atOnce } from '../../../src/text/sliced.ts';
import { decodeUtf8 } from '../../../src/http/utf-8.ts';
import { startApp, unreachable } from '../../support/app.ts';
import { putLead } from '../../support/client.ts';
import { testEvery } from '../../support/exhaustive.ts';

const MAX = 1_048_576;

/** The lengths of the texts that JSON.parse is given while `act` runs. */
async function parsedLengths(act: () => Promise<unknown>): Promise<number[]> {
  const parse = vi.spyOn(JSON, 'parse');
  onTestFinished(() => parse.mockRestore());
  await act();
  const lengths = parse.mock.calls.map(([text]) => text.length);
  parse.mockRestore();
  return lengths;
}

describe('a body of a mebibyte is not parsed where that takes long', () => {
  testEvery(3, [
    ['open lists', '['.repeat(MAX), 400, 'Line 1, column 1048577'],
    ['nested lists', '['.repeat(MAX / 2) + ']'.repeat(MAX / 2), 422, 'not a list'],
    ['a list of objects', `[${'{},'.repeat(300_000)}{}]`, 422, 'not a list'],
    [
      'nested objects',
      `${'{"a":'.repeat(170_000)}1${'}'.repeat(170_000)}`,
      422,
      'a: is not a member of a lead',
    ],
    ['attributes', `{"id":1,"attributes":{${'"a":1,'.repeat(170_000)}"b":1}}`, 422, 'at most 1000 members'],
    ['one member again and again', `{${'"id":1,'.repeat(140_000)}"id":1}`, 422, 'members are not valid'],
  ])('%s', async (_what, body, status, detail) => {
    const { url } = await startApp({ directory: unreachable });
    let answer: Awaited<ReturnType<typeof putLead>> | undefined;
    const lengths = await parsedLengths(async () => {
      answer = await putLead(url, body);
    });
    expect([answer?.status, answer?.json['detail']]).toEqual([status, expect.stringContaining(detail)]);
    expect(lengths.filter((length) => length > body.length / 2)).toEqual([]);
  });
});

test('a valid lead of a mebibyte is what it was', async () => {
  const { url } = await startApp();
  const members = Array.from({ length: 1000 }, (_, at) => `"a${at}":"${'x'.repeat(1000)}"`);
  expect((await putLead(url, `{"email":"a@b.c","attributes":{${members.join(',')}}}`)).status).toBe(200);
});

test('a problem repeats no names that are too long, and not more than fit', async () => {
  const { url } = await startApp({ directory: unreachable });
  const names = Array.from({ length: 999 }, (_, at) => `"${'é'.repeat(290)}${at}":1`);
  const { text, json } = await putLead(
    url,
    `{"id":1,"attributes":{${names.join(',')},"${'x'.repeat(9999)}":1}}`,
  );
  expect(json['detail']).toMatch(/^1000 members are not valid/);
  expect(text.length).toBeLessThan(700_000);
});

test('texts are measured as JSON.parse reads them', () => {
  for (const text of [
    '{}',
    '[]',
    '1',
    '{"a":1}',
    '{ "a" : [1,{"b":2}] , "c":"\\u0041" }',
    '{"a":{},"b":[[]]}',
  ]) {
    const size = atOnce(measureJson(Buffer.from(text), 10));
    expect(size).toMatchObject({
      memberCount: text.startsWith('{') ? Object.keys(JSON.parse(text) as object).length : 0,
    });
    const members = 'members' in size ? size.members : [];
    for (let at = 0; at < members.length; at += 5) {
      const name = JSON.parse(text.slice(members[at], members[at + 1])) as string;
      const value = JSON.parse(text.slice(members[at + 2], members[at + 3])) as unknown;
      expect(value).toEqual((JSON.parse(text) as Record<string, unknown>)[name]);
    }
  }
  expect(findJsonSyntaxError('{"a":1,}')).toBeDefined();
});

test('one member that is too large says nothing about the others', async () => {
  const { url } = await startApp({ directory: unreachable });
  const many = Array.from({ length: 5001 }, (_, at) => `"a${at}":1`).join(',');
  const { json } = await putLead(url, `{"attributes":{${many}},"id":1,"email":"a@b.c"}`);
  expect(json['errors']).toEqual([{ pointer: '#/attributes', detail: 'must have at most 1000 members' }]);
});

test('violations that are not listed are counted, not written', () => {
  const members = Array.from({ length: 90_000 }, (_, at) => `"a${at}":1`);
  const bytes = Buffer.from(`{${members.join(',')}}`);
  const size = atOnce(measureJson(bytes, MAX_PARSED));
  if ('complaint' in size) throw new Error(size.complaint);
  const { errors, count } = violationsOf(bytes, size);
  expect([errors.length, count]).toEqual([1000, 90_001]);
});

testEvery(3, [
  ['a map', { attributes: Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`a${at}`, []])) }, 900],
  [
    'a list',
    { attributeList: Array.from({ length: 900 }, (_, at) => ({ name: `a${at}`, value: [], x: 1 })) },
    1800,
  ],
  ['one name', { attributeList: Array.from({ length: 900 }, () => ({ name: 'a', value: 1 })) }, 899],
])('zod makes one issue of %s, however much is invalid', (_what, members, count) => {
  const body = { id: 1, ...members };
  expect(upsertLeadRequest.safeParse(body).error?.issues.length).toBe(1);
  expect(toUpsertLead(body)).toMatchObject({ ok: false, count });
});

testEvery(3, ['é', '中', '😀', 'a\u0000'])('a large text of %j is decoded as it is', (unit) => {
  const text = unit.repeat(5000);
  expect(decodeUtf8(Buffer.from(text)) === text).toBe(true);
});
