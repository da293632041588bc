import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { WINDOW_MS } from '../dispatch/sliding-window.ts';
import { RedisRefusal } from './redis.ts';

export const HEARTBEAT_MS = 200;
/** After this long without a heartbeat a replica is silent: its share is reserved, since it may be calling standalone. */
export const LAPSE_MS = 1500;
/** Without a reply in this time Redis counts as unavailable; a command that reaches it later has no effect. */
export const COMMAND_TIMEOUT_MS = 500;

/** How many calls leave the window, and in how many ms. */
export type Refill = { readonly inMs: number; readonly calls: number };

/** What a replica learns about the others, its peers, from a heartbeat. */
export type View = {
  /** How long Redis has seen all calls, in ms. */
  readonly epochAgeMs: number;
  /** How long calls may count that were made before Redis, found empty, remembered any, in ms; 0: it knows of all. */
  readonly blankMs: number;
  /** How long no replica may call, in ms. */
  readonly pauseMs: number;
  /** Replicas with a recent heartbeat, this one included. */
  readonly connected: number;
  /** Connected replicas that receive leads; this one always counts. */
  readonly activePeers: number;
  /** Leads the peers receive per second. */
  readonly peerDemand: number;
  /** The sum of the shares of connected replicas. */
  readonly connectedShare: number;
  /** The fraction of the limits that is reserved for silent replicas. */
  readonly reservedShare: number;
  /** Calls the peers made today. */
  readonly peersToday: number;
  /** Remaining leases of the peers' running calls, in ms. */
  readonly peerLeases: readonly number[];
  /** When the peers' ended calls leave the window, soonest first. */
  readonly peerRefills: readonly Refill[];
  /** Ms until the upstream is asked again whether the day is spent; null if it is not spent. */
  readonly dayProbeInMs: number | null;
  readonly peers: readonly Peer[];
};

export type Peer = { readonly id: string; readonly share: string };

export type HeartbeatReply =
  | { readonly kind: 'view'; readonly redisMs: number; readonly view: View }
  | { readonly kind: 'unknown' | 'stale'; readonly redisMs: number };

export type AcquireReply =
  | { readonly kind: 'granted'; readonly redisMs: number; readonly held: readonly number[] }
  /** `inMs`: until there is room; 0 if unknown. */
  | { readonly kind: Denial; readonly redisMs: number; readonly inMs: number };

/**
 * Why there is no permit. `held`: every lead has a key in flight in another replica; `unseen`: peers have yet to see the
 * latest calls; `stale`: the command arrived too late; `unknown`: Redis does not know this replica.
 */
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

/** Reads the reply of acquire.lua. @throws when it is anything else */
export function parseAcquireReply(reply: unknown): AcquireReply {
  const [kind, redisMs, inMs, held] = listOf(reply);
  if (kind === 'granted') return { kind, redisMs: numberOf(redisMs), held: listOf(held).map(numberOf) };
  if (!isDenial(kind)) throw new Error('Redis answered an acquire with something else');
  return { kind, redisMs: numberOf(redisMs), inMs: numberOf(inMs ?? 0) };
}

/** Reads the reply of heartbeat.lua. @throws when it is anything else */
export function parseHeartbeatReply(reply: unknown): HeartbeatReply {
  const [kind, redisMs, ...rest] = listOf(reply);
  if (kind === 'unknown' || kind === 'stale') return { kind, redisMs: numberOf(redisMs) };
  if (kind !== 'view') throw new Error('Redis answered a heartbeat with something else');
  const [
    epochAgeMs,
    pauseMs,
    connected,
    activePeers,
    peerDemand,
    connectedShare,
    reservedShare,
    peersToday,
    leases,
    refills,
    peers,
    dayProbeInMs,
    blankMs,
  ] = rest;
  return {
    kind,
    redisMs: numberOf(redisMs),
    view: {
      epochAgeMs: numberOf(epochAgeMs),
      blankMs: numberOf(blankMs),
      pauseMs: numberOf(pauseMs),
      connected: numberOf(connected),
      activePeers: numberOf(activePeers),
      peerDemand: numberOf(peerDemand),
      connectedShare: numberOf(connectedShare),
      reservedShare: numberOf(reservedShare),
      peersToday: numberOf(peersToday),
      peerLeases: listOf(leases).map(numberOf),
      peerRefills: pairsOf(refills).map(([inMs, calls]) => ({
        inMs: numberOf(inMs),
        calls: numberOf(calls),
      })),
      dayProbeInMs: numberOf(dayProbeInMs) < 0 ? null : numberOf(dayProbeInMs),
      peers: pairsOf(peers).map(([id, share]) => ({ id: String(id), share: String(share) })),
    },
  };
}

