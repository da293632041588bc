import type { Row } from '../rows.ts';
import type { Appended, NamedRequest, NewLead, Recalled } from '../store.ts';
import type { Connection } from './database.ts';

/** Looks a request up by its idempotency key. */
export function prepareRecall(db: Connection): (request: NamedRequest) => Recalled | undefined {
  const known = db.prepare(`
    SELECT id, fingerprint FROM leads WHERE owner = ?1 AND idempotency_key = ?2
    UNION ALL SELECT id, fingerprint FROM batches WHERE owner = ?1 AND idempotency_key = ?2
  `);
  return ({ owner, idempotency: { earlier = [], ...latest } }) => {
    for (const { key, fingerprint } of [latest, ...earlier]) {
      const row = known.get(owner, key) as Row | undefined;
      if (row === undefined) continue;
      return row['fingerprint'] === fingerprint
        ? { kind: 'repeated', id: String(row['id']) }
        : { kind: 'conflict' };
    }
    return undefined;
  };
}

/**
 * Inserts a lead at the end of the queues of its ordering keys.
 *
 * @returns a function that inserts nothing if `isFull`
 */
export function prepareAppend(db: Connection): (lead: NewLead, isFull: boolean) => Appended {
  const recall = prepareRecall(db);
  const insert = db.prepare(`
    INSERT INTO leads (id, owner, accepted_at, since, next_at, behind, ordering_keys, payload, subject, idempotency_key, fingerprint, batch, place, alone)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  `);
  const waiting = db.prepare('SELECT 1 FROM ordering_keys WHERE ordering_key = ? LIMIT 1');
  const enqueue = db.prepare('INSERT INTO ordering_keys (ordering_key, seq) VALUES (?, ?)');
  return (
    { id, owner, orderingKeys, payload, subject, acceptedAt, idempotency, batch, goesAlone },
    isFull,
  ) => {
    const recalled = idempotency && recall({ owner, idempotency });
    if (recalled !== undefined) return recalled;
    if (isFull) return { kind: 'full' };
    const behind = orderingKeys.filter((key) => waiting.get(key) !== undefined).length;
    const { lastInsertRowid } = insert.run(
      id,
      owner,
      acceptedAt,
      acceptedAt,
      acceptedAt,
      behind,
      JSON.stringify(orderingKeys),
      payload,
      subject,
      idempotency?.key ?? null,
      idempotency?.fingerprint ?? null,
      batch?.id ?? null,
      batch?.index ?? null,
      goesAlone ? 1 : 0,
    );
    const seq = Number(lastInsertRowid);
    for (const key of orderingKeys) {
      enqueue.run(key, seq);
      db.waiting.enter(key);
    }
    return { kind: 'appended', seq };
  };
}
