import { parentPort, workerData } from 'node:worker_threads';
import { lockFile, openDatabase } from './database.ts';
import { migrate, SCHEMA_VERSION } from './migrations.ts';
import { createGroupRunner, type GroupResult, type Operation } from './operations.ts';

/** What the worker is started with. */
export type WorkerSettings = { readonly path: string; readonly maxPending: number };

/** What it says first: it is open, or why it cannot be used. */
export type Opening =
  | { readonly kind: 'open'; readonly pending: number; readonly keyCounts: Uint32Array }
  | { readonly kind: 'no-package' }
  | { readonly kind: 'locked' }
  | { readonly kind: 'newer'; readonly version: number; readonly known: number }
  | { readonly kind: 'unusable'; readonly complaint: string };

/** What it is told: a group of operations, or to close. */
export type WorkerRequest = readonly Operation[] | 'close';

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker only');

/** SQLite waits for the disk, so it has a thread of its own: the event loop never waits. */
async function open(
  { path, maxPending }: WorkerSettings,
  answer: (message: Opening | GroupResult) => void,
): Promise<{ run: (group: readonly Operation[]) => GroupResult; close: () => void } | undefined> {
  // Optional: a gateway without an outbox runs without it.
  const libsql = await import('libsql').catch(() => undefined);
  if (libsql === undefined) {
    answer({ kind: 'no-package' });
    return undefined;
  }
  try {
    const lock = lockFile(libsql.default, path);
    if (lock === undefined) {
      answer({ kind: 'locked' });
      return undefined;
    }
    const db = openDatabase(libsql.default, path);
    const version = migrate(db);
    if (version !== undefined) {
      answer({ kind: 'newer', version, known: SCHEMA_VERSION });
      db.close();
      lock.close();
      return undefined;
    }
    const run = createGroupRunner(db, maxPending);
    answer({ kind: 'open', pending: run([]).pending, keyCounts: db.waiting.counts });
    return {
      run,
      close() {
        db.close();
        lock.close();
      },
    };
  } catch (error) {
    answer({ kind: 'unusable', complaint: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

const store = await open(workerData as WorkerSettings, (message) => port.postMessage(message));
if (store === undefined) port.close();
port.on('message', (request: WorkerRequest) => {
  if (store === undefined) return;
  if (request === 'close') {
    store.close();
    port.close();
  } else {
    port.postMessage(store.run(request));
  }
});
