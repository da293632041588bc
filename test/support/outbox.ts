import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import LibSql from 'libsql';
import { openDatabase } from '../../src/outbox/sqlite/database.ts';
import { migrate } from '../../src/outbox/sqlite/migrations.ts';
import { mayHave } from '../../src/outbox/sqlite/key-filter.ts';
import { createGroupRunner } from '../../src/outbox/sqlite/operations.ts';
import { askedBy } from '../../src/outbox/sqlite/sqlite-store.ts';
import type { NewLead, OutboxStore, Sealable } from '../../src/outbox/store.ts';
import { atEnd } from './lasting.ts';

/** In memory, where there is a file system for that: on a disk every commit waits for it. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** The path of a file for an outbox, in a folder that goes with the test. */
export function outboxFile(): string {
  const folder = mkdtempSync(join(FOLDER, 'lead-gateway-outbox-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'outbox.db');
}

const connections = new WeakMap<object, ReturnType<typeof openDatabase>>();

/** Limits how many pages the file of a local store may have; those that it has stay. */
export function limitPages(store: object, pages: number): void {
  connections.get(store)?.exec(`PRAGMA max_page_count = ${pages}`);
}

/** Frees the memory of a local store before the test ends. */
export function closeLocalStore(store: object): void {
  connections.get(store)?.close();
}

/** The store without its thread, so that it takes part in virtual time. */
export function createLocalStore(maxPending = 1_000_000): OutboxStore & Sealable {
  const db = openDatabase(LibSql, ':memory:');
  atEnd(() => void db.close());
  migrate(db);
  const run = createGroupRunner(db, maxPending);
  const operations = askedBy(async (operation) => {
    const [result] = run([operation]).results;
    if (result?.ok !== true) throw new Error(result?.complaint);
    return result.value;
  });
  const store = {
    ...operations,
    pending: () => run([]).pending,
    isEmpty: () => run([]).pending === 0,
    mayWait: (orderingKeys: readonly string[]) => orderingKeys.some((key) => mayHave(db.waiting.counts, key)),
    onLost: () => {},
    warnings: () => [],
    close: async () => {},
  };
  connections.set(store, db);
  return store;
}

let lastId = 0;

/** A lead to append, with only what the test sets. */
export function newLead(members: Partial<NewLead> = {}): NewLead {
  lastId += 1;
  return {
    id: `id-${lastId}`,
    owner: 'secret k',
    orderingKeys: [`e${lastId}@example.com`],
    payload: '{}',
    subject: null,
    acceptedAt: 1000,
    idempotency: undefined,
    goesAlone: false,
    ...members,
  };
}
