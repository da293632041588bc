/** Tells which ordering keys no pending lead has, to two threads, without asking the database. */
export type KeyFilter = {
  /** Shared with another thread. */
  readonly counts: Uint32Array;
  /** To be called in a transaction, with a key that a pending lead has from now on, or has no longer. */
  enter(key: string): void;
  leave(key: string): void;
  /** To be called when the transaction has ended. */
  commit(): void;
  rollBack(): void;
};

/** A million pending leads fill a quarter of it; pages of memory that no key falls into are never touched. */
const SLOTS = 2 ** 22;

export function createKeyFilter(): KeyFilter {
  const counts = new Uint32Array(new SharedArrayBuffer(SLOTS * Uint32Array.BYTES_PER_ELEMENT));
  let entered: number[] = [];
  let left: number[] = [];
  const end = (gone: readonly number[]) => {
    for (const slot of gone) Atomics.sub(counts, slot, 1);
    [entered, left] = [[], []];
  };
  return {
    counts,
    enter(key) {
      const slot = slotOf(key);
      Atomics.add(counts, slot, 1);
      entered.push(slot);
    },
    leave: (key) => void left.push(slotOf(key)),
    commit: () => end(left),
    rollBack: () => end(entered),
  };
}

/** False: no pending lead has the key. True: perhaps one has. */
export function mayHave(counts: Uint32Array, key: string): boolean {
  return Atomics.load(counts, slotOf(key)) > 0;
}

/** FNV-1a. */
function slotOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    // oxlint-disable-next-line unicorn/prefer-code-point -- units are enough to tell texts apart
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
