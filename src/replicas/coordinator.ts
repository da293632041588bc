import type { CallPermits } from '../dispatch/permits.ts';
import type { QuotaLimits, Share } from '../dispatch/quota.ts';
import type { Clock } from '../runtime/clock.ts';
import { WINDOW_MS } from '../dispatch/sliding-window.ts';
import { createMembership, type LocalBudgets, type Membership } from './membership.ts';
import type { DegradedReason } from './membership-state.ts';
import { createSharedPermits, LATE_MS, type PermitResult } from './shared-permits.ts';
import type { SharedState, View } from './shared-state.ts';
import { createLocalCalls, createSharedWindow, isSameDay } from './shared-window.ts';

/** How much longer a lease lasts than a call may take. */
const LEASE_MARGIN_MS = 2 * LATE_MS;

/** How often a start checks for a connection. */
const CONNECTION_POLL_MS = 10;

export type CoordinatorOptions = {
  readonly sharedState: SharedState;
  /** The connection behind it. */
  readonly redis: { isReady(): boolean; renew(): void };
  /** This replica's name; unique. */
  readonly replica: string;
  /** The name in Redis of an ordering key's lock. */
  readonly lockOf: (orderingKey: string) => string;
  /** Its fraction of the limits while Redis is unavailable, over 0 up to 1. */
  readonly share: number;
  readonly limits: QuotaLimits;
  /** Calls that processes before this one may have made in the last 20 seconds, where Redis does not know. */
  readonly callsBefore?: number;
  /** How long a call to the upstream may take. */
  readonly callTimeoutMs: number;
  /** How long a call may go on at the upstream and create leads by its keys after its replica has died, in ms. */
  readonly mayCreateForMs: number;
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly observer: CoordinatorObserver;
};

/** Observes; must not throw. */
export type CoordinatorObserver = {
  /** A permit was requested. */
  onAcquire(result: PermitResult): void;
  /** Redis no longer decides, or for a different reason than before. */
  onDegraded(reason: DegradedReason, error?: unknown): void;
  /** Redis decides again. */
  onCoordinated(view: View): void;
};

export type Coordinator = {
  /** This replica's part of the budgets, for its quota. */
  readonly share: Share;
  readonly permits: CallPermits;
  /** Starts the heartbeats; waits for a connection, at most `waitMs`. */
  join(local: LocalBudgets, waitMs: number): Promise<void>;
  /** Stops them and tells the peers. */
  leave(): Promise<void>;
  isCoordinated(): boolean;
  /** Connected replicas as far as this one knows, itself included. */
  replicas(): number;
  /** What the operator should look at, one sentence each. */
  warnings(): readonly string[];
};

/** A twentieth of the window's calls may be granted before every replica has seen them. */
export function maxUnseenOf(callsPerWindow: number): number {
  return Math.ceil(callsPerWindow / 20);
}

/**
 * One of several replicas of a subscription: asks Redis for each call, keeps to its share while Redis is unavailable, and
 * reports its calls when Redis is back (docs/replicas.md).
 */
export function createCoordinator(options: CoordinatorOptions): Coordinator {
  const { share, limits, clock, observer } = options;
  const { callsPerWindow } = limits;
  const leaseMs = options.callTimeoutMs + LEASE_MARGIN_MS;
  // Granted before the last heartbeat without a reply, and as many after it.
  const unseen = 2 * maxUnseenOf(callsPerWindow);
  const before = { calls: options.callsBefore ?? 0, untilMs: clock.monotonicMs() + WINDOW_MS };
  const calls = createLocalCalls();
  const membership = createMembership({
    ...options,
    ...observer,
    calls,
    standalone: { share, callsPerWindow, unseen, leaseMs, before },
  });
  const { isCoordinated, last, allowances } = membership;
  let local: LocalBudgets | undefined;

  return {
    share: {
      window: createSharedWindow({ size: callsPerWindow, monotonicMs: clock.monotonicMs, allowances }),
      maxConcurrent: () => concurrencyOf(membership, share, limits.maxConcurrent, clock.monotonicMs()),
      ownDay: (day) => dailyCallsOf(membership, share, unseen, day),
    },
    permits: createSharedPermits({
      ...options,
      membership,
      calls,
      leaseMs,
      lockMs: Math.max(leaseMs, options.mayCreateForMs + LEASE_MARGIN_MS),
      dayProbeInMs: () => local?.dayProbeInMs() ?? null,
      day: () => local?.day() ?? { endsAt: 0, calls: limits.dailyCalls },
      onAcquire: observer.onAcquire,
    }),
    async join(budgets, waitMs) {
      local = budgets;
      await connection(options, waitMs);
      await membership.begin(budgets);
    },
    leave: membership.end,
    isCoordinated,
    replicas: () => (isCoordinated() ? (last()?.view.connected ?? 1) : 1),
    warnings: () => warningsOf(membership, share),
  };
}

/** Waits for the connection, so that a start does not fall back to its share for a few ms. */
async function connection({ redis, clock }: CoordinatorOptions, waitMs: number): Promise<void> {
  for (const until = clock.monotonicMs() + waitMs; !redis.isReady() && clock.monotonicMs() < until;) {
    await new Promise<void>((resolve) => {
      clock.setTimer(resolve, CONNECTION_POLL_MS);
    });
  }
}

/** Calls this replica may run at a time; while coordinated, Redis enforces the limit. */
function concurrencyOf(
  { isCoordinated, isOnProbation, last }: Membership,
  share: number,
  maxConcurrent: number,
  nowMs: number,
): number {
  if (isCoordinated() && !isOnProbation()) return maxConcurrent;
  const own = Math.max(1, Math.floor(share * maxConcurrent));
  const sighting = last();
  if (isCoordinated() || sighting === undefined) return own;
  const running = sighting.view.peerLeases.filter((leftMs) => sighting.atMs + leftMs > nowMs).length;
  return Math.max(1, Math.min(own, maxConcurrent - running));
}

/** How many calls of the day this replica may make in all. */
function dailyCallsOf(
  { isCoordinated, last }: Membership,
  share: number,
  unseen: number,
  day: Parameters<Share['ownDay']>[0],
): number {
  const seen = last();
  const { total, own } =
    seen !== undefined && isSameDay(seen.day.endsAt, day.endsAt) ? seen.day : { total: 0, own: 0 };
  if (isCoordinated()) return day.calls - (total - own);
  const left = Math.max(0, day.calls - total - (seen === undefined ? 0 : unseen));
  return own + Math.floor(share * left);
}

function warningsOf({ isCoordinated, degradedReason, last }: Membership, share: number): readonly string[] {
  if (!isCoordinated()) {
    const what = degradedReason() === 'refused' ? 'refuses what replicas need' : 'cannot be reached';
    return [`Redis ${what}; this replica keeps to ${Math.round(share * 100)} % of the limits`];
  }
  const { connected = 1, connectedShare = 0 } = last()?.view ?? {};
  return connectedShare > 1.001
    ? [
        `${connected} replicas run with shares of more than the limits; without Redis they would exceed them: lower REPLICA_SHARE`,
      ]
    : [];
}
