import type { DayLimit } from '../dispatch/daily-quota.ts';
import { type Clock, type Timer, withTimeout } from '../runtime/clock.ts';
import type { Allowance, StandaloneOptions } from './allowance.ts';
import {
  allowancesIn,
  degradedReason,
  type DegradedReason,
  initialState,
  isCoordinated,
  isOnProbation,
  type MembershipEvent,
  type MembershipState,
  reduce,
  type Sighting,
  sightingOf,
} from './membership-state.ts';
import { RedisRefusal } from './redis.ts';
import {
  type CallHistory,
  COMMAND_TIMEOUT_MS,
  type Heartbeat,
  HEARTBEAT_MS,
  type SharedState,
  type View,
} from './shared-state.ts';
import { isSameDay, type LocalCalls } from './shared-window.ts';

/** Heartbeats that fail in a row before the connection is replaced. */
const FAILURES_TO_RECONNECT = 10;

/** This replica's own budgets, as far as peers affect them. */
export type LocalBudgets = {
  day(): DayLimit;
  /** Leads this replica receives per second. */
  demandPerSecond(): number;
  pauseUntil(atMs: number): void;
  /** Ms until the upstream is asked again whether the day is spent; null if it is not spent. */
  dayProbeInMs(): number | null;
  /** The same as the peers know it. */
  onDayProbe(inMs: number | null): void;
  /** Called when the budgets have changed. */
  wake(): void;
};

export type MembershipOptions = {
  readonly sharedState: SharedState;
  /** The connection behind it. */
  readonly redis: { isReady(): boolean; renew(): void };
  readonly calls: LocalCalls;
  readonly standalone: StandaloneOptions;
  readonly clock: Clock;
  readonly onDegraded: (reason: DegradedReason, error?: unknown) => void;
  readonly onCoordinated: (view: View) => void;
};

/** Whether Redis decides about this replica's calls, and which allowances apply. */
export type Membership = {
  isCoordinated(): boolean;
  isOnProbation(): boolean;
  /** Undefined while it is coordinated. */
  degradedReason(): DegradedReason | undefined;
  last(): Sighting | undefined;
  /** The allowances that apply now, all of them at once. */
  allowances(): readonly [Allowance, ...Allowance[]];
  /** Sends a command that Redis must run now or not at all; rejects if there is no reply in time. */
  sendTimed<Reply extends { readonly redisMs: number }>(
    send: (sentAt: number) => Promise<Reply>,
  ): Promise<Reply>;
  /** To be called when a reply shows that Redis cannot decide. */
  degrade(reason: DegradedReason): void;
  /** To be called with the error of a command. */
  onFailure(error: unknown): void;
  /** Starts the heartbeats; resolves after the first. */
  begin(local: LocalBudgets): Promise<void>;
  /** Stops them and tells the peers. */
  end(): Promise<void>;
};

/** Runs the state machine of membership-state.ts against Redis. */
export function createMembership(options: MembershipOptions): Membership {
  const { sharedState, redis, clock } = options;
  let local: LocalBudgets | undefined;
  let timer: Timer | undefined;
  let hasEnded = false;
  const machine = createMachine(options, () => local?.wake());
  const { state, apply } = machine;
  const degrade = (reason: DegradedReason, error?: unknown) =>
    apply({ kind: 'degraded', reason, atMs: clock.monotonicMs() }, error);
  const onFailure = (error: unknown) => degrade(reasonOf(error), error);
  const redisClock = createRedisClock(sharedState, clock);
  const parts = { ...options, ...machine, redisClock, onFailure };

  async function heartbeatLoop(budgets: LocalBudgets, failures = 0): Promise<void> {
    let failed = 0;
    try {
      if (isCoordinated(state())) await sendHeartbeat(parts, budgets);
      else if (redis.isReady()) await join(parts, budgets);
    } catch (error) {
      onFailure(error);
      failed = failures + 1;
      if (failed % FAILURES_TO_RECONNECT === 0) redis.renew();
    }
    if (!hasEnded) timer = clock.setTimer(() => void heartbeatLoop(budgets, failed), HEARTBEAT_MS);
  }

  return {
    isCoordinated: () => isCoordinated(state()),
    isOnProbation: () => isOnProbation(state(), clock.monotonicMs()),
    degradedReason: () => degradedReason(state()),
    last: () => state().last,
    allowances: () => allowancesIn(state(), clock.monotonicMs()),
    sendTimed: redisClock.sendTimed,
    degrade,
    onFailure,
    begin(budgets) {
      local = budgets;
      return heartbeatLoop(budgets);
    },
    async end() {
      hasEnded = true;
      clock.clearTimer(timer);
      const wasKnown = state().kind !== 'standalone';
      machine.stop();
      if (wasKnown) await withTimeout(sharedState.leave(), COMMAND_TIMEOUT_MS, clock).catch(() => {});
    },
  };
}

type Machine = {
  state(): MembershipState;
  apply(event: MembershipEvent, error?: unknown): void;
  /** Ignores all later events. */
  stop(): void;
};

