import type { Pool } from 'pg';
import type { Row } from '../rows.ts';
import type { Clock } from '../../runtime/clock.ts';
import { StoreFailure, UnusableStore } from '../store.ts';
import { createCircuit } from './circuit.ts';

/** Runs statements: by themselves, or in a transaction. */
export type Sql = {
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
};

export type Connection = Sql & {
  /** Runs what `work` does in one transaction, again after a conflict with another. */
  transaction<Value>(work: (sql: Sql) => Promise<Value>): Promise<Value>;
  close(): Promise<void>;
};

export type ConnectionObserver = {
  /** The server cannot be reached, or refuses what it always has to do; not told again while the reason is the same. */
  onDown(error: unknown, isAway: boolean): void;
  onUp(): void;
};

/** Appends, settlements and claims have one each; direct leads that look for others share the rest. */
const MAX_CONNECTIONS = 8;
const CONNECT_TIMEOUT_MS = 3000;
const QUERY_TIMEOUT_MS = 15_000;
const MAX_TRIES = 5;
/** How long after its last refusal the server has to do what it is asked before all is taken to be well again, in ms. */
const REFUSES_FOR_MS = 10_000;

/**
 * Connects when it is asked, and again after a connection broke. Every function rejects with StoreFailure,
 * or with the UnusableStore that a transaction's work throws.
 *
 * @param url may hold a password
 * @param answersWithinMs what a statement may take
 * @throws {Error} if the package pg is not installed
 */
export async function connectPostgres(
  url: string,
  observer: ConnectionObserver,
  clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>,
  answersWithinMs = QUERY_TIMEOUT_MS,
): Promise<Connection> {
  // A gateway with another store, or none, does not load it.
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: answersWithinMs,
    keepAlive: true,
    application_name: 'lead-gateway',
  });
  // A connection that breaks while it is idle leaves the pool; the next statement says whether there is another.
  pool.on('error', ignore);
  // Neither may one that breaks while a transaction has it, or is about to get it, end the process.
  pool.on('connect', (client) => client.on('error', ignore));
  const circuit = createCircuit({ clock, isSilence });
  const watched = observe(observer, clock);
  const begin = beginWithin(answersWithinMs);
  const retried = createRetries(pool, clock);
  const observed = <Value>(work: () => Promise<Value>) => circuit(() => watched(work));
  let ended: Promise<void> | undefined;
  return {
    query: (text, values = []) =>
      observed(() => retried(async () => (await pool.query(text, [...values])).rows as readonly Row[])),
    transaction: (work) => observed(() => retried(() => transact(pool, begin, work))),
    close: () => (ended ??= pool.end()),
  };
}

function observe({ onDown, onUp }: ConnectionObserver, { monotonicMs }: Pick<Clock, 'monotonicMs'>) {
  let trouble: { readonly reason: string | undefined; readonly passesAt: number } | undefined;

  const onFailure = (error: unknown) => {
    const isAway = isUnreachable(error);
    if (!isAway && isOfOneStatement(error)) return;
    const before = trouble;
    // A server that cannot be reached answers nothing; one that refuses some statements goes on with others.
    const passesAt = isAway ? (before?.passesAt ?? 0) : monotonicMs() + REFUSES_FOR_MS;
    trouble = { reason: isAway ? undefined : codeOf(error), passesAt };
    if (before === undefined || before.reason !== trouble.reason) onDown(error, isAway);
  };

  return async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      const value = await work();
      if (trouble !== undefined && monotonicMs() >= trouble.passesAt) {
        trouble = undefined;
        onUp();
      }
      return value;
    } catch (error) {
      if (error instanceof StoreFailure || error instanceof UnusableStore) throw error;
      onFailure(error);
      throw new StoreFailure('the database did not do what it was asked', { cause: error });
    }
  };
}

/** The server has a statement, and has not answered; the client's own error for it has no code. */
export function isSilence(error: unknown): boolean {
  const cause = error instanceof StoreFailure ? error.cause : error;
  return cause instanceof Error && cause.message === 'Query read timeout';
}

