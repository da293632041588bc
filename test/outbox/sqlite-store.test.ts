import { EventEmitter } from 'node:events';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
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
  const { leads: claimed } = await second.claim({ dueAt: 1000, limit: 1000, aloneLimit: 9, except: [] });
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

test('links name one file, also those that lead to where it is not yet, and its files are beside it', async () => {
  const folder = dirname(outboxFile());
  const inFolder = (name: string) => join(folder, name);
  mkdirSync(inFolder('kept'));
  symlinkSync('kept', inFolder('folder'));
  symlinkSync('folder/real.db', inFolder('first'));
  symlinkSync(inFolder('first'), inFolder('second'));
  const store = await openStore(inFolder('second'));
  await store.append(newLead());
  for (const name of ['first', 'second', 'folder/real.db', 'kept/real.db']) {
    await expect(openStore(inFolder(name))).rejects.toThrow(/in use by another process/);
  }
  expect(readdirSync(folder).toSorted()).toEqual(['first', 'folder', 'kept', 'second']);
  symlinkSync('circle', inFolder('circle'));
  await expect(openStore(inFolder('circle'))).rejects.toThrow(/cannot be used: .*ELOOP/);
});

test('a file with a second name is refused for as long as it has it', async () => {
  const path = outboxFile();
  await (await openStore(path)).close();
  linkSync(path, `${path}.hard`);
  for (const name of [path, `${path}.hard`]) {
    await expect(openStore(name)).rejects.toThrow(/has 2 names \(hard links\)/);
  }
  expect(existsSync(`${path}.hard.lock`)).toBe(false);
  rmSync(`${path}.hard`);
  await (await openStore(path)).append(newLead());
});

test('what is no regular file is refused and not waited for', async () => {
  const path = outboxFile();
  execFileSync('mkfifo', [path]);
  await expect(openStore(path)).rejects.toThrow(/cannot be used: .*it is no regular file/);
});

test('all its files are readable to their owner only', async () => {
  const path = outboxFile();
  await (await openStore(path)).append(newLead());
  const modes = ['', '-wal', '-shm', '.lock'].map((end) => statSync(path + end).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600, 0o600, 0o600]);
});

test('a file of the first version is brought up to date, with what it holds', async () => {
  const path = outboxFile();
  const first = await openStore(path);
  await first.append(newLead({ id: 'old' }));
  await first.close();
  const db = new LibSql(path);
  db.exec(`DROP TABLE batches; DROP INDEX batch; ALTER TABLE leads DROP COLUMN batch;
    ALTER TABLE leads DROP COLUMN place; DROP INDEX due; DROP INDEX due_alone; ALTER TABLE leads DROP COLUMN alone;
    CREATE INDEX due ON leads (next_at, seq); PRAGMA user_version = 1`);
  db.close();
  const store = await openStore(path);
  const leads = [newLead({ batch: { id: 'b', index: 0 } })];
  const counts = { total: 1, refused: 0, refusals: '[]', acceptedAt: 1, owner: 'secret k' };
  await store.appendBatch({ id: 'b', leads, ...counts, idempotency: undefined });
  expect(await store.find('old')).toMatchObject({ state: 'pending' });
  expect(await store.findBatch({ id: 'b', limit: 9 })).toMatchObject({ pending: 1 });
});

test('a file of a later version is refused by its number and left alone', async () => {
  const path = outboxFile();
  const db = new LibSql(path);
  db.exec('PRAGMA user_version = 7');
  db.close();
  await expect(openStore(path)).rejects.toThrow(/version 7 of the schema.*up to 3/);
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

test('a thread that answers while its answers are read holds no turn of the event loop', async () => {
  // Answers as Node has it of a fast thread: all messages in one turn, those that come meanwhile included.
  const thread = new EventEmitter();
  const answer = (group: readonly unknown[]) => ({
    results: group.map(() => ({ ok: true, value: { kind: 'appended', seq: 1 } })),
    pending: 0,
  });
  const postMessage = (group: readonly unknown[]) =>
    queueMicrotask(() => void thread.emit('message', answer(group)));
  const startWorker = () => {
    const keyCounts = new Uint32Array(new SharedArrayBuffer(4));
    queueMicrotask(() => void thread.emit('message', { kind: 'open', pending: 0, keyCounts }));
    return Object.assign(thread, { postMessage }) as unknown as Worker;
  };
  const store = await openSqliteStore({ path: '', maxPending: 1000, clock: systemClock, startWorker });
  let kept = 0;
  const all = [];
  for (let count = 0; count < 60; count += 1) {
    all.push(store.append(newLead()).then(() => (kept += 1)));
    await Promise.resolve();
  }
  const counts = [];
  for (let turn = 0; turn < 4; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    counts.push(kept);
  }
  // The first of all is passed on at once, and 16 in each turn that follows.
  expect(counts).toEqual([17, 33, 49, 60]);
  await Promise.all(all);
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
  const { leads } = await store.claim({ dueAt: 1000, limit: 50, aloneLimit: 9, except: [] });
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
