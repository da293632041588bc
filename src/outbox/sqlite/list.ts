import type { KeptLead, ListQuery } from '../store.ts';
import type { Connection, Row } from './database.ts';
import { STATE_COLUMNS, toState } from './find.ts';

const COLUMNS = `${STATE_COLUMNS}, seq, since, payload`;

/** Reads a page of a list by the state's own index. */
export function prepareList(db: Connection): (query: ListQuery) => readonly KeptLead[] {
  const pageOf = (state: ListQuery['state']) =>
    db.prepare(`
      SELECT ${COLUMNS} FROM leads INDEXED BY ${state}
      WHERE state = '${state}' AND (since, seq) > (?, ?) AND (? IS NULL OR code = ?)
      ORDER BY since, seq LIMIT ?
    `);
  const pages = { pending: pageOf('pending'), failed: pageOf('failed') };
  return ({ state, code, after, limit }) => {
    const { since, seq } = after ?? { since: -1, seq: 0 };
    return (pages[state].all(since, seq, code, code, limit) as Row[]).map(toKeptLead);
  };
}

/** Reads one lead with all that is kept of it. */
export function prepareRead(db: Connection): (id: string) => KeptLead | undefined {
  const read = db.prepare(`SELECT ${COLUMNS} FROM leads WHERE id = ?`);
  return (id) => {
    const row = read.get(id) as Row | undefined;
    return row === undefined ? undefined : toKeptLead(row);
  };
}

function toKeptLead(row: Row): KeptLead {
  const payload = typeof row['payload'] === 'string' ? row['payload'] : null;
  return { ...toState(row), seq: Number(row['seq']), since: Number(row['since']), payload };
}
