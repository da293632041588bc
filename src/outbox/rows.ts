import type {
  BatchFailure,
  BatchState,
  BatchTexts,
  KeptLead,
  ListedLead,
  PendingLead,
  StoredState,
  StoredTexts,
} from './store.ts';

/* The columns that both stores read, and what their rows become. */

/** A row as a client gives it: pg gives bigints as texts, libsql adds a member about the query. */
export type Row = Readonly<Record<string, string | number | boolean | null | undefined>>;

export const PENDING_COLUMNS = 'seq, id, payload, since, attempts, alone';

export function toPendingLead(row: Row, takenOver: PendingLead['takenOver'] = 'no'): PendingLead {
  return {
    takenOver,
    seq: Number(row['seq']),
    id: String(row['id']),
    payload: String(row['payload']),
    since: Number(row['since']),
    attempts: Number(row['attempts']),
    // SQLite has no booleans.
    goesAlone: row['alone'] === 1 || row['alone'] === true,
  };
}

export const STATE_COLUMNS = 'id, owner, state, accepted_at, attempts, next_at, finished_at, problem, result';

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

export const LISTED_COLUMNS = `${STATE_COLUMNS}, seq, since`;

export function toListedLead(row: Row): ListedLead {
  return { ...toState(row), seq: Number(row['seq']), since: Number(row['since']) };
}

/** @param row with `LISTED_COLUMNS` and the payload */
export function toKeptLead(row: Row): KeptLead {
  return { ...toListedLead(row), payload: textOf(row, 'payload') };
}

export const TEXT_COLUMNS =
  'seq, id, payload, problem, result, ordering_keys, subject, idempotency_key, fingerprint';

export function toTexts(row: Row): StoredTexts {
  const keys = textOf(row, 'ordering_keys');
  return {
    seq: Number(row['seq']),
    id: String(row['id']),
    payload: textOf(row, 'payload'),
    problem: textOf(row, 'problem'),
    result: textOf(row, 'result'),
    orderingKeys: keys === null ? null : (JSON.parse(keys) as string[]),
    subject: textOf(row, 'subject'),
    idempotencyKey: textOf(row, 'idempotency_key'),
    fingerprint: textOf(row, 'fingerprint'),
  };
}

export const BATCH_COLUMNS =
  'id, owner, accepted_at, total, refused, refusals, delivered, failed, finished_at';

/**
 * @param batch with `BATCH_COLUMNS`, whose counts are of leads that are removed
 * @param counts `state`, `count` and `finished_at` of the others
 * @param next `attempts` and `next_at` of those that are pending
 */
export function toBatch(
  batch: Row,
  counts: readonly Row[],
  next: Row | undefined,
  failures: readonly Row[],
): BatchState {
  const of = (state: string) => counts.find((row) => row['state'] === state);
  const countOf = (state: string) => Number(of(state)?.['count'] ?? 0);
  const ends = [batch, of('delivered'), of('failed')].map((row) => Number(row?.['finished_at'] ?? 0));
  const nextAt = next?.['next_at'] ?? null;
  return {
    id: String(batch['id']),
    owner: String(batch['owner']),
    acceptedAt: Number(batch['accepted_at']),
    total: Number(batch['total']),
    refused: Number(batch['refused']),
    refusals: String(batch['refusals']),
    pending: countOf('pending'),
    delivered: Number(batch['delivered']) + countOf('delivered'),
    failed: Number(batch['failed']) + countOf('failed'),
    attempts: Number(next?.['attempts'] ?? 0),
    nextAt: nextAt === null ? null : Number(nextAt),
    finishedAt: Math.max(...ends) || null,
    failures: failures.map(toFailure),
  };
}

function toFailure(row: Row): BatchFailure {
  return { id: String(row['id']), index: Number(row['place']), problem: String(row['problem']) };
}

export function toBatchTexts(row: Row): BatchTexts {
  return {
    id: String(row['id']),
    refusals: String(row['refusals']),
    idempotencyKey: textOf(row, 'idempotency_key'),
    fingerprint: textOf(row, 'fingerprint'),
  };
}

function textOf(row: Row, column: string): string | null {
  const text = row[column];
  return typeof text === 'string' ? text : null;
}
