import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { bearer, SECRET, startKeyedGateway, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/lasting.ts';
import { outboxFile } from '../support/outbox.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { testEvery } from '../support/exhaustive.ts';
import { portApart } from '../support/port-apart.ts';

const startOnFile = (file = outboxFile(), env: Readonly<Record<string, string | undefined>> = {}) =>
  startTestGateway({ OUTBOX_URL: `file:${file}`, ...env });

const accept = ({ putLead }: Pick<TestGateway, 'putLead'>, lead: object, key: string, prefer = '') =>
  putLead(lead, { headers: { prefer: `respond-async${prefer}`, 'idempotency-key': key } });

const JANE = { email: 'jane@example.com' };

test('requests that come at once with one key are one lead', async () => {
  const sandbox = await startTestSandbox();
  const gateway = await startOnFile(undefined, sandbox.env);
  const answers = await Promise.all(Array.from({ length: 20 }, () => accept(gateway, JANE, 'k')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  expect(new Set(answers.map(({ body }) => body.receipt)).size).toBe(1);
  const receipt = async () => (await gateway.request('GET', answers[0]?.body.receipt)).body.state;
  await expect.poll(receipt).toBe('delivered');
  await gateway.close();
  expect((await sandbox.calls()).map(({ records }) => records)).toEqual([1]);
});

test('after a restart the key still stands for the receipt', async () => {
  const file = outboxFile();
  const first = await startOnFile(file);
  const { body } = await accept(first, JANE, 'k');
  await first.close();
  const second = await startOnFile(file);
  expect((await accept(second, JANE, 'k')).body).toEqual(body);
  expect((await accept(second, { email: 'joe@example.com' }, 'k')).body.type).toMatch(
    /idempotency-key-reused$/,
  );
});

test('another caller may use the same key', async () => {
  const other = { ...SECRET, name: 'other', key: TEST_KEYS.other };
  const gateway = await startKeyedGateway([SECRET, other], { OUTBOX_URL: `file:${outboxFile()}` });
  const put = (lead: object, { key }: typeof SECRET) =>
    gateway.putLead(lead, { headers: { ...bearer(key), prefer: 'respond-async', 'idempotency-key': 'k' } });
  const own = await put(JANE, SECRET);
  const foreign = await put({ email: 'joe@example.com' }, other);
  expect([own.status, foreign.status]).toEqual([202, 202]);
  expect(foreign.body.receipt).not.toBe(own.body.receipt);
});

test('the same members in another order are the same lead, other attributes are not', async () => {
  const gateway = await startOnFile();
  const first = await accept(gateway, { ...JANE, workspace: 'Default' }, 'k');
  const again = await accept(gateway, { workspace: 'Default', ...JANE, returnLead: false }, 'k');
  expect(again.body).toEqual(first.body);
  const other = await accept(gateway, { ...JANE, workspace: 'Default', attributes: { City: 'x' } }, 'k');
  expect(other.status).toBe(422);
});

test('a request that is sent again while the first is under way can wait for its answer', async () => {
  const gateway = await startOnFile();
  const first = accept(gateway, JANE, 'k', ', wait=20');
  const again = accept(gateway, JANE, 'k', ', wait=20');
  expect((await again).body).toEqual((await first).body);
  expect((await first).body).toEqual({ leadId: expect.any(Number), status: 'CREATED' });
  const refused = await accept(gateway, { ...JANE, attributes: { Pants: 'x' } }, 'l', ', wait=20');
  const refusedAgain = await accept(gateway, { ...JANE, attributes: { Pants: 'x' } }, 'l', ', wait=20');
  expect([refused.status, refusedAgain.status]).toEqual([422, 422]);
  expect(refusedAgain.body.errors).toEqual(refused.body.errors);
});

test('a lead that was kept because of a problem is not written again, whatever has become of the problem', async () => {
  const sandbox = await startTestSandbox({ port: await portApart() });
  const fallback = { ...SECRET, delivery: 'fallback' };
  const gateway = await startKeyedGateway([fallback], {
    ...sandbox.env,
    OUTBOX_URL: `file:${outboxFile()}`,
    REQUEST_DEADLINE_MS: '1000',
  });
  await sandbox.close();
  const put = (lead: object) =>
    gateway.putLead(lead, { headers: { ...bearer(fallback.key), 'idempotency-key': 'k' } });
  const kept = await put(JANE);
  expect(kept.status).toBe(202);
  await startTestSandbox({ port: Number(new URL(sandbox.url).port) });
  expect((await put(JANE)).body).toEqual(kept.body);
  expect((await put({ email: 'joe@example.com' })).body.type).toMatch(/idempotency-key-reused$/);
});

test('a full outbox still knows what it keeps', async () => {
  const sandbox = await startTestSandbox({ port: await portApart() });
  await sandbox.close();
  const gateway = await startOnFile(undefined, { ...sandbox.env, OUTBOX_MAX_PENDING: '1' });
  const first = await accept(gateway, JANE, 'k');
  expect((await accept(gateway, JANE, 'l')).status).toBe(503);
  expect((await accept(gateway, JANE, 'k')).body).toEqual(first.body);
});

const common = shared(() => startOnFile());

testEvery(2, ['', ' ', 'x'.repeat(256), 'tab\there', 'ünï'])('the key %j is refused by name', async (key) => {
  const answer = await accept(common(), JANE, key);
  expect(answer).toMatchObject({ status: 422, body: { type: expect.stringMatching(/validation-failed$/) } });
  expect(answer.body.detail).toContain('Idempotency-Key');
});

testEvery(2, ['x', 'x'.repeat(255), '"a, b"', 'a b ~!'])('the key %j is a key', async (key) => {
  expect((await accept(common(), JANE, key)).status).toBe(202);
});

test('two lines of the header are refused, and nothing is kept', async () => {
  const gateway = await startOnFile();
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  await once(socket, 'connect');
  const body = JSON.stringify(JANE);
  const lines = [
    'PUT /leads HTTP/1.1',
    'Host: localhost',
    'Connection: close',
    'Content-Type: application/json',
    'Prefer: respond-async',
    'Idempotency-Key: one',
    'idempotency-key: one',
    `Content-Length: ${body.length}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 422 [^]*"The header Idempotency-Key may occur only once/);
  // If it had been kept, this body would not be the one of its key.
  expect((await accept(gateway, { email: 'joe@example.com' }, 'one, one')).status).toBe(202);
});

test('without an outbox it means nothing, whatever it is', async () => {
  const gateway = await startTestGateway();
  const put = (key: string) => accept(gateway, JANE, key);
  expect([(await put('k')).status, (await put('x'.repeat(256))).status]).toEqual([201, 200]);
});
