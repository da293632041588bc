import type { Config } from '../config/config.ts';
import type { Logger } from '../observability/logger.ts';
import type { SqliteOptions } from '../outbox/sqlite/sqlite-store.ts';
import type { OutboxStore } from '../outbox/store.ts';
import type { Clock } from '../runtime/clock.ts';

type Settings = Pick<NonNullable<Config['outbox']>, 'store' | 'encryptionKeys' | 'maxPending'> & {
  /** What a call takes at most, in ms. */
  readonly longestCallMs: number;
};

type Deps = {
  readonly randomBytes: (size: number) => Buffer;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly startOutboxWorker?: SqliteOptions['startWorker'];
};

/**
 * Opens the store of the outbox, with encryption where there are keys for it.
 *
 * @throws {UnusableStore} if it cannot be used until somebody acts
 */
export async function openOutboxStore(
  { store: place, encryptionKeys, maxPending, longestCallMs }: Settings,
  { randomBytes, clock, logger, startOutboxWorker }: Deps,
): Promise<OutboxStore> {
  const { createSealing } = await import('../outbox/sealing/prepare.ts');
  const { prepare, seal } = createSealing(encryptionKeys?.reveal() ?? null, randomBytes);
  if (place.kind === 'postgres') {
    const { openPostgresStore } = await import('../outbox/postgres/postgres-store.ts');
    const store = await openPostgresStore({
      url: place.url.reveal(),
      schema: place.schema,
      maxPending,
      replica: randomBytes(REPLICA_ID_BYTES).toString('base64url'),
      longestCallMs,
      clock,
      prepare,
      observer: {
        onDown: (error, isAway) =>
          logger.warn(
            { err: error },
            isAway
              ? 'the database of the outbox cannot be reached'
              : 'the database of the outbox refuses what it has to do',
          ),
        onUp: () => logger.info({}, 'the database of the outbox is back'),
      },
    });
    return seal(store);
  }
  const { openSqliteStore } = await import('../outbox/sqlite/sqlite-store.ts');
  const store = await openSqliteStore({
    path: place.path,
    maxPending,
    clock,
    ...(startOutboxWorker !== undefined && { startWorker: startOutboxWorker }),
  });
  try {
    await prepare(store);
    return seal(store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

const REPLICA_ID_BYTES = 12;
