import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import type { UpsertResult } from '../../src/leads/lead.ts';
import { startApp, testAccess } from '../support/app.ts';
import { putLead, problemType } from '../support/client.ts';

const RESULT: UpsertResult = { leadId: 1, status: 'UPDATED' };

/** Holds every answer until the test releases it. */
async function startHolding(maxBufferedBytes: number) {
  const answers: (() => void)[] = [];
  const app = await startApp({
    maxBufferedBytes,
    directory: { upsert: () => new Promise((resolve) => answers.push(() => resolve(RESULT))) },
  });
  return { ...app, answers };
}

const leadOf = (bytes: number) => {
  const lead = { email: 'a@b.c', attributes: { Notes: '' } };
  const rest = bytes - JSON.stringify(lead).length;
  return { ...lead, attributes: { Notes: 'x'.repeat(rest) } };
};

test('a lead there is no memory for is refused at once, and taken when others have been answered', async () => {
  const { url, answers } = await startHolding(100_000);
  const first = putLead(url, leadOf(60_000));
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  const refused = await putLead(url, leadOf(40_001));
  expect(refused.status).toBe(503);
  expect(refused.headers['retry-after']).toBe('1');
  expect(refused.json).toMatchObject({ type: problemType('unavailable'), retryable: true });
  const fitting = putLead(url, leadOf(40_000));
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  for (const answer of answers.splice(0)) answer();
  expect([(await first).status, (await fitting).status]).toEqual([200, 200]);
  const last = putLead(url, leadOf(60_000));
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  answers.pop()?.();
  expect((await last).status).toBe(200);
});

test('a body of unknown length counts as what it was, once it is read', async () => {
  const chunked = { 'transfer-encoding': 'chunked' };
  // While it is read it may become a mebibyte.
  const small = await startHolding(100_000);
  expect((await putLead(small.url, leadOf(100), chunked)).status).toBe(503);
  const { url, answers } = await startHolding(1_048_576 + 2000);
  const held = [];
  for (let count = 1; count <= 20; count += 1) {
    held.push(putLead(url, leadOf(100), chunked));
    await vi.waitFor(() => expect(answers).toHaveLength(count));
  }
  for (const answer of answers) answer();
  for (const { status } of await Promise.all(held)) expect(status).toBe(200);
});

test('a caller who leaves while its credentials are still looked at holds nothing afterwards', async () => {
  const asked: (() => void)[] = [];
  const { url, open } = await startApp({
    maxBufferedBytes: 25_000,
    access: {
      ...testAccess(),
      // As where a key of an identity provider has to be fetched first.
      identify: (_req, _res, next) => void asked.push(() => next()),
    },
  });
  const body = JSON.stringify(leadOf(10_000));
  const { hostname, port } = new URL(url);
  for (let count = 1; count <= 3; count += 1) {
    const socket = connect(Number(port), hostname);
    socket.write(
      `PUT /leads HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await vi.waitFor(() => expect(asked).toHaveLength(count));
    socket.destroy();
  }
  await vi.waitFor(() => expect(open()).toBe(0));
  for (const answer of asked.splice(0)) answer();
  const staying = putLead(url, leadOf(10_000));
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked.pop()?.();
  expect((await staying).status).toBe(200);
});
