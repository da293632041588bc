import type { ExpireQuery } from '../store.ts';
import { isFree } from './claim.ts';
import type { Sql } from './connection.ts';
import { settle } from './settle.ts';

/** Leads that fail in one transaction, so that accepts do not wait for long. */
const AT_A_TIME = 500;

/** Fails pending leads that are too old, oldest first, each with the last problem it met, if any; gives how many. */
export async function expire(
  sql: Sql,
  schema: string,
  replica: string,
  { olderThan, except, at, problem, code }: ExpireQuery,
): Promise<number> {
  const rows = await sql.query(
    `SELECT seq, id, problem, code FROM ${schema}.leads
    WHERE state = 'pending' AND since <= $1 AND seq <> ALL($2::bigint[]) AND (leased_by = $3 OR ${isFree(schema)})
    ORDER BY since, seq LIMIT ${AT_A_TIME}`,
    [olderThan, except, replica],
  );
  if (rows.length === 0) return 0;
  const fenced = rows.map((row) => ({
    fence: null,
    settlement: {
      kind: 'failed' as const,
      seq: Number(row['seq']),
      id: String(row['id']),
      at,
      problem: String(row['problem'] ?? problem),
      code: String(row['code'] ?? code),
    },
  }));
  return settle(sql, schema, replica, fenced);
}
