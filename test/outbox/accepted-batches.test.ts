import { expect, test } from 'vitest';
import { LINES, openLines, putBatch, putLines } from '../support/batch.ts';
import {
  bearer,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  startTestGateway,
  type TestGateway,
  upstreamAt,
} from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const AWAY = upstreamAt('http://127.0.0.1:1/soap');
const PREFER = { prefer: 'respond-async' };

const start = (
  env: Readonly<Record<string, string | undefined>> = {},
  deps: Parameters<typeof startTestGateway>[1] = {},
) => startTestGateway({ OUTBOX_URL: `file:${outboxFile()}`, ...env }, deps);

const people = (count: number, name = 'p') =>
  Array.from({ length: count }, (_, index) => ({ email: `${name}${index}@example.com` }));

/** So long that it is checked in turns. */
const long = (lead: object) => ({ ...lead, attributes: { Company: 'x'.repeat(30_000) } });

const ended = async ({ request }: Pick<TestGateway, 'request'>, receipt: string) => {
  await expect.poll(async () => (await request('GET', receipt)).body.state).not.toBe('pending');
  return request('GET', receipt);
};

test('a batch is accepted with one receipt, which counts its leads and says what was wrong with which', async () => {
  const sandbox = await startTestSandbox();
  const gateway = await start(sandbox.env);
  const [first, second, ...rest] = people(40);
  const leads = [first, { email: 'x' }, second, { ...rest[0], returnLead: true }, ...rest.slice(1)];
  const { status, headers, body } = await putBatch(gateway.url, { leads }, PREFER);
  expect([status, body]).toEqual([
    202,
    { status: 'ACCEPTED', receipt: expect.stringMatching(/^\/receipts\/[\w-]{22}$/) },
  ]);
  expect([headers.get('location'), headers.get('retry-after'), headers.get('preference-applied')]).toEqual([
    body.receipt,
    '2',
    'respond-async',
  ]);
  const receipt = await ended(gateway, body.receipt);
  expect(receipt).toMatchObject({
    status: 200,
    body: {
      state: 'failed',
      total: 41,
      delivered: 39,
      failed: 2,
      failures: [
        { index: 1, problem: { status: 422, errors: [{ pointer: '#/email' }] } },
        { index: 3, problem: { status: 422, errors: [{ pointer: '#/returnLead' }] } },
      ],
    },
  });
  expect((await sandbox.leads()).map(({ email }) => email)).toContain('p39@example.com');
});

test('while Marketo is away all leads are pending, and a lead that fails later is among the failures', async () => {
  const file = outboxFile();
  const away = await start({ ...AWAY, OUTBOX_URL: `file:${file}` });
  const leads = [...people(5), { email: 'q@example.com', attributes: { Pants: 'red' } }];
  const { body } = await putBatch(away.url, { leads }, PREFER);
  const pending = await away.request('GET', body.receipt);
  expect(pending).toMatchObject({
    status: 202,
    body: { state: 'pending', total: 6, delivered: 0, failed: 0, failures: [] },
  });
  expect(pending.headers.get('location')).toBe(body.receipt);
  await away.close();
  const sandbox = await startTestSandbox();
  const back = await start({ ...sandbox.env, OUTBOX_URL: `file:${file}` });
  expect((await ended(back, body.receipt)).body).toMatchObject({
    state: 'failed',
    total: 6,
    delivered: 5,
    failed: 1,
    failures: [{ index: 5, problem: { type: expect.stringMatching(/unknown-attribute$/) } }],
  });
});

test('a stream of lines gets one receipt at its end', EXHAUSTIVE, async () => {
  const sandbox = await startTestSandbox();
  const gateway = await start(sandbox.env, { startOutboxWorker: undefined });
  const { status, text } = await putLines(gateway.url, [...people(2300), '{oops\n'], PREFER);
  const { receipt } = JSON.parse(text);
  expect(status).toBe(202);
  expect((await ended(gateway, receipt)).body).toMatchObject({
    total: 2301,
    delivered: 2300,
    failed: 1,
    failures: [{ index: 2300, problem: { type: expect.stringMatching(/malformed-json$/) } }],
  });
});

test('an Idempotency-Key stands for the whole batch, in either form', async () => {
  const gateway = await start(AWAY);
  const keyed = { ...PREFER, 'idempotency-key': 'k' };
  const leads = people(1200);
  const { body } = await putBatch(gateway.url, { leads: leads.slice(0, 3) }, keyed);
  const again = await Promise.all(
    Array.from({ length: 4 }, () => putBatch(gateway.url, { leads: leads.slice(0, 3) }, keyed)),
  );
  expect(again.map((one) => one.body)).toEqual([body, body, body, body]);
  expect(JSON.parse((await putLines(gateway.url, leads.slice(0, 3), keyed)).text)).toEqual(body);
  const other = await putLines(gateway.url, leads, keyed);
  expect([other.status, JSON.parse(other.text).type]).toEqual([
    422,
    expect.stringMatching(/idempotency-key-reused$/),
  ]);
  const single = await gateway.putLead(leads[0], { headers: keyed });
  expect(single.status).toBe(422);
  expect((await gateway.request('GET', '/outbox')).body).toMatchObject({ pending: 3 });
});

