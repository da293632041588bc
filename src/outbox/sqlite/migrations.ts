import type { Row } from '../rows.ts';
import type { Connection } from './database.ts';

/** Each makes the next version of the schema; one that was released is never changed. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE leads (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    accepted_at INTEGER NOT NULL,
    -- From when its age counts: its acceptance, or the last time an operator had it tried again.
    since INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    finished_at INTEGER,
    -- In how many queues of ordering_keys another lead stands before it.
    behind INTEGER NOT NULL DEFAULT 0,
    -- A list of texts in JSON.
    ordering_keys TEXT,
    payload TEXT,
    problem TEXT,
    -- What kind of problem it is.
    code TEXT,
    result TEXT,
    -- Whom it is about, not readable.
    subject TEXT,
    idempotency_key TEXT,
    fingerprint TEXT
  ) STRICT;
  CREATE INDEX due ON leads (next_at, seq) WHERE state = 'pending' AND behind = 0;
  CREATE INDEX pending ON leads (since) WHERE state = 'pending';
  CREATE INDEX failed ON leads (since, seq, code) WHERE state = 'failed';
  CREATE INDEX finished ON leads (finished_at, state) WHERE finished_at IS NOT NULL;
  CREATE UNIQUE INDEX idempotency ON leads (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
  -- Ids of the keys that texts are encrypted with, which tell nothing of the keys; none: plain text.
  CREATE TABLE encryption_keys (id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
  -- A queue for each ordering key; the head of a queue has its lowest seq. Pending leads only.
  CREATE TABLE ordering_keys (
    ordering_key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (ordering_key, seq)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE batches (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    total INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    -- Why, in JSON.
    refusals TEXT NOT NULL,
    -- Of leads that are removed after the retention: how many had which end, and when the last of them.
    delivered INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER,
    idempotency_key TEXT,
    fingerprint TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX batch_idempotency ON batches (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX batch_age ON batches (accepted_at);
  ALTER TABLE leads ADD COLUMN batch TEXT;
  -- Which lead of the batch it is, from 0 on.
  ALTER TABLE leads ADD COLUMN place INTEGER;
  CREATE INDEX batch ON leads (batch, state, finished_at) WHERE batch IS NOT NULL;
  `,
  `
  -- Whether it needs a call of its own: such leads are claimed apart, so that many of them hold up no others.
  ALTER TABLE leads ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
  DROP INDEX due;
  CREATE INDEX due ON leads (next_at, seq) WHERE state = 'pending' AND behind = 0 AND alone = 0;
  CREATE INDEX due_alone ON leads (next_at, seq) WHERE state = 'pending' AND behind = 0 AND alone = 1;
  `,
];

/** The version that this program knows. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the schema to this program's version; each step is a transaction of its own.
 *
 * @returns the version of the file if it is a later one, of which nothing is touched
 */
export function migrate(db: Connection): number | undefined {
  const { user_version: found } = db.prepare('PRAGMA user_version').get() as Row;
  const version = Number(found);
  if (version > SCHEMA_VERSION) return version;
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${statements} PRAGMA user_version = ${index + 1}; COMMIT`);
  }
  return undefined;
}
