import type { Row } from '../rows.ts';
import type { StatsQuery, StoreStats } from '../store.ts';
import type { Connection } from './database.ts';

/** Counts by indexes alone; `pending` is known already. */
export function prepareStats(db: Connection): (query: StatsQuery, pending: number) => StoreStats {
  const failed = db.prepare(
    `SELECT code, count(*) AS count FROM leads INDEXED BY failed WHERE state = 'failed' GROUP BY code ORDER BY 2 DESC, 1`,
  );
  const delivered = db.prepare(`
    SELECT count(*) AS count FROM leads INDEXED BY finished WHERE finished_at >= ? AND state = 'delivered'
  `);
  const oldest = db.prepare(`SELECT min(since) AS at FROM leads WHERE state = 'pending'`);
  const next = db.prepare(`SELECT min(next_at) AS at FROM leads WHERE state = 'pending' AND behind = 0`);
  const countFrom = (at: number) => Number((delivered.get(at) as Row)['count']);
  return ({ hourFrom, dayFrom }, pending) => ({
    pending,
    failed: (failed.all() as Row[]).map(({ code, count }) => ({ code: String(code), count: Number(count) })),
    delivered: countFrom(0),
    deliveredInHour: countFrom(hourFrom),
    deliveredInDay: countFrom(dayFrom),
    oldestSince: timeOf(oldest.get() as Row),
    nextAt: timeOf(next.get() as Row),
  });
}

function timeOf({ at }: Row): number | null {
  return typeof at === 'number' ? at : null;
}
