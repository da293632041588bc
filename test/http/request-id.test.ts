import { describe, expect, test } from 'vitest';
import { directoryThat, startApp } from '../support/app.ts';
import { putLead, send } from '../support/client.ts';

describe('X-Request-Id', () => {
  test.each(['a', 'A.b_c-9', 'x'.repeat(128)])("is the caller's when it is usable: %s", async (id) => {
    const { url } = await startApp();
    const answer = await send(url, '/healthz', { headers: { 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toBe(id);
  });

  test.each(['x'.repeat(129), 'a b', 'a,b', '<script>', 'jane@example.com', 'é'])(
    "is a new one when the caller's is not: %s",
    async (id) => {
      const { url } = await startApp();
      const answer = await send(url, '/healthz', { headers: { 'x-request-id': id } });
      expect(answer.headers['x-request-id']).toBe('request-1');
    },
  );

  test('goes with the lead', async () => {
    const seen: string[] = [];
    const { url } = await startApp({
      directory: directoryThat((_command, { requestId }) => {
        seen.push(requestId);
        return { leadId: 1, status: 'UPDATED' };
      }),
    });
    await putLead(url, { id: 1 }, { 'x-request-id': 'mine' });
    expect(seen).toEqual(['mine']);
  });

  test.each([
    ['404', 'GET', '/nothing', ''],
    ['405', 'DELETE', '/leads', ''],
    ['413', 'PUT', '/leads', ' '.repeat(1_048_577)],
    ['400', 'PUT', '/leads', '{'],
    ['302', 'GET', '/', ''],
    ['200', 'GET', '/docs/swagger-ui.css', ''],
  ])('is on an answer %s', async (status, method, path, body) => {
    const { url } = await startApp();
    const answer = await send(url, path, {
      method,
      headers: { 'x-request-id': 'mine', 'content-type': 'application/json' },
      body,
    });
    expect([String(answer.status), answer.headers['x-request-id']]).toEqual([status, 'mine']);
  });
});
