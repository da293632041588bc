import type { Sql } from './connection.ts';

/**
 * Says that a replica is alive; gives the seqs of the leads that it has on their way.
 *
 * @param aliveMs how long others take none of them from now on
 */
export async function heartbeat(
  sql: Sql,
  schema: string,
  replica: string,
  aliveMs: number,
): Promise<ReadonlySet<number>> {
  await sql.query(
    `INSERT INTO ${schema}.replicas (id, alive_until) VALUES ($1, now() + $2 * interval '1 ms')
    ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`,
    [replica, aliveMs],
  );
  const rows = await sql.query(`SELECT seq FROM ${schema}.leads WHERE leased_by = $1`, [replica]);
  return new Set(rows.map(({ seq }) => Number(seq)));
}

/**
 * Forgets a replica, and those that have not been heard of for a day. Others may have its leads at once; its name stays with
 * them, since calls that it has given up may still go on.
 */
export async function leave(sql: Sql, schema: string, replica: string): Promise<void> {
  await sql.query(`DELETE FROM ${schema}.replicas WHERE id = $1 OR alive_until < now() - interval '1 day'`, [
    replica,
  ]);
}
