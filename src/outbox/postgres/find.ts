import type { StoredState } from '../store.ts';
import type { Row, Sql } from './connection.ts';

export const STATE_COLUMNS = 'id, owner, state, accepted_at, attempts, next_at, finished_at, problem, result';

/** Reads what is known of a lead, without its payload. */
export async function find(sql: Sql, schema: string, id: string): Promise<StoredState | undefined> {
  const [row] = await sql.query(`SELECT ${STATE_COLUMNS} FROM ${schema}.leads WHERE id = $1`, [id]);
  return row === undefined ? undefined : toState(row);
}

export function toState(row: Row): StoredState {
  const common = {
    id: String(row['id']),
    owner: String(row['owner']),
    acceptedAt: Number(row['accepted_at']),
    attempts: Number(row['attempts']),
  };
  const finishedAt = Number(row['finished_at']);
  switch (row['state']) {
    case 'delivered':
      return { ...common, state: 'delivered', finishedAt, result: String(row['result']) };
    case 'failed':
      return { ...common, state: 'failed', finishedAt, problem: String(row['problem']) };
    default: {
      const problem = row['problem'] === null ? null : String(row['problem']);
      return { ...common, state: 'pending', nextAt: Number(row['next_at']), problem };
    }
  }
}
