import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import {
  CLIENT_SECRET,
  refuse,
  type RestBehaviour,
  sendJson,
  startRestUpstream,
  tokenAnswer,
} from '../support/rest-upstream.ts';

async function start(behaviour: RestBehaviour = {}) {
  const upstream = await startRestUpstream(behaviour);
  return { upstream, gateway: await startTestGateway(upstream.env) };
}

describe('the token', () => {
  test('is fetched once for leads that come together', async () => {
    const { upstream, gateway } = await start();
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => gateway.putLead({ email: `lead${index}@example.com` })),
    );
    expect(upstream.calls.filter(({ url }) => url.startsWith('/identity/'))).toHaveLength(1);
  });
  test.each(['600', '601', 602])('that is refused with %s is replaced, once', async (code) => {
    const { upstream, gateway } = await start({
      token: (response, _, nth) => sendJson(response, tokenAnswer(`token-${nth}`)),
      call: (response, { headers }) =>
        headers.authorization === 'Bearer token-0' ? refuse(response, code) : undefined,
    });
    expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
    expect(upstream.calls.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer token-0',
      undefined,
      'Bearer token-1',
    ]);
  });
  test('that stays refused is access denied, and the gateway is not ready', async () => {
    const { upstream, gateway } = await start({ call: (response) => refuse(response, '601') });
    const { body } = await gateway.putLead({ email: 'a@example.com' });
    expect(body).toMatchObject({ status: 502, type: expect.stringMatching(/upstream-access-denied$/) });
    expect(upstream.paths()).toHaveLength(1);
    expect((await gateway.request('GET', '/readyz')).status).toBe(503);
  });
  test('that identity does not give is access denied', async () => {
    const { upstream, gateway } = await start({
      token: (response) =>
        sendJson(
          response,
          { error: 'invalid_client', error_description: `Bad client credentials ${CLIENT_SECRET}` },
          401,
        ),
    });
    const { body, text } = await gateway.putLead({ email: 'a@example.com' });
    expect(body).toMatchObject({
      status: 502,
      type: expect.stringMatching(/upstream-access-denied$/),
      upstream: { message: 'Bad client credentials (secret)' },
    });
    expect(text + gateway.logs.join('')).not.toContain(CLIENT_SECRET);
    expect(upstream.paths()).toEqual([]);
    expect((await gateway.request('GET', '/readyz')).status).toBe(503);
  });
  test('is in no log, metric or problem', async () => {
    const { gateway } = await start({
      token: (response) => sendJson(response, tokenAnswer('very-secret-token')),
      call: (response) => refuse(response, '610', 'Access token very-secret-token'),
    });
    const { text, body } = await gateway.putLead({ email: 'a@example.com' });
    expect(body.upstream).toMatchObject({ code: 610, message: 'Access token (secret)' });
    const metrics = await gateway.request('GET', '/metrics');
    expect(text + metrics.text + gateway.logs.join('')).not.toContain('very-secret-token');
  });
});