/** A code of PostgreSQL, or of a socket. */
export function codeOf(error: unknown): string | undefined {
  const cause = error instanceof StoreFailure ? error.cause : error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}

/**
 * No connection, or a server that starts or stops (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 * What has no code is a message of the client about its connection.
 */
function isUnreachable(error: unknown): boolean {
  const code = codeOf(error);
  return code === undefined || /^(?:E[A-Z]+|08...|57P0.)$/.test(code);
}

/**
 * What the server may do later without anybody's help: it is away, has no room, may only be read as after a failover, or
 * has not done a statement in time.
 */
export function isPassing(error: unknown): boolean {
  return isUnreachable(error) || /^(?:25|40|53|55|57|58)/.test(codeOf(error) ?? '');
}

/** Says nothing of others: its values, a conflict with others, or a limit that it exceeds. */
function isOfOneStatement(error: unknown): boolean {
  return /^(?:21|22|23|40|54)/.test(codeOf(error) ?? '');
}

/** A value that the database does not take. */
export function isOfData(error: unknown): boolean {
  return codeOf(error)?.startsWith('22') === true;
}

/** A deadlock, or what another has changed meanwhile. */
const CONFLICTS: ReadonlySet<string | undefined> = new Set(['40P01', '40001']);
/** The server, or its user, may have no more connections. */
const NO_ROOM = '53300';
/** The server may only be read. */
const READ_ONLY = '25006';

/** Runs work again after a conflict, and makes do with the connections that it has where the server has no room for more. */
function createRetries(pool: Pool, { monotonicMs }: Pick<Clock, 'monotonicMs'>) {
  let roomAgainAt = 0;
  let connected = 0;
  pool.on('connect', () => (connected += 1));
  pool.on('remove', () => (connected -= 1));

  const mayTryAgain = (error: unknown): boolean => {
    const code = codeOf(error);
    if (code !== NO_ROOM) return CONFLICTS.has(code);
    if (pool.totalCount === 0) return false;
    // Those that are about to connect may be refused, too.
    pool.options.max = Math.max(1, connected);
    roomAgainAt = monotonicMs() + REFUSES_FOR_MS;
    return true;
  };

  return async <Value>(work: () => Promise<Value>): Promise<Value> => {
    if (monotonicMs() >= roomAgainAt) pool.options.max = MAX_CONNECTIONS;
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (tries === MAX_TRIES || !mayTryAgain(error)) throw error;
      }
    }
  };
}

/** The next statement fails. */
const ignore = () => {};

/**
 * How a transaction begins, whatever the server is set to. A commit is on the disk. Each statement sees what was committed
 * before it, and so, after it has waited for a lock, what its holder did. A transaction whose client is gone without a
 * word keeps its locks no longer than its client would have waited. All of it ends with the transaction, as a pooler needs.
 */
function beginWithin(ms: number): string {
  return `BEGIN ISOLATION LEVEL READ COMMITTED;
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
    SELECT set_config(name, '${ms}', true)
    FROM unnest(ARRAY['statement_timeout', 'idle_in_transaction_session_timeout']) AS name
    WHERE current_setting(name)::interval NOT BETWEEN interval '1 ms' AND interval '${ms} ms'`;
}

async function transact<Value>(
  pool: Pool,
  begin: string,
  work: (sql: Sql) => Promise<Value>,
): Promise<Value> {
  const client = await pool.connect();
  try {
    await client.query(begin);
    const value = await work({
      query: async (text, values = []) => (await client.query(text, [...values])).rows as readonly Row[],
    });
    await client.query('COMMIT');
    client.release();
    return value;
  } catch (error) {
    // The server behind the same name may be another one by now that takes writes.
    const isUseless = isSilence(error) || codeOf(error) === READ_ONLY;
    client.release(isUseless || (await client.query('ROLLBACK').then(isRolledBack, isNotRolledBack)));
    throw error;
  }
}

const isRolledBack = () => false;
const isNotRolledBack = () => true;
