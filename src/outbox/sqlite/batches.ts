import { BATCH_COLUMNS, type Row, toBatch } from '../rows.ts';
import type { AppendedBatch, BatchPart, BatchQuery, BatchState } from '../store.ts';
import { prepareAppend, prepareRecall } from './append.ts';
import type { Connection } from './database.ts';

/** Inserts all leads of a part, or none; `room` is how many may be inserted. */
export function prepareAppendBatch(db: Connection): (part: BatchPart, room: number) => AppendedBatch {
  const recall = prepareRecall(db);
  const append = prepareAppend(db);
  const keep = db.prepare(`
    INSERT INTO batches (id, owner, accepted_at, total, refused, refusals, idempotency_key, fingerprint)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET total = excluded.total, refused = excluded.refused, refusals = excluded.refusals,
      idempotency_key = excluded.idempotency_key, fingerprint = excluded.fingerprint
  `);
  return ({ id, owner, acceptedAt, leads, total, refused, refusals, idempotency }, room) => {
    const recalled = idempotency && recall({ owner, idempotency });
    if (recalled !== undefined) return recalled;
    if (leads.length > room) return { kind: 'full' };
    const { key = null, fingerprint = null } = idempotency ?? {};
    keep.run(id, owner, acceptedAt, total, refused, refusals, key, fingerprint);
    const seqs = leads.map((lead) => {
      const appended = append(lead, false);
      if (appended.kind !== 'appended') throw new Error('a lead of a batch has no key of its own');
      return appended.seq;
    });
    return { kind: 'appended', seqs };
  };
}

/** Pending leads that are looked at for the next attempt. */
const NEXT = 1000;

/** Counts the leads of a batch by its index. */
export function prepareFindBatch(db: Connection): (query: BatchQuery) => BatchState | undefined {
  const find = db.prepare(`SELECT ${BATCH_COLUMNS} FROM batches WHERE id = ?`);
  const counts = db.prepare(`
    SELECT state, count(*) AS count, max(finished_at) AS finished_at FROM leads INDEXED BY batch
    WHERE batch = ? GROUP BY state
  `);
  const next = db.prepare(`
    SELECT max(attempts) AS attempts, min(next_at) AS next_at
    FROM (SELECT attempts, next_at FROM leads INDEXED BY batch WHERE batch = ? AND state = 'pending' LIMIT ${NEXT})
  `);
  const failures = db.prepare(`
    SELECT id, place, problem FROM leads INDEXED BY batch WHERE batch = ? AND state = 'failed' ORDER BY place LIMIT ?
  `);
  return ({ id, limit }) => {
    const batch = find.get(id) as Row | undefined;
    if (batch === undefined) return undefined;
    return toBatch(
      batch,
      counts.all(id) as Row[],
      next.get(id) as Row | undefined,
      failures.all(id, limit) as Row[],
    );
  };
}
