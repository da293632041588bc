import { readFileSync } from 'node:fs';
import LibSql from 'libsql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/runtime/clock.ts';
import { openSqliteStore } from '../../src/outbox/sqlite/sqlite-store.ts';
import type { OutboxStore } from '../../src/outbox/store.ts';
import { STORES } from '../support/stores.ts';
import { newLead, outboxFile } from '../support/outbox.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const due = async (store: OutboxStore, dueAt = 1000) => {
  const { leads } = await store.claim({ dueAt, limit: 99, aloneLimit: 9, except: [] });
  return leads.map(({ id }) => id);
};

/** Fails a lead for good. */
const fail = (store: OutboxStore, seq: number, code = 'lead-rejected', at = 2000) =>
  store.settle([{ kind: 'failed', seq, id: 'x', at, problem: `problem of ${seq}`, code }]);
const deliver = (store: OutboxStore, seq: number, at = 2000) =>
  store.settle([{ kind: 'delivered', seq, id: 'x', at, result: '{}' }]);

const idsOf = (leads: readonly { readonly id: string }[]) => leads.map(({ id }) => id);

describe.each(STORES)('for the operator, %s', (_name, createStore) => {
  test('counts leads by state and problem, and deliveries by time', async () => {
    const store = await createStore();
    expect(await store.stats({ hourFrom: 0, dayFrom: 0 })).toEqual({
      pending: 0,
      failed: [],
      delivered: 0,
      deliveredInHour: 0,
      deliveredInDay: 0,
      oldestSince: null,
      nextAt: null,
    });
    for (let count = 1; count <= 8; count += 1) await store.append(newLead({ acceptedAt: count * 100 }));
    for (const seq of [1, 2]) await fail(store, seq, 'unknown-attribute');
    await fail(store, 3, 'lead-rejected');
    await deliver(store, 4, 1000);
    await deliver(store, 5, 2000);
    await deliver(store, 6, 3000);
    await store.settle([
      { kind: 'retry', seq: 7, id: 'x', at: 1, nextAt: 9000, problem: 'p', code: 'upstream-busy' },
    ]);
    expect(await store.stats({ hourFrom: 3000, dayFrom: 2000 })).toEqual({
      pending: 2,
      failed: [
        { code: 'unknown-attribute', count: 2 },
        { code: 'lead-rejected', count: 1 },
      ],
      delivered: 3,
      deliveredInHour: 1,
      deliveredInDay: 2,
      oldestSince: 700,
      nextAt: 800,
    });
  });

  test('lists leads page by page, those of one problem alone', async () => {
    const store = await createStore();
    for (const id of ['a', 'b', 'c', 'd', 'e']) await store.append(newLead({ id }));
    for (const seq of [1, 3]) await fail(store, seq, 'unknown-attribute');
    await fail(store, 4);
    const list = (query: Partial<Parameters<OutboxStore['list']>[0]>) =>
      store.list({ state: 'failed', code: null, after: null, limit: 9, ...query });
    expect(idsOf(await list({}))).toEqual(['a', 'c', 'd']);
    const page = await list({ limit: 2 });
    expect(idsOf(page)).toEqual(['a', 'c']);
    expect(idsOf(await list({ after: page.at(-1)! }))).toEqual(['d']);
    expect(idsOf(await list({ code: 'unknown-attribute' }))).toEqual(['a', 'c']);
    expect(idsOf(await list({ state: 'pending' }))).toEqual(['b', 'e']);
    await store.settle([
      { kind: 'retry', seq: 5, id: 'x', at: 1, nextAt: 9000, problem: 'p', code: 'upstream-busy' },
    ]);
    expect(idsOf(await list({ state: 'pending', code: 'upstream-busy' }))).toEqual(['e']);
    expect(page[0]).toEqual({
      id: 'a',
      seq: 1,
      owner: 'secret k',
      state: 'failed',
      acceptedAt: 1000,
      since: 1000,
      finishedAt: 2000,
      attempts: 1,
      problem: 'problem of 1',
    });
  });

  test('a lead is read with its payload until it is delivered', async () => {
    const store = await createStore();
    await store.append(newLead({ id: 'a', payload: 'lead a' }));
    expect(await store.read('a')).toMatchObject({ state: 'pending', payload: 'lead a' });
    await deliver(store, 1);
    expect(await store.read('a')).toMatchObject({ state: 'delivered', payload: null });
    expect(await store.read('b')).toBeUndefined();
  });

  test('a retried lead goes back to its place in the order', async () => {
    const store = await createStore();
    for (const id of ['a', 'b', 'c']) await store.append(newLead({ id, orderingKeys: ['ejane'] }));
    await fail(store, 1);
    await fail(store, 2);
    expect(await due(store)).toEqual(['c']);
    expect(await store.retry({ id: 'b', at: 3000 })).toBe('retried');
    expect(await due(store, 3000)).toEqual(['b']);
    expect(await store.retry({ id: 'a', at: 3000 })).toBe('retried');
    expect(store.pending()).toBe(3);
    for (const [seq, id] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ] as const) {
      expect(await due(store, 3000)).toEqual([id]);
      await deliver(store, seq);
    }
    expect(await due(store, 9000)).toEqual([]);
    expect(store.pending()).toBe(0);
  });

  test('a retried lead that has two keys waits in both queues', async () => {
    const store = await createStore();
    await store.append(newLead({ id: 'a', orderingKeys: ['e1'] }));
    await store.append(newLead({ id: 'b', orderingKeys: ['e1', 'c1'] }));
    await store.append(newLead({ id: 'c', orderingKeys: ['c1'] }));
    await store.append(newLead({ id: 'd', orderingKeys: ['c1', 'e1'] }));
    await deliver(store, 1);
    await fail(store, 2);
    expect(await due(store)).toEqual(['c']);
    await store.retry({ id: 'b', at: 1000 });
    const sent: string[] = [];
    for (let ids = await due(store); ids.length > 0; ids = await due(store)) {
      sent.push(...ids);
      for (const id of ids) await deliver(store, 'abcd'.indexOf(id) + 1);
    }
    expect(sent).toEqual(['b', 'c', 'd']);
  });

  test('a retried lead is as old as its retry, and due at once', async () => {
    const store = await createStore();
    await store.append(newLead({ id: 'a' }));
    await store.append(newLead({ id: 'b' }));
    await fail(store, 1);
    const later = { kind: 'retry', seq: 2, id: 'x', at: 1, nextAt: 9000, problem: 'p', code: 'c' } as const;
    await store.settle([later, later]);
    await store.retry({ id: 'a', at: 5000 });
    await store.retry({ id: 'b', at: 5000 });
    const { leads } = await store.claim({ dueAt: 5000, limit: 9, aloneLimit: 9, except: [] });
    expect(leads).toEqual([
      { seq: 1, id: 'a', payload: '{}', since: 5000, goesAlone: false, attempts: 0, takenOver: 'no' },
      { seq: 2, id: 'b', payload: '{}', since: 5000, goesAlone: false, attempts: 0, takenOver: 'no' },
    ]);
    const expire = (olderThan: number) =>
      store.expire({ olderThan, at: 6000, problem: 'p', code: 'upstream-busy', except: [] });
    expect(await expire(4999)).toBe(0);
    expect(await expire(5000)).toBe(2);
  });

  test('delivered and unknown leads are not retried', async () => {
    const store = await createStore();
    await store.append(newLead({ id: 'a' }));
    await deliver(store, 1);
    expect(await store.retry({ id: 'a', at: 1 })).toBe('delivered');
    expect(await store.retry({ id: 'b', at: 1 })).toBe('unknown');
    expect(store.pending()).toBe(0);
  });

  test('failed leads are retried some at a time, those of one problem alone', async () => {
    const store = await createStore();
    for (const id of ['a', 'b', 'c', 'd']) await store.append(newLead({ id }));
    for (const seq of [1, 2, 3]) await fail(store, seq, 'unknown-attribute');
    await fail(store, 4);
    const retry = (code: string | null) => store.retryFailed({ code, at: 3000, limit: 2 });
    expect(await retry('unknown-attribute')).toBe(2);
    expect(await retry('unknown-attribute')).toBe(1);
    expect(await retry('unknown-attribute')).toBe(0);
    expect(await due(store, 3000)).toEqual(['a', 'b', 'c']);
    expect(await retry(null)).toBe(1);
    expect(store.pending()).toBe(4);
  });

  test('a discarded lead is gone, and those behind it go on', async () => {
    const store = await createStore();
    for (const id of ['a', 'b', 'c']) await store.append(newLead({ id, orderingKeys: ['ejane'] }));
    expect(await store.discard('b')).toBe(2);
    expect(await store.discard('a')).toBe(1);
    expect(await store.discard('a')).toBeUndefined();
    expect(await due(store)).toEqual(['c']);
    expect(store.pending()).toBe(1);
    await fail(store, 3);
    expect(await store.discard('c')).toBe(3);
    expect(await store.find('c')).toBeUndefined();
    expect((await store.stats({ hourFrom: 0, dayFrom: 0 })).failed).toEqual([]);
  });

  test('a person is forgotten, whatever became of the leads, and so are the idempotency keys', async () => {
    const store = await createStore();
    const idempotency = { key: 'k', fingerprint: 'f' };
    await store.append(newLead({ id: 'a', subject: 'jane', orderingKeys: ['ejane'], idempotency }));
    await store.append(newLead({ id: 'b', subject: 'jane', orderingKeys: ['ejane'] }));
    await store.append(newLead({ id: 'c', subject: 'jane', orderingKeys: ['ejane', 'c1'] }));
    await store.append(newLead({ id: 'd', subject: 'joe', orderingKeys: ['c1'] }));
    await store.append(newLead({ id: 'e' }));
    await deliver(store, 1);
    await fail(store, 2);
    const { removed, next, isOverwritten } = await store.forget({ subjects: ['jane', 'jan'], from: 0 });
    expect(removed).toEqual([
      { seq: 1, state: 'delivered' },
      { seq: 2, state: 'failed' },
      { seq: 3, state: 'pending' },
    ]);
    expect({ next, isOverwritten }).toEqual({ next: null, isOverwritten: true });
    expect(store.pending()).toBe(2);
    expect(await due(store)).toEqual(['d', 'e']);
    expect(await Promise.all(['a', 'b', 'c'].map(store.find))).toEqual([undefined, undefined, undefined]);
    expect((await store.append(newLead({ id: 'f', idempotency }))).kind).toBe('appended');
  });
});

