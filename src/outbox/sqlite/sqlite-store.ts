import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { type OutboxStore, type Sealable, StoreFailure, UnusableStore } from '../store.ts';
import { linkedComplaint } from './database.ts';
import { mayHave } from './key-filter.ts';
import type { Asked, GroupResult, Operation, OperationResult } from './operations.ts';
import type { FileSettings, Opening } from './file.ts';
import type { WorkerRequest } from './worker.ts';

/** Tests run the sources; a worker is always what the build makes of them. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/outbox/sqlite/worker.js' : './worker.js',
  import.meta.url,
);

export type SqliteOptions = FileSettings & {
  readonly clock: Pick<Clock, 'setTimer' | 'clearTimer'>;
  readonly startWorker?: (settings: FileSettings) => Worker;
};

/** An operation that waits, and where its result goes. */
type Waiting = {
  readonly operation: Operation;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StoreFailure) => void;
};

type Open = Extract<Opening, { kind: 'open' }>;

/**
 * Opens a store in one SQLite file, or makes it; one process a file. Operations that come while a transaction runs share
 * the next one. A worker that crashes is replaced: what it was asked for has failed.
 *
 * @throws {UnusableStore} if the file cannot be used
 */
export async function openSqliteStore({
  path,
  maxPending,
  clock,
  startWorker = (settings) => new Worker(WORKER, { workerData: settings }),
}: SqliteOptions): Promise<OutboxStore & Sealable> {
  const start = () => openWorker(startWorker({ path, maxPending }), path);
  const groups = createGroups(await start(), start, clock);
  const asked = askedBy(groups.ask);
  return {
    ...asked,
    async settle(settlements) {
      for (let from = 0; from < settlements.length; from += SETTLED_AT_A_TIME) {
        await asked.settle(settlements.slice(from, from + SETTLED_AT_A_TIME));
      }
    },
    ...groups,
  };
}

/** The functions of a store, by what performs an operation. */
export function askedBy(perform: (operation: Operation) => Promise<unknown>): Asked {
  const ask =
    <Name extends Operation['name']>(name: Name) =>
    (argument?: Extract<Operation, { name: Name }>['argument']) =>
      perform({ name, argument } as Operation) as ReturnType<Asked[Name]>;
  return {
    append: ask('append'),
    appendBatch: ask('appendBatch'),
    recall: ask('recall'),
    claim: ask('claim'),
    headsAhead: ask('headsAhead'),
    newest: ask('newest'),
    settle: ask('settle'),
    expire: ask('expire'),
    find: ask('find'),
    findBatch: ask('findBatch'),
    stats: ask('stats'),
    list: ask('list'),
    read: ask('read'),
    retry: ask('retry'),
    retryFailed: ask('retryFailed'),
    discard: ask('discard'),
    forget: ask('forget'),
    prune: ask('prune'),
    keyIds: ask('keyIds'),
    addKeyId: ask('addKeyId'),
    scan: ask('scan'),
    rewrite: ask('rewrite'),
    scanBatches: ask('scanBatches'),
    rewriteBatches: ask('rewriteBatches'),
    scrub: ask('scrub'),
  };
}

type OpenWorker = { readonly worker: Worker; readonly opening: Open };

async function openWorker(worker: Worker, path: string): Promise<OpenWorker> {
  const opening = await new Promise<Opening>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error) => resolve({ kind: 'unusable', complaint: String(error) }));
    worker.once('exit', () => resolve({ kind: 'unusable', complaint: 'its thread has ended' }));
  });
  if (opening.kind !== 'open') throw new UnusableStore(complaintOf(opening, path));
  return { worker, opening };
}

function complaintOf(opening: Exclude<Opening, Open>, path: string): string {
  switch (opening.kind) {
    case 'no-package':
      return 'OUTBOX_URL needs the package libsql, which is not installed';
    case 'locked':
      return `OUTBOX_URL: ${path} is in use by another process; a file belongs to one gateway at a time`;
    case 'linked':
      return `OUTBOX_URL: ${linkedComplaint(path, opening.names)}`;
    case 'newer':
      return `OUTBOX_URL: ${path} has version ${opening.version} of the schema, and this program knows versions up to ${opening.known}; start the newer program again`;
    case 'unusable':
      return `OUTBOX_URL: ${path} cannot be used: ${opening.complaint}`;
  }
}

/** How long after a crash the worker is replaced, in ms. */
const RESTART_MS = 1000;

/** Operations that no one waits for: they share the sync of others, or go by themselves a little later. */
const LAZY: ReadonlySet<Operation['name']> = new Set<Operation['name']>(['settle', 'expire', 'prune']);
/** How long they wait for others, in ms. */
const LINGER_MS = 5;
/** Results that are passed on in a turn of the event loop; leads to deliver are as much work as all of them. */
const PASSED_ON_PER_TURN = 16;
/** Settlements of one operation: accepts wait for those in their transaction. */
const SETTLED_AT_A_TIME = 64;

type State = {
  readonly clock: SqliteOptions['clock'];
  /** Undefined: it has crashed, and is not replaced yet. */
  worker: Worker | undefined;
  waiting: Waiting[];
  /** Lazy operations. One goes with each group. */
  lazy: Waiting[];
  linger: Timer | undefined;
  sent: readonly Waiting[];
  /** With what the worker has answered, to be passed on. */
  done: (readonly [Waiting, OperationResult | undefined])[];
  /** Whether results were passed on in this turn of the event loop. */
  isPassingOn: boolean;
  pending: number;
  appending: number;
  keyCounts: Uint32Array;
  isClosed: boolean;
};

