import type { DayLimit } from '../dispatch/quota.ts';
import { WINDOW_MS } from '../dispatch/sliding-window.ts';
import { inTime } from '../runtime/clock.ts';
import type { Ledger, Memory, View } from './shared-state.ts';
import { isSameDay, type OwnCallBook } from './shared-window.ts';
import { RedisRefusal } from './redis.ts';
import { COMMAND_TIMEOUT_MS, HEARTBEAT_MS } from './scripts.ts';
import {
  type AloneOptions,
  aloneRule,
  closedRule,
  type Rule,
  togetherRule,
  watchedRule,
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

/** What the rest of this replica tells the fleet. */
export type FleetMember = {
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
  readonly ledger: Ledger;
  /** The connection behind it. */
  readonly redis: { isReady(): boolean; renew(): void };
  readonly calls: OwnCallBook;
  readonly alone: AloneOptions;
  /** A clock that does not jump, in ms. */
  readonly elapsed: () => number;
  readonly onAway: (reason: AwayReason, error?: unknown) => void;
  readonly onBack: (view: View) => void;
};

/** Whether this replica and the others know of each other, and by which rules it calls. */
export type Membership = {
  isTogether(): boolean;
  /** Whether Redis judges but has not known of all calls for a whole window. */
  isWatched(): boolean;
  /** Why it is not together. */
  awayReason(): AwayReason | undefined;
  /** The last view, and when it came. */
  seen(): { readonly view: View; readonly atMs: number } | undefined;
  /** The day's calls at the last view. */
  today(): { readonly endsAt: number; readonly total: number; readonly own: number };
  /** By which it calls now; all of them hold. */
  rules(): readonly [Rule, ...Rule[]];
  /** Sends what Redis shall do now or not at all; rejects when no answer comes in time. */
  tell<Reply extends { readonly redisMs: number }>(send: (sentAt: number) => Promise<Reply>): Promise<Reply>;
  /** To be called when a command did not do what it should. */
  goAlone(reason: AwayReason, error?: unknown): void;
  failed(error: unknown): void;
  /** Shows signs of life from now on; resolves after the first. */
  begin(member: FleetMember): Promise<void>;
  /** Shows no more of them, and says so. */
  end(): Promise<void>;
};

/** Shows signs of life, learns what the others do, and brings back what was done without Redis. */
export function createMembership(options: MembershipOptions): Membership {
  const { ledger, redis, calls, elapsed } = options;
  let member: FleetMember | undefined;
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  let timeouts = 0;

  let isTogether = false;
  let awayReason: AwayReason | undefined;
  /** The rule of this replica on its own; kept for a while after it has come back. */
  let alone: Rule = aloneRule(undefined, Number.NEGATIVE_INFINITY, options.alone);
  let isWatchedUntil = Number.NEGATIVE_INFINITY;
  let seen: { readonly view: View; readonly atMs: number } | undefined;
  let together: Rule | undefined;
  /** The day's calls at the last view. */
  let known = { endsAt: 0, total: 0, own: 0 };
  /** Redis' clock less ours. */
  let offsetMs = 0;

  const isWatched = () => elapsed() < isWatchedUntil;

  const rules = (): readonly [Rule, ...Rule[]] => {
    if (!isTogether || together === undefined) return [alone];
    return isWatched() ? [alone, together] : [together];
  };

  /** Sends what Redis shall do now or not at all, and learns how its clock goes. */
  async function tell<Reply extends { readonly redisMs: number }>(
    send: (sentAt: number) => Promise<Reply>,
  ): Promise<Reply> {
    const reply = await inTime(send(elapsed() + offsetMs), COMMAND_TIMEOUT_MS);
    offsetMs = reply.redisMs - elapsed();
    return reply;
  }

  function goAlone(reason: AwayReason, error?: unknown): void {
    if (!isTogether && reason === awayReason) return;
    awayReason = reason;
    options.onAway(reason, error);
    if (!isTogether) return;
    isTogether = false;
    alone = aloneRule(seen, elapsed() + LULL_MS, options.alone);
    member?.wake();
  }

  const failed = (error: unknown) => goAlone(error instanceof RedisRefusal ? 'refused' : 'unanswered', error);

  function see(view: View, { day, pauseUntil, hearOfDay, wake }: FleetMember): void {
    const atMs = elapsed();
    seen = { view, atMs };
    together = togetherRule(view, atMs, options.alone.callsPerWindow);
    const { endsAt } = day();
    const own = calls.today(endsAt);
    known = { endsAt, total: own + view.othersToday, own };
    if (view.pauseMs > 0) pauseUntil(atMs + view.pauseMs);
    hearOfDay(view.lookInMs);
    wake();
  }

  /** While Redis does not know of all calls that count, every replica keeps to the rule it has on its own as well. */
  function watch(view: View, rule: Rule): void {
    if (view.epochAgeMs >= WINDOW_MS) return;
    alone = rule;
    isWatchedUntil = elapsed() + WINDOW_MS - view.epochAgeMs;
  }

  /** The rule of a replica that was not on its own: it counts what Redis shows. */
  const ruleFrom = (view: View) =>
    aloneRule({ view, atMs: elapsed() }, elapsed(), { ...options.alone, unseen: 0 });

  const signOf = (me: FleetMember, sentAt: number) => ({
    sentAt,
    demandPerSecond: me.demandPerSecond(),
    dayEndsAt: me.day().endsAt,
  });

  async function beat(me: FleetMember): Promise<void> {
    const reply = await tell((sentAt) => ledger.sync(signOf(me, sentAt)));
    if (reply.kind !== 'view') {
      goAlone(reply.kind);
      return;
    }
    watch(reply.view, isWatched() ? alone : ruleFrom(reply.view));
    see(reply.view, me);
  }

  /** Brings what this replica did, and asks for the view. */
  async function comeBack(me: FleetMember): Promise<void> {
    offsetMs = (await inTime(ledger.time(), COMMAND_TIMEOUT_MS)) - elapsed();
    const before = alone;
    const nowMs = elapsed();
    // What is begun while the answer is on its way would be in nobody's book.
    alone = closedRule(before, nowMs + 2 * COMMAND_TIMEOUT_MS);
    try {
      const reply = await tell((sentAt) => ledger.sync({ ...signOf(me, sentAt), memory: memory(me, nowMs) }));
      if (reply.kind !== 'view') {
        goAlone(reply.kind);
        return;
      }
      watch(reply.view, seen === undefined ? ruleFrom(reply.view) : watchedRule(before, elapsed()));
      isTogether = true;
      awayReason = undefined;
      settle();
      options.onBack(reply.view);
      see(reply.view, me);
    } finally {
      // Heard or not: the others keep this one's share until its next sign of life.
      if (!isTogether) alone = before;
    }
  }

  function memory(me: FleetMember, nowMs: number): Memory {
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
    for (const owed of calls.settle()) void ledger.release(owed).catch(failed);
    for (const { id, lanes, leaseEndsAt, dayEndsAt } of calls.running()) {
      void ledger.lock(id, lanes, Math.max(1, leaseEndsAt - elapsed()), dayEndsAt).catch(failed);
    }
  }

  async function live(me: FleetMember): Promise<void> {
    try {
      if (isTogether) await beat(me);
      else if (redis.isReady()) await comeBack(me);
      timeouts = 0;
    } catch (error) {
      timeouts += 1;
      failed(error);
      if (timeouts % TIMEOUTS_TO_RENEW === 0) redis.renew();
    }
    if (!hasEnded) timer = setTimeout(() => void live(me), HEARTBEAT_MS);
  }

  return {
    isTogether: () => isTogether,
    isWatched,
    awayReason: () => awayReason,
    seen: () => seen,
    today: () => known,
    rules,
    tell,
    goAlone,
    failed,
    begin(me) {
      member = me;
      return live(me);
    },
    async end() {
      hasEnded = true;
      clearTimeout(timer);
      if (!isTogether || member === undefined) return;
      // What ends from here on is nobody's news.
      isTogether = false;
      await inTime(ledger.leave(member.day().endsAt), COMMAND_TIMEOUT_MS).catch(() => {});
    },
  };
}
