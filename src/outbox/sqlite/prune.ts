import type { Row } from '../rows.ts';
import type { Connection } from './database.ts';

/** Rows removed in one transaction, so that accepts do not wait for long. */
const AT_A_TIME = 1000;

/** Removes leads that ended before a time, which their batches go on counting, and batches without leads. */
export function preparePrune(db: Connection): (finishedBefore: number) => number {
  const old = db.prepare(`
    SELECT seq, batch, state, finished_at FROM leads WHERE finished_at < ? ORDER BY finished_at LIMIT ${AT_A_TIME}
  `);
  const remove = db.prepare('DELETE FROM leads WHERE seq = ?');
  const count = {
    delivered: db.prepare('UPDATE batches SET delivered = delivered + 1, finished_at = ? WHERE id = ?'),
    failed: db.prepare('UPDATE batches SET failed = failed + 1, finished_at = ? WHERE id = ?'),
  };
  const removeBatches = db.prepare(`
    DELETE FROM batches WHERE id IN (
      SELECT id FROM batches
      WHERE accepted_at < ? AND NOT EXISTS (SELECT 1 FROM leads WHERE leads.batch = batches.id) LIMIT ${AT_A_TIME}
    )
  `);
  return (finishedBefore) => {
    const rows = old.all(finishedBefore) as Row[];
    for (const { seq, batch, state, finished_at: finishedAt } of rows) {
      remove.run(seq);
      if (batch !== null) count[state as keyof typeof count].run(finishedAt, batch);
    }
    removeBatches.run(finishedBefore);
    return rows.length;
  };
}
