import { LISTED_COLUMNS, toKeptLead, toListedLead } from '../rows.ts';
import type { KeptLead, ListedLead, ListQuery } from '../store.ts';
import type { Sql } from './connection.ts';

/** Reads a page of a list by the state's own index. */
export async function list(
  sql: Sql,
  schema: string,
  { state, code, after, limit }: ListQuery,
): Promise<readonly ListedLead[]> {
  const { since, seq } = after ?? { since: -1, seq: 0 };
  const rows = await sql.query(
    `SELECT ${LISTED_COLUMNS} FROM ${schema}.leads
    WHERE state = '${state}' AND (since, seq) > ($1::bigint, $2::bigint) AND ($3::text IS NULL OR code = $3)
    ORDER BY since, seq LIMIT $4`,
    [since, seq, code, limit],
  );
  return rows.map(toListedLead);
}

/** Reads one lead with all that is kept of it. */
export async function read(sql: Sql, schema: string, id: string): Promise<KeptLead | undefined> {
  const [row] = await sql.query(`SELECT ${LISTED_COLUMNS}, payload FROM ${schema}.leads WHERE id = $1`, [id]);
  return row === undefined ? undefined : toKeptLead(row);
}
