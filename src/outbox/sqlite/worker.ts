import { parentPort, workerData } from 'node:worker_threads';
import { type FileSettings, openFile, type Opening } from './file.ts';
import type { Operation } from './operations.ts';

/** What it is told: a group of operations, or to close. */
export type WorkerRequest = readonly Operation[] | 'close';

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker only');

// SQLite waits for the disk, so it has a thread of its own: the event loop never waits. The package is optional: a gateway
// without an outbox runs without it.
const libsql = await import('libsql').catch(() => undefined);
const { opening, file }: ReturnType<typeof openFile> =
  libsql === undefined
    ? { opening: { kind: 'no-package' } satisfies Opening, file: undefined }
    : openFile(libsql.default, workerData as FileSettings);
port.postMessage(opening);
if (file === undefined) port.close();
port.on('message', (request: WorkerRequest) => {
  if (file === undefined) return;
  if (request === 'close') {
    file.close();
    port.close();
  } else {
    port.postMessage(file.run(request));
  }
});
