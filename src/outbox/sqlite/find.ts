import { type Row, STATE_COLUMNS, toState } from '../rows.ts';
import type { StoredState } from '../store.ts';
import type { Connection } from './database.ts';

/** Reads what is known of a lead, without its payload. */
export function prepareFind(db: Connection): (id: string) => StoredState | undefined {
  const find = db.prepare(`SELECT ${STATE_COLUMNS} FROM leads WHERE id = ?`);
  return (id) => {
    const row = find.get(id) as Row | undefined;
    return row === undefined ? undefined : toState(row);
  };
}
