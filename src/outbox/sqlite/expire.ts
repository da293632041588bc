import type { Row } from '../rows.ts';
import type { ExpireQuery } from '../store.ts';
import type { Connection } from './database.ts';
import { prepareSettle } from './settle.ts';

/** Leads that fail in one transaction, so that accepts do not wait for long. */
const AT_A_TIME = 500;

/** Fails pending leads that are too old, oldest first, each with the last problem it met, if any; gives how many. */
export function prepareExpire(db: Connection): (query: ExpireQuery) => number {
  const old = db.prepare(`
    SELECT seq, id, problem, code FROM leads WHERE state = 'pending' AND since <= ? ORDER BY since LIMIT ${AT_A_TIME}
  `);
  const settle = prepareSettle(db);
  return ({ olderThan, except, at, problem, code }) => {
    const underWay = new Set(except);
    let expired = 0;
    for (const { seq, id, ...own } of old.all(olderThan) as Row[]) {
      if (underWay.has(Number(seq))) continue;
      expired += settle({
        kind: 'failed',
        seq: Number(seq),
        id: String(id),
        at,
        problem: String(own['problem'] ?? problem),
        code: String(own['code'] ?? code),
      });
    }
    return expired;
  };
}
