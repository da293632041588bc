import { createHash, createHmac } from 'node:crypto';
import { RedisRefusal } from './redis.ts';
import { ACQUIRE, LEAVE, LOCK, RELEASE, type Script, SYNC } from './scripts.ts';

/** So many calls come back to the window then, in ms from now. */
export type Return = { readonly inMs: number; readonly calls: number };

/** What a replica is told of the others. */
export type View = {
  /** How long Redis has known of all calls, in ms. */
  readonly epochAgeMs: number;
  /** How long nobody shall call, in ms. */
  readonly pauseMs: number;
  /** Replicas that were heard of lately, this one included. */
  readonly live: number;
  /** Those of them to which leads come, this one always included. */
  readonly activePeers: number;
  /** Leads a second that come to the others. */
  readonly othersDemand: number;
  /** The sum of the shares of those that are live. */
  readonly liveShare: number;
  /** The part of the limits that is kept for replicas that were heard of but are away. */
  readonly keptShare: number;
  /** Calls the others made today. */
  readonly othersToday: number;
  /** What is left of the leases of calls the others run, in ms. */
  readonly othersRunning: readonly number[];
  /** When the calls the others have made come back to the window, soonest first. */
  readonly othersReturn: readonly Return[];
  /** Once the upstream has called the day spent: how long until it is asked again, in ms; else null. */
  readonly lookInMs: number | null;
  /** The other replicas with their shares. */
  readonly peers: readonly Peer[];
};

export type Peer = { readonly id: string; readonly share: string };

export type SyncReply =
  | { readonly kind: 'view'; readonly redisMs: number; readonly view: View }
  | { readonly kind: 'unknown' | 'stale'; readonly redisMs: number };

export type AcquireReply =
  | { readonly kind: 'granted'; readonly redisMs: number; readonly held: readonly number[] }
  /** `inMs` is 0 where nobody knows when there is room. */
  | { readonly kind: Denial; readonly redisMs: number; readonly inMs: number };

/** Why there is no leave; `held`: every lead has a key on its way elsewhere. */
export type Denial = 'window' | 'concurrency' | 'day' | 'paused' | 'unseen' | 'held' | 'stale' | 'unknown';

const DENIALS: ReadonlySet<string> = new Set<Denial>([
  'window',
  'concurrency',
  'day',
  'paused',
  'unseen',
  'held',
  'stale',
  'unknown',
]);

/** What the acquire script answers (scripts.ts). @throws when it is nothing of the kind */
export function readAcquireReply(reply: unknown): AcquireReply {
  const [kind, redisMs, inMs, held] = listOf(reply);
  if (kind === 'granted') return { kind, redisMs: numberOf(redisMs), held: listOf(held).map(numberOf) };
  if (!isDenial(kind)) throw new Error('Redis answered nothing of a permit');
  return { kind, redisMs: numberOf(redisMs), inMs: numberOf(inMs ?? 0) };
}

/** What the sync script answers (scripts.ts). @throws when it is nothing of the kind */
export function readSyncReply(reply: unknown): SyncReply {
  const [kind, redisMs, ...rest] = listOf(reply);
  if (kind === 'unknown' || kind === 'stale') return { kind, redisMs: numberOf(redisMs) };
  if (kind !== 'view') throw new Error('Redis answered nothing of a view');
  const [
    epochAgeMs,
    pauseMs,
    live,
    activePeers,
    demand,
    liveShare,
    keptShare,
    today,
    running,
    ended,
    peers,
    look,
  ] = rest;
  return {
    kind,
    redisMs: numberOf(redisMs),
    view: {
      epochAgeMs: numberOf(epochAgeMs),
      pauseMs: numberOf(pauseMs),
      live: numberOf(live),
      activePeers: numberOf(activePeers),
      othersDemand: numberOf(demand),
      liveShare: numberOf(liveShare),
      keptShare: numberOf(keptShare),
      othersToday: numberOf(today),
      othersRunning: listOf(running).map(numberOf),
      othersReturn: pairsOf(ended).map(([inMs, calls]) => ({
        inMs: numberOf(inMs),
        calls: numberOf(calls),
      })),
      lookInMs: numberOf(look) < 0 ? null : numberOf(look),
      peers: pairsOf(peers).map(([id, share]) => ({ id: String(id), share: String(share) })),
    },
  };
}

