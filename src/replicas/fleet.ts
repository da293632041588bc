import type { CallPermits, PermitAnswer } from '../dispatch/permits.ts';
import { NO_RIVALS } from '../dispatch/permits.ts';
import type { CallVerdict, DayLimit, QuotaLimits, Share } from '../dispatch/quota.ts';
import { WINDOW_MS } from '../dispatch/window.ts';
import { inTime } from './in-time.ts';
import type { Ledger, Memory } from './ledger.ts';
import { RedisRefusal } from './redis.ts';
import { createOwnCalls, isSameDay, type OwnCall } from './own-calls.ts';
import type { Denial, View } from './replies.ts';
import { HEARTBEAT_MS } from './scripts.ts';
import { createSharedWindow } from './shared-window.ts';
import {
  aloneRule,
  type AloneOptions,
  closedRule,
  type Rule,
  togetherRule,
  unheardRule,
  watchedRule,
} from './shares.ts';

/** A Redis that takes longer to answer counts as away. */
const COMMAND_TIMEOUT_MS = 300;
/** Commands in a row without an answer after which the connection is made anew. */
const TIMEOUTS_TO_RENEW = 10;
/** Before a replica calls on its own: what the others have begun is over by then, as a rule. Nobody knows how much runs. */
const LULL_MS = 1000;
/** Where nobody knows when there is room: after this, and up to as long again. */
const ASK_AGAIN_MS = 20;
/** A permit that came later after it was asked for is not used: its lease is running. */
const LATE_MS = 1000;
/** How much longer than a call may take a lease holds. */
const LEASE_MARGIN_MS = 2 * LATE_MS;

export type FleetOptions = {
  readonly ledger: Ledger;
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
  readonly elapsed: () => number;
  /** 0 up to but not 1. */
  readonly random: () => number;
  readonly observer: FleetObserver;
};

/** Sees what happens; must not throw. */
export type FleetObserver = {
  /** Leave for a call was asked for. */
  onAcquire(result: 'granted' | 'alone' | 'unanswered' | Denial): void;
  onAway(reason: AwayReason, error?: unknown): void;
  onBack(view: View): void;
};

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
  /** Called when the budgets have changed. */
  wake(): void;
};

