import type { Config } from '../config/config.ts';
import type { Logger } from '../observability/logger.ts';
import type { LeadDirectory, UpsertLead } from '../leads/lead.ts';
import { failureFields } from '../http/error-handler.ts';
import type { DeliveryObserver } from '../outbox/delivery-observer.ts';
import type { AppDeps } from '../http/app.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { SqliteOptions } from '../outbox/sqlite/sqlite-store.ts';
import type { CloseStack } from './shutdown.ts';

type Context = Clock & {
  readonly config: Config;
  readonly metrics: Pick<Metrics, 'outbox' | 'watch'>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** 0 up to but not 1. */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly onClose: CloseStack['onClose'];
  /** Where a store in SQLite works; a thread of its own when left out. */
  readonly startOutboxWorker?: SqliteOptions['startWorker'];
};

type OpenedOutbox = {
  /** Where leads go, and what keeps those that may wait; null without OUTBOX_URL. */
  readonly leads: Required<Pick<AppDeps, 'directory' | 'accepting'>>;
  readonly warnings: () => readonly string[];
};

/**
 * Opens the outbox in front of a directory, if there is one.
 *
 * @param goesAlone whether a lead needs a call of its own
 * @throws {UnusableStore} if its store cannot be used
 */
export async function openOutbox(
  { config, metrics, logger, random, randomBytes, onClose, startOutboxWorker, ...clock }: Context,
  directory: LeadDirectory,
  goesAlone: (command: UpsertLead) => boolean,
): Promise<OpenedOutbox> {
  if (config.outbox === null) return { leads: { directory, accepting: null }, warnings: () => [] };
  const [{ openOutboxStore }, { createOutbox }, { observeStore, watchStore }] = await Promise.all([
    import('./outbox-store.ts'),
    import('../outbox/outbox.ts'),
    import('../outbox/observed-store.ts'),
  ]);
  const { maxAgeMs, retentionMs } = config.outbox;
  const { requestDeadlineMs: deadlineMs } = config;
  const place = { ...config.outbox, longestCallMs: config.upstreamTimeoutMs };
  const opened = await openOutboxStore(place, { randomBytes, clock, logger, startOutboxWorker });
  const watch = watchStore(opened, clock);
  const failed = (code: string, count: number) => {
    metrics.outbox.failed(code, count);
    watch.failed();
  };
  const store = observeStore(opened, { ...metrics.outbox, failed }, clock);
  const settings = { deadlineMs, maxAgeMs, retentionMs, observer: logDeliveries(logger) };
  const outbox = createOutbox({ store, directory, goesAlone, clock, random, randomBytes, ...settings });
  onClose(outbox.close);
  onClose(async () => watch.stop());
  const { maxPending } = config.outbox;
  metrics.watch({
    outboxPending: opened.pending,
    outboxPendingLimit: () => maxPending,
    outboxOldest: () => watch.ageMs() / 1000,
  });
  return {
    leads: {
      directory: outbox.directory,
      accepting: { outbox, administration: outbox.administration, deadlineMs },
    },
    warnings: () => [...outbox.warnings(), ...(watch.hasFailed() ? [HAVE_FAILED] : [])],
  };
}

const HAVE_FAILED = 'leads in the outbox have failed and wait for the operator';

/** A kept lead was answered before it was delivered, so only these lines say what became of it. */
function logDeliveries(logger: Pick<Logger, 'info' | 'warn'>): DeliveryObserver {
  return {
    paused: ({ error, requestId }) =>
      logger.warn(failureFields(error, requestId), 'delivery of kept leads paused'),
    resumed: () => logger.info({}, 'delivery of kept leads goes on'),
    failed: ({ error, requestId }) => logger.warn(failureFields(error, requestId), 'kept lead failed'),
  };
}
