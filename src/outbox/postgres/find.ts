import { STATE_COLUMNS, toState } from '../rows.ts';
import type { StoredState } from '../store.ts';
import type { Sql } from './connection.ts';

/** Reads what is known of a lead, without its payload. */
export async function find(sql: Sql, schema: string, id: string): Promise<StoredState | undefined> {
  const [row] = await sql.query(`SELECT ${STATE_COLUMNS} FROM ${schema}.leads WHERE id = $1`, [id]);
  return row === undefined ? undefined : toState(row);
}
