import { describe, expect, test } from 'vitest';
import { startApp } from '../support/app.ts';
import { putLead, send } from '../support/client.ts';

describe('the security headers', () => {
  test('let a page use what comes from the gateway, and nothing inline', async () => {
    const { url } = await startApp();
    const { headers } = await send(url, '/docs');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'",
    );
  });

  test('send no browser to https, which the gateway does not speak', async () => {
    const { url } = await startApp();
    const { headers } = await send(url, '/docs');
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers['content-security-policy']).not.toContain('upgrade-insecure-requests');
  });

  test('are on every answer, problems included', async () => {
    const { url } = await startApp();
    for (const answer of [
      await putLead(url, '{'),
      await send(url, '/nothing'),
      await putLead(url, { id: 1 }),
    ]) {
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.headers).toHaveProperty('content-security-policy');
      expect(answer.headers).not.toHaveProperty('x-powered-by');
    }
  });
});
