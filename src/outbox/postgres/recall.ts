import type { NamedRequest, Recalled } from '../store.ts';
import type { Sql } from './connection.ts';

type Request = { readonly owner: string; readonly idempotency: NamedRequest['idempotency'] | undefined };

type Requests = {
  (request: Request): Recalled | undefined;
  /** To be called with a request that is kept from now on. */
  remember(request: Request & { readonly id: string }): void;
};

/** Looks requests up by their idempotency keys. */
export async function findRequests(
  sql: Sql,
  schema: string,
  requests: readonly Request[],
): Promise<Requests> {
  const named = requests.flatMap(({ owner, idempotency }) =>
    idempotency === undefined
      ? []
      : [idempotency, ...(idempotency.earlier ?? [])].map(({ key }) => ({ owner, key })),
  );
  const rows =
    named.length === 0
      ? []
      : await sql.query(
          `WITH named AS (SELECT * FROM unnest($1::text[], $2::text[]) AS named (owner, idempotency_key))
          SELECT id, owner, idempotency_key, fingerprint FROM ${schema}.leads JOIN named USING (owner, idempotency_key)
          UNION ALL
          SELECT id, owner, idempotency_key, fingerprint FROM ${schema}.batches JOIN named USING (owner, idempotency_key)`,
          [named.map(({ owner }) => owner), named.map(({ key }) => key)],
        );
  const known = new Map(
    rows.map(({ id, owner, idempotency_key: key, fingerprint }) => [
      nameOf(owner, key),
      { id: String(id), fingerprint: String(fingerprint) },
    ]),
  );
  const recall = ({ owner, idempotency }: Request): Recalled | undefined => {
    if (idempotency === undefined) return undefined;
    for (const { key, fingerprint } of [idempotency, ...(idempotency.earlier ?? [])]) {
      const found = known.get(nameOf(owner, key));
      if (found === undefined) continue;
      return found.fingerprint === fingerprint ? { kind: 'repeated', id: found.id } : { kind: 'conflict' };
    }
    return undefined;
  };
  return Object.assign(recall, {
    remember({ id, owner, idempotency }: Request & { readonly id: string }) {
      if (idempotency === undefined) return;
      known.set(nameOf(owner, idempotency.key), { id, fingerprint: idempotency.fingerprint });
    },
  });
}

function nameOf(owner: unknown, key: unknown): string {
  return JSON.stringify([owner, key]);
}
