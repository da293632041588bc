import { expect, test } from 'vitest';
import { envelope, success } from '../support/answers.ts';
import { problemType } from '../support/client.ts';
import { startDispatcher, ORIGIN } from '../support/dispatcher.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { IS_THOROUGH } from '../support/fuzz.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { startUpstream } from '../support/upstream.ts';
import { heapMiB } from './heap.ts';
import { queued, startGate } from './gate.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const emails = (count: number, start = 0) =>
  Array.from({ length: count }, (_, index) => `lead${start + index}@example.com`);

/** Sends leads while the only call of a gateway is under way, so that they wait together; gives their answers. */
async function whileBusy<Answer>(
  gate: Awaited<ReturnType<typeof startGate>>,
  gateway: Awaited<ReturnType<typeof startTestGateway>>,
  send: () => readonly Promise<Answer>[],
): Promise<Answer[]> {
  gate.hold();
  const first = gateway.putLead({ email: 'first@example.com' });
  await gate.reached();
  const waiting = send();
  await queued(gateway, waiting.length);
  gate.release();
  const answers = await Promise.all(waiting);
  await first;
  return answers;
}

test(
  '100 parallel requests for one new email make one lead, with 100 answers and one CREATED',
  EXHAUSTIVE,
  async () => {
    const sandbox = await startTestSandbox({ processingMs: 30 });
    // Right after midnight US Central the pace of the day would delay the last of them beyond their deadline.
    const gateway = await startTestGateway({ ...sandbox.env, MARKETO_DAILY_CALLS: '1000000' });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        gateway.putLead({
          email: index % 2 ? 'New@example.com' : 'new@example.com',
          attributes: { City: `C${index % 7}` },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(99);
    expect(new Set(answers.map(({ body }) => body.leadId)).size).toBe(1);
    expect(await sandbox.leads()).toHaveLength(1);
  },
);

test('what waits goes together, each caller with its own answer', async () => {
  const sandbox = await startTestSandbox();
  const gate = await startGate(sandbox);
  const gateway = await startTestGateway({ ...gate.env, MARKETO_MAX_CONCURRENT: '1' });
  gate.hold();
  const all = emails(50).map((email, index) =>
    gateway.putLead({ email, attributes: { LeadScore: index === 7 ? 'abc' : index } }),
  );
  await queued(gateway, 49);
  gate.release();
  const answers = await Promise.all(all);
  expect(answers.map(({ status }) => status)).toEqual(answers.map((_, index) => (index === 7 ? 422 : 201)));
  expect(answers[7]?.body.upstream.message).toContain('LeadScore');
  const leads = await sandbox.leads();
  for (const [index, { body }] of answers.entries()) {
    if (index === 7) continue;
    expect(leads.find(({ id }) => id === body.leadId)).toMatchObject({
      email: `lead${index}@example.com`,
      attributes: { LeadScore: String(index) },
    });
  }
  expect((await sandbox.calls()).map(({ records }) => records)).toEqual([1, 49]);
});

test('a lead with a cookie, returnLead or a workspace never shares a call, nor starves or is starved', async () => {
  const sandbox = await startTestSandbox();
  const gate = await startGate(sandbox);
  const gateway = await startTestGateway({ ...gate.env, MARKETO_MAX_CONCURRENT: '1' });
  gate.hold();
  const all = [
    gateway.putLead({ email: 'first@example.com' }),
    ...emails(10).map((email) => gateway.putLead({ email })),
    gateway.putLead({ email: 'r@example.com', returnLead: true }),
    gateway.putLead({ email: 'w@example.com', workspace: 'Europe' }),
    gateway.putLead({ email: 'c@example.com', marketoCookie: 'id:1&token:c' }),
  ];
  await queued(gateway, 13);
  gate.release();
  const answers = await Promise.all(all);
  expect(answers.every(({ status }) => status === 201)).toBe(true);
  expect(answers.at(-3)?.body.lead.email).toBe('r@example.com');
  const calls = (await sandbox.calls()).map(({ operation, records }) => `${operation} ${records}`);
  expect(calls).toHaveLength(5);
  expect(calls.indexOf('syncMultipleLeads 10')).toBeLessThanOrEqual(2);
});

test(
  '299 good leads and one with an unknown attribute: 299 successes, one problem, few extra calls',
  EXHAUSTIVE,
  async () => {
    const sandbox = await startTestSandbox();
    const gate = await startGate(sandbox);
    const gateway = await startTestGateway({ ...gate.env, MARKETO_MAX_CONCURRENT: '1' });
    const answers = await whileBusy(gate, gateway, () =>
      emails(300).map((email, index) =>
        gateway.putLead({ email, attributes: index === 123 ? { pants: 'x' } : { City: 'Rom' } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(299);
    expect(answers[123]?.body).toMatchObject({
      type: problemType('unknown-attribute'),
      errors: [{ pointer: '#/attributes/pants' }],
    });
    expect((await sandbox.calls()).length).toBeLessThanOrEqual(2 + 20);
  },
);

test('a whole batch of leads with unknown attributes costs one call, and each problem names its own', async () => {
  const sandbox = await startTestSandbox();
  const gate = await startGate(sandbox);
  const gateway = await startTestGateway({ ...gate.env, MARKETO_MAX_CONCURRENT: '1' });
  const answers = await whileBusy(gate, gateway, () =>
    emails(40).map((email, index) =>
      gateway.putLead({ email, attributes: { [index % 2 ? 'pants' : 'hat']: 'x' } }),
    ),
  );
  for (const [index, { body }] of answers.entries()) {
    expect(body.errors).toEqual([
      { pointer: `#/attributes/${index % 2 ? 'pants' : 'hat'}`, detail: expect.any(String) },
    ]);
  }
  expect(await sandbox.calls()).toHaveLength(2);
});

test('a lead that fails in a batch gets the same problem as alone', async () => {
  const sandbox = await startTestSandbox();
  const gate = await startGate(sandbox);
  const gateway = await startTestGateway({ ...gate.env, MARKETO_MAX_CONCURRENT: '1' });
  const [missing] = await whileBusy(gate, gateway, () => [
    gateway.putLead({ id: 7, email: 'x@example.com' }),
    ...emails(5).map((email) => gateway.putLead({ email })),
  ]);
  expect((await sandbox.calls()).map(({ records }) => records)).toEqual([1, 6]);
  expect(missing?.status).toBe(404);
  expect(missing?.body).toMatchObject({ type: problemType('lead-not-found'), upstream: { code: 20103 } });
});

test('a list of 4 statuses for 5 leads is not trusted: they are sent again one by one', async () => {
  let answerFirst = () => {};
  const gathered = new Promise<void>((resolve) => (answerFirst = resolve));
  const upstream = await startUpstream(async (response, { body }, index) => {
    if (index === 0) await gathered;
    const isBatch = body.includes('paramsSyncMultipleLeads');
    response
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(isBatch ? FOUR_STATUSES : success({ status: 'CREATED' }));
  });
  const gateway = await startTestGateway({ ...upstreamAt(upstream.endpoint), MARKETO_MAX_CONCURRENT: '1' });
  const first = gateway.putLead({ email: 'first@example.com' });
  await expect.poll(() => upstream.calls.length).toBe(1);
  const others = emails(5).map((email) => gateway.putLead({ email }));
  await queued(gateway, 5);
  answerFirst();
  const answers = await Promise.all(others);
  await first;
  expect(answers.map(({ body }) => body.leadId)).toEqual(Array.from({ length: 5 }, () => 1089965));
  expect(upstream.calls).toHaveLength(1 + 1 + 5);
});

const FOUR_STATUSES = envelope(
  `<ns1:successSyncMultipleLeads><result><syncStatusList>${'<syncStatus><leadId>5</leadId><status>CREATED</status><error xsi:nil="true"/></syncStatus>'.repeat(4)}</syncStatusList></result></ns1:successSyncMultipleLeads>`,
);

test('after a load nothing is left behind: no lead, no key, no timer, no memory', EXHAUSTIVE, async () => {
  const sandbox = await startTestSandbox({ processingMs: 5, limits: 'off' });
  const dispatcher = startDispatcher(sandbox, { maxConcurrent: 4 });
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const load = async () => {
    const upserts = emails(1000).map((_email, index) =>
      dispatcher.upsert(
        { email: `lead${index % 500}@example.com`, attributes: [], returnLead: index % 10 === 0 },
        { ...ORIGIN, signal: new AbortController().signal },
      ),
    );
    await Promise.all(upserts);
  };
  await load();
  const before = timers();
  const heapBefore = heapMiB();
  await load();
  expect(dispatcher.queued()).toBe(0);
  expect(dispatcher.orderingKeys()).toBe(0);
  expect(timers()).toBeLessThanOrEqual(before + 2);
  expect(heapMiB() - heapBefore).toBeLessThan(8);
});

test('a stronger key with an email means the same in a batch as alone', async () => {
  const sandbox = await startTestSandbox();
  const gate = await startGate(sandbox);
  const gateway = await startTestGateway({ ...gate.env, MARKETO_MAX_CONCURRENT: '1' });
  const { body } = await gateway.putLead({ email: 'old@example.com' });
  await whileBusy(gate, gateway, () => [
    gateway.putLead({ id: body.leadId, email: 'new@example.com' }),
    gateway.putLead({ email: 'f@example.com', foreignSysPersonId: 'f1', foreignSysType: 'SFDC' }),
  ]);
  expect((await sandbox.calls()).at(-1)).toMatchObject({ operation: 'syncMultipleLeads', records: 2 });
  const leads = await sandbox.leads();
  expect(leads.find(({ id }) => id === body.leadId)?.email).toBe('new@example.com');
  expect(leads.find(({ foreignSysPersonId }) => foreignSysPersonId === 'f1')?.email).toBe('f@example.com');
});

test('the limits of the subscription are kept: the sandbox refuses nothing', EXHAUSTIVE, async () => {
  const sandbox = await startTestSandbox({ processingMs: 5 });
  const gateway = await startTestGateway(sandbox.env);
  const answers = await Promise.all(
    emails(IS_THOROUGH ? 2000 : 200).map((email) => gateway.putLead({ email })),
  );
  expect(answers.every(({ status }) => status === 201)).toBe(true);
  const calls = await sandbox.calls();
  expect(JSON.stringify(calls)).not.toMatch(/2002[34]/);
  expect(calls.length).toBeLessThan(100);
});

/** A clock that stands still until it is set forward. */
function stillClock() {
  const clock = { skipMs: 0, monotonicMs: () => clock.skipMs };
  return clock;
}

test('a spent day refuses leads with the seconds to the next probe, after which all get through', async () => {
  const sandbox = await startTestSandbox({ limits: { callsPerDay: 3 }, processingMs: 50 });
  const clock = stillClock();
  const gateway = await startTestGateway(sandbox.env, { monotonicMs: clock.monotonicMs });
  for (const email of emails(3)) expect((await gateway.putLead({ email })).status).toBe(201);
  const refused = await gateway.putLead({ email: 'd@example.com' });
  expect(refused.body).toMatchObject({ status: 429, retryable: true, upstream: { code: 20015 } });
  expect(refused.body.type).toEqual(problemType('daily-quota-exhausted'));
  expect(refused.headers.get('retry-after')).toBe('60');

  const calls = (await sandbox.calls()).length;
  const again = await gateway.putLead({ email: 'e@example.com' });
  expect(again.body.type).toEqual(problemType('daily-quota-exhausted'));
  expect(again.body.detail).toMatch(/after the time in Retry-After/);
  expect((await sandbox.calls()).length).toBe(calls);
  expect(again.headers.get('retry-after')).toBe('60');

  await sandbox.control('PUT', '/limits', { callsPerDay: 100 });
  clock.skipMs = 60_000;
  const back = await Promise.all(emails(20).map((email) => gateway.putLead({ email, returnLead: true })));
  expect(back.map(({ status }) => status)).toEqual(back.map(() => expect.toBeOneOf([200, 201])));
});

test('a day that our own count has used up refuses leads with the seconds to midnight in Chicago, without a probe', async () => {
  const noon = Date.parse('2026-03-02T12:00:00-06:00');
  const sandbox = await startTestSandbox({ now: () => noon });
  const clock = stillClock();
  const gateway = await startTestGateway(
    { ...sandbox.env, MARKETO_DAILY_CALLS: '2' },
    { monotonicMs: clock.monotonicMs, now: () => noon },
  );
  for (const email of emails(2)) expect((await gateway.putLead({ email })).status).toBe(201);
  for (const skipMs of [0, 60_000, 3_600_000]) {
    clock.skipMs = skipMs;
    const refused = await gateway.putLead({ email: 'c@example.com' });
    expect(refused.body.detail).toMatch(/MARKETO_DAILY_CALLS/);
    expect(refused.headers.get('retry-after')).toBe(String(12 * 3600));
  }
  expect(await sandbox.calls()).toHaveLength(2);
});

test.each([
  ['its reset', 'POST', '/reset', undefined],
  ['its raised limits', 'PUT', '/limits', { callsPerDay: 100 }],
  ['its limits switched off', 'PUT', '/limits', { enabled: false }],
] as const)('with the embedded sandbox %s ends a spent day at once', async (_what, method, path, body) => {
  const gateway = await startTestGateway({ MARKETO_DAILY_CALLS: '3' });
  const control = (how: string, where: string, json?: object) =>
    fetch(`${gateway.sandboxUrl}/_sandbox${where}`, {
      method: how,
      ...(json !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(json),
      }),
    });
  await control('PUT', '/limits', { callsPerDay: 1 });
  await gateway.putLead({ email: 'a@example.com' });
  expect((await gateway.putLead({ email: 'b@example.com' })).headers.get('retry-after')).toBe('60');
  await control(method, path, body);
  expect((await gateway.putLead({ email: 'c@example.com' })).status).toBe(201);
});

test('a client that leaves while its lead waits costs no call', async () => {
  const sandbox = await startTestSandbox();
  const gate = await startGate(sandbox);
  const gateway = await startTestGateway({ ...gate.env, MARKETO_MAX_CONCURRENT: '1' });
  gate.hold();
  const first = gateway.putLead({ email: 'first@example.com' });
  await gate.reached();
  const leaver = new AbortController();
  const gone = gateway.putLead({ email: 'gone@example.com' }, { signal: leaver.signal });
  const left = gone.then(
    () => 'answered',
    (error: unknown) => String(error),
  );
  await queued(gateway, 1);
  leaver.abort();
  expect(await left).toMatch(/abort/i);
  await queued(gateway, 0);
  gate.release();
  expect((await first).status).toBe(201);
  expect((await gateway.putLead({ email: 'next@example.com' })).status).toBe(201);
  expect((await sandbox.leads()).map(({ email }) => email)).toEqual([
    'first@example.com',
    'next@example.com',
  ]);
});
