import { TEXT_COLUMNS, toBatchTexts, toTexts } from '../rows.ts';
import type { BatchTexts, StoredTexts } from '../store.ts';
import type { Sql } from './connection.ts';
import { lockNames } from './locks.ts';
import { keysOf } from './queues.ts';

export async function keyIds(sql: Sql, schema: string): Promise<readonly string[]> {
  const rows = await sql.query(`SELECT id FROM ${schema}.encryption_keys ORDER BY id`);
  return rows.map(({ id }) => String(id));
}

/** From the first key on, a replica that has none keeps nothing: its leads would be in plain text. */
export async function addKeyId(sql: Sql, schema: string, id: string): Promise<void> {
  const known = await keyIds(sql, schema);
  await sql.query(`INSERT INTO ${schema}.encryption_keys (id) VALUES ($1) ON CONFLICT DO NOTHING`, [id]);
  if (known.length > 0) return;
  await sql.query(`ALTER TABLE ${schema}.leads DROP CONSTRAINT IF EXISTS leads_encrypted`);
  await sql.query(
    `ALTER TABLE ${schema}.leads ADD CONSTRAINT leads_encrypted CHECK (payload NOT LIKE '{%') NOT VALID`,
  );
}

export async function scan(
  sql: Sql,
  schema: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly StoredTexts[]> {
  const rows = await sql.query(
    `SELECT ${TEXT_COLUMNS} FROM ${schema}.leads WHERE seq > $1 ORDER BY seq LIMIT $2`,
    [after, limit],
  );
  return rows.map(toTexts);
}

export async function rewrite(sql: Sql, schema: string, rows: readonly StoredTexts[]): Promise<void> {
  const before = await sql.query(`SELECT ordering_keys FROM ${schema}.leads WHERE seq = ANY($1::bigint[])`, [
    rows.map(({ seq }) => seq),
  ]);
  await lockNames(sql, schema, keysOf(before));
  for (const row of rows) {
    const keys = row.orderingKeys === null ? null : JSON.stringify(row.orderingKeys);
    const changed = await sql.query(
      `UPDATE ${schema}.leads
      SET payload = $2, problem = $3, result = $4, ordering_keys = $5, subject = $6, idempotency_key = $7, fingerprint = $8
      WHERE seq = $1 RETURNING state`,
      [row.seq, row.payload, row.problem, row.result, keys, row.subject, row.idempotencyKey, row.fingerprint],
    );
    if (changed[0]?.['state'] !== 'pending') continue;
    await sql.query(`DELETE FROM ${schema}.ordering_keys WHERE seq = $1`, [row.seq]);
    await sql.query(
      `INSERT INTO ${schema}.ordering_keys (ordering_key, seq) SELECT key, $2 FROM unnest($1::text[]) AS key`,
      [row.orderingKeys ?? [], row.seq],
    );
  }
}

export async function scanBatches(
  sql: Sql,
  schema: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly BatchTexts[]> {
  const rows = await sql.query(
    `SELECT id, refusals, idempotency_key, fingerprint FROM ${schema}.batches WHERE id > $1 ORDER BY id LIMIT $2`,
    [after, limit],
  );
  return rows.map(toBatchTexts);
}

export async function rewriteBatches(sql: Sql, schema: string, rows: readonly BatchTexts[]): Promise<void> {
  await sql.query(
    `UPDATE ${schema}.batches
    SET refusals = sealed.refusals, idempotency_key = sealed.idempotency_key, fingerprint = sealed.fingerprint
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS sealed (id, refusals, idempotency_key, fingerprint)
    WHERE batches.id = sealed.id`,
    [
      rows.map(({ id }) => id),
      rows.map(({ refusals }) => refusals),
      rows.map(({ idempotencyKey }) => idempotencyKey),
      rows.map(({ fingerprint }) => fingerprint),
    ],
  );
}

/** Writes the tables again without what is dead in them. Outside of a transaction. */
export async function scrub(sql: Sql, schema: string): Promise<void> {
  await sql.query(`VACUUM FULL ${schema}.leads`);
  await sql.query(`VACUUM FULL ${schema}.ordering_keys`);
  await sql.query(`VACUUM FULL ${schema}.batches`);
}
