import type { Principal } from '../access/principal.ts';
import { createRecyclingMap } from '../runtime/recycling-map.ts';

/**
 * The memory that all request bodies may take together, from their arrival until the response has finished. Bytes are
 * booked as they arrive: what a request announces takes none. When memory is short, the bodies that arrive slowest go.
 */
export type BodyMemory = {
  /** @param onEvicted called when the body must go before it is complete; nothing is booked for it any more */
  open(owner: BodyOwner, onEvicted: () => void): BodyAccount;
};

export type BodyOwner = {
  readonly caller: Pick<Principal, 'kind' | 'name'>;
  /** Of those who share a publishable key. */
  readonly address: string | undefined;
};

export type BodyAccount = {
  /** False if there is no memory left for these bytes. */
  book(bytes: number): boolean;
  /** Gives back a part of what was booked. */
  release(bytes: number): void;
  /** The body has arrived and cannot be evicted any more. */
  complete(): void;
  /** Gives back what was booked. Can be called twice. */
  close(): void;
};

/**
 * A caller may hold a multiple of what is still free, an address half of that or less: however many are greedy, something
 * is left for the next (dynamic thresholds, Choudhury and Hahne, 1998). Callers without a key are one and have all.
 */
const CALLER_FACTOR = 3;
const ADDRESS_FACTOR = 1;

/** Bodies of one caller, or of one address. */
type Share = { readonly factor: number; usedBytes: number; bodies: number };

type Body = {
  bytes: number;
  readonly startedMs: number;
  readonly ofCaller: Share | null;
  readonly ofAddress: Share | null;
  readonly onEvicted: () => void;
  /** Neighbours among the bodies that arrive; null for one that does not. */
  before: Body | null;
  after: Body | null;
};

/** What is used, in all and of each share. */
function createCounts(maxBytes: number) {
  let usedBytes = 0;
  const shares = createRecyclingMap<string, Share>(({ bodies }) => bodies > 0);
  const isBroken = (share: Share | null, bytes: number, free: number) =>
    share !== null && share.usedBytes + bytes > share.factor * free;
  return {
    join(key: string, factor: number): Share {
      let share = shares.get(key);
      if (share === undefined) {
        share = { factor, usedBytes: 0, bodies: 0 };
        shares.set(key, share);
      }
      share.bodies += 1;
      return share;
    },
    leave({ ofCaller, ofAddress }: Body): void {
      if (ofCaller !== null) ofCaller.bodies -= 1;
      if (ofAddress !== null) ofAddress.bodies -= 1;
    },
    move(body: Body, bytes: number): void {
      body.bytes += bytes;
      usedBytes += bytes;
      if (body.ofCaller !== null) body.ofCaller.usedBytes += bytes;
      if (body.ofAddress !== null) body.ofAddress.usedBytes += bytes;
    },
    /** The limit that these bytes more would break: a share, or all memory (null); undefined if they fit. */
    limitFor({ ofCaller, ofAddress }: Body, bytes: number): Share | null | undefined {
      const free = maxBytes - usedBytes - bytes;
      if (free < 0) return null;
      if (isBroken(ofCaller, bytes, free)) return ofCaller;
      return isBroken(ofAddress, bytes, free) ? ofAddress : undefined;
    },
  };
}

/**
 * The bodies that arrive, linked in a list. Nearly all are in it between two reads only, and a Set of such entries keeps
 * what was deleted from it alive (docs/performance.md#the-hot-path).
 */
function createArriving() {
  let first: Body | null = null;
  return {
    add(body: Body): void {
      body.after = first;
      if (first !== null) first.before = body;
      first = body;
    },
    /** Can be called for a body that is not in the list. */
    remove(body: Body): void {
      const { before, after } = body;
      if (before !== null) before.after = after;
      else if (first === body) first = after;
      if (after !== null) after.before = before;
      body.before = null;
      body.after = null;
    },
    /** Of the bodies that count against a limit, the one that arrives slowest; undefined without any. */
    slowest(limit: Share | null, nowMs: number): Body | undefined {
      let found: Body | undefined;
      let least = Infinity;
      for (let body = first; body !== null; body = body.after) {
        if (body.bytes === 0 || (limit !== null && limit !== body.ofCaller && limit !== body.ofAddress))
          continue;
        const rate = body.bytes / (nowMs - body.startedMs + 1);
        if (rate >= least) continue;
        found = body;
        least = rate;
      }
      return found;
    },
  };
}

export function createBodyMemory(maxBytes: number, monotonicMs: () => number): BodyMemory {
  const counts = createCounts(maxBytes);
  const arriving = createArriving();

  const book = (body: Body, bytes: number): boolean => {
    for (;;) {
      const limit = counts.limitFor(body, bytes);
      if (limit === undefined) break;
      const victim = arriving.slowest(limit, monotonicMs());
      if (victim === undefined || victim === body) return false;
      arriving.remove(victim);
      counts.move(victim, -victim.bytes);
      victim.onEvicted();
    }
    counts.move(body, bytes);
    return true;
  };

  return {
    open({ caller: { kind, name }, address }, onEvicted) {
      const body: Body = {
        bytes: 0,
        startedMs: monotonicMs(),
        ofCaller: kind === 'anonymous' ? null : counts.join(`${kind} ${name}`, CALLER_FACTOR),
        ofAddress: address === undefined ? null : counts.join(address, ADDRESS_FACTOR),
        onEvicted,
        before: null,
        after: null,
      };
      arriving.add(body);
      let isOpen = true;
      return {
        book: (bytes) => book(body, bytes),
        release(bytes) {
          if (isOpen) counts.move(body, -Math.min(bytes, body.bytes));
        },
        complete: () => arriving.remove(body),
        close() {
          if (!isOpen) return;
          isOpen = false;
          arriving.remove(body);
          counts.move(body, -body.bytes);
          counts.leave(body);
        },
      };
    },
  };
}
