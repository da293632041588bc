import type { Appended, NewLead } from '../store.ts';
import type { Connection, Row } from './database.ts';

/** Inserts a lead at the end of the queues of its ordering keys. */
export function prepareAppend(db: Connection): (lead: NewLead) => Appended {
  const known = db.prepare('SELECT id, fingerprint FROM leads WHERE owner = ? AND idempotency_key = ?');
  const insert = db.prepare(`
    INSERT INTO leads (id, owner, accepted_at, next_at, behind, ordering_keys, payload, idempotency_key, fingerprint)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  `);
  const waiting = db.prepare('SELECT 1 FROM ordering_keys WHERE ordering_key = ? LIMIT 1');
  const enqueue = db.prepare('INSERT INTO ordering_keys (ordering_key, seq) VALUES (?, ?)');
  return ({ id, owner, orderingKeys, payload, acceptedAt, idempotency }) => {
    if (idempotency !== undefined) {
      const row = known.get(owner, idempotency.key) as Row | undefined;
      if (row !== undefined) {
        return row['fingerprint'] === idempotency.fingerprint
          ? { kind: 'repeated', id: String(row['id']) }
          : { kind: 'conflict' };
      }
    }
    const behind = orderingKeys.filter((key) => waiting.get(key) !== undefined).length;
    const { lastInsertRowid } = insert.run(
      id,
      owner,
      acceptedAt,
      acceptedAt,
      behind,
      JSON.stringify(orderingKeys),
      payload,
      idempotency?.key ?? null,
      idempotency?.fingerprint ?? null,
    );
    const seq = Number(lastInsertRowid);
    for (const key of orderingKeys) enqueue.run(key, seq);
    return { kind: 'appended', seq };
  };
}
