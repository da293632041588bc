import type { Row } from '../rows.ts';
import type { Forgotten, ForgetQuery } from '../store.ts';
import type { Sql } from './connection.ts';
import { lockNames } from './locks.ts';
import { keysOf, leaveQueues } from './queues.ts';

type Removed = Forgotten['removed'][number];

/** Removes one lead; gives it, or undefined if the id is unknown. */
export async function discard(sql: Sql, schema: string, id: string): Promise<Removed | undefined> {
  const rows = await sql.query(`SELECT seq, ordering_keys FROM ${schema}.leads WHERE id = $1`, [id]);
  const [removed] = await remove(sql, schema, rows);
  return removed;
}

/** Leads that are looked at in one transaction, so that accepts do not wait for long. */
const AT_A_TIME = 5000;

/** Removes leads of some subjects from a part of the table: an index of subjects would make each accept dearer. */
export async function forget(
  sql: Sql,
  schema: string,
  { subjects, from }: ForgetQuery,
): Promise<Omit<Forgotten, 'isOverwritten'>> {
  const to = from + AT_A_TIME;
  const rows = await sql.query(
    `SELECT seq, ordering_keys, batch FROM ${schema}.leads WHERE seq > $1 AND seq <= $2 AND subject = ANY($3)`,
    [from, to, subjects],
  );
  const removed = await remove(sql, schema, rows);
  await sql.query(
    `UPDATE ${schema}.batches SET idempotency_key = NULL, fingerprint = NULL WHERE id = ANY($1::text[])`,
    [rows.flatMap(({ batch }) => (typeof batch === 'string' ? [batch] : []))],
  );
  const [last] = await sql.query(`SELECT max(seq) AS seq FROM ${schema}.leads`);
  return { removed, next: to < Number(last?.['seq'] ?? 0) ? to : null };
}

async function remove(sql: Sql, schema: string, rows: readonly Row[]): Promise<readonly Removed[]> {
  if (rows.length === 0) return [];
  await lockNames(sql, schema, keysOf(rows));
  const removed = await sql.query(
    `DELETE FROM ${schema}.leads WHERE seq = ANY($1::bigint[]) RETURNING seq, state`,
    [rows.map(({ seq }) => Number(seq))],
  );
  await leaveQueues(
    sql,
    schema,
    removed.map(({ seq }) => Number(seq)),
  );
  return removed
    .map(({ seq, state }) => ({ seq: Number(seq), state: state as Removed['state'] }))
    .toSorted((a, b) => a.seq - b.seq);
}
