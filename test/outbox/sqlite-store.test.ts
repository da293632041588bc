import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import LibSql from 'libsql';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/runtime/clock.ts';
import { openSqliteStore } from '../../src/outbox/sqlite/sqlite-store.ts';
import { StoreFailure, UnusableStore } from '../../src/outbox/store.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { createLocalStore, limitPages, newLead, outboxFile } from '../support/outbox.ts';

const WORKER = new URL('../../dist/outbox/sqlite/worker.js', import.meta.url);

async function openStore(path: string, maxPending = 1000) {
  const store = await openSqliteStore({ path, maxPending, clock: systemClock });
  onTestFinished(store.close);
  return store;
}

const seqsOf = (leads: readonly { readonly seq: number }[]) => leads.map(({ seq }) => seq);

test('what was appended is there after the next start, in its order', async () => {
  const path = outboxFile();
  const first = await openStore(path);
  const leads = Array.from({ length: 100 }, () => newLead());
  const appended = await Promise.all(leads.map((lead) => first.append(lead)));
  expect(first.pending()).toBe(100);
  await first.close();
  const second = await openStore(path);
  expect(second.pending()).toBe(100);
  const { leads: claimed } = await second.claim({ dueAt: 1000, limit: 1000, except: [] });
  expect(claimed.map(({ id }) => id)).toEqual(leads.map(({ id }) => id));
  expect(seqsOf(claimed)).toEqual(appended.map((one) => (one.kind === 'appended' ? one.seq : 0)));
});

test('a file belongs to one process at a time, and is free when it closes', async () => {
  const path = outboxFile();
  const first = await openStore(path);
  await expect(openStore(path)).rejects.toThrow(UnusableStore);
  await expect(openStore(path)).rejects.toThrow(/in use by another process/);
  await first.close();
  await (await openStore(path)).append(newLead());
});

test('all its files are readable to their owner only', async () => {
  const path = outboxFile();
  await (await openStore(path)).append(newLead());
  const modes = ['', '-wal', '-shm', '.lock'].map((end) => statSync(path + end).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600, 0o600, 0o600]);
});

test('a file of a later version is refused by its number and left alone', async () => {
  const path = outboxFile();
  const db = new LibSql(path);
  db.exec('PRAGMA user_version = 7');
  db.close();
  await expect(openStore(path)).rejects.toThrow(/version 7 of the schema.*up to 1/);
  expect(existsSync(path)).toBe(true);
});

test('a file of another kind, and a folder that is not there, are refused', async () => {
  const path = outboxFile();
  writeFileSync(path, 'These are no pages of a database, and so it is not one.'.repeat(100));
  await expect(openStore(path)).rejects.toThrow(/cannot be used: .*not a database/);
  await expect(openStore('/nowhere/outbox.db')).rejects.toThrow(/\/nowhere\/outbox.db cannot be used/);
});

test('an operator reads the file while the gateway runs', async () => {
  const path = outboxFile();
  const store = await openStore(path);
  await store.append(newLead({ payload: 'seen' }));
  const shell = new LibSql(path, { readonly: true });
  expect(shell.prepare('SELECT payload FROM leads').get()).toMatchObject({ payload: 'seen' });
  shell.close();
  chmodSync(path, 0o600);
});

test('leads that share a key come one after the other, the first of each key alone', async () => {
  const store = createLocalStore();
  await store.append(newLead({ orderingKeys: ['ea'] }));
  await store.append(newLead({ orderingKeys: ['ea', 'cx'] }));
  await store.append(newLead({ orderingKeys: ['cx'] }));
  await store.append(newLead({ orderingKeys: ['eb'] }));
  const due = async () => seqsOf((await store.claim({ dueAt: 1000, limit: 9, except: [] })).leads);
  const deliver = (seq: number) => store.settle([{ kind: 'delivered', seq, id: 'x', at: 1, result: '{}' }]);
  expect(await due()).toEqual([1, 4]);
  expect(seqsOf((await store.headsAhead({ orderingKeys: ['cx'], before: null })).leads)).toEqual([1]);
  expect(seqsOf((await store.headsAhead({ orderingKeys: ['cx'], before: 1 })).leads)).toEqual([]);
  await deliver(1);
  expect(await due()).toEqual([2, 4]);
  await store.settle([{ kind: 'retry', seq: 2, id: 'x', at: 1, nextAt: 5000, problem: 'p', code: 'c' }]);
  expect(await due()).toEqual([4]);
  await deliver(4);
  expect(await store.claim({ dueAt: 1000, limit: 9, except: [] })).toEqual({ leads: [], nextAt: 5000 });
  await store.settle([{ kind: 'failed', seq: 2, id: 'x', at: 1, problem: 'p', code: 'c' }]);
  expect(await due()).toEqual([3]);
  await deliver(3);
  expect(store.pending()).toBe(0);
});

test('leads under way are not claimed again', async () => {
  const store = createLocalStore();
  for (let count = 0; count < 5; count += 1) await store.append(newLead());
  const { leads } = await store.claim({ dueAt: 1000, limit: 2, except: [1, 3] });
  expect(seqsOf(leads)).toEqual([2, 4]);
});