/** Redis' own time from the answer to `TIME`, in ms. */
export function readTime(reply: unknown): number {
  const [seconds, microseconds] = listOf(reply).map(numberOf);
  if (seconds === undefined || microseconds === undefined) throw new Error('Redis did not tell its time');
  return seconds * 1000 + Math.floor(microseconds / 1000);
}

function isDenial(kind: unknown): kind is Denial {
  return typeof kind === 'string' && DENIALS.has(kind);
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('Redis answered no list');
  return value;
}

function numberOf(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) throw new Error('Redis answered no number');
  return number;
}

function pairsOf(value: unknown): (readonly [unknown, unknown])[] {
  const list = listOf(value);
  return Array.from({ length: list.length / 2 }, (_, index) => [list[2 * index], list[2 * index + 1]]);
}

/** The names in Redis that belong to one subscription. */
export type RedisKeys = {
  /** Those every script works on, in the order the scripts expect. */
  readonly fixed: readonly string[];
  /** What a lane is locked by. Lane keys hold addresses of persons: only their keyed hash leaves the process. */
  lane(laneKey: string): string;
  /** The calls of the day that ends then, in ms since 1970. */
  day(endsAt: number): string;
};

const HOUR_MS = 3_600_000;

/**
 * All names share a hash tag, so that a cluster keeps them in one slot, where one script may use them all
 * (Redis Cluster specification, "Hash tags"). Replicas of one subscription make the same names, others never do.
 *
 * @param secret keys the hash of lanes (HMAC-SHA256, cut to 128 bits)
 */
export function createRedisKeys(endpoint: string, userId: string, secret: string): RedisKeys {
  const subscription = createHash('sha256').update(`${endpoint}\n${userId}`).digest('hex').slice(0, 12);
  const prefix = `lead-gateway:{${subscription}}:`;
  return {
    fixed: ['running', 'ended', 'beats', 'about', 'counts', 'pause'].map((name) => prefix + name),
    lane: (laneKey) =>
      `${prefix}lane:${createHmac('sha256', secret).update(laneKey).digest().toString('base64url', 0, 16)}`,
    // Clocks of replicas differ by a little, midnights by an hour at least.
    day: (endsAt) => `${prefix}day:${Math.round(endsAt / HOUR_MS)}`,
  };
}

/** The book of all replicas' calls in Redis; every method is one command, and rejects when it is not answered. */
export type SharedState = {
  /** Redis' clock, in ms since 1970. */
  time(): Promise<number>;
  acquire(call: CallRequest): Promise<AcquireReply>;
  release(end: CallRelease): Promise<void>;
  /** Takes the lanes of a call that runs already, as far as they are free. */
  lock(id: string, lanes: readonly string[], leaseMs: number, dayEndsAt: number): Promise<void>;
  sync(sign: SignOfLife): Promise<SyncReply>;
  leave(dayEndsAt: number): Promise<void>;
};

export type SharedStateLimits = {
  readonly callsPerWindow: number;
  readonly maxConcurrent: number;
  /** Calls that may be granted before a replica has seen them. */
  readonly maxUnseen: number;
};

export type CallRequest = {
  readonly id: string;
  /** By Redis' clock as far as it is known, in ms since 1970. */
  readonly sentAt: number;
  readonly leaseMs: number;
  /** Calls of the day in all. */
  readonly dailyCalls: number;
  readonly dayEndsAt: number;
  /** The names of the lanes of each lead. */
  readonly leads: readonly (readonly string[])[];
};

