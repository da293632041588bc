import type { Sql } from './connection.ts';

/** Rows removed in one transaction, so that accepts do not wait for long. */
const AT_A_TIME = 1000;

/** Removes leads that ended before a time, which their batches go on counting, and batches without leads. */
export async function prune(sql: Sql, schema: string, finishedBefore: number): Promise<number> {
  const [row] = await sql.query(
    `WITH removed AS (
      DELETE FROM ${schema}.leads
      WHERE seq IN (
        SELECT seq FROM ${schema}.leads WHERE finished_at < $1 ORDER BY finished_at LIMIT ${AT_A_TIME} FOR UPDATE SKIP LOCKED
      )
      RETURNING batch, state, finished_at
    ), ended AS (
      SELECT batch, count(*) FILTER (WHERE state = 'delivered') AS delivered,
        count(*) FILTER (WHERE state = 'failed') AS failed, max(finished_at) AS finished_at
      FROM removed WHERE batch IS NOT NULL GROUP BY batch
    ), counted AS (
      UPDATE ${schema}.batches
      SET delivered = batches.delivered + ended.delivered, failed = batches.failed + ended.failed,
        finished_at = ended.finished_at
      FROM ended WHERE batches.id = ended.batch
    )
    SELECT count(*) AS count FROM removed`,
    [finishedBefore],
  );
  await sql.query(
    `DELETE FROM ${schema}.batches WHERE id IN (
      SELECT id FROM ${schema}.batches
      WHERE accepted_at < $1 AND NOT EXISTS (SELECT FROM ${schema}.leads WHERE leads.batch = batches.id)
      LIMIT ${AT_A_TIME} FOR UPDATE SKIP LOCKED
    )`,
    [finishedBefore],
  );
  return Number(row?.['count']);
}