test('a stream whose key is known keeps nothing twice', EXHAUSTIVE, async () => {
  const gateway = await start(AWAY);
  const keyed = { ...PREFER, 'idempotency-key': 'k' };
  const first = await putLines(gateway.url, people(1001), keyed);
  expect((await putLines(gateway.url, people(1001), keyed)).text).toBe(first.text);
  expect((await gateway.request('GET', '/outbox')).body).toMatchObject({ pending: 1001 });
});

const reused = (text: string) => (JSON.parse(text) as { type: string }).type;

test.each([
  ['a lead that is not valid', '{"email":"x"}', '{"email":"y"}'],
  ['a lead that asks for what is not kept', '{"id":1,"returnLead":true}', '{"id":2,"returnLead":true}'],
  ['what is not JSON', '{oops 1\n', '{oops 2\n'],
  ['a line that is too long', `"${'x'.repeat(1_100_000)}1"\n`, `"${'x'.repeat(1_100_000)}2"\n`],
])('a batch with another lead is another one: %s', async (_what, one, other) => {
  const gateway = await start(AWAY);
  const keyed = { ...PREFER, 'idempotency-key': 'k' };
  const put = (line: string) => putLines(gateway.url, [...people(2), line], keyed);
  const first = await put(one);
  expect([first.status, (await put(one)).text]).toEqual([202, first.text]);
  const second = await put(other);
  expect([second.status, reused(second.text)]).toEqual([
    422,
    expect.stringMatching(/idempotency-key-reused$/),
  ]);
});

test('of two streams with one key at a time, nothing of the second is kept', EXHAUSTIVE, async () => {
  const gateway = await start(AWAY);
  const keyed = { ...PREFER, 'idempotency-key': 'k' };
  const pending = async () => (await gateway.request('GET', '/outbox')).body.pending;
  const stream = await openLines(gateway.url, keyed);
  for (const lead of people(1200)) stream.write(lead);
  await expect.poll(pending).toBe(1000);
  const others = [
    await putLines(gateway.url, people(1500, 'q'), keyed),
    await putBatch(gateway.url, { leads: people(3, 'r') }, keyed),
  ];
  for (const { status, headers, text } of others)
    expect([status, headers.get('retry-after'), reused(text)]).toEqual([
      503,
      '5',
      expect.stringMatching(/unavailable$/),
    ]);
  const single = await gateway.putLead({ email: 's@example.com' }, { headers: keyed });
  expect(single.status).toBe(503);
  stream.end();
  expect((await stream.responded).statusCode).toBe(202);
  const late = await putLines(gateway.url, people(1500, 'q'), keyed);
  expect(late.status).toBe(422);
  // Counted at most once a second.
  await expect.poll(pending).toBe(1200);
});

test('a stream that broke off leaves its key to the next', async () => {
  const gateway = await start(AWAY);
  const keyed = { ...PREFER, 'idempotency-key': 'k' };
  const pending = async () => (await gateway.request('GET', '/outbox')).body.pending;
  const stream = await openLines(gateway.url, keyed);
  stream.request.on('error', () => {});
  for (const lead of people(1200)) stream.write(lead);
  await expect.poll(pending).toBe(1000);
  stream.request.destroy();
  const again = async () => (await putLines(gateway.url, people(1200), keyed)).status;
  await expect.poll(again).toBe(202);
});

test('a caller that waits gets the results if all are there in time', async () => {
  const sandbox = await startTestSandbox();
  const gateway = await start(sandbox.env);
  const wait = { prefer: 'respond-async, wait=20' };
  const leads = [...people(2), { email: 'x' }];
  const { status, headers, results } = await putBatch(gateway.url, { leads }, wait);
  expect([status, headers.get('preference-applied')]).toEqual([200, 'wait=20']);
  expect(results).toMatchObject([
    { index: 0, status: 201, result: 'CREATED' },
    { index: 1, status: 201 },
    { index: 2, status: 422 },
  ]);
  const away = await start(AWAY);
  expect((await putBatch(away.url, { leads }, { prefer: 'respond-async, wait=1' })).status).toBe(202);
});

test('a batch for which there is no room is not kept at all', async () => {
  const gateway = await start({ ...AWAY, OUTBOX_MAX_PENDING: '5' });
  const full = await putBatch(gateway.url, { leads: people(6) }, PREFER);
  expect([full.status, full.body.type]).toEqual([503, expect.stringMatching(/unavailable$/)]);
  expect((await gateway.request('GET', '/outbox')).body).toMatchObject({ pending: 0 });
  expect((await putBatch(gateway.url, { leads: people(5) }, PREFER)).status).toBe(202);
});

