import { LISTED_COLUMNS, type Row, toKeptLead, toListedLead } from '../rows.ts';
import type { KeptLead, ListedLead, ListQuery } from '../store.ts';
import type { Connection } from './database.ts';

/** Reads a page of a list by the state's own index. */
export function prepareList(db: Connection): (query: ListQuery) => readonly ListedLead[] {
  const pageOf = (state: ListQuery['state']) =>
    db.prepare(`
      SELECT ${LISTED_COLUMNS} FROM leads INDEXED BY ${state}
      WHERE state = '${state}' AND (since, seq) > (?, ?) AND (? IS NULL OR code = ?)
      ORDER BY since, seq LIMIT ?
    `);
  const pages = { pending: pageOf('pending'), failed: pageOf('failed') };
  return ({ state, code, after, limit }) => {
    const { since, seq } = after ?? { since: -1, seq: 0 };
    return (pages[state].all(since, seq, code, code, limit) as Row[]).map(toListedLead);
  };
}

/** Reads one lead with all that is kept of it. */
export function prepareRead(db: Connection): (id: string) => KeptLead | undefined {
  const read = db.prepare(`SELECT ${LISTED_COLUMNS}, payload FROM leads WHERE id = ?`);
  return (id) => {
    const row = read.get(id) as Row | undefined;
    return row === undefined ? undefined : toKeptLead(row);
  };
}
