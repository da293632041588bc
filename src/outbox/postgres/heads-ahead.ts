import type { AheadQuery } from '../store.ts';
import { isFree, isOther, type Leased, LEASED_COLUMNS, toLeased } from './claim.ts';
import type { Sql } from './connection.ts';

export type FoundHeads = {
  /** Those that this replica has already, and those that were free and that it has taken; oldest first. */
  readonly leads: readonly Leased[];
  readonly elsewhere: number;
};

/**
 * Walks up from head to head of the queues of the ordering keys, and takes the leads that are behind no other. OFFSET 0 keeps
 * the planner, which expects thousands of heads, from reading whole tables and from compiling the query.
 */
export async function headsAhead(
  sql: Sql,
  schema: string,
  replica: string,
  { orderingKeys, before }: AheadQuery,
): Promise<FoundHeads> {
  const headOf = (key: string, limit: string) =>
    `(SELECT seq FROM ${schema}.ordering_keys WHERE ordering_key = ${key} AND seq < ${limit} ORDER BY seq LIMIT 1)`;
  const rows = await sql.query(
    `WITH RECURSIVE heads AS (
      SELECT head.seq FROM unnest($1::text[]) AS name, LATERAL ${headOf('name', '$2')} AS head
      UNION
      SELECT head.seq FROM heads,
        LATERAL (SELECT ordering_key FROM ${schema}.ordering_keys WHERE seq = heads.seq OFFSET 0) AS own,
        LATERAL ${headOf('own.ordering_key', 'heads.seq')} AS head
    )
    SELECT lead.* FROM heads,
      LATERAL (
        SELECT ${LEASED_COLUMNS}, leased_by FROM ${schema}.leads
        WHERE seq = heads.seq AND state = 'pending' AND behind = 0 OFFSET 0
      ) AS lead
    ORDER BY seq`,
    [orderingKeys, before ?? Number.MAX_SAFE_INTEGER],
  );
  const own = rows.filter(({ leased_by: holder }) => holder === replica).map((row) => toLeased(row));
  const others = rows.filter(({ leased_by: holder }) => holder !== replica);
  const wereOnTheirWay = new Set(
    others.filter((row) => isOther(row['leased_by'], replica)).map(({ seq }) => seq),
  );
  const taken = others.length === 0 ? [] : await take(others.map(({ seq }) => Number(seq)));
  const leads = [...own, ...taken].toSorted((a, b) => a.lead.seq - b.lead.seq);
  return { leads, elsewhere: others.length - taken.length };

  async function take(seqs: readonly number[]): Promise<readonly Leased[]> {
    const leased = await sql.query(
      `UPDATE ${schema}.leads SET leased_by = $1, fence = fence + 1
      WHERE seq IN (
        SELECT seq FROM ${schema}.leads
        WHERE seq = ANY($2::bigint[]) AND state = 'pending' AND behind = 0 AND ${isFree(schema)}
        ORDER BY seq FOR UPDATE SKIP LOCKED
      )
      RETURNING ${LEASED_COLUMNS}`,
      [replica, seqs],
    );
    return leased.map((row) => toLeased(row, wereOnTheirWay.has(row['seq'])));
  }
}
