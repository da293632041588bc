import { describe, expect, test } from 'vitest';
import { startApp, unreachable } from '../../support/app.ts';
import { putLead, send, problemType } from '../../support/client.ts';

const LEAD = '{"email":"jane@example.com"}';

describe('PUT /leads answers 415 unsupported-media-type', () => {
  test.each<[contentType: string, detail?: string]>([
    ['text/plain', 'The Content-Type is text/plain; send Content-Type: application/json, in UTF-8.'],
    ['application/merge-patch+json'],
    ['application/x-www-form-urlencoded'],
    ['application/jsonp'],
    ['application/json, text/plain'],
    ['json'],
    [
      'application/json; charset=latin1',
      'The charset is latin1; send Content-Type: application/json, in UTF-8.',
    ],
    ['application/json; charset="UTF-16"'],
    ['application/json; charset'],
    ['application/json; charset="utf-8'],
    [`application/json${'; a=b'.repeat(250)}`],
  ])(
    'to the content type %s',
    async (contentType, detail = 'send Content-Type: application/json, in UTF-8.') => {
      const { url } = await startApp({ directory: unreachable });
      const answer = await putLead(url, LEAD, { 'content-type': contentType });
      expect(answer.status).toBe(415);
      expect(answer.json['type']).toEqual(problemType('unsupported-media-type'));
      expect(answer.json['detail']).toContain(detail);
    },
  );

  test.each([{}, { 'content-type': '' }])('to a body without a content type: %o', async (headers) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await send(url, '/leads', { method: 'PUT', body: LEAD, headers });
    expect(answer.status).toBe(415);
    expect(answer.json['detail']).toBe(
      'The request has no Content-Type; send Content-Type: application/json, in UTF-8.',
    );
  });

  test.each(['compress', 'aes128gcm', 'gzip, gzip'])('to the content encoding %s', async (encoding) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, LEAD, { 'content-encoding': encoding });
    expect(answer.status).toBe(415);
    expect(answer.json['detail']).toBe(
      'The Content-Encoding is not supported; send gzip, deflate, br or none.',
    );
  });

  test('and does not repeat a long content type at length', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, LEAD, { 'content-type': `text/${'x'.repeat(4000)}` });
    expect(String(answer.json['detail']).length).toBeLessThan(200);
  });
});
