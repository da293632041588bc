import type { Config } from '../config/config.ts';
import type { Logger } from '../observability/logger.ts';
import type { LeadDirectory } from '../leads/lead.ts';
import type { AppDeps } from '../http/app.ts';
import type { Clock } from '../runtime/clock.ts';
import type { CloseStack } from './shutdown.ts';

type Context = Clock & {
  readonly config: Config;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** 0 up to but not 1. */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly onClose: CloseStack['onClose'];
};

type OpenedOutbox = {
  /** Where leads go, and what keeps those that may wait; null without OUTBOX_URL. */
  readonly leads: Required<Pick<AppDeps, 'directory' | 'accepting'>>;
  readonly warnings: () => readonly string[];
};

/**
 * Opens the outbox in front of a directory, if there is one.
 *
 * @throws {UnusableStore} if its store cannot be used
 */
export async function openOutbox(
  { config, logger, random, randomBytes, onClose, ...clock }: Context,
  directory: LeadDirectory,
): Promise<OpenedOutbox> {
  if (config.outbox === null) return { leads: { directory, accepting: null }, warnings: () => [] };
  const [{ openOutboxStore }, { createOutbox }] = await Promise.all([
    import('./outbox-store.ts'),
    import('../outbox/outbox.ts'),
  ]);
  const { maxAgeMs, retentionMs } = config.outbox;
  const { requestDeadlineMs: deadlineMs } = config;
  const store = await openOutboxStore(config.outbox, { randomBytes, clock, logger });
  const options = { store, directory, clock, random, randomBytes, deadlineMs, maxAgeMs, retentionMs };
  const outbox = createOutbox(options);
  onClose(outbox.close);
  return {
    leads: {
      directory: outbox.directory,
      accepting: { outbox, administration: outbox.administration, deadlineMs },
    },
    warnings: outbox.warnings,
  };
}
