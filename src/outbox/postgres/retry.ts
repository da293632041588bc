import type { Row } from '../rows.ts';
import type { RetryFailedQuery, RetryQuery } from '../store.ts';
import type { Sql } from './connection.ts';
import { lockNames } from './locks.ts';
import { keysOf } from './queues.ts';

/** How a retry ended, and how many more leads are pending because of it. */
type Retried = { readonly result: 'retried' | 'delivered' | 'unknown'; readonly added: number };

/** Has one lead tried again. */
export async function retry(sql: Sql, schema: string, { id, at }: RetryQuery): Promise<Retried> {
  const hastened = await sql.query(
    `UPDATE ${schema}.leads SET since = $2, next_at = $2, attempts = 0
    WHERE id = $1 AND state = 'pending' RETURNING seq`,
    [id, at],
  );
  if (hastened.length > 0) return { result: 'retried', added: 0 };
  const [row] = await sql.query(`SELECT seq, state, ordering_keys FROM ${schema}.leads WHERE id = $1`, [id]);
  if (row === undefined) return { result: 'unknown', added: 0 };
  if (row['state'] === 'delivered') return { result: 'delivered', added: 0 };
  return { result: 'retried', added: await reopen(sql, schema, [row], at) };
}

/** Has failed leads tried again, those that wait longest first; gives how many. */
export async function retryFailed(
  sql: Sql,
  schema: string,
  { code, at, limit }: RetryFailedQuery,
): Promise<number> {
  const rows = await sql.query(
    `SELECT seq, ordering_keys FROM ${schema}.leads
    WHERE state = 'failed' AND ($1::text IS NULL OR code = $1) ORDER BY since, seq LIMIT $2`,
    [code, limit],
  );
  return reopen(sql, schema, rows, at);
}

/** Makes failed leads pending, and puts them back into their queues: before those that were accepted after them. */
async function reopen(sql: Sql, schema: string, rows: readonly Row[], at: number): Promise<number> {
  await lockNames(sql, schema, keysOf(rows));
  let reopened = 0;
  for (const row of rows) {
    const seq = Number(row['seq']);
    const changed = await sql.query(
      `UPDATE ${schema}.leads
      SET state = 'pending', finished_at = NULL, since = $2, next_at = $2, attempts = 0, leased_by = NULL
      WHERE seq = $1 AND state = 'failed' RETURNING seq`,
      [seq, at],
    );
    if (changed.length === 0) continue;
    reopened += 1;
    await enqueue(sql, schema, seq, keysOf([row]));
  }
  return reopened;
}

/** Puts a lead into queues, which are locked, where its seq belongs; the head that it overtakes is behind one queue more. */
async function enqueue(sql: Sql, schema: string, seq: number, keys: readonly string[]): Promise<void> {
  const heads = await sql.query(
    `SELECT ordering_key, min(seq) AS seq FROM ${schema}.ordering_keys WHERE ordering_key = ANY($1)
    GROUP BY ordering_key`,
    [keys],
  );
  const before = heads.filter((head) => Number(head['seq']) < seq).length;
  const overtaken = heads.map((head) => Number(head['seq'])).filter((head) => head > seq);
  await sql.query(`UPDATE ${schema}.leads SET behind = $2 WHERE seq = $1`, [seq, before]);
  for (const head of overtaken) {
    await sql.query(`UPDATE ${schema}.leads SET behind = behind + 1 WHERE seq = $1`, [head]);
  }
  await sql.query(
    `INSERT INTO ${schema}.ordering_keys (ordering_key, seq) SELECT key, $2 FROM unnest($1::text[]) AS key`,
    [keys, seq],
  );
}
