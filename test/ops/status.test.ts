import { describe, expect, test } from 'vitest';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { createJournal } from '../../src/observability/journal.ts';
import {
  type Entry,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  startTestGateway,
  upstreamAt,
} from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { TEST_KEYS } from '../support/recordings.ts';

const withKey = (key: string, more: Readonly<Record<string, string>> = {}) => ({
  headers: { authorization: `Bearer ${key}`, ...more },
});
const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

describe('GET /status as JSON', () => {
  test('tells budgets, queue and parts of a gateway on its sandbox', async () => {
    const gateway = await startTestGateway();
    expect((await gateway.putLead({ email: 'status@example.com' })).status).toBe(201);
    const { status, headers, body } = await gateway.request('GET', '/status');
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({
      status: 'ready',
      reasons: [],
      upstream: { api: 'soap', sandbox: true },
      queue: { waiting: 0, limit: 25_000 },
      calls: {
        window: { limit: 100 },
        concurrent: { running: 0, limit: 10 },
        day: { limit: 10_000, usedUpAt: null },
      },
      circuitBreaker: 'closed',
      credentials: 'accepted',
      clock: 'accepted',
      outbox: false,
      keys: [],
      problems: [],
    });
    expect(body.calls.day.left).toBeLessThan(10_000);
  });

  test('has the counts of the outbox', async () => {
    const gateway = await startTestGateway({ OUTBOX_URL: `file:${outboxFile()}` });
    const headers = { prefer: 'respond-async', 'content-type': 'application/json' };
    expect((await gateway.putLead({ email: 'status@example.com' }, { headers })).status).toBe(202);
    const status = async () => (await gateway.request('GET', '/status')).body;
    await expect.poll(status).toMatchObject({
      outbox: true,
      outboxCounts: { pending: 0, failed: 0, delivered: 1, failedByProblem: [], deliveredInHour: 1 },
    });
  });

  test('lists problems with the key, and nothing that a caller sent but the request id', async () => {
    const gateway = await startKeyedGateway([SECRET, PUBLISHABLE]);
    const marked = { 'content-type': 'application/json', 'x-request-id': 'my-request' };
    await gateway.putLead(
      { email: 'private@example.com', attributes: { Nonsense: 'secret words' } },
      withKey(TEST_KEYS.secret, marked),
    );
    await gateway.putLead({ email: 'private@example.com' }, withKey('no-key-at-all'));
    await gateway.request('GET', '/private@example.com', withKey(TEST_KEYS.secret));
    const answer = await gateway.request('GET', '/status', withKey(TEST_KEYS.secret));
    expect(answer.body.problems).toMatchObject([
      { route: '/leads', status: 401, problem: 'unauthorized', caller: null },
      {
        requestId: 'my-request',
        route: '/leads',
        status: 422,
        problem: 'unknown-attribute',
        caller: 'back-end',
      },
    ]);
    expect(answer.text).not.toMatch(/private|secret words|Nonsense/);
    expect(answer.body.keys).toMatchObject([
      { name: 'back-end', kind: 'secret', state: 'active', requests: 1, problems: 1 },
      { name: 'web-form', kind: 'publishable', state: 'active', lastUsedAt: null, requests: 0 },
    ]);
  });

  test('says in which state keys are', async () => {
    const other = (name: string, key: string, more: object): Entry => ({ ...SECRET, name, key, ...more });
    const gateway = await startKeyedGateway([
      SECRET,
      other('off', `${TEST_KEYS.secret}1`, { enabled: false }),
      other('gone', `${TEST_KEYS.secret}2`, { revokedAt: '2026-01-01T00:00:00Z' }),
      other('old', `${TEST_KEYS.secret}3`, { expiresAt: '2026-01-01T00:00:00Z' }),
    ]);
    const { body } = await gateway.request('GET', '/status', withKey(TEST_KEYS.secret));
    expect(body.keys.map(({ state }: { state: string }) => state)).toEqual([
      'active',
      'disabled',
      'revoked',
      'expired',
    ]);
  });

  test('needs the permission metrics', async () => {
    const gateway = await startKeyedGateway([{ ...SECRET, metrics: false }, PUBLISHABLE]);
    expect((await gateway.request('GET', '/status')).status).toBe(401);
    expect((await gateway.request('GET', '/status', withKey(TEST_KEYS.secret))).status).toBe(403);
    const fromPage = withKey(TEST_KEYS.publishable, { origin: 'https://www.example.com' });
    expect((await gateway.request('GET', '/status', fromPage)).status).toBe(403);
  });

  test('says that the upstream refuses the credentials', async () => {
    const sandbox = await startTestGateway();
    const gateway = await startTestGateway(upstreamAt(`${sandbox.sandboxUrl}/soap/mktows/2_9`));
    expect((await gateway.request('GET', '/status')).body.credentials).toBe('untried');
    await gateway.putLead({ email: 'status@example.com' });
    expect((await gateway.request('GET', '/status')).body).toMatchObject({
      status: 'unready',
      credentials: 'refused',
      clock: 'accepted',
    });
  });
});

