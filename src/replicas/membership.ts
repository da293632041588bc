import type { DayLimit } from '../dispatch/quota.ts';
import { WINDOW_MS } from '../dispatch/sliding-window.ts';
import { withTimeout } from '../runtime/clock.ts';
import type { SharedState, Memory, View } from './shared-state.ts';
import { isSameDay, type LocalCalls } from './shared-window.ts';
import { RedisRefusal } from './redis.ts';
import { COMMAND_TIMEOUT_MS, HEARTBEAT_MS } from './scripts.ts';
import {
  type StandaloneOptions,
  standalone,
  joining,
  type Allowance,
  coordinated,
  probation,
} from './allowance.ts';

/** Commands in a row without an answer after which the connection is made anew. */
const TIMEOUTS_TO_RENEW = 10;
/** Before a replica calls on its own: what the others have begun is over by then, as a rule. Nobody knows how much runs. */
const LULL_MS = 1000;

/**
 * `refused`: Redis will not do what it is told; `stale`, `unknown`: it took a command for given up, or has forgotten this
 * replica; `late`: it answered too late.
 */
export type AwayReason = 'unanswered' | 'refused' | 'stale' | 'unknown' | 'late';

/** What the rest of this replica tells the coordinator. */
export type ReplicaMember = {
  day(): DayLimit;
  demandPerSecond(): number;
  pauseUntil(atMs: number): void;
  /** Ms until the upstream is asked again, once it has called the day spent; else null. */
  spentLookInMs(): number | null;
  /** What the others know of that. */
  hearOfDay(lookInMs: number | null): void;
  /** Called when the budgets have changed. */
  wake(): void;
};

export type MembershipOptions = {
  readonly sharedState: SharedState;
  /** The connection behind it. */
  readonly redis: { isReady(): boolean; renew(): void };
  readonly calls: LocalCalls;
  readonly alone: StandaloneOptions;
  /** A clock that does not jump, in ms. */
  readonly monotonicMs: () => number;
  readonly onAway: (reason: AwayReason, error?: unknown) => void;
  readonly onBack: (view: View) => void;
};

/** Whether this replica and the others know of each other, and by which rules it calls. */
export type Membership = {
  isCoordinated(): boolean;
  /** Whether Redis judges but has not known of all calls for a whole window. */
  isWatched(): boolean;
  /** Why it is not together. */
  awayReason(): AwayReason | undefined;
  /** The last view, and when it came. */
  seen(): { readonly view: View; readonly atMs: number } | undefined;
  /** The day's calls at the last view. */
  today(): { readonly endsAt: number; readonly total: number; readonly own: number };
  /** By which it calls now; all of them hold. */
  rules(): readonly [Allowance, ...Allowance[]];
  /** Sends what Redis shall do now or not at all; rejects when no answer comes in time. */
  tell<Reply extends { readonly redisMs: number }>(send: (sentAt: number) => Promise<Reply>): Promise<Reply>;
  /** To be called when a command did not do what it should. */
  degrade(reason: AwayReason, error?: unknown): void;
  failed(error: unknown): void;
  /** Shows signs of life from now on; resolves after the first. */
  begin(member: ReplicaMember): Promise<void>;
  /** Shows no more of them, and says so. */
  end(): Promise<void>;
};

