import type { StatsQuery, StoreStats } from '../store.ts';
import type { Sql } from './connection.ts';

/** Counts by indexes alone. */
export async function stats(
  sql: Sql,
  schema: string,
  { hourFrom, dayFrom }: StatsQuery,
): Promise<StoreStats> {
  const failed = await sql.query(
    `SELECT code, count(*) AS count FROM ${schema}.leads WHERE state = 'failed' GROUP BY code ORDER BY 2 DESC, 1`,
  );
  const [delivered] = await sql.query(
    `SELECT count(*) AS ever, count(*) FILTER (WHERE finished_at >= $1) AS hour,
      count(*) FILTER (WHERE finished_at >= $2) AS day
    FROM ${schema}.leads WHERE finished_at >= 0 AND state = 'delivered'`,
    [hourFrom, dayFrom],
  );
  const [pending] = await sql.query(
    `SELECT count(*) AS count, min(since) AS oldest, min(next_at) FILTER (WHERE behind = 0) AS next
    FROM ${schema}.leads WHERE state = 'pending'`,
  );
  return {
    pending: Number(pending?.['count']),
    failed: failed.map(({ code, count }) => ({ code: String(code), count: Number(count) })),
    delivered: Number(delivered?.['ever']),
    deliveredInHour: Number(delivered?.['hour']),
    deliveredInDay: Number(delivered?.['day']),
    oldestSince: timeOf(pending?.['oldest']),
    nextAt: timeOf(pending?.['next']),
  };
}

export async function countPending(sql: Sql, schema: string): Promise<number> {
  const [row] = await sql.query(`SELECT count(*) AS count FROM ${schema}.leads WHERE state = 'pending'`);
  return Number(row?.['count']);
}

function timeOf(value: unknown): number | null {
  return typeof value === 'string' ? Number(value) : null;
}