/** Holds the state and reports its changes. */
function createMachine({ standalone, onDegraded }: MembershipOptions, onLost: () => void): Machine {
  let state = initialState(standalone);
  let isStopped = false;
  return {
    state: () => state,
    apply(event, error) {
      if (isStopped) return;
      const before = state;
      state = reduce(before, event, standalone);
      const reason = degradedReason(state);
      if (reason !== undefined && reason !== degradedReason(before)) onDegraded(reason, error);
      if (isCoordinated(before) && !isCoordinated(state)) onLost();
    },
    stop() {
      isStopped = true;
      state = initialState(standalone);
    },
  };
}

type RedisClock = {
  /** Measures the difference. */
  synchronize(): Promise<void>;
  sendTimed: Membership['sendTimed'];
};

/** Tracks the difference between Redis' clock and ours. */
function createRedisClock(sharedState: SharedState, clock: Clock): RedisClock {
  const { monotonicMs } = clock;
  let offsetMs = 0;
  return {
    async synchronize() {
      offsetMs = (await withTimeout(sharedState.time(), COMMAND_TIMEOUT_MS, clock)) - monotonicMs();
    },
    async sendTimed(send) {
      const reply = await withTimeout(send(monotonicMs() + offsetMs), COMMAND_TIMEOUT_MS, clock);
      offsetMs = reply.redisMs - monotonicMs();
      return reply;
    },
  };
}

type Parts = MembershipOptions &
  Machine & { readonly redisClock: RedisClock; readonly onFailure: (error: unknown) => void };

async function sendHeartbeat(parts: Parts, local: LocalBudgets): Promise<void> {
  const { sharedState, redisClock, clock, apply } = parts;
  const reply = await redisClock.sendTimed((sentAt) => sharedState.heartbeat(heartbeatOf(local, sentAt)));
  if (reply.kind === 'view') onView(parts, local, reply.view);
  else apply({ kind: 'degraded', reason: reply.kind, atMs: clock.monotonicMs() });
}

/** Reports this replica's history to Redis, which answers with a view. Rejects if there is no reply. */
async function join(parts: Parts, local: LocalBudgets): Promise<void> {
  const { sharedState, redisClock, clock, calls, state, apply, onCoordinated } = parts;
  await redisClock.synchronize();
  const atMs = clock.monotonicMs();
  apply({ kind: 'join-started', atMs });
  const history = historyOf(state().last, calls, local.day().endsAt, atMs);
  try {
    const reply = await redisClock.sendTimed((sentAt) =>
      sharedState.heartbeat({ ...heartbeatOf(local, sentAt), history }),
    );
    if (reply.kind !== 'view') {
      apply({ kind: 'join-failed', reason: reply.kind, atMs: clock.monotonicMs() });
      return;
    }
    onView(parts, local, reply.view, () => {
      reportUnreported(parts);
      onCoordinated(reply.view);
    });
  } catch (error) {
    apply({ kind: 'join-failed', reason: reasonOf(error), atMs: clock.monotonicMs() }, error);
    throw error;
  }
}

function onView(
  { calls, clock, standalone, apply }: Parts,
  { day, pauseUntil, onDayProbe, wake }: LocalBudgets,
  view: View,
  onApplied?: () => void,
): void {
  const atMs = clock.monotonicMs();
  const { endsAt } = day();
  const sighting = sightingOf(view, atMs, { endsAt, ownCalls: calls.today(endsAt) }, standalone);
  apply({ kind: 'seen', sighting });
  onApplied?.();
  if (view.pauseMs > 0) pauseUntil(atMs + view.pauseMs);
  onDayProbe(view.dayProbeInMs);
  wake();
}

/** Makes up for releases that were not reported, now or with the next join, and locks the ordering keys of calls in flight. */
function reportUnreported({ sharedState, calls, clock, onFailure }: Parts): void {
  const nowMs = clock.monotonicMs();
  for (const release of calls.takeUnreported(nowMs)) {
    withTimeout(sharedState.release(release), COMMAND_TIMEOUT_MS, clock).catch((error: unknown) => {
      calls.reportLater(release);
      onFailure(error);
    });
  }
  for (const { id, locks, locksEndAt } of calls.running(nowMs)) {
    const lockMs = Math.max(1, locksEndAt - nowMs);
    void sharedState.lock(id, locks, lockMs).catch(onFailure);
  }
}

function heartbeatOf(local: LocalBudgets, sentAt: number): Heartbeat {
  return { sentAt, demandPerSecond: local.demandPerSecond(), dayEndsAt: local.day().endsAt };
}

function historyOf(
  last: Sighting | undefined,
  calls: LocalCalls,
  dayEndsAt: number,
  nowMs: number,
): CallHistory {
  const known = last !== undefined && isSameDay(last.day.endsAt, dayEndsAt) ? last.day : { total: 0, own: 0 };
  return {
    today: calls.today(dayEndsAt),
    knownToday: known.total,
    ownKnownToday: known.own,
    peers: last?.view.peers ?? [],
    ...calls.history(nowMs),
  };
}

function reasonOf(error: unknown): DegradedReason {
  return error instanceof RedisRefusal ? 'refused' : 'unanswered';
}
