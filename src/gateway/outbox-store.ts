import type { Config } from '../config/config.ts';
import type { Clock } from '../runtime/clock.ts';
import { type OutboxStore, UnusableStore } from '../outbox/store.ts';

type Settings = Pick<NonNullable<Config['outbox']>, 'store' | 'encryptionKeys' | 'maxPending'>;

/**
 * Opens the store of the outbox, with encryption where there are keys for it.
 *
 * @throws {UnusableStore} if it cannot be used until somebody acts
 */
export async function openOutboxStore(
  { store: place, encryptionKeys, maxPending }: Settings,
  randomBytes: (size: number) => Buffer,
  clock: Clock,
): Promise<OutboxStore> {
  const [{ openSqliteStore }, { prepareStore }] = await Promise.all([
    import('../outbox/sqlite/sqlite-store.ts'),
    import('../outbox/sealing/prepare.ts'),
  ]);
  if (place.kind !== 'file') throw new UnusableStore('OUTBOX_URL must be file: and the path of a file');
  const store = await openSqliteStore({ path: place.path, maxPending, clock });
  try {
    return await prepareStore(store, encryptionKeys?.reveal() ?? null, randomBytes);
  } catch (error) {
    await store.close();
    throw error;
  }
}
