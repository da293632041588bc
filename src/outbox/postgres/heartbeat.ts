import type { Sql } from './connection.ts';

/** How long after its last sign of life a replica's leads may be taken by others, in s. */
export const ALIVE_SECONDS = 20;

/** Says that a replica is alive; gives the seqs of the leads that it has on their way. */
export async function heartbeat(sql: Sql, schema: string, replica: string): Promise<ReadonlySet<number>> {
  await sql.query(
    `INSERT INTO ${schema}.replicas (id, alive_until) VALUES ($1, now() + interval '${ALIVE_SECONDS} s')
    ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`,
    [replica],
  );
  const rows = await sql.query(`SELECT seq FROM ${schema}.leads WHERE leased_by = $1`, [replica]);
  return new Set(rows.map(({ seq }) => Number(seq)));
}

/** Gives back all that a replica has, and forgets it and those that have not been heard of for a day. */
export async function leave(sql: Sql, schema: string, replica: string): Promise<void> {
  await sql.query(`UPDATE ${schema}.leads SET leased_by = NULL WHERE leased_by = $1`, [replica]);
  await sql.query(`DELETE FROM ${schema}.replicas WHERE id = $1 OR alive_until < now() - interval '1 day'`, [
    replica,
  ]);
}
