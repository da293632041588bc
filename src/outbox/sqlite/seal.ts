import { type Row, TEXT_COLUMNS, toBatchTexts, toTexts } from '../rows.ts';
import type { BatchTexts, Sealable, StoredTexts } from '../store.ts';
import type { Connection } from './database.ts';
import { overwriteTraces } from './traces.ts';

/** Prepares what encryption needs of the file. */
export function prepareSealing(db: Connection): {
  readonly [Name in keyof Sealable]: (
    argument: Parameters<Sealable[Name]>[0],
  ) => Awaited<ReturnType<Sealable[Name]>>;
} {
  const ids = db.prepare('SELECT id FROM encryption_keys ORDER BY id');
  const add = db.prepare('INSERT INTO encryption_keys (id) VALUES (?)');
  const scan = db.prepare(`SELECT ${TEXT_COLUMNS} FROM leads WHERE seq > ? ORDER BY seq LIMIT ?`);
  const scanBatches = db.prepare(`
    SELECT id, refusals, idempotency_key, fingerprint FROM batches WHERE id > ? ORDER BY id LIMIT ?
  `);
  const updateBatch = db.prepare(
    'UPDATE batches SET refusals = ?, idempotency_key = ?, fingerprint = ? WHERE id = ?',
  );
  return {
    keyIds: () => (ids.all() as Row[]).map(({ id }) => String(id)),
    addKeyId: (id) => void add.run(id),
    scan: ({ after, limit }) => (scan.all(after, limit) as Row[]).map(toTexts),
    rewrite: prepareRewrite(db),
    scanBatches: ({ after, limit }) => (scanBatches.all(after, limit) as Row[]).map(toBatchTexts),
    rewriteBatches(rows: readonly BatchTexts[]) {
      for (const { id, refusals, idempotencyKey, fingerprint } of rows) {
        updateBatch.run(refusals, idempotencyKey, fingerprint, id);
      }
    },
    scrub: () => void overwriteTraces(db),
  };
}

function prepareRewrite(db: Connection): (rows: readonly StoredTexts[]) => void {
  const update = db.prepare(`
    UPDATE leads
    SET payload = ?, problem = ?, result = ?, ordering_keys = ?, subject = ?, idempotency_key = ?, fingerprint = ?
    WHERE seq = ?
  `);
  const keysOf = db.prepare(`SELECT ordering_keys FROM leads WHERE seq = ? AND state = 'pending'`);
  const dequeue = db.prepare('DELETE FROM ordering_keys WHERE ordering_key = ? AND seq = ?');
  const enqueue = db.prepare('INSERT INTO ordering_keys (ordering_key, seq) VALUES (?, ?)');
  return (rows) => {
    for (const { seq, orderingKeys, ...row } of rows) {
      const pending = keysOf.get(seq) as Row | undefined;
      if (pending !== undefined && orderingKeys !== null) {
        for (const key of JSON.parse(String(pending['ordering_keys'])) as string[]) {
          dequeue.run(key, seq);
          db.waiting.leave(key);
        }
        for (const key of orderingKeys) {
          enqueue.run(key, seq);
          db.waiting.enter(key);
        }
      }
      update.run(
        row.payload,
        row.problem,
        row.result,
        orderingKeys === null ? null : JSON.stringify(orderingKeys),
        row.subject,
        row.idempotencyKey,
        row.fingerprint,
        seq,
      );
    }
  };
}
