import { PENDING_COLUMNS, type Row, toPendingLead } from '../rows.ts';
import { type ClaimQuery, MISDATED_MS, type PendingLead } from '../store.ts';
import type { Sql } from './connection.ts';

/** A lead that this replica has on its way, and the number that proves it. */
export type Leased = { readonly lead: PendingLead; readonly fence: number };

export const LEASED_COLUMNS = `${PENDING_COLUMNS}, fence`;

/** True of leads that no replica has on its way, or one that has not been heard of for too long. */
export function isFree(schema: string): string {
  return `(leased_by IS NULL OR NOT EXISTS (
    SELECT FROM ${schema}.replicas WHERE replicas.id = leased_by AND alive_until > now()
  ))`;
}

/**
 * Takes leads that are due, the longest due first; leads that another replica takes at the same time are left to it. What
 * this replica took without learning of it, it is given again.
 */
export async function claim(
  sql: Sql,
  schema: string,
  replica: string,
  { dueAt, limit, aloneLimit, except }: ClaimQuery,
): Promise<readonly Leased[]> {
  const selected = (kind: string, when: string, most: string) => `
    SELECT seq, leased_by AS holder FROM ${schema}.leads
    WHERE state = 'pending' AND behind = 0 AND ${kind} AND ${when} AND seq <> ALL($5::bigint[])
      AND (leased_by = $1 OR ${isFree(schema)})
    ORDER BY next_at, seq LIMIT ${most} FOR UPDATE SKIP LOCKED`;
  const due = (kind: string, most: string) => selected(kind, 'next_at <= $2', most);
  const misdated = (kind: string, most: string, name: string) =>
    selected(kind, `next_at > $2 + ${MISDATED_MS}`, `${most} - (SELECT count(*) FROM ${name})`);
  const rows = await sql.query(
    `WITH due AS (${due('NOT alone', '$3')}), due_alone AS (${due('alone', '$4')}),
      misdated AS (${misdated('NOT alone', '$3', 'due')}), misdated_alone AS (${misdated('alone', '$4', 'due_alone')}),
      taken AS (TABLE due UNION ALL TABLE due_alone UNION ALL TABLE misdated UNION ALL TABLE misdated_alone)
    UPDATE ${schema}.leads SET leased_by = $1, fence = fence + CASE leased_by WHEN $1 THEN 0 ELSE 1 END
    WHERE seq = ANY(ARRAY(SELECT seq FROM taken))
    RETURNING ${LEASED_COLUMNS}, next_at, (SELECT holder FROM taken WHERE taken.seq = leads.seq) AS holder`,
    [replica, dueAt, limit, aloneLimit, except],
  );
  return rows
    .toSorted((a, b) => Number(a['next_at']) - Number(b['next_at']) || Number(a['seq']) - Number(b['seq']))
    .map((row) => toLeased(row, isOther(row['holder'], replica)));
}

/** Whether it was on its way in another replica, which has fallen silent or left. */
export function isOther(holder: Row[string], replica: string): boolean {
  return typeof holder === 'string' && holder !== replica;
}

/** When the next lead after that time is due; null without one. */
export async function nextDue(sql: Sql, schema: string, after: number): Promise<number | null> {
  const [row] = await sql.query(
    `SELECT min(next_at) AS at FROM ${schema}.leads WHERE state = 'pending' AND behind = 0 AND next_at > $1`,
    [after],
  );
  return typeof row?.['at'] === 'string' ? Number(row['at']) : null;
}

export function toLeased(row: Row, isTakenOver = false): Leased {
  return { lead: toPendingLead(row, isTakenOver ? 'now' : 'no'), fence: Number(row['fence']) };
}
