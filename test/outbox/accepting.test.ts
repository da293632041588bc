import { expect, test } from 'vitest';
import {
  type Answer,
  type TestGateway,
  startKeyedGateway,
  startTestGateway,
  SECRET,
  PUBLISHABLE,
  ORIGIN,
  bearer,
  OPERATOR,
} from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { startQuickClock } from '../support/virtual-clock.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { portApart } from '../support/port-apart.ts';

/** As it works but in tests. */
const IN_A_THREAD = { startOutboxWorker: undefined };
const ASYNC = { headers: { prefer: 'respond-async' } };

/** What became of a lead, once that is known. */
async function outcomeOf(
  { request }: Pick<TestGateway, 'request'>,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  for (;;) {
    const answer = await request('GET', path, { headers });
    if (answer.status !== 202) return answer;
    expect(answer.headers.get('location')).toBe(path);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

test('an accepted lead has a receipt, and is delivered', async () => {
  const gateway = await startTestGateway({ OUTBOX_URL: `file:${outboxFile()}` }, IN_A_THREAD);
  const answer = await gateway.putLead({ email: 'jane@example.com' }, ASYNC);
  expect(answer.status).toBe(202);
  const { receipt } = answer.body;
  expect(receipt).toMatch(/^\/receipts\/[\w-]{22}$/);
  expect(answer.body).toEqual({ status: 'ACCEPTED', receipt });
  expect(answer.headers.get('location')).toBe(receipt);
  expect(answer.headers.get('retry-after')).toBe('2');
  expect(answer.headers.get('preference-applied')).toBe('respond-async');
  const { status, body } = await outcomeOf(gateway, receipt);
  expect(status).toBe(200);
  expect(body).toEqual({
    state: 'delivered',
    acceptedAt: expect.stringMatching(/^2\d{3}-.*Z$/),
    deliveredAt: expect.stringMatching(/^2\d{3}-.*Z$/),
    result: { leadId: expect.any(Number), status: 'CREATED' },
  });
});

test('a lead that is refused has failed, and its receipt has no words of the upstream', async () => {
  const gateway = await startKeyedGateway([SECRET], { OUTBOX_URL: `file:${outboxFile()}` });
  const own = bearer(SECRET.key);
  const { body } = await gateway.putLead(
    { email: 'a@example.com', attributes: { Pants: 'x' } },
    { headers: { ...own, ...ASYNC.headers } },
  );
  const receipt = await outcomeOf(gateway, body.receipt, own);
  expect(receipt.body).toMatchObject({
    state: 'failed',
    problem: {
      status: 422,
      errors: [{ pointer: '#/attributes/Pants' }],
      upstream: { code: expect.any(Number) },
    },
  });
  expect(receipt.body.problem).not.toHaveProperty('detail');
  expect(receipt.body.problem.upstream).not.toHaveProperty('message');
});

test.each(['soap', 'rest'])(
  'a value that Marketo quotes by %s is not in the receipt, but for who manages the outbox',
  async (face) => {
    const env = { OUTBOX_URL: `file:${outboxFile()}`, MARKETO_UPSTREAM: face };
    const gateway = await startKeyedGateway([SECRET, OPERATOR], env, startQuickClock());
    const own = bearer(SECRET.key);
    const { body } = await gateway.putLead(
      { email: 'a@example.com', attributes: { LeadScore: '7 private words' } },
      { headers: { ...own, ...ASYNC.headers } },
    );
    const receipt = await outcomeOf(gateway, body.receipt, own);
    expect(JSON.stringify(receipt.body)).not.toContain('private');
    expect(receipt.body.problem).toMatchObject({
      errors: [{ pointer: '#/attributes/LeadScore', detail: 'is refused by Marketo' }],
    });
    const shown = await outcomeOf(gateway, body.receipt, bearer(OPERATOR.key));
    expect(shown.body.problem.errors[0].detail).toMatch(/^is refused by Marketo: ./);
  },
);

test('who manages the outbox reads every receipt, with the words of its problem', async () => {
  const gateway = await startKeyedGateway([SECRET, OPERATOR], { OUTBOX_URL: `file:${outboxFile()}` });
  const { body } = await gateway.putLead(
    { email: 'a@example.com', attributes: { Pants: 'x' } },
    { headers: { ...bearer(SECRET.key), ...ASYNC.headers } },
  );
  const { problem } = (await outcomeOf(gateway, body.receipt, bearer(OPERATOR.key))).body;
  expect(problem.detail).toContain('Pants');
  expect(problem.upstream.message).toContain('Pants');
});

test('a caller that waits gets the answer if it is known in time', async () => {
  const gateway = await startTestGateway({ OUTBOX_URL: `file:${outboxFile()}` });
  const wait = { headers: { prefer: 'respond-async, wait=10' } };
  const created = await gateway.putLead({ email: 'jane@example.com' }, wait);
  expect(created).toMatchObject({ status: 201, body: { status: 'CREATED' } });
  expect(created.headers.get('preference-applied')).toBe('wait=10');
  const refused = await gateway.putLead({ email: 'jane@example.com', attributes: { Pants: 'x' } }, wait);
  expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/attributes/Pants' }] } });
});

test('a time to wait is at most the deadline, and must be a number of seconds', async () => {
  const gateway = await startTestGateway({ OUTBOX_URL: `file:${outboxFile()}`, REQUEST_DEADLINE_MS: '9500' });
  const put = (prefer: string) =>
    gateway.putLead({ email: 'jane@example.com' }, { headers: { prefer: `respond-async, ${prefer}` } });
  expect((await put('wait=99999999999999999999')).headers.get('preference-applied')).toBe('wait=9');
  expect((await put('wait=0')).headers.get('preference-applied')).toBe('respond-async');
  for (const wait of ['-1', '1e9']) {
    const { status, body } = await put(`wait=${wait}`);
    expect([status, body.type]).toEqual([422, expect.stringMatching(/validation-failed$/)]);
    expect(body.detail).toContain('header Prefer');
  }
  const without = await startTestGateway();
  const ignored = await without.putLead(
    { email: 'a@example.com' },
    { headers: { prefer: 'respond-async, wait=-1' } },
  );
  expect([ignored.status, ignored.headers.get('preference-applied')]).toEqual([201, null]);
});

test('a caller that must not know what becomes of a lead cannot wait for it', async () => {
  for (const delivery of ['fallback', 'accept', 'sync']) {
    const entry = { ...PUBLISHABLE, delivery };
    const gateway = await startKeyedGateway([entry], { OUTBOX_URL: `file:${outboxFile()}` });
    const headers = { ...bearer(entry.key), origin: ORIGIN, prefer: 'respond-async, wait=20' };
    for (const lead of [
      { email: 'a@example.com' },
      { email: 'a@example.com', attributes: { Company: 'x' } },
    ]) {
      const { status, body } = await gateway.putLead(lead, { headers });
      expect([delivery, status, body]).toEqual([delivery, 202, { status: 'ACCEPTED' }]);
    }
  }
});

test('a lead that may be answered with 202 cannot be returned, and nothing is kept of it', async () => {
  const gateway = await startTestGateway({ OUTBOX_URL: `file:${outboxFile()}` });
  const answer = await gateway.putLead({ email: 'jane@example.com', returnLead: true }, ASYNC);
  expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/returnLead' }] } });
  const now = await gateway.putLead({ email: 'jane@example.com', returnLead: true });
  expect(now.body.status).toBe('CREATED');
});

test('without an outbox the preference is not applied, and there are no receipts', async () => {
  const gateway = await startTestGateway();
  const answer = await gateway.putLead({ email: 'jane@example.com' }, ASYNC);
  expect(answer.status).toBe(201);
  expect(answer.headers.get('preference-applied')).toBeNull();
  expect((await fetch(`${gateway.url}/receipts/Jq3vX0m2Z1r9cQkT7yB4Wg`)).status).toBe(404);
});

test('a receipt is for the key that made it; a publishable key has none', async () => {
  const other = { ...SECRET, name: 'other', key: TEST_KEYS.other };
  const gateway = await startKeyedGateway([SECRET, other, PUBLISHABLE], {
    OUTBOX_URL: `file:${outboxFile()}`,
  });
  const own = bearer(SECRET.key);
  const { body } = await gateway.putLead(
    { email: 'a@example.com' },
    { headers: { ...own, ...ASYNC.headers } },
  );
  expect((await outcomeOf(gateway, body.receipt, own)).body.state).toBe('delivered');
  const statusFor = async (path: string, headers: Record<string, string>) =>
    (await gateway.request('GET', path, { headers })).status;
  const page = { ...bearer(PUBLISHABLE.key), origin: ORIGIN };
  expect(await statusFor(body.receipt, bearer(other.key))).toBe(404);
  expect(await statusFor(body.receipt, page)).toBe(404);
  expect(await statusFor(body.receipt, {})).toBe(401);
  expect(await statusFor('/receipts/Jq3vX0m2Z1r9cQkT7yB4Wg', own)).toBe(404);
  const form = await gateway.putLead({ email: 'b@example.com' }, { headers: { ...page, ...ASYNC.headers } });
  expect(form).toMatchObject({ status: 202, body: { status: 'ACCEPTED' } });
  expect(form.body).not.toHaveProperty('receipt');
  expect(form.headers.get('location')).toBeNull();
});

test('the mode of a key decides, where it has one', async () => {
  const withMode = (delivery: string) => ({ ...SECRET, name: 'other', key: TEST_KEYS.other, delivery });
  const put = async (entry: typeof SECRET, lead: object, headers = {}) => {
    const gateway = await startKeyedGateway([entry, PUBLISHABLE], { OUTBOX_URL: `file:${outboxFile()}` });
    return gateway.putLead(lead, { headers: { ...bearer(entry.key), ...headers } });
  };
  const accepted = await put(withMode('accept'), { email: 'a@example.com' });
  expect(accepted).toMatchObject({ status: 202, body: { receipt: expect.any(String) } });
  expect(accepted.headers.get('preference-applied')).toBeNull();
  expect(await put(withMode('sync'), { email: 'a@example.com' }, ASYNC.headers)).toMatchObject({
    status: 201,
  });
  expect(await put(withMode('fallback'), { email: 'a@example.com' })).toMatchObject({ status: 201 });
  const asked = await put(withMode('fallback'), { email: 'a@example.com' }, ASYNC.headers);
  expect(asked.status).toBe(202);
  const returned = await put(withMode('fallback'), { email: 'a@example.com', returnLead: true });
  expect(returned).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/returnLead' }] } });
});

test('a lead that meets a passing problem is kept where the key says so, and delivered later', async () => {
  const sandbox = await startTestSandbox({ port: await portApart() });
  const fallback = { ...SECRET, name: 'other', key: TEST_KEYS.other, delivery: 'fallback' };
  const gateway = await startKeyedGateway([SECRET, fallback], {
    ...sandbox.env,
    OUTBOX_URL: `file:${outboxFile()}`,
    REQUEST_DEADLINE_MS: '1000',
  });
  await sandbox.close();
  const kept = await gateway.putLead({ email: 'a@example.com' }, { headers: bearer(fallback.key) });
  expect(kept).toMatchObject({ status: 202, body: { receipt: expect.any(String) } });
  await startTestSandbox({ port: Number(new URL(sandbox.url).port) });
  const { body } = await outcomeOf(gateway, kept.body.receipt, bearer(fallback.key));
  expect(body.state).toBe('delivered');
  const refused = await gateway.putLead(
    { email: 'a@example.com', attributes: { Pants: 'x' } },
    { headers: bearer(fallback.key) },
  );
  expect(refused.status).toBe(422);
});

test('the page of a publishable key is answered once the lead is kept', async () => {
  const gateway = await startKeyedGateway([PUBLISHABLE], {
    OUTBOX_URL: `file:${outboxFile()}`,
    PUBLISHABLE_RESPONSE_MS: '60000',
  });
  const answer = await gateway.putLead(
    { email: 'a@example.com' },
    { headers: { ...bearer(PUBLISHABLE.key), origin: ORIGIN } },
  );
  expect(answer).toMatchObject({ status: 202, body: { status: 'ACCEPTED' } });
  expect(answer.body).toEqual({ status: 'ACCEPTED' });
});

test('a request that is sent again with its idempotency key is accepted once', async () => {
  const gateway = await startTestGateway({ OUTBOX_URL: `file:${outboxFile()}` });
  const put = (lead: object, key: string) =>
    gateway.putLead(lead, { headers: { ...ASYNC.headers, 'idempotency-key': key } });
  const first = await put({ email: 'a@example.com' }, '"one"');
  const again = await Promise.all(Array.from({ length: 5 }, () => put({ email: 'a@example.com' }, '"one"')));
  expect(new Set(again.map(({ body }) => body.receipt))).toEqual(new Set([first.body.receipt]));
  const other = await put({ email: 'b@example.com' }, '"one"');
  expect(other).toMatchObject({
    status: 422,
    body: { type: expect.stringMatching(/idempotency-key-reused$/) },
  });
  expect((await put({ email: 'b@example.com' }, '"two"')).status).toBe(202);
  expect((await put({ email: 'b@example.com' }, 'x'.repeat(256))).status).toBe(422);
});

test('GET /readyz and the log tell of kept leads that have failed', async () => {
  const gateway = await startTestGateway({ OUTBOX_URL: `file:${outboxFile()}` });
  const warnings = async () => (await gateway.request('GET', '/readyz')).body.warnings;
  const headers = { prefer: 'respond-async', 'x-request-id': 'my-request' };
  const lead = { email: 'jane@example.com', attributes: { Nonsense: 'x' } };
  expect((await gateway.putLead(lead, { headers })).status).toBe(202);
  await expect.poll(warnings).toEqual(['leads in the outbox have failed and wait for the operator']);
  const lines = gateway.logs.map((line) => JSON.parse(line));
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      msg: 'kept lead failed',
      requestId: 'my-request',
      problem: 'unknown-attribute',
      upstreamCode: 20105,
    }),
  );
});

test('refused credentials are a warning while leads are kept, and no reason to send no more', async () => {
  const sandbox = await startTestSandbox();
  const gateway = await startTestGateway({
    ...sandbox.env,
    MARKETO_ENCRYPTION_KEY: 'wrong',
    OUTBOX_URL: `file:${outboxFile()}`,
  });
  expect((await gateway.putLead({ email: 'jane@example.com' })).status).toBe(502);
  const { status, body } = await gateway.request('GET', '/readyz');
  expect(status).toBe(200);
  expect(body.warnings).toContain("the upstream refuses this gateway's credentials");
});
