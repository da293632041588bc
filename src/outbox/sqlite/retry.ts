import type { Row } from '../rows.ts';
import type { RetryFailedQuery, RetryQuery } from '../store.ts';
import type { Connection } from './database.ts';

/** How a retry ended, and how many more leads are pending because of it. */
type Retried = { readonly result: 'retried' | 'delivered' | 'unknown'; readonly added: number };

/** Has one lead tried again. */
export function prepareRetry(db: Connection): (query: RetryQuery) => Retried {
  const find = db.prepare('SELECT seq, state, ordering_keys FROM leads WHERE id = ?');
  const hasten = db.prepare('UPDATE leads SET since = ?, next_at = ?, attempts = 0 WHERE seq = ?');
  const reopen = prepareReopen(db);
  return ({ id, at }) => {
    const row = find.get(id) as Row | undefined;
    switch (row?.['state']) {
      case undefined:
        return { result: 'unknown', added: 0 };
      case 'pending':
        hasten.run(at, at, row['seq']);
        return { result: 'retried', added: 0 };
      case 'failed':
        reopen(row, at);
        return { result: 'retried', added: 1 };
      default:
        return { result: 'delivered', added: 0 };
    }
  };
}

/** Has failed leads tried again, those that wait longest first; gives how many. */
export function prepareRetryFailed(db: Connection): (query: RetryFailedQuery) => number {
  const failed = db.prepare(`
    SELECT seq, ordering_keys FROM leads INDEXED BY failed
    WHERE state = 'failed' AND (? IS NULL OR code = ?) ORDER BY since, seq LIMIT ?
  `);
  const reopen = prepareReopen(db);
  return ({ code, at, limit }) => {
    const rows = failed.all(code, code, limit) as Row[];
    for (const row of rows) reopen(row, at);
    return rows.length;
  };
}

/** Makes a failed lead pending, and puts it back into its queues: before those that were accepted after it. */
function prepareReopen(db: Connection): (row: Row, at: number) => void {
  const update = db.prepare(`
    UPDATE leads
    SET state = 'pending', finished_at = NULL, since = ?, next_at = ?, attempts = 0, behind = ? WHERE seq = ?
  `);
  const head = db.prepare('SELECT seq FROM ordering_keys WHERE ordering_key = ? ORDER BY seq LIMIT 1');
  const enqueue = db.prepare('INSERT INTO ordering_keys (ordering_key, seq) VALUES (?, ?)');
  const overtake = db.prepare('UPDATE leads SET behind = behind + 1 WHERE seq = ?');
  return (row, at) => {
    const seq = Number(row['seq']);
    let behind = 0;
    for (const key of JSON.parse(String(row['ordering_keys'])) as string[]) {
      const first = head.get(key) as Row | undefined;
      if (first !== undefined && Number(first['seq']) < seq) behind += 1;
      else if (first !== undefined) overtake.run(first['seq']);
      enqueue.run(key, seq);
      db.waiting.enter(key);
    }
    update.run(at, at, behind, seq);
  };
}
