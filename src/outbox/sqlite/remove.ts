import type { Row } from '../rows.ts';
import type { Forgotten, ForgetQuery } from '../store.ts';
import type { Connection } from './database.ts';
import { prepareLeave } from './settle.ts';

/** Removes a lead from its queues and from the table. */
function prepareRemove(db: Connection): (row: Row) => void {
  const remove = db.prepare('DELETE FROM leads WHERE seq = ?');
  const leave = prepareLeave(db);
  return ({ seq, state, ordering_keys: orderingKeys }) => {
    if (state === 'pending') leave(Number(seq), JSON.parse(String(orderingKeys)) as string[]);
    remove.run(seq);
  };
}

/** Removes one lead; gives it, or undefined if the id is unknown. */
export function prepareDiscard(db: Connection): (id: string) => Forgotten['removed'][number] | undefined {
  const find = db.prepare('SELECT seq, state, ordering_keys FROM leads WHERE id = ?');
  const remove = prepareRemove(db);
  return (id) => {
    const row = find.get(id) as Row | undefined;
    if (row === undefined) return undefined;
    remove(row);
    return toRemoved(row);
  };
}

/** Leads that are looked at in one transaction, so that accepts do not wait for long. */
const AT_A_TIME = 5000;

/** Removes leads of some subjects from a part of the table: an index of subjects would make each accept dearer. */
export function prepareForget(db: Connection): (query: ForgetQuery) => Omit<Forgotten, 'isOverwritten'> {
  const last = db.prepare('SELECT max(seq) AS seq FROM leads');
  const find = db.prepare(`
    SELECT seq, state, ordering_keys, batch FROM leads
    WHERE seq > ? AND seq <= ? AND subject IN (SELECT value FROM json_each(?))
  `);
  const remove = prepareRemove(db);
  const forgetKey = db.prepare('UPDATE batches SET idempotency_key = NULL, fingerprint = NULL WHERE id = ?');
  return ({ subjects, from }) => {
    const to = from + AT_A_TIME;
    const rows = find.all(from, to, JSON.stringify(subjects)) as Row[];
    for (const row of rows) {
      remove(row);
      if (row['batch'] !== null) forgetKey.run(row['batch']);
    }
    const next = to < Number((last.get() as Row)['seq'] ?? 0) ? to : null;
    return { removed: rows.map(toRemoved), next };
  };
}

function toRemoved({ seq, state }: Row): Forgotten['removed'][number] {
  return { seq: Number(seq), state: state as Forgotten['removed'][number]['state'] };
}
