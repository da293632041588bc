import type { Settlement } from '../store.ts';
import { isFree } from './claim.ts';
import type { Sql } from './connection.ts';
import { lockNames } from './locks.ts';
import { keysOf, leaveQueues } from './queues.ts';

/** `fence`: the number of the lease; null: only if no other replica has the lead. */
export type Fenced = { readonly settlement: Settlement; readonly fence: number | null };

/** Records the ends of attempts with leads that this replica still has; how many are pending no longer because of it. */
export async function settle(
  sql: Sql,
  schema: string,
  replica: string,
  fenced: readonly Fenced[],
): Promise<number> {
  const ending = fenced.flatMap(({ settlement: { kind, seq } }) => (kind === 'retry' ? [] : [seq]));
  const queued = await sql.query(`SELECT ordering_keys FROM ${schema}.leads WHERE seq = ANY($1::bigint[])`, [
    ending,
  ]);
  await lockNames(sql, schema, keysOf(queued));
  const rows = await sql.query(
    `UPDATE ${schema}.leads
    SET state = ended.state, attempts = attempts + 1, leased_by = NULL,
      finished_at = ended.finished_at, next_at = coalesce(ended.next_at, leads.next_at),
      result = ended.result, problem = ended.problem, code = ended.code,
      payload = CASE ended.state WHEN 'delivered' THEN NULL ELSE payload END,
      ordering_keys = CASE ended.state WHEN 'delivered' THEN NULL ELSE ordering_keys END
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[])
      AS ended (seq, fence, state, finished_at, next_at, result, problem, code)
    WHERE leads.seq = ended.seq AND leads.state = 'pending'
      AND (leads.leased_by = $1 AND leads.fence = ended.fence OR ended.fence IS NULL AND (leased_by = $1 OR ${isFree(schema)}))
    RETURNING leads.seq, leads.state`,
    [replica, ...columnsOf(fenced)],
  );
  const ended = rows.filter(({ state }) => state !== 'pending').map(({ seq }) => Number(seq));
  await leaveQueues(sql, schema, ended);
  return ended.length;
}

function columnsOf(fenced: readonly Fenced[]): readonly (readonly (string | number | null)[])[] {
  const settlements = fenced.map(({ settlement }) => settlement);
  return [
    settlements.map(({ seq }) => seq),
    fenced.map(({ fence }) => fence),
    settlements.map(({ kind }) => (kind === 'retry' ? 'pending' : kind)),
    settlements.map(({ kind, at }) => (kind === 'retry' ? null : at)),
    settlements.map((one) => (one.kind === 'retry' ? one.nextAt : null)),
    settlements.map((one) => (one.kind === 'delivered' ? one.result : null)),
    settlements.map((one) => (one.kind === 'delivered' ? null : one.problem)),
    settlements.map((one) => (one.kind === 'delivered' ? null : one.code)),
  ];
}
