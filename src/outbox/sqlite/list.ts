import type { KeptLead, ListedLead, ListQuery } from '../store.ts';
import type { Connection, Row } from './database.ts';
import { STATE_COLUMNS, toState } from './find.ts';

const COLUMNS = `${STATE_COLUMNS}, seq, since`;

/** Reads a page of a list by the state's own index. */
export function prepareList(db: Connection): (query: ListQuery) => readonly ListedLead[] {
  const pageOf = (state: ListQuery['state']) =>
    db.prepare(`
      SELECT ${COLUMNS} FROM leads INDEXED BY ${state}
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
  const read = db.prepare(`SELECT ${COLUMNS}, payload FROM leads WHERE id = ?`);
  return (id) => {
    const row = read.get(id) as Row | undefined;
    if (row === undefined) return undefined;
    const { payload } = row;
    return { ...toListedLead(row), payload: typeof payload === 'string' ? payload : null };
  };
}

function toListedLead(row: Row): ListedLead {
  return { ...toState(row), seq: Number(row['seq']), since: Number(row['since']) };
}
