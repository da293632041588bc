import type { Sql } from './connection.ts';

/** Names that one transaction may lock: all its locks share a table of the server (max_locks_per_transaction). */
const MAX_NAMES = 800;

/**
 * Locks names until the transaction ends, in an order that is the same for all, so that no two wait for each other.
 * Whatever changes the queue of an ordering key locks it before.
 *
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 */
export async function lockNames(sql: Sql, schema: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const all = `${schema} all names`;
  // What locks many names locks all: it waits for those who lock some, and they wait for it.
  if (names.length > MAX_NAMES) {
    await sql.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [all]);
    return;
  }
  await sql.query(
    `SELECT pg_advisory_xact_lock_shared(hashtextextended($3, 0)), pg_advisory_xact_lock(name) FROM (
      SELECT DISTINCT hashtextextended($2 || ' ' || name, 0) AS name FROM unnest($1::text[]) AS name ORDER BY 1
    ) AS names`,
    [names, schema, all],
  );
}