/** Sends one group at a time. */
function createGroups(first: OpenWorker, restart: () => Promise<OpenWorker>, clock: SqliteOptions['clock']) {
  const { setTimer } = clock;
  const state: State = {
    clock,
    worker: undefined,
    waiting: [],
    lazy: [],
    linger: undefined,
    sent: [],
    done: [],
    isPassingOn: false,
    pending: 0,
    appending: 0,
    keyCounts: first.opening.keyCounts,
    isClosed: false,
  };
  const replace = () => {
    if (!state.isClosed) restart().then(attach, () => void setTimer(replace, RESTART_MS));
  };
  const attach = ({ worker, opening }: OpenWorker) => {
    if (state.isClosed) {
      tell(worker, 'close');
      return;
    }
    Object.assign(state, { worker, pending: opening.pending, keyCounts: opening.keyCounts });
    worker.on('message', (result: GroupResult) => finish(state, result));
    // An exit follows.
    worker.on('error', () => {});
    worker.on('exit', () => {
      lose(state);
      if (!state.isClosed) setTimer(replace, RESTART_MS);
    });
  };
  attach(first);
  return functionsOf(state);
}

function functionsOf(state: State) {
  const pending = () => state.pending + state.appending;
  const ask = (operation: Operation) =>
    new Promise<unknown>((resolve, reject) => {
      if (state.worker === undefined) {
        reject(new StoreFailure('the thread of the store has ended'));
        return;
      }
      state.appending += appendedBy(operation);
      (LAZY.has(operation.name) ? state.lazy : state.waiting).push({ operation, resolve, reject });
      send(state);
    });
  return {
    ask,
    pending,
    isEmpty: () => pending() === 0,
    mayWait: (orderingKeys: readonly string[]) =>
      pending() > 0 && orderingKeys.some((key) => mayHave(state.keyCounts, key)),
    // The file is this process's own.
    onLost: () => {},
    warnings: () =>
      state.worker === undefined ? ['the thread of the outbox has ended, and is started again'] : [],
    async close() {
      // Comes after all that waits.
      do await ask({ name: 'find', argument: '' }).catch(() => undefined);
      while (state.lazy.length > 0);
      state.isClosed = true;
      const { worker } = state;
      if (worker !== undefined) await endOf(worker, () => tell(worker, 'close'));
    },
  };
}

/** How many leads it would make pending. */
function appendedBy(operation: Operation): number {
  if (operation.name === 'appendBatch') return operation.argument.leads.length;
  return operation.name === 'append' ? 1 : 0;
}

function tell(worker: Worker, request: WorkerRequest): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage(request);
}

function send(state: State): void {
  const { waiting, lazy, clock } = state;
  if (state.sent.length > 0) return;
  if (waiting.length > 0) {
    state.waiting = [];
    sendGroup(state, [...waiting, ...lazy.splice(0, 1)]);
  } else if (lazy.length > 0) {
    state.linger ??= clock.setTimer(() => {
      state.linger = undefined;
      if (state.sent.length === 0) sendGroup(state, state.lazy.splice(0, 1));
    }, LINGER_MS);
  }
}

function sendGroup(state: State, group: readonly Waiting[]): void {
  const { worker, clock } = state;
  if (worker === undefined || group.length === 0) return;
  clock.clearTimer(state.linger);
  state.linger = undefined;
  state.sent = group;
  tell(
    worker,
    group.map(({ operation }) => operation),
  );
}

function finish(state: State, { results, pending }: GroupResult): void {
  const answered = state.sent;
  state.sent = [];
  state.pending = pending;
  send(state);
  for (const { operation } of answered) state.appending -= appendedBy(operation);
  for (const [index, waiting] of answered.entries()) state.done.push([waiting, results[index]]);
  if (!state.isPassingOn) passOn(state);
}

/** Node takes all messages of a thread in one turn, those that come meanwhile included: others are not to wait for that. */
function passOn(state: State): void {
  const { done } = state;
  let count = 0;
  for (let work = 0; count < done.length && work < PASSED_ON_PER_TURN; count += 1) {
    work += done[count]?.[0].operation.name === 'claim' ? PASSED_ON_PER_TURN : 1;
  }
  for (const [{ resolve, reject }, result] of done.splice(0, count)) {
    if (result?.ok === true) resolve(result.value);
    else reject(new StoreFailure(result?.complaint ?? 'no result'));
  }
  state.isPassingOn = true;
  setImmediate(() => {
    state.isPassingOn = false;
    if (done.length > 0) passOn(state);
  });
}

/** What a worker was asked for that has ended may be done or not; another call finds out. */
function lose(state: State): void {
  const lost = [...state.sent, ...state.waiting, ...state.lazy];
  Object.assign(state, { worker: undefined, sent: [], waiting: [], lazy: [], appending: 0 });
  for (const { reject } of lost) reject(new StoreFailure('the thread of the store has ended'));
}

/** Resolves when the worker has ended because of what `end` tells it. */
function endOf(worker: Worker, end: () => void): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
    end();
  });
}