/** Redis' own time from the reply to `TIME`, in ms. */
export function parseTime(reply: unknown): number {
  const [seconds, microseconds] = listOf(reply).map(numberOf);
  if (seconds === undefined || microseconds === undefined)
    throw new Error('Redis answered TIME with something else');
  return seconds * 1000 + Math.floor(microseconds / 1000);
}

function isDenial(kind: unknown): kind is Denial {
  return typeof kind === 'string' && DENIALS.has(kind);
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('Redis answered something else than a list');
  return value;
}

function numberOf(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number))
    throw new Error('Redis answered something else than a number');
  return number;
}

function pairsOf(value: unknown): (readonly [unknown, unknown])[] {
  const list = listOf(value);
  return Array.from({ length: list.length / 2 }, (_, index) => [list[2 * index], list[2 * index + 1]]);
}

/** The Redis keys of one subscription (docs/replicas.md#scripts). */
export type RedisKeys = {
  /** The keys every script uses, in the order of shared.lua. */
  readonly fixed: readonly string[];
  /** The lock of an ordering key. Ordering keys hold personal data: only their keyed hash leaves the process. */
  lock(orderingKey: string): string;
  /** The calls of the day that ends then, in ms since 1970. */
  day(endsAt: number): string;
};

const HOUR_MS = 3_600_000;

/**
 * All keys share a hash tag, so that a cluster keeps them in one slot, where one script may use them all (Redis Cluster
 * specification, "Hash tags").
 *
 * @param secret keys the hash in the names of locks (HMAC-SHA256, truncated to 128 bits)
 */
export function createRedisKeys(endpoint: string, userId: string, secret: string): RedisKeys {
  const subscription = createHash('sha256').update(`${endpoint}\n${userId}`).digest('hex').slice(0, 12);
  const prefix = `lead-gateway:{${subscription}}:`;
  return {
    fixed: ['running', 'ended', 'heartbeats', 'replicas', 'counts', 'pause'].map((name) => prefix + name),
    lock: (orderingKey) =>
      `${prefix}lock:${createHmac('sha256', secret).update(orderingKey).digest().toString('base64url', 0, 16)}`,
    // Rounded, since the clocks of replicas differ a little.
    day: (endsAt) => `${prefix}day:${Math.round(endsAt / HOUR_MS)}`,
  };
}

/** What replicas share in Redis. Methods reject if Redis refuses or cannot be reached. */
export type SharedState = {
  /** Redis' clock, in ms since 1970. */
  time(): Promise<number>;
  acquire(call: CallRequest): Promise<AcquireReply>;
  release(end: CallRelease): Promise<void>;
  /** Takes the locks that are free, for a call already in flight. */
  lock(id: string, locks: readonly string[], leaseMs: number): Promise<void>;
  heartbeat(heartbeat: Heartbeat): Promise<HeartbeatReply>;
  /** A clean stop: no capacity is reserved for this replica. Leases still cover its calls in flight. */
  leave(): Promise<void>;
};

export type SharedStateLimits = {
  readonly callsPerWindow: number;
  readonly maxConcurrent: number;
  /** Calls that may be granted before every replica has seen them. */
  readonly maxUnseen: number;
};

export type CallRequest = {
  readonly id: string;
  /** By our estimate of Redis' clock, in ms since 1970. */
  readonly sentAt: number;
  readonly leaseMs: number;
  /** How long the locks last if the replica dies. */
  readonly lockMs: number;
  /** The daily limit of the subscription. */
  readonly dailyCalls: number;
  readonly dayEndsAt: number;
  /** The locks of each lead. */
  readonly leads: readonly (readonly string[])[];
};

export type CallRelease = {
  readonly id: string;
  readonly how: 'ended' | 'unsent';
  /** How long the upstream may still work on a call that was given up: it keeps its place and its locks; else 0. */
  readonly runsForMs: number;
  /** How long the locks are kept from other replicas, though this one may take them; null: they follow the call. */
  readonly keptForMs: number | null;
  readonly pauseMs: number;
  /** Ms until the upstream is asked again whether the day is spent; 0: no news; -1: it is not spent. */
  readonly dayProbeMs: number;
  readonly dayEndsAt: number;
  readonly locks: readonly string[];
};

export type Heartbeat = {
  readonly sentAt: number;
  readonly demandPerSecond: number;
  readonly dayEndsAt: number;
  /** Only from a replica that joins. */
  readonly history?: CallHistory | undefined;
};

