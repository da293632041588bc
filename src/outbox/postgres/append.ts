import type { Appended, NewLead, Recalled } from '../store.ts';
import type { Sql } from './connection.ts';
import { lockNames } from './locks.ts';
import { findRequests } from './recall.ts';

/** Inserts leads at the ends of the queues of their ordering keys; `room` is how many may be inserted. */
export async function append(
  sql: Sql,
  schema: string,
  replica: string,
  leads: readonly NewLead[],
  room: number,
): Promise<readonly Appended[]> {
  const requests = leads.flatMap(requestNames);
  await lockNames(sql, schema, [...leads.flatMap(({ orderingKeys }) => orderingKeys), ...requests]);
  const recall = await findRequests(sql, schema, leads);
  const answers = new Map<NewLead, Appended>();
  const added: NewLead[] = [];
  for (const lead of leads) {
    const known: Recalled | undefined = recall(lead);
    if (known !== undefined) answers.set(lead, known);
    else if (added.length >= room) answers.set(lead, { kind: 'full' });
    else {
      added.push(lead);
      recall.remember(lead);
    }
  }
  const seqs = added.length === 0 ? [] : await insert(sql, schema, replica, added);
  for (const [index, lead] of added.entries()) {
    answers.set(lead, { kind: 'appended', seq: seqs[index] ?? 0 });
  }
  return leads.map((lead) => answers.get(lead) ?? { kind: 'full' });
}

/** What is locked for a request with an idempotency key. */
export function requestNames({ owner, idempotency }: Pick<NewLead, 'owner' | 'idempotency'>): string[] {
  if (idempotency === undefined) return [];
  return [idempotency, ...(idempotency.earlier ?? [])].map(({ key }) => `request ${owner} ${key}`);
}

/** Gives their seqs, which are in the order of the leads; the names of their ordering keys are locked. */
export async function insert(
  sql: Sql,
  schema: string,
  replica: string,
  leads: readonly NewLead[],
): Promise<readonly number[]> {
  const keys = [...new Set(leads.flatMap(({ orderingKeys }) => orderingKeys))];
  const found = await sql.query(
    `SELECT DISTINCT ordering_key FROM ${schema}.ordering_keys WHERE ordering_key = ANY($1)`,
    [keys],
  );
  const waiting = new Set(found.map(({ ordering_key: key }) => String(key)));
  const behind = leads.map(({ orderingKeys }) => {
    const count = orderingKeys.filter((key) => waiting.has(key)).length;
    for (const key of orderingKeys) waiting.add(key);
    return count;
  });
  const rows = await sql.query(
    `INSERT INTO ${schema}.leads
      (id, owner, accepted_at, since, next_at, behind, ordering_keys, payload, subject, idempotency_key, fingerprint,
       batch, place, alone, leased_by)
    SELECT id, owner, at, at, at, behind, keys, payload, subject, idempotency_key, fingerprint, batch, place, alone, held_by
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::integer[], $12::boolean[], $13::text[])
      WITH ORDINALITY AS lead (id, owner, at, behind, keys, payload, subject, idempotency_key, fingerprint, batch, place, alone, held_by, number)
    ORDER BY number RETURNING seq`,
    [
      leads.map(({ id }) => id),
      leads.map(({ owner }) => owner),
      leads.map(({ acceptedAt }) => acceptedAt),
      behind,
      leads.map(({ orderingKeys }) => JSON.stringify(orderingKeys)),
      leads.map(({ payload }) => payload),
      leads.map(({ subject }) => subject),
      leads.map(({ idempotency }) => idempotency?.key ?? null),
      leads.map(({ idempotency }) => idempotency?.fingerprint ?? null),
      leads.map(({ batch }) => batch?.id ?? null),
      leads.map(({ batch }) => batch?.index ?? null),
      leads.map(({ goesAlone }) => goesAlone),
      leads.map(({ staysHere }) => (staysHere === true ? replica : null)),
    ],
  );
  const seqs = rows.map(({ seq }) => Number(seq));
  const queued = leads.flatMap(({ orderingKeys }, index) =>
    orderingKeys.map((key) => ({ key, seq: seqs[index] })),
  );
  await sql.query(
    `INSERT INTO ${schema}.ordering_keys (ordering_key, seq) SELECT * FROM unnest($1::text[], $2::bigint[])`,
    [queued.map(({ key }) => key), queued.map(({ seq }) => seq)],
  );
  return seqs;
}
