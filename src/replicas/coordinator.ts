import type { CallPermits } from '../dispatch/permits.ts';
import type { QuotaLimits, Share } from '../dispatch/quota.ts';
import type { SharedState, View } from './shared-state.ts';
import { type AwayReason, createMembership, type ReplicaMember, type Membership } from './membership.ts';
import { createLocalCalls, createSharedWindow, isSameDay } from './shared-window.ts';
import { createSharedPermits, LATE_MS, type PermitResult } from './shared-permits.ts';

/** How much longer than a call may take a lease holds. */
const LEASE_MARGIN_MS = 2 * LATE_MS;

export type CoordinatorOptions = {
  readonly sharedState: SharedState;
  /** The connection behind it. */
  readonly redis: { isReady(): boolean; renew(): void };
  /** This replica's name; no two have the same. */
  readonly replica: string;
  /** The name of a lane in Redis. */
  readonly lane: (laneKey: string) => string;
  /** Its part of the limits while Redis is away, over 0 up to 1. */
  readonly share: number;
  readonly limits: QuotaLimits;
  /** How long a call to the upstream may take. */
  readonly callTimeoutMs: number;
  /** A clock that does not jump, in ms. */
  readonly monotonicMs: () => number;
  /** 0 up to but not 1. */
  readonly random: () => number;
  readonly observer: CoordinatorObserver;
};

/** Sees what happens; must not throw. */
export type CoordinatorObserver = {
  /** Leave for a call was asked for. */
  onAcquire(result: PermitResult): void;
  onAway(reason: AwayReason, error?: unknown): void;
  onBack(view: View): void;
};

export type Coordinator = {
  /** What is left to this replica, for its quota. */
  readonly share: Share;
  readonly permits: CallPermits;
  /** Begins to tell the others; waits for a connection, at most `waitMs`. */
  join(member: ReplicaMember, waitMs: number): Promise<void>;
  /** Tells the others that this replica is gone. */
  leave(): Promise<void>;
  isCoordinated(): boolean;
  /** Live replicas as far as is known, this one included. */
  replicas(): number;
  /** What the operator should see to, a sentence each. */
  warnings(): readonly string[];
};

/** Calls in a twentieth of the window may be granted before every replica has seen them. */
export function maxUnseenOf(callsPerWindow: number): number {
  return Math.ceil(callsPerWindow / 20);
}

/**
 * One of several replicas that share a subscription: asks the sharedState for leave while Redis is there, keeps to its share
 * while it is not, and brings back what it did meanwhile.
 */
export function createCoordinator(options: CoordinatorOptions): Coordinator {
  const { sharedState, redis, replica, share, limits, monotonicMs, random, observer } = options;
  const leaseMs = options.callTimeoutMs + LEASE_MARGIN_MS;
  // Those granted before the last sign of life that got no answer, and those granted after it.
  const unseen = 2 * maxUnseenOf(limits.callsPerWindow);
  const calls = createLocalCalls();
  const membership = createMembership({
    sharedState,
    redis,
    calls,
    alone: { share, callsPerWindow: limits.callsPerWindow, unseen, leaseMs },
    monotonicMs,
    onAway: observer.onAway,
    onBack: observer.onBack,
  });
  const { isCoordinated, seen } = membership;
  let member: ReplicaMember | undefined;

  return {
    share: {
      window: createSharedWindow({ size: limits.callsPerWindow, monotonicMs, rules: membership.rules }),
      maxConcurrent: () => concurrencyOf(membership, share, limits.maxConcurrent, monotonicMs()),
      ownDay({ endsAt, calls: dailyCalls }) {
        const today = membership.today();
        const { total, own } = isSameDay(today.endsAt, endsAt) ? today : { total: 0, own: 0 };
        if (isCoordinated()) return dailyCalls - (total - own);
        const left = Math.max(0, dailyCalls - total - (seen() === undefined ? 0 : unseen));
        return own + Math.floor(share * left);
      },
    },
    permits: createSharedPermits({
      sharedState,
      membership,
      calls,
      replica,
      lane: options.lane,
      leaseMs,
      look: () => member?.spentLookInMs() ?? null,
      day: () => member?.day() ?? { endsAt: 0, calls: limits.dailyCalls },
      monotonicMs,
      random,
      onAcquire: observer.onAcquire,
    }),
    async join(me, waitMs) {
      member = me;
      // The connection is being made: nobody shall begin with a share for want of a few ms.
      for (const until = monotonicMs() + waitMs; !redis.isReady() && monotonicMs() < until;) await pause(10);
      await membership.begin(me);
    },
    leave: membership.end,
    isCoordinated,
    replicas: () => (isCoordinated() ? (seen()?.view.live ?? 1) : 1),
    warnings: () => warningsOf(membership, share),
  };
}

/** Calls this replica may run at a time. While Redis judges alone it says when there are enough. */
function concurrencyOf(
  { isCoordinated, isWatched, seen }: Membership,
  share: number,
  maxConcurrent: number,
  nowMs: number,
): number {
  if (isCoordinated() && !isWatched()) return maxConcurrent;
  const own = Math.max(1, Math.floor(share * maxConcurrent));
  const last = seen();
  if (isCoordinated() || last === undefined) return own;
  const running = last.view.othersRunning.filter((leftMs) => last.atMs + leftMs > nowMs).length;
  return Math.max(1, Math.min(own, maxConcurrent - running));
}

function warningsOf({ isCoordinated, awayReason, seen }: Membership, share: number): readonly string[] {
  if (!isCoordinated()) {
    const what = awayReason() === 'refused' ? 'refuses what replicas need' : 'cannot be reached';
    return [`Redis ${what}; this replica keeps to ${Math.round(share * 100)} % of the limits`];
  }
  const { live = 1, liveShare = 0 } = seen()?.view ?? {};
  return liveShare > 1.001
    ? [
        `${live} replicas run with shares of more than the limits; without Redis they would exceed them: lower REPLICA_SHARE`,
      ]
    : [];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
