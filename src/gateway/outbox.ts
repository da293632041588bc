import type { Config } from '../config/config.ts';
import type { LeadDirectory } from '../leads/lead.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Clock } from '../runtime/clock.ts';
import type { CloseStack } from './shutdown.ts';

type Context = Clock & {
  readonly config: Config;
  /** 0 up to but not 1. */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly onClose: CloseStack['onClose'];
};

/**
 * The outbox in front of a directory; null without OUTBOX_URL.
 *
 * @throws {UnusableStore} if its store cannot be used
 */
export async function openOutbox(
  { config, random, randomBytes, onClose, ...clock }: Context,
  directory: LeadDirectory,
): Promise<Outbox | null> {
  if (config.outbox === null) return null;
  const [{ openSqliteStore }, { createOutbox }] = await Promise.all([
    import('../outbox/sqlite/sqlite-store.ts'),
    import('../outbox/outbox.ts'),
  ]);
  const { path, maxPending, maxAgeMs, retentionMs } = config.outbox;
  const store = await openSqliteStore({ path, maxPending });
  const outbox = createOutbox({
    store,
    directory,
    clock,
    random,
    randomBytes,
    deadlineMs: config.requestDeadlineMs,
    maxAgeMs,
    retentionMs,
  });
  onClose(outbox.close);
  return outbox;
}
