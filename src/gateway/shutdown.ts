import type { Logger } from '../observability/logger.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { LeadStreams } from '../http/leads/batch/streams.ts';
import type { UniformResponses } from '../http/leads/uniform-response.ts';
import type { HttpServer } from '../http-server/server.ts';
import type { Clock } from '../runtime/clock.ts';

/** Closes what was started, last to first: when a start fails half-way, and when the gateway stops. */
export type CloseStack = {
  onClose(close: () => unknown): void;
  /** Never rejects: errors are logged, and the rest is closed all the same. Later calls wait for the first. */
  close(): Promise<void>;
};

export function createCloseStack(logger: Pick<Logger, 'error'>): CloseStack {
  const closers: (() => unknown)[] = [];
  let closed: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      try {
        await close();
      } catch (error) {
        logger.error({ err: error }, 'part of the gateway failed to close');
      }
    }
  }

  return {
    onClose: (close) => void closers.push(close),
    close: () => (closed ??= closeAll()),
  };
}

/** The time a shutdown may take, from when it begins. */
export type GracePeriod = {
  begin(): void;
  hasBegun(): boolean;
  /** In ms; 0 before it has begun. */
  leftMs(): number;
};

export function createGracePeriod(graceMs: number, monotonicMs: () => number): GracePeriod {
  let endsAt: number | undefined;
  return {
    begin() {
      endsAt = monotonicMs() + graceMs;
    },
    hasBegun: () => endsAt !== undefined,
    leftMs: () => (endsAt === undefined ? 0 : Math.max(0, endsAt - monotonicMs())),
  };
}

export type DrainOptions = {
  readonly server: Pick<HttpServer, 'announceClose' | 'quiet' | 'close'>;
  readonly dispatcher: Pick<Dispatcher, 'refuseNew' | 'refuseAll'>;
  /** Batches that are being read. */
  readonly streams: Pick<LeadStreams, 'endAll'>;
  readonly uniformResponses: Pick<UniformResponses, 'hurry'>;
  readonly grace: GracePeriod;
  readonly setTimer: Clock['setTimer'];
  /** How long new requests are still served, until load balancers have noticed; at most half the grace period counts. */
  readonly delayMs: number;
};

/** Reserved at the end of the grace period for refusing what could not be finished; in ms. */
const REFUSAL_MS = 500;
/** How long a new connection may take to send its request; in ms. */
const LINGER_MS = 100;

/**
 * Graceful shutdown (docs/operations.md#shutdown): accepts leads for `delayMs`, then refuses new ones; finishes queued
 * and in-flight leads within the grace period and answers the rest with 503. Resolves when the last connection is gone.
 */
export async function drain({
  server,
  dispatcher,
  streams,
  uniformResponses,
  grace,
  setTimer,
  delayMs,
}: DrainOptions): Promise<void> {
  grace.begin();
  const graceMs = grace.leftMs();
  const delay = Math.min(delayMs, graceMs / 2);
  server.announceClose();
  if (delay > 0) {
    await new Promise<void>((resolve) => {
      setTimer(resolve, delay);
    });
  }
  dispatcher.refuseNew();
  streams.endAll();
  await server.quiet(grace.leftMs() - Math.min(REFUSAL_MS, graceMs / 4));
  dispatcher.refuseAll();
  uniformResponses.hurry();
  await server.close(grace.leftMs(), Math.min(LINGER_MS, delay));
}
