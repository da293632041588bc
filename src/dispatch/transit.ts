/**
 * A Map for few entries that come and go all the time. When a Map is full of deleted entries, V8 gives it a new table and
 * has the old one point to the new. Once the garbage collector has moved one such table to the old generation, each
 * keeps the next one alive until that generation is collected, and with it all that was in it: whole requests. So this
 * one moves its entries to a new Map before its table is full.
 */
export type Transit<Key, Value> = {
  get(key: Key): Value | undefined;
  has(key: Key): boolean;
  set(key: Key, value: Value): void;
  delete(key: Key): boolean;
  /** Those of this moment, in the order they were set. */
  values(): Value[];
  size(): number;
};

/** Fewer additions than this make no table full. */
const LEAST_ADDITIONS = 64;

export function createTransit<Key, Value>(): Transit<Key, Value> {
  let map = new Map<Key, Value>();
  /** Additions until the next move; as many as there are entries, so that moving one costs no more than adding it. */
  let remaining = LEAST_ADDITIONS;
  return {
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    set(key, value) {
      if (remaining === 0) {
        map = new Map(map);
        remaining = Math.max(LEAST_ADDITIONS, map.size);
      }
      remaining -= 1;
      map.set(key, value);
    },
    delete: (key) => map.delete(key),
    values: () => [...map.values()],
    size: () => map.size,
  };
}