test('the end of an attempt is recorded once', async () => {
  const store = createLocalStore();
  await store.append(newLead({ id: 'x' }));
  await store.settle([{ kind: 'delivered', seq: 1, id: 'x', at: 7, result: '{"leadId":1}' }]);
  await store.settle([{ kind: 'failed', seq: 1, id: 'x', at: 8, problem: 'p', code: 'c' }]);
  await store.settle([{ kind: 'retry', seq: 1, id: 'x', at: 9, nextAt: 10, problem: 'p', code: 'c' }]);
  expect(await store.find('x')).toMatchObject({ state: 'delivered', finishedAt: 7, result: '{"leadId":1}' });
  expect(await store.find('y')).toBeUndefined();
  expect(store.pending()).toBe(0);
});

test('no more leads are pending than may be', async () => {
  const store = createLocalStore(2);
  const kinds = [];
  for (let count = 0; count < 3; count += 1) kinds.push((await store.append(newLead())).kind);
  expect(kinds).toEqual(['appended', 'appended', 'full']);
  await store.settle([{ kind: 'delivered', seq: 1, id: 'x', at: 1, result: '{}' }]);
  expect((await store.append(newLead())).kind).toBe('appended');
});

test('an idempotency key of one caller stands for one request', async () => {
  const store = createLocalStore();
  const idempotency = { key: 'k', fingerprint: 'f' };
  await store.append(newLead({ id: 'first', idempotency }));
  expect(await store.append(newLead({ idempotency }))).toEqual({ kind: 'repeated', id: 'first' });
  const other = { key: 'k', fingerprint: 'g' };
  expect(await store.append(newLead({ idempotency: other }))).toEqual({ kind: 'conflict' });
  expect((await store.append(newLead({ owner: 'secret l', idempotency: other }))).kind).toBe('appended');
});

test('what ended before the retention is removed, and nothing else', async () => {
  const store = createLocalStore();
  for (const id of ['pending', 'old', 'new']) await store.append(newLead({ id }));
  await store.settle([
    { kind: 'delivered', seq: 2, id: 'x', at: 100, result: '{}' },
    { kind: 'failed', seq: 3, id: 'x', at: 200, problem: 'p', code: 'c' },
  ]);
  expect(await store.prune(200)).toBe(1);
  const left = await Promise.all(['pending', 'old', 'new'].map((id) => store.find(id)));
  expect(left.map((one) => one?.state)).toEqual(['pending', undefined, 'failed']);
});

test('a thread that crashes is replaced, and nothing that was kept is lost', async () => {
  const workers: Worker[] = [];
  const clock = createVirtualClock();
  const store = await openSqliteStore({
    path: outboxFile(),
    maxPending: 1000,
    clock,
    startWorker(settings) {
      const worker = new Worker(WORKER, { workerData: settings });
      workers.push(worker);
      return worker;
    },
  });
  onTestFinished(store.close);
  await store.append(newLead({ id: 'kept', orderingKeys: ['ea'] }));
  await workers[0]!.terminate();
  await expect(store.append(newLead())).rejects.toThrow(StoreFailure);
  expect(store.warnings()).toEqual([expect.stringMatching(/has ended/)]);
  await clock.advance(1000);
  await expect.poll(() => store.warnings()).toEqual([]);
  expect(workers).toHaveLength(2);
  expect(await store.find('kept')).toMatchObject({ state: 'pending' });
  expect(store.pending()).toBe(1);
  expect(store.mayWait(['ea'])).toBe(true);
  expect((await store.append(newLead())).kind).toBe('appended');
});

test('a full disk keeps no lead, what was kept before is read and delivered, and room ends it', async () => {
  const store = createLocalStore();
  const payload = 'x'.repeat(3000);
  for (let count = 0; count < 50; count += 1) await store.append(newLead({ payload }));
  limitPages(store, 1);
  await expect(
    (async () => {
      for (;;) await store.append(newLead({ payload }));
    })(),
  ).rejects.toThrow(/full/);
  const kept = store.pending();
  const { leads } = await store.claim({ dueAt: 1000, limit: 50, except: [] });
  expect(leads).toHaveLength(50);
  await store.settle(leads.map(({ seq, id }) => ({ kind: 'delivered', seq, id, at: 1, result: '{}' })));
  expect(store.pending()).toBe(kept - 50);
  expect((await store.append(newLead({ payload }))).kind).toBe('appended');
  limitPages(store, 1_000_000);
  for (let count = 0; count < 200; count += 1) await store.append(newLead({ payload }));
  expect(store.pending()).toBe(kept + 151);
});

test('an ordering key is known to wait for as long as one of its leads does', async () => {
  const store = createLocalStore();
  await store.append(newLead({ id: 'a', orderingKeys: ['ea', 'cx'] }));
  await store.append(newLead({ id: 'b', orderingKeys: ['ea'] }));
  const waits = () => ['ea', 'cx', 'eb'].map((key) => store.mayWait([key]));
  expect(waits()).toEqual([true, true, false]);
  await store.settle([{ kind: 'failed', seq: 1, id: 'a', at: 1, problem: 'p', code: 'c' }]);
  expect(waits()).toEqual([true, false, false]);
  await store.retry({ id: 'a', at: 2 });
  expect(waits()).toEqual([true, true, false]);
  await store.discard('b');
  await store.discard('a');
  expect(waits()).toEqual([false, false, false]);
});

test('a file that may not be written is refused', async () => {
  const path = outboxFile();
  await (await openStore(path)).close();
  await expect(openStore(`${path}/outbox.db`)).rejects.toThrow(/cannot be used: .*ENOTDIR/);
  await expect(openStore(dirname(path))).rejects.toThrow(/cannot be used: .*EISDIR/);
});
