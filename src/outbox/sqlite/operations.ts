import type { Row } from '../rows.ts';
import type {
  Appended,
  AppendedBatch,
  BatchPart,
  ExpireQuery,
  Forgotten,
  ForgetQuery,
  NewLead,
  OutboxStore,
  RetryFailedQuery,
  RetryQuery,
  Sealable,
  Settlement,
  StatsQuery,
} from '../store.ts';
import { prepareAppend, prepareRecall } from './append.ts';
import { prepareAppendBatch, prepareFindBatch } from './batches.ts';
import { prepareClaim } from './claim.ts';
import type { Connection } from './database.ts';
import { prepareExpire } from './expire.ts';
import { prepareFind } from './find.ts';
import { prepareHeadsAhead } from './heads-ahead.ts';
import { prepareList, prepareRead } from './list.ts';
import { overwriteTraces } from './traces.ts';
import { prepareSealing } from './seal.ts';
import { preparePrune } from './prune.ts';
import { prepareDiscard, prepareForget } from './remove.ts';
import { prepareRetry, prepareRetryFailed } from './retry.ts';
import { prepareSettle } from './settle.ts';
import { prepareStats } from './stats.ts';
import { prepareTakeover } from './takeover.ts';

/** The functions of a store that are operations. */
export type Asked = Omit<
  OutboxStore & Sealable,
  'pending' | 'isEmpty' | 'mayWait' | 'onLost' | 'warnings' | 'close'
>;

/** A call of a function of the store, as it goes to the worker. */
export type Operation = {
  [Name in keyof Asked]: { readonly name: Name; readonly argument: Parameters<Asked[Name]>[0] };
}[keyof Asked];

/** What an operation gives, or why it could not be done. */
export type OperationResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly complaint: string };

/** What the worker answers with: the results of a group, in its order. */
export type GroupResult = { readonly results: readonly OperationResult[]; readonly pending: number };

/** What needs no transaction; SQLite refuses VACUUM, and so `scrub`, inside one. */
const READS: ReadonlySet<Operation['name']> = new Set([
  'recall',
  'claim',
  'headsAhead',
  'newest',
  'find',
  'findBatch',
  'stats',
  'list',
  'read',
  'keyIds',
  'scan',
  'scanBatches',
  'scrub',
]);

/**
 * Runs groups of operations. A group shares one transaction, so a slow disk syncs once for many durable writes (group
 * commit).
 *
 * @param maxPending leads that may be pending
 */
export function createGroupRunner(
  db: Connection,
  maxPending: number,
): (group: readonly Operation[]) => GroupResult {
  const counter = countPending(db);
  fillFilter(db);
  const perform = prepareAll(db, counter, maxPending);
  return (group) => {
    if (group.every(({ name }) => READS.has(name)))
      return { results: group.map(attempted(perform)), pending: counter.pending };
    const before = counter.pending;
    try {
      db.exec('BEGIN IMMEDIATE');
      const results = group.map((operation) => ({ ok: true, value: perform(operation) }) as const);
      db.exec('COMMIT');
      db.waiting.commit();
      overwriteForgotten(db, group, results);
      return { results, pending: counter.pending };
    } catch (error) {
      counter.pending = before;
      rollBack(db);
      db.waiting.rollBack();
      // A full disk keeps no one from reading.
      const readOnly = attempted(perform);
      const failed = { ok: false, complaint: complaintOf(error) } as const;
      const results = group.map((one) => (READS.has(one.name) ? readOnly(one) : failed));
      return { results, pending: counter.pending };
    }
  };
}

function fillFilter(db: Connection): void {
  for (const row of db.prepare('SELECT ordering_key FROM ordering_keys').iterate() as Iterable<Row>) {
    db.waiting.enter(String(row['ordering_key']));
  }
  db.waiting.commit();
}

type Counter = { pending: number };

function countPending(db: Connection): Counter {
  const { count } = db.prepare(`SELECT count(*) AS count FROM leads WHERE state = 'pending'`).get() as Row;
  return { pending: Number(count) };
}

