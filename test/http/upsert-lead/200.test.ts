import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { success } from '../../support/answers.ts';
import { directoryThat, startApp } from '../../support/app.ts';
import { putLead, send } from '../../support/client.ts';
import { startTestGateway, upstreamAt } from '../../support/gateway.ts';
import { startUpstream } from '../../support/upstream.ts';
import { testEvery } from '../../support/exhaustive.ts';

const MEBIBYTE = 1_048_576;

describe('PUT /leads answers 200', () => {
  test('when the lead was there', async () => {
    const { url } = await startTestGateway();
    const first = await putLead(url, { email: 'jane@example.com' });
    const second = await putLead(url, { email: 'jane@example.com', attributes: { FirstName: 'Jane' } });
    expect(second.status).toBe(200);
    expect(second.json).toEqual({ leadId: first.json['leadId'], status: 'UPDATED' });
  });

  test('with the complete lead when returnLead was true', async () => {
    const { url } = await startTestGateway();
    await putLead(url, { email: 'jane@example.com' });
    const answer = await putLead(url, {
      email: 'jane@example.com',
      attributes: { FirstName: 'Jane', LeadScore: 62, Unsubscribed: false },
      returnLead: true,
    });
    expect(answer.status).toBe(200);
    expect(answer.json['lead']).toMatchObject({
      id: answer.json['leadId'],
      email: 'jane@example.com',
      foreignSysPersonId: null,
      foreignSysType: null,
      attributes: { FirstName: 'Jane', LeadScore: 62, Unsubscribed: false },
    });
  });

  test('when the lead was already as sent', async () => {
    const upstream = await startUpstream((response) => {
      response.setHeader('content-type', 'text/xml').end(success({ status: 'UNCHANGED' }));
    });
    const { url } = await startTestGateway(upstreamAt(upstream.endpoint));
    const answer = await putLead(url, { email: 'jane@example.com' });
    expect([answer.status, answer.json]).toEqual([200, { leadId: 1089965, status: 'UNCHANGED' }]);
  });

  test('with an object of attributes however many there are, and whatever their names', async () => {
    const lead = { id: 7, email: null, foreignSysPersonId: null, foreignSysType: null };
    const { url } = await startApp({
      directory: directoryThat(({ attributes }) => ({
        leadId: 7,
        status: 'UPDATED',
        lead: { ...lead, attributes },
      })),
    });
    const none = await putLead(url, { id: 7, returnLead: true });
    expect(none.text).toBe(
      '{"leadId":7,"status":"UPDATED","lead":{"id":7,"email":null,"foreignSysPersonId":null,"foreignSysType":null,"attributes":{}}}',
    );
    const many = await putLead(url, { id: 7, attributes: { constructor: 'a', toString: 'b', '': null } });
    expect(many.status).toBe(422);
    const odd = await putLead(url, { id: 7, attributes: { constructor: 'a', toString: 'b' } });
    expect(odd.text).toContain('"attributes":{"constructor":"a","toString":"b"}');
  });

  test('as JSON in UTF-8 that no cache keeps a tag of', async () => {
    const { url } = await startApp();
    const { headers } = await putLead(url, { id: 1 });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(headers).not.toHaveProperty('etag');
    expect(headers).not.toHaveProperty('x-powered-by');
  });
});

const text = JSON.stringify({ email: 'jane@example.com', attributes: { FirstName: 'Zoë 🦊' } });

/** The value of the attribute that arrives behind the HTTP side. */
async function read(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<unknown> {
  const seen: unknown[] = [];
  const { url } = await startApp({
    directory: directoryThat(({ attributes }) => {
      seen.push(...attributes);
      return { leadId: 1, status: 'UPDATED' };
    }),
  });
  await putLead(url, body, headers);
  return seen;
}

const WHOLE = [{ name: 'FirstName', value: 'Zoë 🦊' }];

describe('PUT /leads reads', () => {
  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('a body compressed with %s', async (encoding, compress) => {
    expect(await read(compress(text), { 'content-encoding': encoding })).toEqual(WHOLE);
  });

  testEvery(2, [
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json ; charset="utf-8"',
    'Application/JSON; profile="a;b"; charset=utf8',
    'application/json;',
  ])('the content type %s', async (contentType) => {
    expect(await read(text, { 'content-type': contentType })).toEqual(WHOLE);
  });

  test('a byte order mark in front of the JSON', async () => {
    expect(await read(`\uFEFF${text}`)).toEqual(WHOLE);
  });

  test('a body of exactly 1 MiB', async () => {
    expect(await read(text + ' '.repeat(MEBIBYTE - Buffer.byteLength(text)))).toEqual(WHOLE);
  });

  test('a body in chunks', async () => {
    expect(await read(text, { 'transfer-encoding': 'chunked' })).toEqual(WHOLE);
  });

  test('a path with a query', async () => {
    const { url } = await startApp();
    const answer = await send(url, '/leads?trace=1', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: text,
    });
    expect(answer.status).toBe(200);
  });
});