export type Fleet = {
  /** What is left to this replica, for its quota. */
  readonly share: Share;
  readonly permits: CallPermits;
  /** Begins to tell the others; waits for a connection, at most `waitMs`. */
  join(member: FleetMember, waitMs: number): Promise<void>;
  /** Tells the others that this replica is gone. */
  leave(): Promise<void>;
  isTogether(): boolean;
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
 * One of several replicas that share a subscription: asks the ledger for leave while Redis is there, keeps to its share
 * while it is not, and brings back what it did meanwhile.
 */
export function createFleet(options: FleetOptions): Fleet {
  const { ledger, redis, replica, limits, elapsed, random, observer } = options;
  const { callsPerWindow, maxConcurrent } = limits;
  const leaseMs = options.callTimeoutMs + LEASE_MARGIN_MS;
  const aloneOptions: AloneOptions = {
    share: options.share,
    callsPerWindow,
    // Those granted before the last sign of life that got no answer, and those granted after it.
    unseen: 2 * maxUnseenOf(callsPerWindow),
    leaseMs,
  };
  const calls = createOwnCalls();

  let member: FleetMember | undefined;
  let timer: NodeJS.Timeout | undefined;
  let hasLeft = false;
  let lastId = 0;
  let timeouts = 0;

  let isTogether = false;
  let awayReason: AwayReason | undefined;
  /** The rule of this replica on its own; kept for a while after it has come back. */
  let alone: Rule = aloneRule(undefined, Number.NEGATIVE_INFINITY, aloneOptions);
  let isWatchedUntil = Number.NEGATIVE_INFINITY;
  let seen: { readonly view: View; readonly atMs: number } | undefined;
  /** The day's calls at the last view. */
  let known = { endsAt: 0, total: 0, own: 0 };
  /** Redis' clock less ours. */
  let offsetMs = 0;

  const isWatched = () => elapsed() < isWatchedUntil;

  const rules = (): readonly [Rule, ...Rule[]] => {
    if (!isTogether || seen === undefined) return [alone];
    const together = togetherRule(seen.view, seen.atMs, callsPerWindow);
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
    observer.onAway(reason, error);
    if (!isTogether) return;
    isTogether = false;
    alone = aloneRule(seen, elapsed() + LULL_MS, aloneOptions);
    member?.wake();
  }

  const failed = (error: unknown) => goAlone(error instanceof RedisRefusal ? 'refused' : 'unanswered', error);

  function see(view: View, { day, pauseUntil, wake }: FleetMember): void {
    const atMs = elapsed();
    seen = { view, atMs };
    const { endsAt } = day();
    const own = calls.today(endsAt);
    known = { endsAt, total: own + view.othersToday, own };
    if (view.pauseMs > 0) pauseUntil(atMs + view.pauseMs);
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
    aloneRule({ view, atMs: elapsed() }, elapsed(), { ...aloneOptions, unseen: 0 });

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
        alone = before;
        goAlone(reply.kind);
        return;
      }
      watch(reply.view, seen === undefined ? ruleFrom(reply.view) : watchedRule(before, elapsed()));
      isTogether = true;
      awayReason = undefined;
      settle();
      observer.onBack(reply.view);
      see(reply.view, me);
    } catch (error) {
      alone = error instanceof RedisRefusal ? before : unheardRule(before, nowMs, aloneOptions);
      throw error;
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
    if (!hasLeft) timer = setTimeout(() => void live(me), HEARTBEAT_MS);
  }

  const askAgainAt = () => elapsed() + ASK_AGAIN_MS * (1 + random());

  function granted(call: OwnCall, held: readonly number[], isBooked: boolean): PermitAnswer {
    calls.begin(call);
    return {
      kind: 'granted',
      held: new Set(held),
      release: (verdict, pauseMs) => release(call, verdict, pauseMs, isBooked),
    };
  }

  function release(call: OwnCall, verdict: CallVerdict, pauseMs: number, isBooked: boolean): void {
    const how = verdict === 'unsent' ? 'unsent' : 'ended';
    calls.end(call, how, elapsed());
    const { id, lanes, dayEndsAt } = call;
    const isRefusal = verdict === 'rate-limited' || verdict === 'too-many-at-once';
    const record = { id, how, lanes, dayEndsAt, pauseMs: isRefusal ? pauseMs : 0 } as const;
    if (!isTogether) {
      if (isBooked) calls.owe(record);
      return;
    }
    inTime(ledger.release(record), COMMAND_TIMEOUT_MS).catch((error: unknown) => {
      calls.owe(record);
      failed(error);
    });
  }

  async function acquire(leads: readonly (readonly string[])[]): Promise<PermitAnswer> {
    const { endsAt: dayEndsAt, calls: dailyCalls } = member?.day() ?? { endsAt: 0, calls: null };
    const sentAt = elapsed();
    const names = leads.map((keys) => keys.map(options.lane));
    lastId += 1;
    const call = {
      id: `${replica}:${lastId}`,
      lanes: names.flat(),
      leaseEndsAt: sentAt + leaseMs,
      dayEndsAt,
    };
    if (!isTogether) {
      observer.onAcquire('alone');
      return granted(call, [], false);
    }
    const takeBack = { id: call.id, how: 'unsent', lanes: call.lanes, dayEndsAt, pauseMs: 0 } as const;
    try {
      const reply = await tell((sentByRedis) =>
        ledger.acquire({ id: call.id, sentAt: sentByRedis, leaseMs, dailyCalls, dayEndsAt, leads: names }),
      );
      observer.onAcquire(reply.kind);
      switch (reply.kind) {
        case 'granted':
          if (isTogether && elapsed() - sentAt <= LATE_MS) return granted(call, reply.held, true);
          calls.owe(takeBack);
          goAlone('late');
          return { kind: 'denied', retryAtMs: askAgainAt() };
        case 'held':
          return { kind: 'granted', held: new Set(leads.keys()), release() {} };
        case 'stale':
        case 'unknown':
          goAlone(reply.kind);
          return { kind: 'denied', retryAtMs: askAgainAt() };
        default:
          return { kind: 'denied', retryAtMs: askAgainAt() + reply.inMs };
      }
    } catch (error) {
      observer.onAcquire('unanswered');
      calls.owe(takeBack);
      failed(error);
      return { kind: 'denied', retryAtMs: askAgainAt() };
    }
  }

  return {
    share: {
      window: createSharedWindow({ size: callsPerWindow, elapsed, rules }),
      maxConcurrent() {
        const own = Math.max(1, Math.floor(options.share * maxConcurrent));
        if (isTogether) return isWatched() ? own : maxConcurrent;
        const others = seen?.view.othersRunning ?? [];
        const since = elapsed() - (seen?.atMs ?? 0);
        const running = others.filter((leftMs) => leftMs > since).length;
        return Math.max(1, Math.min(own, maxConcurrent - running));
      },
      ownDay({ endsAt, calls: dailyCalls }) {
        const { total, own } = isSameDay(known.endsAt, endsAt) ? known : { total: 0, own: 0 };
        if (isTogether) return dailyCalls - (total - own);
        const left = Math.max(0, dailyCalls - total - (seen === undefined ? 0 : aloneOptions.unseen));
        return own + Math.floor(options.share * left);
      },
      mayProbe: () => isTogether,
    },
    permits: {
      acquire,
      rivals: () =>
        // A share of the window is nobody else's.
        isTogether && !isWatched() && seen !== undefined
          ? { demandPerSecond: seen.view.othersDemand, sharers: seen.view.sharers }
          : NO_RIVALS,
    },
    async join(me, waitMs) {
      member = me;
      // The connection is being made: nobody shall begin with a share for want of a few ms.
      for (const until = elapsed() + waitMs; !redis.isReady() && elapsed() < until;) await pause(10);
      await live(me);
    },
    async leave() {
      hasLeft = true;
      clearTimeout(timer);
      if (!isTogether || member === undefined) return;
      await inTime(ledger.leave(member.day().endsAt), COMMAND_TIMEOUT_MS).catch(() => {});
    },
    isTogether: () => isTogether,
    replicas: () => (isTogether ? (seen?.view.live ?? 1) : 1),
    warnings() {
      const percent = Math.round(options.share * 100);
      if (!isTogether) {
        const what = awayReason === 'refused' ? 'refuses what replicas need' : 'cannot be reached';
        return [`Redis ${what}; this replica keeps to ${percent} % of the limits`];
      }
      const { live: count = 1, liveShare = 0 } = seen?.view ?? {};
      return liveShare > 1.001
        ? [
            `${count} replicas run with shares of more than the limits; without Redis they would exceed them: lower REPLICA_SHARE`,
          ]
        : [];
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
