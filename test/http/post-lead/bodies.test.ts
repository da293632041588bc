import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/leads/errors.ts';
import type { UpsertLead } from '../../../src/leads/lead.ts';
import { directoryThat, startApp, unreachable } from '../../support/app.ts';
import { problemType, putLead } from '../../support/client.ts';
import { multipart, post, postForm } from '../../support/post.ts';
import { testEvery } from '../../support/exhaustive.ts';

const FORM = 'application/x-www-form-urlencoded';

/** The app, and the commands that came through. */
async function startRecording() {
  const commands: UpsertLead[] = [];
  const { url } = await startApp({
    directory: directoryThat((command) => {
      commands.push(command);
      return { leadId: 7, status: 'CREATED' };
    }),
  });
  return { url, commands };
}

const JANE: UpsertLead = {
  email: 'jane@example.com',
  attributes: [{ name: 'FirstName', value: 'Jane' }],
  returnLead: false,
};

describe('POST /leads takes the lead that PUT takes', () => {
  const json = JSON.stringify({ email: 'jane@example.com', attributes: { FirstName: 'Jane' } });
  testEvery(2, [
    ['JSON', json, 'application/json'],
    ['JSON with a charset', json, 'application/json; charset=UTF-8'],
    ['a beacon', json, 'text/plain;charset=UTF-8'],
    ['a form', 'email=jane%40example.com&FirstName=Jane', FORM],
    ['a form with a charset', 'email=jane@example.com&&FirstName=Jane&', `${FORM}; charset=utf-8`],
  ])('as %s', async (_what, body, type) => {
    const { url, commands } = await startRecording();
    const answer = await post(url, body, { 'content-type': type });
    expect([answer.status, answer.json]).toEqual([201, { leadId: 7, status: 'CREATED' }]);
    expect(commands).toEqual([JANE]);
  });

  test('as multipart/form-data, with a file input that was left empty', async () => {
    const form = new FormData();
    form.append('email', 'jane@example.com');
    form.append('FirstName', 'Jane');
    form.append('photo', new Blob([]), '');
    const { body, type } = await multipart(form);
    const { url, commands } = await startRecording();
    expect((await post(url, body, { 'content-type': type })).status).toBe(201);
    expect(commands).toEqual([JANE]);
  });

  test('compressed', async () => {
    const { url, commands } = await startRecording();
    const body = gzipSync('email=jane@example.com&FirstName=Jane');
    const headers = { 'content-type': FORM, 'content-encoding': 'gzip' };
    expect((await post(url, body, headers)).status).toBe(201);
    expect(commands).toEqual([JANE]);
  });
});

