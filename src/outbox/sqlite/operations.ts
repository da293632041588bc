import type { OutboxStore } from '../store.ts';
import { prepareAppend, prepareRecall } from './append.ts';
import { prepareClaim } from './claim.ts';
import type { Connection, Row } from './database.ts';
import { prepareExpire } from './expire.ts';
import { prepareFind } from './find.ts';
import { prepareHeadsAhead } from './heads-ahead.ts';
import { preparePrune } from './prune.ts';
import { prepareSettle } from './settle.ts';

/** The functions of a store that are operations. */
export type Asked = Omit<OutboxStore, 'pending' | 'close'>;

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

type Read = Extract<Operation, { readonly name: 'recall' | 'claim' | 'headsAhead' | 'find' }>;

const READS: ReadonlySet<Operation['name']> = new Set<Read['name']>([
  'recall',
  'claim',
  'headsAhead',
  'find',
]);

function isRead(operation: Operation): operation is Read {
  return READS.has(operation.name);
}

function prepareReads(db: Connection): (read: Read) => unknown {
  const [recall, claim, headsAhead, find] = [
    prepareRecall(db),
    prepareClaim(db),
    prepareHeadsAhead(db),
    prepareFind(db),
  ];
  return ({ name, argument }) => {
    switch (name) {
      case 'recall':
        return recall(argument);
      case 'claim':
        return claim(argument);
      case 'headsAhead':
        return headsAhead(argument);
      case 'find':
        return find(argument);
    }
  };
}

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
  const { count } = db.prepare(`SELECT count(*) AS count FROM leads WHERE state = 'pending'`).get() as Row;
  let pending = Number(count);
  const append = prepareAppend(db);
  const settle = prepareSettle(db);
  const expire = prepareExpire(db);
  const prune = preparePrune(db);
  const read = prepareReads(db);
  const perform = (operation: Operation): unknown => {
    if (isRead(operation)) return read(operation);
    const { name, argument } = operation;
    switch (name) {
      case 'append': {
        const appended = append(argument, pending >= maxPending);
        if (appended.kind === 'appended') pending += 1;
        return appended;
      }
      case 'settle':
        for (const settlement of argument) pending -= settle(settlement);
        return undefined;
      case 'expire': {
        const expired = expire(argument);
        pending -= expired;
        return expired;
      }
      case 'prune':
        return prune(argument);
    }
  };
  return (group) => {
    if (group.every(isRead)) return { results: group.map(attempted(perform)), pending };
    const before = pending;
    try {
      db.exec('BEGIN IMMEDIATE');
      const results = group.map((operation) => ({ ok: true, value: perform(operation) }) as const);
      db.exec('COMMIT');
      return { results, pending };
    } catch (error) {
      pending = before;
      rollBack(db);
      // A full disk keeps no one from reading.
      const readOnly = attempted(perform);
      const failed = { ok: false, complaint: complaintOf(error) } as const;
      return { results: group.map((one) => (isRead(one) ? readOnly(one) : failed)), pending };
    }
  };
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
