import { UnusableStore } from '../store.ts';
import type { Connection, Sql } from './connection.ts';

/** Each makes the next version of the schema; one that was released is never changed. */
const MIGRATIONS: readonly ((schema: string) => string)[] = [
  (schema) => `
  CREATE TABLE ${schema}.leads (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    owner text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    accepted_at bigint NOT NULL,
    -- From when its age counts: its acceptance, or the last time an operator had it tried again.
    since bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_at bigint NOT NULL,
    finished_at bigint,
    -- In how many queues of ordering_keys another lead stands before it.
    behind integer NOT NULL DEFAULT 0,
    -- A list of texts in JSON.
    ordering_keys text,
    payload text,
    problem text,
    -- What kind of problem it is.
    code text,
    result text,
    -- Whom it is about, not readable.
    subject text,
    idempotency_key text,
    fingerprint text,
    -- The replica that has it on its way, and how often one has taken it: who took it before cannot end it.
    leased_by text,
    fence bigint NOT NULL DEFAULT 0
  );
  CREATE INDEX leads_due ON ${schema}.leads (next_at, seq) WHERE state = 'pending' AND behind = 0;
  CREATE INDEX leads_pending ON ${schema}.leads (since, seq) WHERE state = 'pending';
  CREATE INDEX leads_failed ON ${schema}.leads (since, seq, code) WHERE state = 'failed';
  CREATE INDEX leads_finished ON ${schema}.leads (finished_at, state) WHERE finished_at IS NOT NULL;
  CREATE INDEX leads_leased ON ${schema}.leads (leased_by) WHERE leased_by IS NOT NULL;
  CREATE UNIQUE INDEX leads_idempotency ON ${schema}.leads (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
  -- A queue for each ordering key; the head of a queue has its lowest seq. Pending leads only.
  CREATE TABLE ${schema}.ordering_keys (
    ordering_key text NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (ordering_key, seq)
  );
  CREATE INDEX ordering_keys_seq ON ${schema}.ordering_keys (seq);
  CREATE TABLE ${schema}.replicas (id text PRIMARY KEY, alive_until timestamptz NOT NULL);
  -- Ids of the keys that texts are encrypted with, which tell nothing of the keys; none: plain text.
  CREATE TABLE ${schema}.encryption_keys (id text PRIMARY KEY);
  `,
  (schema) => `
  CREATE TABLE ${schema}.batches (
    id text PRIMARY KEY,
    owner text NOT NULL,
    accepted_at bigint NOT NULL,
    total integer NOT NULL,
    refused integer NOT NULL,
    -- Why, in JSON.
    refusals text NOT NULL,
    -- Of leads that are removed after the retention: how many had which end, and when the last of them.
    delivered integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    finished_at bigint,
    idempotency_key text,
    fingerprint text
  );
  CREATE UNIQUE INDEX batches_idempotency ON ${schema}.batches (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX batches_age ON ${schema}.batches (accepted_at);
  ALTER TABLE ${schema}.leads ADD COLUMN batch text;
  -- Which lead of the batch it is, from 0 on.
  ALTER TABLE ${schema}.leads ADD COLUMN place integer;
  CREATE INDEX leads_batch ON ${schema}.leads (batch, state, finished_at) WHERE batch IS NOT NULL;
  `,
  (schema) => `
  -- Whether it needs a call of its own: such leads are claimed apart, so that many of them hold up no others.
  ALTER TABLE ${schema}.leads ADD COLUMN alone boolean NOT NULL DEFAULT false;
  DROP INDEX ${schema}.leads_due;
  CREATE INDEX leads_due ON ${schema}.leads (next_at, seq) WHERE state = 'pending' AND behind = 0 AND NOT alone;
  CREATE INDEX leads_due_alone ON ${schema}.leads (next_at, seq) WHERE state = 'pending' AND behind = 0 AND alone;
  `,
];

/**
 * Makes the schema, or brings it to this program's version, in one transaction; replicas that start together take turns.
 *
 * @throws {UnusableStore} if it has a later version, of which nothing is touched, or would be made in an encoding that
 *   cannot keep every lead
 */
export async function migrate(connection: Connection, schema: string): Promise<void> {
  const found = await connection.transaction(async (sql) => {
    await sql.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`lead-gateway ${schema}`]);
    const version = await versionOf(sql, schema);
    if (version >= MIGRATIONS.length) return version;
    if (version === 0) await checkEncoding(sql);
    // Asked for, it needs a privilege even where it is there.
    if (version === 0 && !(await hasSchema(sql, schema))) await sql.query(`CREATE SCHEMA ${schema}`);
    for (const statements of MIGRATIONS.slice(version)) await sql.query(statements(schema));
    if (version === 0) {
      await sql.query(`CREATE TABLE ${schema}.version (version integer NOT NULL)`);
      await sql.query(`INSERT INTO ${schema}.version VALUES ($1)`, [MIGRATIONS.length]);
    } else {
      await sql.query(`UPDATE ${schema}.version SET version = $1`, [MIGRATIONS.length]);
    }
    return MIGRATIONS.length;
  });
  if (found > MIGRATIONS.length) {
    throw new UnusableStore(
      `OUTBOX_URL: the schema ${schema} has version ${found}, and this program knows versions up to ${MIGRATIONS.length}; start the newer program again`,
    );
  }
}

/** Has every character that a lead may have; SQL_ASCII keeps the bytes of UTF-8 as they are. */
const ENCODINGS: ReadonlySet<unknown> = new Set(['UTF8', 'SQL_ASCII']);

async function checkEncoding(sql: Sql): Promise<void> {
  const [row] = await sql.query("SELECT current_setting('server_encoding') AS encoding");
  if (row === undefined || ENCODINGS.has(row['encoding'])) return;
  throw new UnusableStore(
    `OUTBOX_URL: the database has the encoding ${row['encoding']}, which lacks characters that leads may have; use one with UTF8`,
  );
}

async function hasSchema(sql: Sql, schema: string): Promise<boolean> {
  const rows = await sql.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  return rows.length > 0;
}

async function versionOf(sql: Sql, schema: string): Promise<number> {
  const [row] = await sql.query('SELECT to_regclass($1) AS found', [`${schema}.version`]);
  if (row?.['found'] === null || row === undefined) return 0;
  const [version] = await sql.query(`SELECT version FROM ${schema}.version`);
  return Number(version?.['version'] ?? 0);
}