describe('the fields of a form', () => {
  test('are members by their names, and attributes otherwise', async () => {
    const { url, commands } = await startRecording();
    await postForm(url, {
      id: '12',
      email: 'jane@example.com',
      foreignSysPersonId: '0042',
      foreignSysType: 'CUSTOM',
      marketoCookie: 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169',
      workspace: 'Default',
      returnLead: 'on',
      Postal: '00123',
      'Straße & Nr.': 'Hauptstraße 1\r\nHinterhaus',
      LeadScore: '7',
    });
    expect(commands).toEqual([
      {
        id: 12,
        email: 'jane@example.com',
        foreignKey: { id: '0042', type: 'CUSTOM' },
        marketoCookie: 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169',
        workspace: 'Default',
        returnLead: true,
        attributes: [
          { name: 'Postal', value: '00123' },
          { name: 'Straße & Nr.', value: 'Hauptstraße 1\r\nHinterhaus' },
          { name: 'LeadScore', value: '7' },
        ],
      },
    ]);
  });

  test('are joined if repeated, left out if empty, and cleared if _clear names them', async () => {
    const { url, commands } = await startRecording();
    await postForm(url, [
      ['email', 'jane@example.com'],
      ['marketoCookie', ''],
      ['Interests', 'Sailing'],
      ['Interests', ''],
      ['Interests', 'Chess'],
      ['Phone', ''],
      ['MiddleName', ''],
      ['City', 'Ulm'],
      ['_clear', 'MiddleName, Newsletter;City'],
      ['_charset_', 'UTF-8'],
    ]);
    expect(commands[0]?.attributes).toEqual([
      { name: 'Interests', value: 'Sailing;Chess' },
      { name: 'City', value: 'Ulm' },
      { name: 'MiddleName', value: null },
      { name: 'Newsletter', value: null },
    ]);
  });

  testEvery<[fields: [string, string][], pointer: string, detail: string]>(3, [
    [[['id', '1e3']], '#/id', 'must be an integer'],
    [[['returnLead', 'maybe']], '#/returnLead', 'must be true or false'],
    [
      [
        ['email', 'a@b.example'],
        ['email', 'c@d.example'],
      ],
      '#/email',
      'is sent twice; send it once',
    ],
    [
      [['Email', 'a@b.example']],
      '#/Email',
      'is a key of the lead, not an attribute; send it as the member email',
    ],
    [[['__proto__', 'x']], '#/__proto__', 'cannot be the name of an attribute'],
    [[['', 'x']], '#/', 'an attribute needs a name'],
    [[['attributes', '{}']], '#/attributes', 'must be an object of names and values'],
    [[['a/b~c', '\u0001']], '#/a~1b~0c', 'is U+0001'],
    [[['_clear', 'Email']], '#/Email', 'is a key of the lead, not an attribute; send it as the member email'],
  ])('%j is refused with a pointer to the field', async (fields, pointer, detail) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await postForm(url, [['foreignSysType', ''], ...fields]);
    expect(answer.status).toBe(422);
    expect(answer.json['errors']).toContainEqual({ pointer, detail: expect.stringContaining(detail) });
  });

  test('a name of a prototype changes none', async () => {
    const { url, commands } = await startRecording();
    await postForm(url, { email: 'jane@example.com', constructor: 'x', toString: 'y' });
    expect(commands[0]?.attributes).toEqual([
      { name: 'constructor', value: 'x' },
      { name: 'toString', value: 'y' },
    ]);
  });

  test('a file is refused by its name', async () => {
    const form = new FormData();
    form.append('email', 'jane@example.com');
    form.append('photo', new Blob([new Uint8Array([0x89, 0x50, 0xff])]), 'me.png');
    const { body, type } = await multipart(form);
    const { url } = await startApp({ directory: unreachable });
    const answer = await post(url, body, { 'content-type': type });
    expect(answer.status).toBe(422);
    expect(answer.json['errors']).toEqual([
      { pointer: '#/photo', detail: 'is a file; a lead has texts only' },
    ]);
  });

  test('problems of Marketo and of permissions point to fields, too', async () => {
    const { url } = await startApp({
      directory: directoryThat(() => {
        throw new GatewayError('unknown-attribute', {
          detail: 'Marketo has no field named pants.',
          errors: [{ pointer: '#/attributes/pants', detail: 'is not a field' }],
        });
      }),
    });
    const answer = await postForm(url, { email: 'jane@example.com', pants: 'blue' });
    expect(answer.json['errors']).toEqual([{ pointer: '#/pants', detail: 'is not a field' }]);
  });
});

describe('a form that cannot be read is refused', () => {
  testEvery<[what: string, body: string | Uint8Array]>(2, [
    ['a percent sign alone', 'email=100%'],
    ['a percent sign before letters', 'email=%zz'],
    ['bytes that are not UTF-8, encoded', 'FirstName=J%FCrgen'],
    ['bytes that are not UTF-8', new Uint8Array([0x61, 0x3d, 0xfc])],
    ['too many fields', 'a=1&'.repeat(2001)],
  ])('%s', async (_what, body) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await post(url, body, { 'content-type': FORM });
    expect([answer.status, answer.json['type']]).toEqual([400, problemType('malformed-form')]);
  });

  test('no field at all is a lead without a key', async () => {
    const { url } = await startApp({ directory: unreachable });
    expect((await post(url, '', { 'content-type': FORM })).status).toBe(422);
  });

  testEvery(2, ['application/xml', 'text/html', 'multipart/mixed; boundary=x', `${FORM}; charset=latin1`])(
    'another type: %s',
    async (type) => {
      const { url } = await startApp({ directory: unreachable });
      const answer = await post(url, 'x', { 'content-type': type });
      expect([answer.status, answer.json['type']]).toEqual([415, problemType('unsupported-media-type')]);
    },
  );

  test('more than a mebibyte, also when decompressed', async () => {
    const { url } = await startApp({ directory: unreachable });
    const body = `email=${'x'.repeat(1_048_576)}`;
    expect((await post(url, body, { 'content-type': FORM })).status).toBe(413);
    const headers = { 'content-type': FORM, 'content-encoding': 'gzip' };
    expect((await post(url, gzipSync(body), headers)).status).toBe(413);
  });

  test('by PUT forms are refused as before', async () => {
    const { url } = await startApp({ directory: unreachable });
    expect((await putLead(url, 'email=a@b.example', { 'content-type': FORM })).status).toBe(415);
  });
});
