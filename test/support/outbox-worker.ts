import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import LibSql from 'libsql';
import { type FileSettings, openFile } from '../../src/outbox/sqlite/file.ts';
import type { WorkerRequest } from '../../src/outbox/sqlite/worker.ts';

/** Does in this thread what the worker of a store in SQLite does in its own (src/outbox/sqlite/worker.ts). */
export function startWorkerHere(settings: FileSettings): Worker {
  const thread = new EventEmitter();
  // Later, and one at a time, as messages of a thread come.
  const say = (name: 'message' | 'exit', value: unknown) => setImmediate(() => void thread.emit(name, value));
  const { opening, file } = openFile(LibSql, settings);
  say('message', opening);
  if (file === undefined) say('exit', 0);
  const postMessage = (request: WorkerRequest) => {
    // Copied, as it is on its way to a thread.
    const own = structuredClone(request);
    setImmediate(() => {
      if (file === undefined) return;
      if (own === 'close') {
        file.close();
        say('exit', 0);
      } else {
        say('message', structuredClone(file.run(own)));
      }
    });
  };
  return Object.assign(thread, { postMessage }) as unknown as Worker;
}
