import { expect, test } from 'vitest';
import { putBatch, putLines } from '../support/batch.ts';
import { bearer, SECRET, startKeyedGateway, upstreamAt } from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { testEvery } from '../support/exhaustive.ts';

const jane = { email: 'jane@example.com' };
const john = { email: 'john@example.com' };
const kept = (index: number) => ({
  index,
  status: 202,
  receipt: expect.stringMatching(/^\/receipts\/[\w-]{22}$/),
});

function startKept(
  delivery: 'accept' | 'fallback' | 'sync' | undefined,
  settings: Readonly<Record<string, string | undefined>> = {},
) {
  const env = { OUTBOX_URL: `file:${outboxFile()}`, ...settings };
  return startKeyedGateway([{ ...SECRET, ...(delivery && { delivery }) }], env);
}
const own = bearer(SECRET.key);

test('each lead of a key that has leads accepted gets a receipt, and is delivered', async () => {
  const { url, request } = await startKept('accept');
  const { status, results } = await putBatch(url, { leads: [jane, { email: 'x' }, john] }, own);
  expect([status, results[0], results[1]?.status, results[2]]).toEqual([200, kept(0), 422, kept(2)]);
  const lines = await putLines(url, [jane, { ...john, returnLead: true }], own);
  expect(lines.results[0]).toEqual(kept(0));
  expect(lines.results[1]).toMatchObject({ status: 422, problem: { errors: [{ pointer: '#/returnLead' }] } });
  await expect
    .poll(async () => (await request('GET', String(results[2]?.receipt), { headers: own })).body.state)
    .toBe('delivered');
});

test('a key with fallback has its leads kept while Marketo cannot be reached, and written else', async () => {
  const open = await startKept('fallback');
  expect((await putBatch(open.url, { leads: [jane] }, own)).results[0]).toMatchObject({ status: 201 });
  const cut = await startKept('fallback', upstreamAt('http://127.0.0.1:1/soap'));
  expect((await putBatch(cut.url, { leads: [jane, john] }, own)).results).toEqual([kept(0), kept(1)]);
});

testEvery(2, ['accept', 'fallback'] as const)(
  'refuses an Idempotency-Key of a key with %s where each lead gets a receipt',
  async (delivery) => {
    const { url } = await startKept(delivery);
    const { status, body } = await putBatch(url, { leads: [jane] }, { ...own, 'idempotency-key': 'one' });
    expect([status, body.detail]).toEqual([422, expect.stringContaining('Idempotency-Key')]);
  },
);

test('a key with sync has its leads written', async () => {
  const { url } = await startKept('sync');
  const { results } = await putBatch(url, { leads: [jane] }, { ...own, prefer: 'respond-async' });
  expect(results[0]).toMatchObject({ status: 201 });
});
