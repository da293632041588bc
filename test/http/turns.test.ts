import { describe, expect, test } from 'vitest';
import { parseMultipart } from '../../src/http/forms/multipart.ts';
import { readPostedLead } from '../../src/http/forms/posted-lead.ts';
import { parseUrlEncoded } from '../../src/http/forms/urlencoded.ts';
import { leadsIn } from '../../src/http/leads/batch/elements.ts';
import { deferIfMany } from '../../src/http/leads/defer.ts';
import { parseJson } from '../../src/http/request-body.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import { nextTurn } from '../../src/runtime/in-turns.ts';
import type { LeadMap } from '../../src/access/posting.ts';
import { testEvery } from '../support/exhaustive.ts';

const MEBIBYTE = 1_048_576;
const JSON_TYPE = { name: 'application/json', parameters: new Map<string, string>() };

/** How often work lets other work run before it ends, or fails. */
function pausesOf(work: Generator<unknown, unknown>): number {
  let pauses = 0;
  try {
    while (work.next().done !== true) pauses += 1;
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
  }
  return pauses;
}

const fill = (unit: string, bytes = MEBIBYTE) => unit.repeat(Math.floor(bytes / unit.length));

describe('a body of 1 MiB is read in turns', () => {
  testEvery(3, [
    ['nested lists', `${'['.repeat(MEBIBYTE / 2)}${']'.repeat(MEBIBYTE / 2)}`],
    ['a list of numbers', `[${fill('0,')}0]`],
    [
      'a valid lead',
      `{"id":1,"attributes":{${Array.from({ length: 999 }, (_, at) => `"a${at}":"${'x'.repeat(1000)}"`).join(',')}}}`,
    ],
    ['white space before a value', `${' '.repeat(MEBIBYTE)}1`],
  ])('JSON: %s', (_what, text) => {
    expect(pausesOf(parseJson(Buffer.from(text)))).toBeGreaterThanOrEqual(8);
  });

  testEvery(3, [
    ['open lists', '['.repeat(MEBIBYTE), 14],
    ['line feeds', '\n'.repeat(MEBIBYTE), 14],
    ['unknown members', `{${Array.from({ length: 90_000 }, (_, at) => `"a${at}":1`).join(',')}}`, 8],
  ])('JSON that is refused: %s', (_what, text, least) => {
    expect(pausesOf(parseJson(Buffer.from(text)))).toBeGreaterThanOrEqual(least);
  });

  testEvery(3, [
    ['line feeds', '\n'.repeat(MEBIBYTE)],
    ['an open string', `{"leads":["${'x'.repeat(MEBIBYTE)}`],
    ['an open string of escapes', `{"leads":["${fill('\\\\')}`],
    ['open lists', `{"leads":[${'['.repeat(MEBIBYTE)}`],
    ['white space inside', `{"leads":[1${' '.repeat(MEBIBYTE)}1]}`],
    ['white space behind', `{"leads":[1]}${' '.repeat(MEBIBYTE)}x`],
    ['a long name', `{"${'x'.repeat(MEBIBYTE)}":1}`],
  ])('a batch: %s', (_what, text) => {
    expect(pausesOf(leadsIn(Buffer.from(text)))).toBeGreaterThanOrEqual(7);
  });

  test('a form', () => {
    const body = Array.from({ length: 1999 }, (_, at) => `a${at}=${'%41'.repeat(170)}`).join('&');
    expect(pausesOf(parseUrlEncoded(Buffer.from(body)))).toBeGreaterThanOrEqual(7);
  });

  const part = (value: string) => `--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n${value}\r\n`;

  testEvery(3, [
    ['many parts', part('x'.repeat(450)).repeat(1999)],
    ['a text of what begins like its boundary', part(fill('\r\n--Xx'))],
  ])('a multipart form: %s', (_what, body) => {
    expect(pausesOf(parseMultipart(Buffer.from(`${body}--X--\r\n`), 'X'))).toBeGreaterThanOrEqual(14);
  });

  test('a webhook: JSON in a text, and lists that are searched for every value', () => {
    const list = Array.from({ length: 1000 }, (_, at) => ({ key: `k${at}`, value: at }));
    const find = (key: string) => ({ list: '/list', where: { '/key': key }, value: '/value' });
    const map: LeadMap = {
      email: '/payload/email',
      attributes: Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`A${at}`, find(`k${at + 900}`)])),
    };
    const payload = JSON.stringify({ email: 'a@b.c', more: 'x'.repeat(500_000) });
    const body = Buffer.from(JSON.stringify({ payload, list }));
    const work = readPostedLead(body, JSON_TYPE, { map });
    let pauses = 0;
    for (let step = work.next(); ; step = work.next()) {
      if (step.done !== true) {
        pauses += 1;
        continue;
      }
      expect(step.value.body).toMatchObject({ email: 'a@b.c', attributes: { A0: 900, A49: 949 } });
      break;
    }
    expect(pauses).toBeGreaterThanOrEqual(16);
  });
});

test('fields of one name are a list for the map of a webhook', () => {
  const type = { name: 'application/x-www-form-urlencoded', parameters: new Map<string, string>() };
  const body = Buffer.from('a=1&'.repeat(1999));
  const work = readPostedLead(body, type, { map: { email: '/a/1998', foreignSysType: '/a/1999' } });
  expect(work.next()).toMatchObject({ done: true, value: { body: { email: '1' } } });
});

test('the members of an error are gone through in a turn of their own if they are many', async () => {
  const errorOf = (count: number) =>
    new GatewayError('unknown-attribute', {
      detail: '',
      errors: Array.from({ length: count }, () => ({ pointer: '#', detail: '' })),
    });
  const done: number[] = [];
  for (const count of [0, 100, 101]) deferIfMany(errorOf(count), () => done.push(count));
  deferIfMany('no error', () => done.push(1));
  expect(done).toEqual([0, 100, 1]);
  await nextTurn();
  expect(done).toEqual([0, 100, 1, 101]);
});