/** The bytes of all files of a store. */
const bytesOf = (path: string) =>
  Buffer.concat(['', '-wal', '-shm'].map((end) => readFileSync(path + end))).toString('latin1');

async function fill(path: string) {
  const store = await openSqliteStore({ path, maxPending: 10_000, clock: systemClock });
  onTestFinished(store.close);
  const lead = (email: string, count: number) =>
    newLead({
      subject: email,
      orderingKeys: [`e${email}`, `c${email}${count}`],
      payload: JSON.stringify({ email, text: 'x'.repeat((count * 37) % 900) }),
    });
  // Pages fill up and split, so that rows are copied from one to another.
  for (let count = 0; count < 300; count += 1) {
    await Promise.all([
      store.append(lead('jane@example.com', count)),
      store.append(lead(`other${count}@example.com`, count)),
    ]);
  }
  const { leads } = await store.claim({ dueAt: 1000, limit: 100, aloneLimit: 9, except: [] });
  await store.settle(leads.map(({ seq }) => ({ kind: 'delivered', seq, id: 'x', at: 1, result: '{}' })));
  return store;
}

test('no byte of a forgotten person stays in the files', async () => {
  const path = outboxFile();
  const store = await fill(path);
  expect(bytesOf(path).includes('jane@example.com')).toBe(true);
  const { removed, isOverwritten } = await store.forget({ subjects: ['jane@example.com'], from: 0 });
  expect(removed).toHaveLength(300);
  expect(isOverwritten).toBe(true);
  expect(bytesOf(path).includes('jane@example.com')).toBe(false);
  expect(bytesOf(path).includes('other299@example.com')).toBe(true);
});

test('a reader who keeps old pages is told of, and not waited for', EXHAUSTIVE, async () => {
  const path = outboxFile();
  const store = await fill(path);
  const shell = new LibSql(path, { readonly: true });
  shell.exec('BEGIN');
  shell.prepare('SELECT count(*) FROM leads').get();
  const first = await store.forget({ subjects: ['jane@example.com'], from: 0 });
  expect(first).toMatchObject({ next: null, isOverwritten: false });
  shell.exec('COMMIT');
  shell.close();
  const second = await store.forget({ subjects: ['jane@example.com'], from: 0 });
  expect(second).toMatchObject({ removed: [], isOverwritten: true });
  expect(bytesOf(path).includes('jane@example.com')).toBe(false);
});