describe('GET /status as a page', () => {
  test('holds no data, so it needs no key, and runs nothing but its own files', async () => {
    const gateway = await startKeyedGateway([SECRET]);
    // The descriptions leave out pages, which no client calls.
    const page = await fetch(`${gateway.url}/status`, { headers: { accept: HTML } });
    const text = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('vary')).toContain('Accept');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(text).not.toMatch(/ style=| on\w+=|<script>|<style|https?:\/\/|back-end/);
    const files = [...text.matchAll(/(?:src|href)="(status\/[^"]+)"/g)].map(([, file = '']) => file);
    expect(files).toHaveLength(3);
    for (const file of [...files, 'status/outbox.js', 'status/requests.js', 'status/parts.js']) {
      expect([file, (await fetch(`${gateway.url}/${file}`)).status]).toEqual([file, 200]);
    }
  });

  test.each([undefined, '*/*', 'application/json', 'application/json, text/html;q=0.9', 'image/png'])(
    'is not what a program that accepts %s gets',
    async (accept) => {
      const gateway = await startTestGateway();
      const answer = await gateway.request(
        'GET',
        '/status',
        accept === undefined ? {} : { headers: { accept } },
      );
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    },
  );
});

test('a key of any kind that is used shows when', async () => {
  const webhook = { name: 'typeform', key: TEST_KEYS.webhook, kind: 'webhook', attributes: ['FirstName'] };
  const gateway = await startKeyedGateway([SECRET, webhook]);
  await gateway.request('POST', `/leads?key=${webhook.key}`, {
    headers: { 'content-type': 'application/json' },
    body: '{"email":"hook@example.com"}',
  });
  const { keys } = (await gateway.request('GET', '/status', withKey(TEST_KEYS.secret))).body;
  expect(keys[1]).toMatchObject({ name: 'typeform', requests: 1, lastUsedAt: expect.any(String) });
});

test('the journal keeps the last 50 problems, newest first', () => {
  const clock = createVirtualClock();
  const journal = createJournal(clock.now, true);
  const request = {
    route: '/leads',
    status: 422,
    slug: 'lead-rejected',
    caller: 'a',
    kind: 'secret',
    seconds: 0,
  };
  for (let nth = 0; nth < 60; nth += 1) journal.request({ ...request, requestId: `request-${nth}` });
  const ids = journal.problems().map(({ requestId }) => requestId);
  expect(ids).toEqual(Array.from({ length: 50 }, (_, nth) => `request-${59 - nth}`));
  expect(journal.answerOf('request-59')).toEqual({ status: 422, problem: 'lead-rejected' });
  expect(journal.useOf('a')).toMatchObject({ requests: 60, problems: 60 });
});