/** Shows signs of life, learns what the others do, and brings back what was done without Redis. */
export function createMembership(options: MembershipOptions): Membership {
  const { sharedState, redis, calls, monotonicMs } = options;
  let member: ReplicaMember | undefined;
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  let timeouts = 0;

  let isCoordinated = false;
  let awayReason: AwayReason | undefined;
  /** The rule of this replica on its own; kept for a while after it has come back. */
  let alone: Allowance = standalone(undefined, Number.NEGATIVE_INFINITY, options.alone);
  let isWatchedUntil = Number.NEGATIVE_INFINITY;
  let seen: { readonly view: View; readonly atMs: number } | undefined;
  let together: Allowance | undefined;
  /** The day's calls at the last view. */
  let known = { endsAt: 0, total: 0, own: 0 };
  /** Redis' clock less ours. */
  let offsetMs = 0;

  const isWatched = () => monotonicMs() < isWatchedUntil;

  const rules = (): readonly [Allowance, ...Allowance[]] => {
    if (!isCoordinated || together === undefined) return [alone];
    return isWatched() ? [alone, together] : [together];
  };

  /** Sends what Redis shall do now or not at all, and learns how its clock goes. */
  async function tell<Reply extends { readonly redisMs: number }>(
    send: (sentAt: number) => Promise<Reply>,
  ): Promise<Reply> {
    const reply = await withTimeout(send(monotonicMs() + offsetMs), COMMAND_TIMEOUT_MS);
    offsetMs = reply.redisMs - monotonicMs();
    return reply;
  }

  function degrade(reason: AwayReason, error?: unknown): void {
    if (!isCoordinated && reason === awayReason) return;
    awayReason = reason;
    options.onAway(reason, error);
    if (!isCoordinated) return;
    isCoordinated = false;
    alone = standalone(seen, monotonicMs() + LULL_MS, options.alone);
    member?.wake();
  }

  const failed = (error: unknown) => degrade(error instanceof RedisRefusal ? 'refused' : 'unanswered', error);

  function see(view: View, { day, pauseUntil, hearOfDay, wake }: ReplicaMember): void {
    const atMs = monotonicMs();
    seen = { view, atMs };
    together = coordinated(view, atMs, options.alone.callsPerWindow);
    const { endsAt } = day();
    const own = calls.today(endsAt);
    known = { endsAt, total: own + view.othersToday, own };
    if (view.pauseMs > 0) pauseUntil(atMs + view.pauseMs);
    hearOfDay(view.lookInMs);
    wake();
  }

  /** While Redis does not know of all calls that count, every replica keeps to the rule it has on its own as well. */
  function watch(view: View, rule: Allowance): void {
    if (view.epochAgeMs >= WINDOW_MS) return;
    alone = rule;
    isWatchedUntil = monotonicMs() + WINDOW_MS - view.epochAgeMs;
  }

  /** The rule of a replica that was not on its own: it counts what Redis shows. */
  const ruleFrom = (view: View) =>
    standalone({ view, atMs: monotonicMs() }, monotonicMs(), { ...options.alone, unseen: 0 });

  const signOf = (me: ReplicaMember, sentAt: number) => ({
    sentAt,
    demandPerSecond: me.demandPerSecond(),
    dayEndsAt: me.day().endsAt,
  });

  async function heartbeat(me: ReplicaMember): Promise<void> {
    const reply = await tell((sentAt) => sharedState.sync(signOf(me, sentAt)));
    if (reply.kind !== 'view') {
      degrade(reply.kind);
      return;
    }
    watch(reply.view, isWatched() ? alone : ruleFrom(reply.view));
    see(reply.view, me);
  }

  /** Brings what this replica did, and asks for the view. */
  async function comeBack(me: ReplicaMember): Promise<void> {
    offsetMs = (await withTimeout(sharedState.time(), COMMAND_TIMEOUT_MS)) - monotonicMs();
    const before = alone;
    const nowMs = monotonicMs();
    // What is begun while the answer is on its way would be in nobody's book.
    alone = joining(before, nowMs + 2 * COMMAND_TIMEOUT_MS);
    try {
      const reply = await tell((sentAt) =>
        sharedState.sync({ ...signOf(me, sentAt), memory: memory(me, nowMs) }),
      );
      if (reply.kind !== 'view') {
        degrade(reply.kind);
        return;
      }
      watch(reply.view, seen === undefined ? ruleFrom(reply.view) : probation(before, monotonicMs()));
      isCoordinated = true;
      awayReason = undefined;
      settle();
      options.onBack(reply.view);
      see(reply.view, me);
    } finally {
      // Heard or not: the others keep this one's share until its next sign of life.
      if (!isCoordinated) alone = before;
    }
  }

  function memory(me: ReplicaMember, nowMs: number): Memory {
    const { endsAt } = me.day();
    const isKnownDay = isSameDay(known.endsAt, endsAt);
    return {
      today: calls.today(endsAt),
      knownToday: isKnownDay ? known.total : 0,
      todayThen: isKnownDay ? known.own : 0,
      peers: seen?.view.peers ?? [],
      ...calls.memory(nowMs),
    };
  }

  /** Gives back what Redis could not be told of, and takes the lanes of what runs. */
  function settle(): void {
    for (const owed of calls.takeUnreported()) void sharedState.release(owed).catch(failed);
    for (const { id, lanes, leaseEndsAt, dayEndsAt } of calls.running()) {
      void sharedState.lock(id, lanes, Math.max(1, leaseEndsAt - monotonicMs()), dayEndsAt).catch(failed);
    }
  }

  async function heartbeatLoop(me: ReplicaMember): Promise<void> {
    try {
      if (isCoordinated) await heartbeat(me);
      else if (redis.isReady()) await comeBack(me);
      timeouts = 0;
    } catch (error) {
      timeouts += 1;
      failed(error);
      if (timeouts % TIMEOUTS_TO_RENEW === 0) redis.renew();
    }
    if (!hasEnded) timer = setTimeout(() => void heartbeatLoop(me), HEARTBEAT_MS);
  }

  return {
    isCoordinated: () => isCoordinated,
    isWatched,
    awayReason: () => awayReason,
    seen: () => seen,
    today: () => known,
    rules,
    tell,
    degrade,
    failed,
    begin(me) {
      member = me;
      return heartbeatLoop(me);
    },
    async end() {
      hasEnded = true;
      clearTimeout(timer);
      if (!isCoordinated || member === undefined) return;
      // What ends from here on is nobody's news.
      isCoordinated = false;
      await withTimeout(sharedState.leave(member.day().endsAt), COMMAND_TIMEOUT_MS).catch(() => {});
    },
  };
}
