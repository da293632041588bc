import { expect, test } from 'vitest';
import type { Environment } from '../../src/config/files.ts';
import {
  bearer,
  type Entry,
  OPERATOR,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  startTestGateway,
  type TestGateway,
} from '../support/gateway.ts';
import { shared } from '../support/lasting.ts';
import { outboxFile } from '../support/outbox.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { startQuickClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';
import { portApart } from '../support/port-apart.ts';

const JANE = 'jane@example.com';

/** A gateway with an outbox and callers, and short ways to ask it. */
async function start(
  env: Environment = {},
  entries: readonly Entry[] = [],
  deps: Parameters<typeof startTestGateway>[1] = {},
) {
  const gateway = await startKeyedGateway(
    [SECRET, OPERATOR, ...entries],
    { OUTBOX_URL: `file:${outboxFile()}`, ...env },
    // Without chance in it there are no pauses between attempts; between two calls for few leads is a second.
    { random: () => 0, ...startQuickClock(), ...deps },
  );
  const accept = async (lead: object): Promise<string> => {
    const headers = { ...bearer(SECRET.key), prefer: 'respond-async' };
    const { status, body } = await gateway.putLead(lead, { headers });
    expect(status).toBe(202);
    return String(body.receipt).replace('/receipts/', '');
  };
  const ask = async (method: string, path: string, body?: unknown, key = OPERATOR.key) =>
    gateway.request(method, path, {
      headers: { ...bearer(key), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return { ...gateway, accept, ask };
}

type Started = Awaited<ReturnType<typeof start>>;

/** The counts, once they are as the test waits for. */
async function untilCounts({ ask }: Pick<Started, 'ask'>, isReached: (counts: any) => boolean) {
  for (;;) {
    const { body } = await ask('GET', '/outbox');
    if (isReached(body)) return body;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

const untilCounted = (gateway: Pick<Started, 'ask'>, state: string, count: number) =>
  untilCounts(gateway, (counts) => counts[state] === count);
const untilPaused = (gateway: Pick<Started, 'ask'>) =>
  untilCounts(gateway, ({ pausedBy }) => pausedBy !== undefined);

/** A gateway whose leads wait, because nothing is where Marketo should be. */
async function startWaiting() {
  const sandbox = await startTestSandbox({ port: await portApart() });
  const gateway = await start({ ...sandbox.env, REQUEST_DEADLINE_MS: '500' });
  await sandbox.close();
  const comeBack = () => startTestSandbox({ port: Number(new URL(sandbox.url).port) });
  return { ...gateway, comeBack };
}

test('counts tell how the outbox is doing', async () => {
  const gateway = await start();
  const empty = await gateway.ask('GET', '/outbox');
  expect(empty).toMatchObject({ status: 200 });
  expect(empty.headers.get('cache-control')).toBe('no-store');
  expect(empty.body).toEqual({
    pending: 0,
    failed: 0,
    delivered: 0,
    failedByProblem: [],
    deliveredInHour: 0,
    deliveredInDay: 0,
  });
  await gateway.accept({ email: JANE });
  await gateway.accept({ email: 'joe@example.com', attributes: { Pants: 'x' } });
  await untilCounted(gateway, 'delivered', 1);
  expect(await untilCounted(gateway, 'failed', 1)).toMatchObject({
    failedByProblem: [{ problem: expect.any(String), count: 1 }],
    deliveredInHour: 1,
    deliveredInDay: 1,
  });
});

test('while all leads wait, counts tell since when, why and until when', EXHAUSTIVE, async () => {
  const gateway = await startWaiting();
  await gateway.accept({ email: JANE });
  expect(await untilPaused(gateway)).toMatchObject({
    pending: 1,
    oldestPendingSeconds: expect.any(Number),
    nextAttemptAt: expect.stringMatching(/Z$/),
    pausedBy: 'upstream-unreachable',
  });
});

test('failed leads are listed with their problems, and read one by one with what was sent', async () => {
  const gateway = await start();
  const id = await gateway.accept({ email: JANE, attributes: { Pants: 'x' } });
  await untilCounted(gateway, 'failed', 1);
  const { body } = await gateway.ask('GET', '/outbox/leads');
  const entry = {
    id,
    state: 'failed',
    caller: SECRET.name,
    kind: 'secret',
    acceptedAt: expect.stringMatching(/Z$/),
    failedAt: expect.stringMatching(/Z$/),
    attempts: 1,
    problem: expect.objectContaining({ status: 422, detail: expect.stringContaining('Pants') }),
  };
  expect(body).toEqual({ leads: [entry] });
  const one = await gateway.ask('GET', `/outbox/leads/${id}`);
  expect(one.body).toEqual({ ...entry, lead: { email: JANE, attributes: { Pants: 'x' } } });
  const [slug] = String(body.leads[0].problem.type).split('/').slice(-1);
  const pages = ['state=pending', 'problem=rate-limited', `problem=${slug}`].map((query) =>
    gateway.ask('GET', `/outbox/leads?${query}`),
  );
  expect((await Promise.all(pages)).map((page) => page.body.leads.length)).toEqual([0, 0, 1]);
});

test('every member of a lead is shown as it was sent', async () => {
  const gateway = await startWaiting();
  const lead = {
    id: 7,
    email: JANE,
    foreignSysPersonId: 'x 1',
    foreignSysType: 'SFDC',
    marketoCookie: 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169',
    workspace: 'Default',
    attributes: { LastName: 'Doe', LeadScore: 62, MiddleName: null },
  };
  const id = await gateway.accept(lead);
  const { body } = await gateway.ask('GET', `/outbox/leads/${id}`);
  expect(body.lead).toEqual(lead);
});

test('a list goes on where its page ended', EXHAUSTIVE, async () => {
  const gateway = await start();
  for (let count = 0; count < 5; count += 1)
    await gateway.accept({ email: `a${count}@example.com`, attributes: { Pants: 'x' } });
  await untilCounted(gateway, 'failed', 5);
  const ids: string[] = [];
  const sizes: number[] = [];
  for (let after = ''; ;) {
    const { body } = await gateway.ask('GET', `/outbox/leads?limit=2${after}`);
    sizes.push(body.leads.length);
    ids.push(...body.leads.map((lead: { id: string }) => lead.id));
    if (body.next === undefined) break;
    after = `&after=${body.next}`;
  }
  expect(sizes).toEqual([2, 2, 1]);
  expect(new Set(ids).size).toBe(5);
});

/** For what is refused before anything is done. */
const empty = shared(start);

test.each([
  ['state=gone', ['#/state'], 'state: must be failed or pending.'],
  ['problem=unknown-atribute', ['#/problem'], 'did you mean unknown-attribute?'],
  ['after=xyz', ['#/after'], 'after: must be next of the page before.'],
  ['limit=0', ['#/limit'], 'limit: must be a whole number from 1 to 1000.'],
  ['limit=2&limit=3&stat=x', ['#/limit', '#/stat'], '2 parameters are not valid.'],
  ['stat=x', ['#/stat'], 'did you mean state?'],
])('the query %s is refused', async (query, pointers, words) => {
  const { status, body } = await empty().ask('GET', `/outbox/leads?${query}`);
  expect(status).toBe(422);
  expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
  expect(body.detail).toContain(words);
});

test('of many unknown members a thousand are listed, and all are counted', async () => {
  const members = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`a~${index}`, 1]));
  const { status, body } = await empty().ask('POST', '/outbox/retry', members);
  expect([status, body.errors.length]).toEqual([422, 1000]);
  expect(body.detail).toMatch(/^1500 members are not valid\. a~0: is not a member of this request\./);
});

test('a failed lead is retried, alone or with all of its problem', async () => {
  const gateway = await start({}, [], { startOutboxWorker: undefined });
  const id = await gateway.accept({ email: JANE, attributes: { Pants: 'x' } });
  await gateway.accept({ email: 'joe@example.com', attributes: { Pants: 'x' } });
  await untilCounted(gateway, 'failed', 2);
  const attempts = async () => {
    const { body } = await gateway.ask('GET', '/outbox/leads');
    return body.leads.length === 2 ? body.leads.map((lead: { attempts: number }) => lead.attempts) : [];
  };
  const before = (await gateway.ask('GET', `/outbox/leads/${id}`)).body.failedAt;
  const retried = await gateway.ask('POST', `/outbox/leads/${id}/retry`);
  expect(retried).toMatchObject({ status: 200, body: { retried: 1 } });
  await untilCounted(gateway, 'failed', 2);
  const after = (await gateway.ask('GET', `/outbox/leads/${id}`)).body.failedAt;
  expect(Date.parse(after)).toBeGreaterThanOrEqual(Date.parse(before));
  expect(await attempts()).toEqual([1, 1]);
  const none = await gateway.ask('POST', '/outbox/retry', { problem: 'rate-limited' });
  expect(none.body).toEqual({ retried: 0 });
  expect((await gateway.ask('POST', '/outbox/retry', {})).body).toEqual({ retried: 2 });
  await untilCounted(gateway, 'failed', 2);
});

test('a retry ends the pause of all leads', EXHAUSTIVE, async () => {
  const gateway = await startWaiting();
  const id = await gateway.accept({ email: JANE });
  await untilPaused(gateway);
  await gateway.comeBack();
  await gateway.ask('POST', '/outbox/retry', {});
  await gateway.ask('POST', `/outbox/leads/${id}/retry`);
  const { pending, pausedBy } = await untilCounted(gateway, 'delivered', 1);
  expect({ pending, pausedBy }).toEqual({ pending: 0, pausedBy: undefined });
});

test('delivered, unknown and misspelt leads are not retried', async () => {
  const gateway = await start();
  const id = await gateway.accept({ email: JANE });
  await untilCounted(gateway, 'delivered', 1);
  const delivered = await gateway.ask('POST', `/outbox/leads/${id}/retry`);
  expect(delivered).toMatchObject({ status: 422, body: { detail: expect.stringContaining('delivered') } });
  const shown = await gateway.ask('GET', `/outbox/leads/${id}`);
  expect(shown.body).toMatchObject({ state: 'delivered', result: { status: 'CREATED' } });
  expect(shown.body).not.toHaveProperty('lead');
  for (const [method, path] of [
    ['GET', '/outbox/leads/nothing'],
    ['DELETE', '/outbox/leads/nothing'],
    ['POST', '/outbox/leads/nothing/retry'],
  ] as const) {
    expect((await gateway.ask(method, path)).status).toBe(404);
  }
  const misspelt = await gateway.ask('POST', '/outbox/retry', { problm: 'x', problem: 'unknown-atribute' });
  expect(misspelt).toMatchObject({
    status: 422,
    body: {
      errors: [
        { pointer: '#/problem', detail: expect.stringMatching(/did you mean unknown-attribute\?$/) },
        { pointer: '#/problm', detail: 'is not a member of this request; did you mean problem?' },
      ],
    },
  });
});

test('a discarded lead is gone with its receipt, also before it was sent', async () => {
  const gateway = await startWaiting();
  const id = await gateway.accept({ email: JANE });
  const second = await gateway.accept({ email: JANE, attributes: { FirstName: 'Jane' } });
  const discarded = await gateway.ask('DELETE', `/outbox/leads/${id}`);
  expect(discarded).toMatchObject({ status: 200, body: { discarded: 1 } });
  expect((await gateway.ask('GET', `/receipts/${id}`)).status).toBe(404);
  await gateway.comeBack();
  await gateway.ask('POST', `/outbox/leads/${second}/retry`);
  await untilCounted(gateway, 'delivered', 1);
  const { result } = (await gateway.ask('GET', `/outbox/leads/${second}`)).body;
  expect(result.status).toBe('CREATED');
});

test('a person is forgotten by address, in any case', async () => {
  const gateway = await startWaiting();
  const id = await gateway.accept({ email: 'Jane@Example.com' });
  await gateway.accept({ email: 'joe@example.com' });
  const forgotten = await gateway.ask('POST', '/outbox/forget', { email: JANE });
  expect(forgotten).toMatchObject({
    status: 200,
    body: { pending: 1, failed: 0, delivered: 0, overwritten: true },
  });
  expect((await gateway.ask('GET', `/outbox/leads/${id}`)).status).toBe(404);
  expect((await gateway.ask('GET', '/outbox')).body.pending).toBe(1);
  const nonsense = await gateway.ask('POST', '/outbox/forget', { email: 'jane' });
  expect(nonsense).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/email' }] } });
  expect((await gateway.ask('POST', '/outbox/forget', {})).status).toBe(422);
});

test('without the permission nothing is told or changed', async () => {
  const gateway = await start({}, [
    PUBLISHABLE,
    { ...OPERATOR, name: 'o', key: TEST_KEYS.other, outbox: false },
  ]);
  const id = await gateway.accept({ email: JANE, attributes: { Pants: 'secret pants' } });
  await untilCounted(gateway, 'failed', 1);
  for (const [method, path, body] of [
    ['GET', '/outbox'],
    ['GET', '/outbox/leads'],
    ['GET', `/outbox/leads/${id}`],
    ['DELETE', `/outbox/leads/${id}`],
    ['POST', `/outbox/leads/${id}/retry`],
    ['POST', '/outbox/retry', {}],
    ['POST', '/outbox/forget', { email: JANE }],
  ] as const) {
    const refused = await gateway.ask(method, path, body, TEST_KEYS.other);
    expect([refused.status, refused.headers.get('cache-control')]).toEqual([403, 'no-store']);
    expect(refused.text).not.toMatch(/jane|pants/i);
    expect(refused.body.detail).toMatch(/needs the permission outbox/);
  }
  expect((await gateway.ask('GET', '/outbox')).body.failed).toBe(1);
});

test('without an outbox the paths do not exist', async () => {
  const gateway: TestGateway = await startTestGateway();
  for (const [method, path] of [
    ['GET', '/outbox'],
    ['GET', '/outbox/leads'],
    ['POST', '/outbox/retry'],
    ['POST', '/outbox/forget'],
  ] as const) {
    const { status } = await fetch(gateway.url + path, { method });
    expect(status).toBe(404);
  }
});

test('metrics count leads by problem, and hold nothing of them', async () => {
  const gateway = await start({}, [{ ...OPERATOR, name: 'scraper', key: TEST_KEYS.other, metrics: true }]);
  await gateway.accept({ email: JANE });
  await gateway.accept({ email: JANE, attributes: { Pants: 'blue' } });
  await untilCounted(gateway, 'failed', 1);
  const { text } = await gateway.ask('GET', '/metrics', undefined, TEST_KEYS.other);
  for (const line of [
    'outbox_accepted_total 2',
    'outbox_delivered_total 1',
    'outbox_failed_total{slug="unknown-attribute"} 1',
    'outbox_pending_leads 0',
    'outbox_pending_leads_limit 1000000',
    'outbox_oldest_seconds 0',
    'outbox_append_seconds_count 2',
  ]) {
    expect(text).toContain(`\nlead_gateway_${line}\n`);
  }
  expect(text).toMatch(/^lead_gateway_outbox_claim_seconds_count [1-9]/m);
  expect(text).not.toMatch(/jane|pants|blue/i);
  expect(gateway.logs.join('\n')).not.toMatch(/jane|blue/i);
});
