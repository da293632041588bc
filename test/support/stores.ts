import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { openPostgresStore, type PostgresOptions } from '../../src/outbox/postgres/postgres-store.ts';
import type { OutboxStore } from '../../src/outbox/store.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createLocalStore } from './outbox.ts';

/** A server for tests, which may create databases' schemas; checks/outbox/postgres.mjs starts one. */
export const POSTGRES_URL = process.env['TEST_POSTGRES_URL'];

type CreateStore = (maxPending?: number) => Promise<OutboxStore>;

/** Every implementation of the store: its name, and what makes an empty one that goes with the test. */
export const STORES: readonly (readonly [string, CreateStore])[] = [
  ['SQLite', async (maxPending) => createLocalStore(maxPending)],
  ...(POSTGRES_URL === undefined
    ? []
    : [
        [
          'PostgreSQL',
          (maxPending?: number) =>
            openReplica(schemaForTest(), maxPending === undefined ? {} : { maxPending }),
        ] as const,
      ]),
];

/** The name of a schema that goes with the test. */
export function schemaForTest(): string {
  const schema = `test_${randomBytes(8).toString('hex')}`;
  onTestFinished(() => void query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`));
  return schema;
}

/** One of the stores that share a schema, which goes with the test. */
export async function openReplica(
  schema: string,
  options: Partial<PostgresOptions> = {},
): Promise<OutboxStore> {
  const store = await openStore(schema, options);
  onTestFinished(store.close);
  return store;
}

/** The same, for the caller to close. */
export function openStore(schema: string, options: Partial<PostgresOptions> = {}): Promise<OutboxStore> {
  return openPostgresStore({
    url: POSTGRES_URL ?? '',
    schema,
    replica: randomBytes(8).toString('hex'),
    longestCallMs: 20_000,
    clock: systemClock,
    prepare: async () => {},
    observer: { onDown: () => {}, onUp: () => {} },
    maxPending: 1_000_000,
    ...options,
  });
}

const pool = new pg.Pool({ connectionString: POSTGRES_URL, allowExitOnIdle: true });

/** What a statement gives. */
export async function query(text: string): Promise<readonly any[]> {
  return (await pool.query(text)).rows;
}
