import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createBodyMemory } from '../../src/http/body-memory.ts';
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
  await expect.poll(() => answers).toHaveLength(1);
  const refused = await putLead(url, leadOf(40_001));
  expect(refused.status).toBe(503);
  expect(refused.headers['retry-after']).toBe('1');
  expect(refused.json).toMatchObject({ type: problemType('unavailable'), retryable: true });
  const fitting = putLead(url, leadOf(40_000));
  await expect.poll(() => answers).toHaveLength(2);
  for (const answer of answers.splice(0)) answer();
  expect([(await first).status, (await fitting).status]).toEqual([200, 200]);
  const last = putLead(url, leadOf(60_000));
  await expect.poll(() => answers).toHaveLength(1);
  answers.pop()?.();
  expect((await last).status).toBe(200);
});

test('a body of unknown length counts as what has arrived of it', async () => {
  const chunked = { 'transfer-encoding': 'chunked' };
  const { url, answers } = await startHolding(3000);
  const held = [];
  for (let count = 1; count <= 20; count += 1) {
    held.push(putLead(url, leadOf(100), chunked));
    await expect.poll(() => answers).toHaveLength(count);
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
    await expect.poll(() => asked).toHaveLength(count);
    socket.destroy();
  }
  await expect.poll(open).toBe(0);
  for (const answer of asked.splice(0)) answer();
  const staying = putLead(url, leadOf(10_000));
  await expect.poll(() => asked).toHaveLength(1);
  asked.pop()?.();
  expect((await staying).status).toBe(200);
});

test('bodies that are announced and do not come take no memory, and those that come slowly go first', async () => {
  const { url, answers, open } = await startHolding(200_000);
  const { hostname, port } = new URL(url);
  const head = 'PUT /leads HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
  const long = JSON.stringify({ email: 'a@b.c' }).padEnd(150_000);
  const sockets = Array.from({ length: 32 }, () => {
    const socket = connect(Number(port), hostname);
    socket.write(`${head}Content-Length: 1048576\r\n\r\n`);
    socket.on('error', () => undefined);
    return socket;
  });
  await expect.poll(open).toBe(32);
  const lead = putLead(url, long);
  await expect.poll(() => answers).toHaveLength(1);
  answers.pop()?.();
  expect((await lead).status).toBe(200);
  // Now they fill it.
  for (const socket of sockets) socket.write(' '.repeat(6000));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const next = putLead(url, long);
  await expect.poll(() => answers).toHaveLength(1);
  answers.pop()?.();
  expect((await next).status).toBe(200);
  for (const socket of sockets) socket.destroy();
});

describe('the memory of bodies', () => {
  const start = (maxBytes: number) => {
    let nowMs = 0;
    const memory = createBodyMemory(maxBytes, () => nowMs);
    const evicted: string[] = [];
    const add = (id: string, kind: 'secret' | 'publishable' | 'anonymous', name: string, address?: string) =>
      memory.open({ caller: { kind, name }, address }, () => evicted.push(id));
    return { add, evicted, wait: (ms: number) => (nowMs += ms) };
  };

  test('takes the slowest that is still arriving, and never one that has arrived', () => {
    const { add, evicted, wait } = start(100);
    const done = add('done', 'anonymous', 'a');
    expect(done.book(30)).toBe(true);
    done.complete();
    const slow = add('slow', 'anonymous', 'a');
    const slower = add('slower', 'anonymous', 'a');
    expect([slow.book(30), slower.book(20)]).toEqual([true, true]);
    wait(1000);
    const fast = add('fast', 'anonymous', 'a');
    expect([fast.book(40), evicted]).toEqual([true, ['slower']]);
    expect([fast.book(30), evicted]).toEqual([true, ['slower', 'slow']]);
    expect(fast.book(1)).toBe(false);
    done.close();
    done.close();
    expect([fast.book(30), fast.book(1)]).toEqual([true, false]);
  });

  test('leaves something for others, however much one caller and one address hold', () => {
    const { add, evicted } = start(1000);
    const fill = (one: ReturnType<typeof add>) => {
      let held = 0;
      while (one.book(10)) held += 10;
      one.complete();
      return held;
    };
    // A visitor of a publishable key, another one of it, and two keys.
    const held = [
      fill(add('1', 'publishable', 'form', '192.0.2.1')),
      fill(add('2', 'publishable', 'form', '192.0.2.2')),
      fill(add('3', 'secret', 'crm')),
      fill(add('4', 'secret', 'erp')),
    ];
    expect(held).toEqual([500, 250, 180, 50]);
    expect(evicted).toEqual([]);
    // The same again, with bodies that are slow: they make room for each other and for no one else.
    expect(add('5', 'publishable', 'form', '192.0.2.1').book(10)).toBe(false);
    expect(add('6', 'secret', 'other').book(10)).toBe(true);
  });
});
