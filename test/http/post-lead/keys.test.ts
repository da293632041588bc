import { describe, expect, test } from 'vitest';
import {
  bearer,
  type Entry,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  startTestGateway,
  type TestGateway,
} from '../../support/gateway.ts';
import { problemType } from '../../support/client.ts';
import { TEST_KEYS } from '../../support/recordings.ts';
import { testEvery } from '../../support/exhaustive.ts';

const WEBHOOK: Entry = { name: 'hook', key: TEST_KEYS.webhook, kind: 'webhook', attributes: ['FirstName'] };

const start = () => startKeyedGateway([SECRET, PUBLISHABLE, WEBHOOK]);

const LEAD = JSON.stringify({ email: 'jane@example.com' });

function post(gateway: TestGateway, query: string, headers: Record<string, string> = {}, body = LEAD) {
  const all = { 'content-type': 'text/plain', ...headers };
  return gateway.request('POST', `/leads${query}`, { headers: all, body });
}

const PAGE = { origin: ORIGIN };

describe('a key in the address of POST /leads', () => {
  test('is taken if it is publishable, from the origins it lists', async () => {
    const { status, body } = await post(await start(), `?key=${PUBLISHABLE.key}`, PAGE);
    expect([status, body]).toEqual([202, { status: 'ACCEPTED' }]);
  });

  test('is taken if it is that of a webhook, from servers', async () => {
    const gateway = await start();
    const { status, body } = await post(gateway, `?key=${WEBHOOK.key}`);
    expect([status, body]).toEqual([202, { status: 'ACCEPTED' }]);
    const { status: fromPage, body: problem } = await post(gateway, `?key=${WEBHOOK.key}`, PAGE);
    expect([fromPage, problem.detail]).toEqual([403, expect.stringContaining('does not work in pages')]);
  });

  // A simple request has no preflight (Fetch standard), so the origin is checked with the request itself.
  test.each([{}, { origin: 'https://evil.example' }, { origin: 'null' }])(
    'is refused from other origins: %j',
    async (headers) => {
      const gateway = await start();
      const { status, body } = await post(gateway, `?key=${PUBLISHABLE.key}`, headers);
      expect([status, body.type]).toEqual([403, problemType('forbidden')]);
      const leads = await fetch(`${gateway.sandboxUrl}/_sandbox/leads`);
      expect(await leads.text()).not.toContain('jane@example.com');
    },
  );

  test.each([
    ['valid', SECRET.key],
    ['unknown', TEST_KEYS.unknown],
    ['something like one', 'lgs_x'],
  ])('is refused if it is secret, %s, with the advice to revoke it', async (_what, key) => {
    const gateway = await start();
    const { status, body, text } = await post(gateway, `?key=${key}`);
    expect([status, body.type]).toEqual([401, problemType('unauthorized')]);
    expect(body.detail).toMatch(/^A secret key must not be in an address, .* have this key revoked/);
    expect(text).not.toContain(key);
    expect(gateway.logs.join('')).not.toContain(key);
    expect(gateway.logs.join('')).toContain('"refusal":"secret-in-address"');
  });

  test('names a secret key that is known in the log, so that it can be revoked', async () => {
    const gateway = await start();
    await post(gateway, `?KEY=${SECRET.key}`);
    expect(gateway.logs.join('')).toContain('"caller":"back-end"');
  });

  testEvery<[what: string, query: string, headers: Record<string, string>]>(2, [
    ['in a header as well', `?key=${PUBLISHABLE.key}`, bearer(SECRET.key)],
    ['the same in a header', `?key=${PUBLISHABLE.key}`, bearer(PUBLISHABLE.key)],
    ['in X-API-Key as well', `?key=${PUBLISHABLE.key}`, { 'x-api-key': PUBLISHABLE.key }],
    ['twice', `?key=${PUBLISHABLE.key}&key=${PUBLISHABLE.key}`, {}],
  ])('is refused if it is %s', async (_what, query, headers) => {
    const { status, body } = await post(await start(), query, { ...PAGE, ...headers });
    expect([status, body.detail]).toEqual([
      401,
      'The request has a key in its address and another one; send one of them.',
    ]);
  });

  testEvery(2, ['?key=', '?key=%zz', '?key=lgp_x', '?Key=x', '?other=1'])(
    '%s is not a key',
    async (query) => {
      expect((await post(await start(), query, PAGE)).status).toBe(401);
    },
  );

  test('does not count for PUT', async () => {
    const gateway = await start();
    const { status } = await gateway.request('PUT', `/leads?key=${PUBLISHABLE.key}`, {
      headers: { 'content-type': 'application/json', ...PAGE },
      body: LEAD,
    });
    expect(status).toBe(401);
  });

  test('stands in no line of the log, whatever it is, nor anything else of a query', async () => {
    const gateway = await start();
    for (const key of [PUBLISHABLE.key, WEBHOOK.key, SECRET.key, 'lgp_wrong', 'x']) {
      await post(gateway, `?key=${key}&email=mary@example.com`, PAGE);
    }
    const log = gateway.logs.join('');
    for (const text of [PUBLISHABLE.key, WEBHOOK.key, SECRET.key, 'lgp_wrong', 'mary@', '?key', 'key=']) {
      expect(log).not.toContain(text);
    }
  });
});

describe('a key in a header', () => {
  test('is taken for POST as for PUT', async () => {
    const gateway = await start();
    expect((await post(gateway, '', bearer(SECRET.key))).status).toBe(201);
    expect((await post(gateway, '', { ...bearer(PUBLISHABLE.key), ...PAGE })).status).toBe(202);
    expect((await post(gateway, '', bearer(WEBHOOK.key))).status).toBe(202);
    expect((await post(gateway, '')).status).toBe(401);
  });

  test('that of a webhook is for POST /leads only', async () => {
    const gateway = await start();
    const { status, body } = await gateway.putLead(
      { email: 'a@b.example' },
      { headers: bearer(WEBHOOK.key) },
    );
    expect([status, body.detail]).toEqual([403, expect.stringContaining('works for POST /leads only')]);
    expect((await gateway.request('GET', '/metrics', { headers: bearer(WEBHOOK.key) })).status).toBe(403);
  });

  test('may do by POST what it may do by PUT, and no more', async () => {
    const gateway = await start();
    const form = { ...PAGE, 'content-type': 'application/x-www-form-urlencoded' };
    const { status, body } = await post(
      gateway,
      `?key=${PUBLISHABLE.key}`,
      form,
      'email=jane@example.com&FirstName=Jane&LeadScore=1000&id=1&returnLead=1',
    );
    expect(status).toBe(403);
    expect(body.errors).toEqual([
      { pointer: '#/id', detail: 'needs the permission byId' },
      { pointer: '#/LeadScore', detail: 'needs the permission attributes with LeadScore in its list' },
      { pointer: '#/returnLead', detail: 'needs the permission returnLead' },
    ]);
  });
});

describe('a forged request from a page of another origin', () => {
  test('has nothing to go by: cookies are not credentials', async () => {
    const gateway = await start();
    for (const cookie of [`key=${SECRET.key}`, `Authorization=Bearer ${SECRET.key}`]) {
      expect((await post(gateway, '', { cookie, ...PAGE })).status).toBe(401);
    }
  });

  testEvery<Record<string, string>>(2, [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' },
  ])('is refused where callers need no credentials: %j', async (headers) => {
    const gateway = await startTestGateway();
    const { status } = await post(gateway, '', headers);
    expect(status).toBe(403);
  });
});
