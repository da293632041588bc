import type { Row } from '../rows.ts';
import type { Settlement } from '../store.ts';
import type { Connection } from './database.ts';

/** Records the end of an attempt; how many leads are pending no longer because of it: 0 or 1. */
export function prepareSettle(db: Connection): (settlement: Settlement) => number {
  const retry = db.prepare(`
    UPDATE leads SET attempts = attempts + 1, next_at = ?, problem = ?, code = ? WHERE seq = ? AND state = 'pending'
  `);
  const deliver = db.prepare(`
    UPDATE leads
    SET state = 'delivered', finished_at = ?, result = ?,
      attempts = attempts + 1, payload = NULL, problem = NULL, code = NULL, ordering_keys = NULL
    WHERE seq = ?
  `);
  const fail = db.prepare(`
    UPDATE leads SET state = 'failed', finished_at = ?, problem = ?, code = ?, attempts = attempts + 1 WHERE seq = ?
  `);
  const keysOf = db.prepare(`SELECT ordering_keys FROM leads WHERE seq = ? AND state = 'pending'`);
  const leave = prepareLeave(db);
  return (settlement) => {
    const { seq, at } = settlement;
    if (settlement.kind === 'retry') {
      retry.run(settlement.nextAt, settlement.problem, settlement.code, seq);
      return 0;
    }
    const row = keysOf.get(seq) as Row | undefined;
    if (row === undefined) return 0;
    leave(seq, JSON.parse(String(row['ordering_keys'])) as string[]);
    if (settlement.kind === 'delivered') deliver.run(at, settlement.result, seq);
    else fail.run(at, settlement.problem, settlement.code, seq);
    return 1;
  };
}

/** Takes a lead out of its queues; where it was the head, the next one is behind one queue less. */
export function prepareLeave(db: Connection): (seq: number, orderingKeys: readonly string[]) => void {
  const remove = db.prepare('DELETE FROM ordering_keys WHERE ordering_key = ? AND seq = ?');
  const head = db.prepare('SELECT seq FROM ordering_keys WHERE ordering_key = ? ORDER BY seq LIMIT 1');
  const advance = db.prepare('UPDATE leads SET behind = behind - 1 WHERE seq = ?');
  return (seq, orderingKeys) => {
    for (const key of orderingKeys) {
      const first = head.get(key) as Row | undefined;
      remove.run(key, seq);
      db.waiting.leave(key);
      if (first?.['seq'] !== seq) continue;
      const next = head.get(key) as Row | undefined;
      if (next !== undefined) advance.run(next['seq']);
    }
  };
}
