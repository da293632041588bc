import { BATCH_COLUMNS, toBatch } from '../rows.ts';
import type { AppendedBatch, BatchPart, BatchQuery, BatchState } from '../store.ts';
import { insert, requestNames } from './append.ts';
import type { Sql } from './connection.ts';
import { lockNames } from './locks.ts';
import { findRequests } from './recall.ts';

/** Inserts all leads of a part, or none; `room` is how many may be inserted. */
export async function appendBatch(
  sql: Sql,
  schema: string,
  replica: string,
  part: BatchPart,
  room: number,
): Promise<AppendedBatch> {
  const { id, owner, acceptedAt, leads, total, refused, refusals, idempotency } = part;
  await lockNames(sql, schema, [...leads.flatMap(({ orderingKeys }) => orderingKeys), ...requestNames(part)]);
  const known = (await findRequests(sql, schema, [part]))(part);
  if (known !== undefined) return known;
  if (leads.length > room) return { kind: 'full' };
  await sql.query(
    `INSERT INTO ${schema}.batches AS kept (id, owner, accepted_at, total, refused, refusals, idempotency_key, fingerprint)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (id) DO UPDATE SET total = excluded.total, refused = excluded.refused, refusals = excluded.refusals,
      idempotency_key = excluded.idempotency_key, fingerprint = excluded.fingerprint`,
    [
      id,
      owner,
      acceptedAt,
      total,
      refused,
      refusals,
      idempotency?.key ?? null,
      idempotency?.fingerprint ?? null,
    ],
  );
  return { kind: 'appended', seqs: leads.length === 0 ? [] : await insert(sql, schema, replica, leads) };
}

/** Pending leads that are looked at for the next attempt. */
const NEXT = 1000;

/** Counts the leads of a batch by its index. */
export async function findBatch(
  sql: Sql,
  schema: string,
  { id, limit }: BatchQuery,
): Promise<BatchState | undefined> {
  const [batch] = await sql.query(`SELECT ${BATCH_COLUMNS} FROM ${schema}.batches WHERE id = $1`, [id]);
  if (batch === undefined) return undefined;
  const counts = await sql.query(
    `SELECT state, count(*) AS count, max(finished_at) AS finished_at FROM ${schema}.leads
    WHERE batch = $1 GROUP BY state`,
    [id],
  );
  const [next] = await sql.query(
    `SELECT max(attempts) AS attempts, min(next_at) AS next_at
    FROM (SELECT attempts, next_at FROM ${schema}.leads WHERE batch = $1 AND state = 'pending' LIMIT ${NEXT}) AS pending`,
    [id],
  );
  const failures = await sql.query(
    `SELECT id, place, problem FROM ${schema}.leads WHERE batch = $1 AND state = 'failed' ORDER BY place LIMIT $2`,
    [id, limit],
  );
  return toBatch(batch, counts, next, failures);
}
