/** A direct lead whose place among the kept leads of its person is not settled yet. */
export type Waiting = {
  /** The seq of the newest kept lead that came before it. */
  readonly arrival: Promise<number>;
  /** Of those that go before it: `arrival`, or ALL. */
  readonly bound: Promise<number>;
  /**
   * Resolves once it is in the dispatcher, which keeps the order from there on, or is kept or refused; with whether it is
   * kept. Never rejects.
   */
  readonly over: Promise<boolean>;
};

/** The bound of a lead that goes behind all that are kept by then. */
export const ALL = Number.POSITIVE_INFINITY;

/**
 * The bound of a lead behind others. One of them that is kept stands behind what was accepted before that, and so do those
 * behind it.
 */
export function boundBehind(arrival: Promise<number>, before: readonly Waiting[]): Promise<number> {
  if (before.length === 0) return arrival;
  return new Promise((resolve) => {
    for (const { bound, over } of before) {
      void bound.then((seq) => seq === ALL && resolve(ALL));
      void over.then((isKept) => isKept && resolve(ALL));
    }
    void Promise.all(before.map(({ over }) => over)).then(() => resolve(arrival));
  });
}

/** The direct leads that others of the same person have to wait for, by their ordering keys. */
export type DirectOrder = {
  isEmpty(): boolean;
  /** Those that share one of these keys. */
  sharing(orderingKeys: readonly string[]): readonly Waiting[];
  /** @param written settles when the lead is written, kept or refused */
  enter(orderingKeys: readonly string[], waiting: Waiting, written: Promise<unknown>): void;
  /** Whether a direct lead that shares one of these keys is not written, kept or refused yet. */
  isUnderWay(orderingKeys: readonly string[]): boolean;
  /** Resolves once a kept lead may go: all direct leads that came before it are over. Undefined: it may go at once. */
  clearFor(orderingKeys: readonly string[], seq: number): Promise<void> | undefined;
};

export function createDirectOrder(): DirectOrder {
  const byKey = new Map<string, Set<Waiting>>();
  /** How many are not written yet. */
  const unwritten = new Map<string, number>();
  const count = (keys: readonly string[], change: 1 | -1) => {
    for (const key of keys) {
      const left = (unwritten.get(key) ?? 0) + change;
      if (left === 0) unwritten.delete(key);
      else unwritten.set(key, left);
    }
  };
  const sharing = (keys: readonly string[]) => keys.flatMap((key) => [...(byKey.get(key) ?? [])]);
  return {
    isEmpty: () => byKey.size === 0,
    sharing,
    isUnderWay: (keys) => unwritten.size > 0 && keys.some((key) => unwritten.has(key)),
    enter(keys, waiting, written) {
      count(keys, 1);
      const end = () => count(keys, -1);
      written.then(end, end);
      for (const key of keys) {
        const others = byKey.get(key);
        if (others === undefined) byKey.set(key, new Set([waiting]));
        else others.add(waiting);
      }
      const leave = () => {
        for (const key of keys) {
          const others = byKey.get(key);
          others?.delete(waiting);
          if (others?.size === 0) byKey.delete(key);
        }
      };
      void waiting.over.then(leave);
    },
    clearFor(keys, seq) {
      const all = byKey.size === 0 ? [] : sharing(keys);
      return all.length === 0 ? undefined : clear(all, seq);
    },
  };
}

async function clear(all: readonly Waiting[], seq: number): Promise<void> {
  for (const { arrival, bound, over } of all) {
    // What it waits for must not wait for its bound.
    if ((await arrival) < seq && (await bound) < seq) await over;
  }
}
