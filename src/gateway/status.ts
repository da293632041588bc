import type { KeySource } from '../access/watch-key-file.ts';
import type { Config } from '../config/config.ts';
import type { Breaker } from '../dispatch/breaker.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Quota } from '../dispatch/quota.ts';
import type { StatusReport } from '../http/ops/status-schema.ts';
import { toCounts } from '../http/outbox/answers.ts';
import type { OutboxAdministration, OutboxCounts } from '../leads/outbox.ts';
import type { Journal } from '../observability/journal.ts';
import type { Coordinator } from '../replicas/coordinator.ts';
import type { Clock } from '../runtime/clock.ts';
import type { CredentialWatch } from './observed-upstream.ts';
import type { Target } from './target.ts';

export type StatusParts = {
  readonly config: Config;
  readonly version: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly unreadiness: () => readonly string[];
  readonly warnings: () => readonly string[];
  readonly target: Pick<Target, 'server' | 'sandbox'>;
  readonly dispatcher: Pick<Dispatcher, 'queued' | 'dayPlan'>;
  readonly quota: Quota;
  readonly breaker: Pick<Breaker, 'isOpen'>;
  readonly credentials: Pick<CredentialWatch, 'credentials' | 'clock'>;
  readonly coordinator: Pick<Coordinator, 'replicas' | 'isCoordinated'> | null;
  readonly keys: Pick<KeySource, 'keyring'> | null;
  readonly journal: Journal;
  /** Null: leads are not kept. */
  readonly outbox: Pick<OutboxAdministration, 'counts'> | null;
};

/** What `GET /status` tells, from all parts of the gateway. */
export function createStatusReport(parts: StatusParts): () => Promise<StatusReport> {
  const { config, version, clock, target, dispatcher, breaker, credentials, coordinator } = parts;
  const startedAt = instant(clock.now());
  return async () => {
    const counts = await countsOf(parts.outbox);
    const reasons = parts.unreadiness();
    return {
      status: reasons.length === 0 ? 'ready' : 'unready',
      reasons: [...reasons],
      warnings: [...parts.warnings()],
      version,
      startedAt,
      asOf: instant(clock.now()),
      upstream: {
        api: target.server.protocol,
        host: target.server.endpoint.host,
        sandbox: target.sandbox !== null,
        sandboxUrl: target.sandbox?.url ?? null,
      },
      queue: { waiting: dispatcher.queued(), limit: config.maxQueued },
      calls: callsOf(parts),
      circuitBreaker: breaker.isOpen() ? 'open' : 'closed',
      credentials: credentials.credentials(),
      clock: credentials.clock(),
      ...(coordinator !== null && {
        replicas: { connected: coordinator.replicas(), coordinated: coordinator.isCoordinated() },
      }),
      outbox: config.outbox !== null,
      ...(counts !== undefined && { outboxCounts: toCounts(counts) }),
      keys: keysOf(parts),
      problems: problemsOf(parts.journal),
    };
  };
}

/** Undefined while the store cannot be read, which a warning tells. */
async function countsOf(outbox: StatusParts['outbox']): Promise<OutboxCounts | undefined> {
  try {
    return await outbox?.counts();
  } catch {
    return undefined;
  }
}

function callsOf({ quota, dispatcher, clock }: StatusParts): StatusReport['calls'] {
  const nowMs = clock.now();
  const { callsNeeded, endsInMs } = dispatcher.dayPlan();
  const { endsAt } = quota.day();
  return {
    window: { left: Math.floor(quota.free()), limit: Math.floor(quota.capacity()) },
    concurrent: { running: quota.running(), limit: quota.limits.maxConcurrent },
    day: {
      left: Math.floor(quota.dayLeft()),
      limit: quota.limits.dailyCalls,
      needed: Math.ceil(callsNeeded),
      usedUpAt: endsInMs === null ? null : instant(nowMs + endsInMs),
      resetsAt: instant(endsAt),
    },
  };
}

function keysOf({ keys, journal, clock }: StatusParts): StatusReport['keys'] {
  const listed = keys?.keyring().list(clock.now()) ?? [];
  return listed.map((key) => {
    const use = journal.useOf(key.name);
    return {
      ...key,
      lastUsedAt: use === undefined ? null : instant(use.lastUsedAt),
      requests: use?.requests ?? 0,
      problems: use?.problems ?? 0,
    };
  });
}

function problemsOf(journal: Journal): StatusReport['problems'] {
  return journal.problems().map(({ at, caller, ...problem }) => ({
    time: instant(at),
    ...problem,
    caller: caller === '' || caller === 'unknown' ? null : caller,
  }));
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