test('the receipt is for the key that sent the batch, and each key says how its batches are delivered', async () => {
  const other = { ...SECRET, name: 'other', key: TEST_KEYS.other, delivery: 'sync' as const };
  const page = { ...PUBLISHABLE, delivery: 'accept' as const };
  const gateway = await startKeyedGateway([{ ...SECRET, delivery: 'accept' }, other, page], {
    OUTBOX_URL: `file:${outboxFile()}`,
  });
  const put = (key: string, headers: Record<string, string> = {}) =>
    putBatch(
      gateway.url,
      { leads: [...people(2), { email: 'x' }] },
      { ...bearer(key), ...PREFER, ...headers },
    );
  const { status, body } = await put(SECRET.key);
  expect(status).toBe(202);
  const lookUp = (key: string) => gateway.request('GET', body.receipt, { headers: bearer(key) });
  const receipt = await lookUp(SECRET.key);
  expect([receipt.body.total, (await lookUp(other.key)).status]).toEqual([3, 404]);
  // Words that may quote the lead are for operators.
  expect(receipt.body.failures[0].problem).not.toHaveProperty('detail');
  expect((await put(other.key)).results).toMatchObject([{ index: 0 }, { index: 1 }, { index: 2 }]);
  expect((await put(page.key, { origin: ORIGIN })).status).toBe(403);
});

test('without an outbox the preference is not applied', async () => {
  const gateway = await startTestGateway();
  const { status, headers } = await putBatch(gateway.url, { leads: people(1) }, PREFER);
  expect([status, headers.get('preference-applied')]).toEqual([200, null]);
});

test.each([
  ['{"leads":[{"email":"a@example.com"},]}', 'malformed-json'],
  ['{"leads":[]}', 'validation-failed'],
])('what is not a batch is refused as a whole: %s', async (text, slug) => {
  const gateway = await start(AWAY);
  const { body } = await putBatch(gateway.url, text, PREFER);
  expect(body.type).toMatch(new RegExp(`/${slug}$`));
  expect((await gateway.request('GET', '/outbox')).body).toMatchObject({ pending: 0 });
});

test('of a stream that breaks off, what was committed is delivered', EXHAUSTIVE, async () => {
  const gateway = await start(AWAY);
  const stream = await openLines(gateway.url, PREFER);
  stream.request.on('error', () => {});
  for (const lead of people(1500)) stream.write(lead);
  const pending = async () => (await gateway.request('GET', '/outbox')).body.pending;
  await expect.poll(pending).toBe(1000);
  stream.request.destroy();
  await gateway.close();
});

test('a gateway that stops ends a stream with 503', async () => {
  const gateway = await start(AWAY);
  const stream = await openLines(gateway.url, { ...PREFER, 'content-type': LINES });
  for (const lead of people(1200)) stream.write(lead);
  const pending = async () => (await gateway.request('GET', '/outbox')).body.pending;
  await expect.poll(pending).toBe(1000);
  const closed = gateway.close();
  expect((await stream.responded).statusCode).toBe(503);
  await closed;
});

test('long lines of a stream are kept in their places', async () => {
  const sandbox = await startTestSandbox();
  const gateway = await start(sandbox.env);
  const lines = people(30).map((lead, at) => (at % 3 === 2 ? long(lead) : lead));
  const sent = await putLines(gateway.url, [...lines, long({ email: 'x' }), { email: 'y' }], PREFER);
  const { receipt } = JSON.parse(sent.text) as { receipt: string };
  const { body } = await ended(gateway, receipt);
  expect(body).toMatchObject({ total: 32, delivered: 30 });
  expect(body.failures.map(({ index }: { index: number }) => index)).toEqual([30, 31]);
});

test('a receipt lists the first ten mistakes of each lead', async () => {
  const gateway = await start(AWAY);
  const members = Object.fromEntries(Array.from({ length: 80 }, (_, at) => [`m${at}`, []]));
  const { body } = await putBatch(gateway.url, { leads: [{ email: 'x' }, { ...members, id: 1 }] }, PREFER);
  const receipt = await ended(gateway, body.receipt);
  const problems = receipt.body.failures.map(({ problem }: { problem: any }) => problem);
  expect(problems.map(({ errors }: { errors: unknown[] }) => errors.length)).toEqual([1, 10]);
  expect(problems[1].detail).toMatch(/^80 members are not valid\. .* errors lists the first 10\.$/);
});

test('a key that always gets 202 gets it for a batch, too, whatever the request would wait', async () => {
  const env = { OUTBOX_URL: `file:${outboxFile()}` };
  const gateway = await startKeyedGateway([{ ...SECRET, delivery: 'accept' }], env);
  const headers = { ...bearer(SECRET.key), prefer: 'respond-async, wait=20' };
  expect((await putBatch(gateway.url, { leads: people(2) }, headers)).status).toBe(202);
});
