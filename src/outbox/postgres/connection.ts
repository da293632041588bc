import type { Pool } from 'pg';
import type { Row } from '../rows.ts';
import type { Clock } from '../../runtime/clock.ts';
import { StoreFailure } from '../store.ts';
import { createCircuit } from './circuit.ts';

/** Runs statements: by themselves, or in a transaction. */
export type Sql = {
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
};

export type Connection = Sql & {
  /** Runs what `work` does in one transaction, again if it lost a deadlock. */
  transaction<Value>(work: (sql: Sql) => Promise<Value>): Promise<Value>;
  close(): Promise<void>;
};

export type ConnectionObserver = {
  /** The server cannot be reached, for the first time since it could. */
  onDown(error: unknown): void;
  onUp(): void;
};

/** Appends, settlements and claims have one each; direct leads that look for others share the rest. */
const MAX_CONNECTIONS = 8;
const CONNECT_TIMEOUT_MS = 3000;
const QUERY_TIMEOUT_MS = 15_000;
const MAX_TRIES = 5;

/**
 * Connects when it is asked, and again after a connection broke. Every function rejects with StoreFailure.
 *
 * @param url may hold a password
 * @throws {Error} if the package pg is not installed
 */
export async function connectPostgres(
  url: string,
  observer: ConnectionObserver,
  clock: Pick<Clock, 'setTimer' | 'clearTimer'>,
): Promise<Connection> {
  // A gateway with another store, or none, does not load it.
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'lead-gateway',
  });
  // A connection that breaks while it is idle leaves the pool; the next statement says whether there is another.
  pool.on('error', ignore);
  // Neither may one that breaks while a transaction has it, or is about to get it, end the process.
  pool.on('connect', (client) => client.on('error', ignore));
  const circuit = createCircuit({ clock, isSilence });
  const watched = observe(observer);
  const observed = <Value>(work: () => Promise<Value>) => circuit(() => watched(work));
  let ended: Promise<void> | undefined;
  return {
    query: (text, values = []) =>
      observed(async () => (await pool.query(text, [...values])).rows as readonly Row[]),
    transaction: (work) => observed(() => retried(() => transact(pool, work))),
    close: () => (ended ??= pool.end()),
  };
}

function observe({ onDown, onUp }: ConnectionObserver) {
  let isDown = false;
  return async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      const value = await work();
      if (isDown) onUp();
      isDown = false;
      return value;
    } catch (error) {
      if (error instanceof StoreFailure) throw error;
      if (isUnreachable(error) && !isDown) {
        isDown = true;
        onDown(error);
      }
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
 * No connection, or a server that starts or stops or has no room (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 * What has no code is a message of the client about its connection.
 */
export function isUnreachable(error: unknown): boolean {
  const code = codeOf(error);
  return code === undefined || /^(?:E[A-Z]+|08...|57P0.|53...)$/.test(code);
}

/** A value that the database does not take. */
export function isOfData(error: unknown): boolean {
  return codeOf(error)?.startsWith('22') === true;
}

const DEADLOCK = '40P01';

async function retried<Value>(work: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== DEADLOCK || tries === MAX_TRIES) throw error;
    }
  }
}

/** The next statement fails. */
const ignore = () => {};

/** A commit is on the disk, whatever the server is set to. */
const BEGIN = `BEGIN; SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`;

async function transact<Value>(pool: Pool, work: (sql: Sql) => Promise<Value>): Promise<Value> {
  const client = await pool.connect();
  try {
    await client.query(BEGIN);
    const value = await work({
      query: async (text, values = []) => (await client.query(text, [...values])).rows as readonly Row[],
    });
    await client.query('COMMIT');
    client.release();
    return value;
  } catch (error) {
    const isBroken = isSilence(error) || (await client.query('ROLLBACK').then(isRolledBack, isNotRolledBack));
    client.release(isBroken);
    throw error;
  }
}

const isRolledBack = () => false;
const isNotRolledBack = () => true;
