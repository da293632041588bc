import type { Principal } from '../access/principal.ts';

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
  readonly shares: readonly Share[];
  readonly onEvicted: () => void;
};

/** What is used, in all and of each share. */
function createCounts(maxBytes: number) {
  let usedBytes = 0;
  const shares = new Map<string, Share>();
  return {
    join(key: string, factor: number): Share {
      const share = shares.get(key) ?? { factor, usedBytes: 0, bodies: 0 };
      shares.set(key, share);
      share.bodies += 1;
      return share;
    },
    leave(key: string, share: Share): void {
      share.bodies -= 1;
      if (share.bodies === 0) shares.delete(key);
    },
    move(body: Body, bytes: number): void {
      body.bytes += bytes;
      usedBytes += bytes;
      for (const share of body.shares) share.usedBytes += bytes;
    },
    /** The limit that these bytes more would break: a share, or all memory (null); undefined if they fit. */
    limitFor({ shares: own }: Body, bytes: number): Share | null | undefined {
      const free = maxBytes - usedBytes - bytes;
      if (free < 0) return null;
      return own.find((share) => share.usedBytes + bytes > share.factor * free);
    },
  };
}

/** Of the bodies that count against a limit, the one that arrives slowest; undefined without any. */
function slowestOf(arriving: Iterable<Body>, limit: Share | null, nowMs: number): Body | undefined {
  let found: Body | undefined;
  let least = Infinity;
  for (const body of arriving) {
    if (body.bytes === 0 || (limit !== null && !body.shares.includes(limit))) continue;
    const rate = body.bytes / (nowMs - body.startedMs + 1);
    if (rate >= least) continue;
    found = body;
    least = rate;
  }
  return found;
}

/** The keys of the shares that a body counts against, and their factors. */
function sharesOf({ caller: { kind, name }, address }: BodyOwner): readonly (readonly [string, number])[] {
  return [
    ...(kind === 'anonymous' ? [] : [[`${kind} ${name}`, CALLER_FACTOR] as const]),
    ...(address === undefined ? [] : [[address, ADDRESS_FACTOR] as const]),
  ];
}

export function createBodyMemory(maxBytes: number, monotonicMs: () => number): BodyMemory {
  const counts = createCounts(maxBytes);
  const arriving = new Set<Body>();

  const book = (body: Body, bytes: number): boolean => {
    for (;;) {
      const limit = counts.limitFor(body, bytes);
      if (limit === undefined) break;
      const victim = slowestOf(arriving, limit, monotonicMs());
      if (victim === undefined || victim === body) return false;
      arriving.delete(victim);
      counts.move(victim, -victim.bytes);
      victim.onEvicted();
    }
    counts.move(body, bytes);
    return true;
  };

  return {
    open(owner, onEvicted) {
      const keys = sharesOf(owner);
      const shares = keys.map(([key, factor]) => counts.join(key, factor));
      const body: Body = { bytes: 0, startedMs: monotonicMs(), shares, onEvicted };
      arriving.add(body);
      let isOpen = true;
      return {
        book: (bytes) => book(body, bytes),
        release(bytes) {
          if (isOpen) counts.move(body, -Math.min(bytes, body.bytes));
        },
        complete: () => void arriving.delete(body),
        close() {
          if (!isOpen) return;
          isOpen = false;
          arriving.delete(body);
          counts.move(body, -body.bytes);
          for (const [index, share] of shares.entries()) counts.leave(keys[index]?.[0] ?? '', share);
        },
      };
    },
  };
}
