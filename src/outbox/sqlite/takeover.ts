import { type Row, toPendingLead } from '../rows.ts';
import type { PendingLead } from '../store.ts';
import type { Connection } from './database.ts';

export type ToLead = (row: Row) => PendingLead;

/**
 * Makes leads of rows. Those that are there when the file is opened may have been under way in the process that had it
 * before, since the file does not tell which are.
 */
export function prepareTakeover(db: Connection): ToLead {
  const last = db.prepare('SELECT max(seq) AS seq FROM leads').get() as Row;
  const lastSeq = Number(last['seq'] ?? 0);
  return (row) => toPendingLead(row, Number(row['seq']) <= lastSeq ? 'at-start' : 'no');
}
