import type { Sql } from './connection.ts';

/** Rows removed in one transaction, so that accepts do not wait for long. */
const AT_A_TIME = 1000;

export async function prune(sql: Sql, schema: string, finishedBefore: number): Promise<number> {
  const rows = await sql.query(
    `DELETE FROM ${schema}.leads
    WHERE seq IN (
      SELECT seq FROM ${schema}.leads WHERE finished_at < $1 LIMIT ${AT_A_TIME} FOR UPDATE SKIP LOCKED
    )
    RETURNING seq`,
    [finishedBefore],
  );
  return rows.length;
}
