import type { Row } from '../rows.ts';
import type { Sql } from './connection.ts';

/**
 * Takes leads out of their queues, which are locked; the next of each queue is behind one queue less if it was behind one
 * of them.
 */
export async function leaveQueues(sql: Sql, schema: string, seqs: readonly number[]): Promise<void> {
  if (seqs.length === 0) return;
  await sql.query(
    `WITH gone AS (
      DELETE FROM ${schema}.ordering_keys WHERE seq = ANY($1::bigint[]) RETURNING ordering_key, seq
    ), freed AS (
      SELECT next.seq, count(*) AS queues
      FROM (SELECT ordering_key, min(seq) AS seq FROM gone GROUP BY ordering_key) AS first,
        LATERAL (
          SELECT seq FROM ${schema}.ordering_keys AS queued
          WHERE queued.ordering_key = first.ordering_key AND queued.seq <> ALL($1::bigint[])
          ORDER BY seq LIMIT 1
        ) AS next
      WHERE next.seq > first.seq
      GROUP BY next.seq
    )
    UPDATE ${schema}.leads SET behind = behind - freed.queues FROM freed WHERE leads.seq = freed.seq`,
    [seqs],
  );
}

/** The ordering keys of rows that have them as a list in JSON. */
export function keysOf(rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ ordering_keys: keys }) =>
    typeof keys === 'string' ? (JSON.parse(keys) as string[]) : [],
  );
}
