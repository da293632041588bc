import { describe, expect, test } from 'vitest';
import { startApp, unreachable } from '../../support/app.ts';
import { putLead, send, problemType } from '../../support/client.ts';
import { startTestGateway } from '../../support/gateway.ts';

describe('PUT answers 404', () => {
  test('lead-not-found when no lead has the id', async () => {
    const { url } = await startTestGateway();
    const answer = await putLead(url, { id: 2_147_483_647 });
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({
      type: problemType('lead-not-found'),
      retryable: false,
      upstream: { code: 20103 },
    });
  });

  test.each([
    '/lead',
    '/Leads',
    '/leads/',
    '//leads',
    '/leads/1',
    '/leads%2F',
    '/%E0%A4%A',
    '/problems/%E0%A4%A',
  ])('not-found for the path %s', async (path) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await send(url, path, {
      method: path.startsWith('/problems') ? 'GET' : 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"email":"jane@example.com"}',
    });
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({ type: problemType('not-found'), retryable: false });
  });
});
