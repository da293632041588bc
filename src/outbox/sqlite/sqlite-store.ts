import { Worker } from 'node:worker_threads';
import { type OutboxStore, StoreFailure, UnusableStore } from '../store.ts';
import type { Asked, GroupResult, Operation } from './operations.ts';
import type { Opening, WorkerRequest, WorkerSettings } from './worker.ts';

/** Tests run the sources; a worker is always what the build makes of them. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/outbox/sqlite/worker.js' : './worker.js',
  import.meta.url,
);

/** An operation that waits, and where its result goes. */
type Waiting = {
  readonly operation: Operation;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StoreFailure) => void;
};

/**
 * Opens a store in one SQLite file, or makes it; one process a file. Operations that come while a transaction runs share
 * the next one.
 *
 * @throws {UnusableStore} if the file cannot be used
 */
export async function openSqliteStore(settings: WorkerSettings): Promise<OutboxStore> {
  const worker = new Worker(WORKER, { workerData: settings });
  const opening = await openingOf(worker);
  if (opening.kind !== 'open') throw new UnusableStore(complaintOf(opening, settings.path));
  const groups = createGroups(worker, opening.pending);
  return { ...askedBy(groups.ask), pending: groups.pending, close: groups.close };
}

/** The functions of a store, by what performs an operation. */
export function askedBy(perform: (operation: Operation) => Promise<unknown>): Asked {
  const ask =
    <Name extends Operation['name']>(name: Name) =>
    (argument: Extract<Operation, { name: Name }>['argument']) =>
      perform({ name, argument } as Operation) as ReturnType<Asked[Name]>;
  return {
    append: ask('append'),
    recall: ask('recall'),
    claim: ask('claim'),
    headsAhead: ask('headsAhead'),
    settle: ask('settle'),
    expire: ask('expire'),
    find: ask('find'),
    stats: ask('stats'),
    list: ask('list'),
    read: ask('read'),
    retry: ask('retry'),
    retryFailed: ask('retryFailed'),
    discard: ask('discard'),
    forget: ask('forget'),
    prune: ask('prune'),
  };
}

function openingOf(worker: Worker): Promise<Opening> {
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error) => resolve({ kind: 'unusable', complaint: String(error) }));
  });
}

function complaintOf(opening: Exclude<Opening, { kind: 'open' }>, path: string): string {
  switch (opening.kind) {
    case 'no-package':
      return 'OUTBOX_URL needs the package libsql, which is not installed';
    case 'locked':
      return `OUTBOX_URL: ${path} is in use by another process; a file belongs to one gateway at a time`;
    case 'newer':
      return `OUTBOX_URL: ${path} has version ${opening.version} of the schema, and this program knows versions up to ${opening.known}; start the newer program again`;
    case 'unusable':
      return `OUTBOX_URL: ${path} cannot be used: ${opening.complaint}`;
  }
}

/** Sends one group at a time. */
function createGroups(worker: Worker, pendingAtFirst: number) {
  let waiting: Waiting[] = [];
  let sent: readonly Waiting[] = [];
  let pending = pendingAtFirst;
  let appending = 0;
  let isGone = false;

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  const tell = (request: WorkerRequest) => worker.postMessage(request);
  const send = () => {
    if (sent.length > 0 || waiting.length === 0) return;
    sent = waiting;
    waiting = [];
    tell(sent.map(({ operation }) => operation));
  };
  worker.on('message', (result: GroupResult) => {
    const done = sent;
    sent = [];
    ({ pending } = result);
    send();
    for (const [index, { operation, resolve, reject }] of done.entries()) {
      if (operation.name === 'append') appending -= 1;
      const one = result.results[index];
      if (one?.ok === true) resolve(one.value);
      else reject(new StoreFailure(one?.complaint ?? 'no result'));
    }
  });
  const lose = (error?: unknown) => {
    isGone = true;
    const lost = [...sent, ...waiting];
    [sent, waiting] = [[], []];
    for (const { reject } of lost) reject(new StoreFailure('the store has ended', { cause: error }));
  };
  worker.on('error', lose);
  worker.on('exit', () => lose());

  const ask = (operation: Operation) =>
    new Promise<unknown>((resolve, reject) => {
      if (isGone) {
        reject(new StoreFailure('the store has ended'));
        return;
      }
      if (operation.name === 'append') appending += 1;
      waiting.push({ operation, resolve, reject });
      send();
    });
  return {
    pending: () => pending + appending,
    ask,
    async close() {
      if (isGone) return;
      // Comes after all that waits.
      await ask({ name: 'find', argument: '' });
      await endOf(worker, () => tell('close'));
    },
  };
}

/** Resolves when the worker has ended because of what `end` tells it. */
function endOf(worker: Worker, end: () => void): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
    end();
  });
}