/** Prepares what performs an operation and keeps the count of pending leads. */
function prepareAll(db: Connection, counter: Counter, maxPending: number): (operation: Operation) => unknown {
  const table: {
    readonly [Name in keyof Asked]: (
      argument: Parameters<Asked[Name]>[0],
    ) => Awaited<ReturnType<Asked[Name]>>;
  } = {
    ...prepareReads(db, counter),
    ...prepareChanges(db, counter, maxPending),
    ...prepareSealing(db),
  };
  return ({ name, argument }) => (table[name] as (argument: unknown) => unknown)(argument);
}

function prepareReads(db: Connection, counter: Counter) {
  const stats = prepareStats(db);
  const toLead = prepareTakeover(db);
  return {
    recall: prepareRecall(db),
    claim: prepareClaim(db, toLead),
    headsAhead: prepareHeadsAhead(db, toLead),
    newest: prepareNewest(db),
    find: prepareFind(db),
    findBatch: prepareFindBatch(db),
    stats: (query: StatsQuery) => stats(query, counter.pending),
    list: prepareList(db),
    read: prepareRead(db),
  };
}

function prepareNewest(db: Connection): () => number {
  const newest = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM leads');
  return () => Number((newest.get() as Row)['seq']);
}

function prepareChanges(db: Connection, counter: Counter, maxPending: number) {
  const append = prepareAppend(db);
  const appendBatch = prepareAppendBatch(db);
  const settle = prepareSettle(db);
  const expire = prepareExpire(db);
  const retry = prepareRetry(db);
  const retryFailed = prepareRetryFailed(db);
  const discard = prepareDiscard(db);
  const forget = prepareForget(db);
  const add = (added: number) => {
    counter.pending += added;
    return added;
  };
  const removed = (leads: Forgotten['removed']) =>
    add(-leads.filter(({ state }) => state === 'pending').length);
  return {
    append(lead: NewLead): Appended {
      const appended = append(lead, counter.pending >= maxPending);
      if (appended.kind === 'appended') add(1);
      return appended;
    },
    appendBatch(part: BatchPart): AppendedBatch {
      const appended = appendBatch(part, maxPending - counter.pending);
      if (appended.kind === 'appended') add(appended.seqs.length);
      return appended;
    },
    settle(settlements: readonly Settlement[]): void {
      for (const settlement of settlements) add(-settle(settlement));
    },
    expire: (query: ExpireQuery) => -add(-expire(query)),
    retry(query: RetryQuery) {
      const { result, added } = retry(query);
      add(added);
      return result;
    },
    retryFailed: (query: RetryFailedQuery) => add(retryFailed(query)),
    discard(id: string) {
      const lead = discard(id);
      if (lead !== undefined) removed([lead]);
      return lead?.seq;
    },
    forget(query: ForgetQuery): Forgotten {
      const forgotten = forget(query);
      removed(forgotten.removed);
      return { ...forgotten, isOverwritten: false };
    },
    prune: preparePrune(db),
  };
}

/** Completes the results of operations that removed all they were asked for. */
function overwriteForgotten(
  db: Connection,
  group: readonly Operation[],
  results: { value: unknown }[],
): void {
  for (const [index, { name }] of group.entries()) {
    const result = results[index];
    if (name !== 'forget' || result === undefined) continue;
    const forgotten = result.value as Forgotten;
    if (forgotten.next === null) result.value = { ...forgotten, isOverwritten: overwriteTraces(db) };
  }
}

function attempted(perform: (operation: Operation) => unknown) {
  return (operation: Operation): OperationResult => {
    try {
      return { ok: true, value: perform(operation) };
    } catch (error) {
      return { ok: false, complaint: complaintOf(error) };
    }
  };
}

/** SQLite ends the transaction itself after some failures; a second end is refused. */
function rollBack(db: Connection): void {
  try {
    db.exec('ROLLBACK');
  } catch {
    // It has ended.
  }
}

/** Of SQLite: it names tables and files, never values. */
function complaintOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