export type CallRelease = {
  readonly id: string;
  readonly how: 'ended' | 'unsent';
  readonly pauseMs: number;
  /** Ms until the upstream is asked again whether the day is spent; 0: nothing new, -1: it is not. */
  readonly lookMs: number;
  readonly dayEndsAt: number;
  readonly lanes: readonly string[];
};

export type SignOfLife = {
  readonly sentAt: number;
  readonly demandPerSecond: number;
  readonly dayEndsAt: number;
  /** What a replica brings that comes, or comes back. */
  readonly memory?: Memory | undefined;
};

export type Memory = {
  /** Own calls of the day. */
  readonly today: number;
  /** All replicas' calls of the day when they were last seen, and the own ones among them. */
  readonly knownToday: number;
  readonly todayThen: number;
  readonly peers: readonly Peer[];
  /** Own calls that run, with what is left of their leases. */
  readonly running: readonly { readonly id: string; readonly leftMs: number }[];
  /** Own calls that have ended, with their age. */
  readonly ended: readonly { readonly id: string; readonly ageMs: number }[];
};

/**
 * @param send sends a command to Redis
 * @param replica this one's name among the replicas
 * @param share its part of the limits while Redis is away
 */
export function createSharedState(
  send: (command: readonly string[]) => Promise<unknown>,
  {
    names,
    replica,
    share,
    limits,
  }: {
    readonly names: RedisKeys;
    readonly replica: string;
    readonly share: number;
    readonly limits: SharedStateLimits;
  },
): SharedState {
  const run = async (
    { sha, source }: Script,
    dayEndsAt: number,
    lanes: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> => {
    const keys = [...names.fixed, names.day(dayEndsAt), ...lanes];
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return await send(['EVALSHA', sha, ...rest]);
    } catch (error) {
      // A Redis that has just been started knows no script yet.
      if (error instanceof RedisRefusal && error.code === 'NOSCRIPT') return send(['EVAL', source, ...rest]);
      throw error;
    }
  };

  return {
    time: async () => readTime(await send(['TIME'])),

    async acquire({ id, sentAt, leaseMs, dailyCalls, dayEndsAt, leads }) {
      const { callsPerWindow, maxConcurrent, maxUnseen } = limits;
      const counts = leads.map(({ length }) => length);
      const args = [replica, id, Math.floor(sentAt), leaseMs, callsPerWindow, maxConcurrent, maxUnseen];
      return readAcquireReply(await run(ACQUIRE, dayEndsAt, leads.flat(), [...args, dailyCalls, ...counts]));
    },

    async release({ id, how, pauseMs, lookMs, dayEndsAt, lanes }) {
      await run(RELEASE, dayEndsAt, lanes, [replica, id, how, Math.ceil(pauseMs), Math.ceil(lookMs)]);
    },

    async lock(id, lanes, leaseMs, dayEndsAt) {
      await run(LOCK, dayEndsAt, lanes, [id, Math.ceil(leaseMs)]);
    },

    async sync({ sentAt, demandPerSecond, dayEndsAt, memory }) {
      const args = [replica, Math.floor(sentAt), share, demandPerSecond.toFixed(2)];
      return readSyncReply(
        await run(SYNC, dayEndsAt, [], memory === undefined ? args : [...args, ...memoryArgs(memory)]),
      );
    },

    async leave(dayEndsAt) {
      await run(LEAVE, dayEndsAt, [], [replica]);
    },
  };
}

function memoryArgs({ today, knownToday, todayThen, peers, running, ended }: Memory): (string | number)[] {
  const numbers: (string | number)[] = [today, knownToday, todayThen, peers.length];
  return numbers.concat(
    peers.flatMap(({ id, share }) => [id, share]),
    running.length,
    running.flatMap(({ id, leftMs }) => [id, Math.ceil(leftMs)]),
    ended.length,
    ended.flatMap(({ id, ageMs }) => [id, Math.floor(ageMs)]),
  );
}
