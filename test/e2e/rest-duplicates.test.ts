import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import {
  refuse,
  type RestBehaviour,
  sendJson,
  startRestUpstream,
  succeed,
} from '../support/rest-upstream.ts';

const FIND = 'GET /rest/v1/leads.json?filterType=email&filterValues=a%40example.com&fields=id,email';
const SYNC = 'POST /rest/v1/leads.json';

/** A gateway whose clock stands still until a test sets it forward; no pauses between attempts. */
async function start(behaviour: RestBehaviour, env: Readonly<Record<string, string>> = {}) {
  const upstream = await startRestUpstream(behaviour);
  let passedMs = 0;
  const gateway = await startTestGateway(
    { ...upstream.env, UPSTREAM_TIMEOUT_MS: '3500', REQUEST_DEADLINE_MS: '4000', ...env },
    { random: () => 0, monotonicMs: () => passedMs },
  );
  const pass = (ms: number) => {
    passedMs += ms;
  };
  return { upstream, gateway, pass };
}

/** The first sync does something; a find answers with these leads. */
const once = (first: (response: ServerResponse) => unknown, found: readonly unknown[]): RestBehaviour => ({
  call: (response, { method, url }, nth) => {
    if (nth === 0) return first(response);
    if (method === 'GET' && url.includes('filterType')) return succeed(response, found);
    return undefined;
  },
});

const reset = (response: ServerResponse): true => {
  response.destroy();
  return true;
};

/** Leaves room for the find after a call that is never answered. */
const IMPATIENT = { UPSTREAM_TIMEOUT_MS: '1000' };

const UNKNOWN_ENDS: readonly (readonly [string, (response: ServerResponse) => unknown])[] = [
  ['a connection that broke', reset],
  ['a time-out', () => true],
  ['604', (response) => refuse(response, '604')],
  ['614', (response) => refuse(response, '614')],
  ['502 as a code', (response) => refuse(response, '502')],
  ['HTTP 502', (response) => sendJson(response, '', 502)],
  ['HTTP 503', (response) => sendJson(response, '', 503)],
  ['HTTP 504', (response) => sendJson(response, '', 504)],
  [
    'HTML',
    (response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html></html>');
      return true;
    },
  ],
];

describe.each(UNKNOWN_ENDS)('a createOrUpdate that ends with %s', (_, first) => {
  test('is repeated by a find: who is there is updated by the id', async () => {
    const { upstream, gateway } = await start(once(first, [{ id: 77, email: 'A@example.com' }]), IMPATIENT);
    const { status, text } = await gateway.putLead({ email: 'a@example.com' });
    expect([status, text]).toEqual([201, '{"leadId":1000001,"status":"CREATED"}']);
    expect(upstream.paths()).toEqual([SYNC, FIND, SYNC]);
    expect(upstream.syncs()[1]).toEqual({
      action: 'updateOnly',
      lookupField: 'id',
      input: [{ id: 77, email: 'a@example.com' }],
    });
  });

  test('and if no one is there, says when it can be sent again', async () => {
    const { upstream, gateway } = await start(once(first, []), IMPATIENT);
    const { body, headers } = await gateway.putLead({ email: 'a@example.com' });
    expect(body).toMatchObject({
      status: 504,
      retryable: true,
      type: expect.stringMatching(/upstream-timeout$/),
    });
    expect(headers.get('retry-after')).toBe('90');
    expect(upstream.paths()).toEqual([SYNC, FIND]);
  });
});

test('an answer that cannot be read is told as such, and the key waits as well', async () => {
  const { upstream, gateway } = await start(once((response) => sendJson(response, '{"success":tr'), []));
  const first = await gateway.putLead({ email: 'a@example.com' });
  expect(first.body.type).toMatch(/upstream-bad-response$/);
  const second = await gateway.putLead({ email: 'A@example.com' });
  expect(second.status).toBe(504);
  expect(upstream.paths()).toHaveLength(2);
});

test('no other request creates a lead by that key for 90 seconds, then one does', async () => {
  const { upstream, gateway, pass } = await start(once(reset, []));
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(504);
  pass(60_000);
  const later = await gateway.putLead({ email: 'A@EXAMPLE.com' });
  expect(later.status).toBe(504);
  expect(later.headers.get('retry-after')).toBe('30');
  // By another key: not held up.
  expect((await gateway.putLead({ email: 'b@example.com' })).status).toBe(201);
  pass(30_000);
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
  expect(upstream.syncs().map(({ action, input }) => `${action} ${input[0].email}`)).toEqual([
    'createOrUpdate a@example.com',
    'createOrUpdate b@example.com',
    'createOrUpdate a@example.com',
  ]);
});

test('a refusal ends the call, so nothing waits for it', async () => {
  const { upstream, gateway } = await start(once((response) => refuse(response, '608'), []));
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
  expect(upstream.paths()).toEqual([SYNC, SYNC]);
});

test('an updateOnly is repeated freely', async () => {
  const { upstream, gateway } = await start(once(reset, []));
  expect((await gateway.putLead({ id: 5 })).status).toBe(201);
  expect(upstream.paths()).toEqual([SYNC, SYNC]);
});

test('leads of one call whose keys are not held up go without the others', async () => {
  const { upstream, gateway } = await start(once(reset, []), { MARKETO_MAX_CONCURRENT: '1' });
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(504);
  const answers = await Promise.all(
    ['x', 'a', 'b', 'c'].map((name) => gateway.putLead({ email: `${name}@example.com` })),
  );
  expect(answers.map(({ status }) => status)).toEqual([201, 504, 201, 201]);
  const created = upstream.syncs().flatMap(({ input }) => input.map(({ email }: any) => email));
  expect(created.filter((email) => email === 'a@example.com')).toHaveLength(1);
});

test('several leads with the key of a call whose end is not known are no guess', async () => {
  const found = [
    { id: 1, email: 'a@example.com' },
    { id: 2, email: 'a@example.com' },
  ];
  const { gateway } = await start(once(reset, found));
  expect((await gateway.putLead({ email: 'a@example.com' })).body.type).toMatch(/lead-rejected$/);
});
