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
  readonly sharers: number;
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
    sharers,
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
      sharers: numberOf(sharers),
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
