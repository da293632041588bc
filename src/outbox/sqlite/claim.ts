import { PENDING_COLUMNS, type Row, toPendingLead } from '../rows.ts';
import type { Claimed, ClaimQuery } from '../store.ts';
import type { Connection } from './database.ts';

/** Reads leads that are due; the process that asks remembers which are under way, since the file is its own. */
export function prepareClaim(db: Connection): (query: ClaimQuery) => Claimed {
  const due = db.prepare(`
    SELECT ${PENDING_COLUMNS}, next_at FROM leads
    WHERE state = 'pending' AND behind = 0 ORDER BY next_at, seq LIMIT ?
  `);
  return ({ dueAt, limit, except }) => {
    const underWay = new Set(except);
    const rows = (due.all(limit + underWay.size + 1) as Row[]).filter(
      ({ seq }) => !underWay.has(Number(seq)),
    );
    const leads = rows.slice(0, limit).filter((row) => Number(row['next_at']) <= dueAt);
    const next = rows[leads.length];
    return { leads: leads.map(toPendingLead), nextAt: next === undefined ? null : Number(next['next_at']) };
  };
}