/** A replica's own calls, reported when it joins. */
export type CallHistory = {
  /** Own calls of the day. */
  readonly today: number;
  /** All replicas' calls of the day at the last view, and the own ones among them. */
  readonly knownToday: number;
  readonly ownKnownToday: number;
  readonly peers: readonly Peer[];
  /** Own calls in flight with their remaining leases. */
  readonly running: readonly { readonly id: string; readonly leftMs: number }[];
  /** Own ended calls with their ages. */
  readonly ended: readonly { readonly id: string; readonly ageMs: number }[];
};

type Script = { readonly sha: string; readonly source: string };

/** A file of the folder lua, preceded by constants and by what all scripts share. */
function loadScript(name: 'acquire' | 'release' | 'heartbeat'): Script {
  const constants = Object.entries({ WINDOW_MS, LAPSE_MS, COMMAND_TIMEOUT_MS });
  const source = [
    ...constants.map(([constant, ms]) => `local ${constant} = ${ms}\n`),
    ...['shared', name].map((file) => readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8')),
  ].join('');
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

type Send = (command: readonly string[]) => Promise<unknown>;

/** Runs scripts by their digests; sends one whole that Redis does not have. */
function createRunner(send: Send, redisKeys: RedisKeys) {
  return async (
    { sha, source }: Script,
    dayEndsAt: number,
    locks: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> => {
    const keys = [...redisKeys.fixed, redisKeys.day(dayEndsAt), ...locks];
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return await send(['EVALSHA', sha, ...rest]);
    } catch (error) {
      // Redis caches scripts until it restarts.
      if (error instanceof RedisRefusal && error.code === 'NOSCRIPT') return send(['EVAL', source, ...rest]);
      throw error;
    }
  };
}

export type SharedStateOptions = {
  readonly redisKeys: RedisKeys;
  /** This replica's name; unique. */
  readonly replica: string;
  /** Its fraction of the limits while Redis is unavailable. */
  readonly share: number;
  readonly limits: SharedStateLimits;
};

/** @param send sends a command to Redis */
export function createSharedState(
  send: Send,
  { redisKeys, replica, share, limits }: SharedStateOptions,
): SharedState {
  const { callsPerWindow, maxConcurrent, maxUnseen } = limits;
  const scripts = {
    acquire: loadScript('acquire'),
    release: loadScript('release'),
    heartbeat: loadScript('heartbeat'),
  };

  const run = createRunner(send, redisKeys);

  return {
    time: async () => parseTime(await send(['TIME'])),

    async acquire({ id, sentAt, leaseMs, lockMs, dailyCalls, dayEndsAt, leads }) {
      const counts = leads.map(({ length }) => length);
      const args = [replica, id, Math.floor(sentAt), leaseMs, callsPerWindow, maxConcurrent, maxUnseen];
      return parseAcquireReply(
        await run(scripts.acquire, dayEndsAt, leads.flat(), [...args, dailyCalls, lockMs, ...counts]),
      );
    },

    async release({ id, how, runsForMs, keptForMs, pauseMs, dayProbeMs, dayEndsAt, locks }) {
      const times = [pauseMs, dayProbeMs, runsForMs, keptForMs ?? -1].map(Math.ceil);
      await run(scripts.release, dayEndsAt, locks, [replica, id, how, ...times]);
    },

    async lock(id, locks, leaseMs) {
      const lease = String(Math.ceil(leaseMs));
      await Promise.all(locks.map((lock) => send(['SET', lock, id, 'PX', lease, 'NX'])));
    },

    async heartbeat({ sentAt, demandPerSecond, dayEndsAt, history }) {
      const args = [replica, Math.floor(sentAt), share, demandPerSecond.toFixed(2)];
      return parseHeartbeatReply(
        await run(
          scripts.heartbeat,
          dayEndsAt,
          [],
          history === undefined ? args : [...args, ...historyArgs(history)],
        ),
      );
    },

    async leave() {
      const [, , heartbeats = '', replicas = '', counts = ''] = redisKeys.fixed;
      await Promise.all([
        send(['ZREM', heartbeats, replica]),
        send(['HDEL', replicas, replica]),
        send(['HDEL', counts, `g:${replica}`]),
      ]);
    },
  };
}

function historyArgs(history: CallHistory): (string | number)[] {
  const { today, knownToday, ownKnownToday, peers, running, ended } = history;
  const numbers: (string | number)[] = [today, knownToday, ownKnownToday, peers.length];
  return numbers.concat(
    peers.flatMap(({ id, share }) => [id, share]),
    running.length,
    running.flatMap(({ id, leftMs }) => [id, Math.ceil(leftMs)]),
    ended.length,
    ended.flatMap(({ id, ageMs }) => [id, Math.floor(ageMs)]),
  );
}
