import { PENDING_COLUMNS, type Row } from '../rows.ts';
import { type Claimed, type ClaimQuery, MISDATED_MS } from '../store.ts';
import type { Connection } from './database.ts';
import type { ToLead } from './takeover.ts';

/** Reads leads that are due; the process that asks remembers which are under way, since the file is its own. */
export function prepareClaim(db: Connection, toLead: ToLead): (query: ClaimQuery) => Claimed {
  const dueOf = (index: string, alone: number) =>
    db.prepare(`
      SELECT ${PENDING_COLUMNS}, next_at FROM leads INDEXED BY ${index}
      WHERE state = 'pending' AND behind = 0 AND alone = ${alone} AND next_at > ?
        AND seq NOT IN (SELECT value FROM json_each(?))
      ORDER BY next_at, seq LIMIT ?
    `);
  const kinds = [dueOf('due', 0), dueOf('due_alone', 1)];
  return ({ dueAt, limit, aloneLimit, except }) => {
    const underWay = JSON.stringify(except);
    const leads: Row[] = [];
    let nextAt: number | null = null;
    for (const [kind, due] of kinds.entries()) {
      const most = kind === 0 ? limit : aloneLimit;
      if (most === 0) continue;
      const rows = due.all(-1, underWay, most) as Row[];
      const taken = rows.filter((row) => Number(row['next_at']) <= dueAt);
      const room = most - taken.length;
      const misdated = room === 0 ? [] : (due.all(dueAt + MISDATED_MS, underWay, room) as Row[]);
      leads.push(...taken, ...misdated);
      const next = rows[taken.length];
      if (next !== undefined) nextAt = Math.min(nextAt ?? Infinity, Number(next['next_at']));
    }
    return { leads: leads.map(toLead), nextAt };
  };
}
