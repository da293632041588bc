/**
 * A Map for few entries that come and go all the time. When a Map is full of deleted entries, V8 gives it a new table and
 * has the old one point to the new. Once the garbage collector has moved one such table to the old generation, each
 * keeps the next one alive until that generation is collected, and with it all that was in it: whole requests. So this
 * one moves its entries to a new Map every now and then, to whose tables no old one points.
 */
export type RecyclingMap<Key, Value> = {
  get(key: Key): Value | undefined;
  has(key: Key): boolean;
  set(key: Key, value: Value): void;
  delete(key: Key): boolean;
  /** Those of this moment, in the order they were set. */
  values(): Value[];
  size(): number;
};

/** Between two moves. */
const LEAST_ADDITIONS = 64;

export function createRecyclingMap<Key, Value>(): RecyclingMap<Key, Value> {
  let map = new Map<Key, Value>();
  /** Additions until the next move; at least as many as there are entries, so that moving costs no more than adding. */
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
