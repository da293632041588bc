/**
 * A Map for a few entries that come and go all the time. It moves them to a new Map now and then: V8 links the tables of
 * a Map that is full of deleted entries, and with them whole requests stay alive (docs/performance.md#the-hot-path).
 */
export type RecyclingMap<Key, Value> = {
  get(key: Key): Value | undefined;
  has(key: Key): boolean;
  set(key: Key, value: Value): void;
  delete(key: Key): boolean;
  /** A copy of the values, in the order they were set. */
  values(): Value[];
  size(): number;
};

/** Additions between two moves. */
const MIN_ADDITIONS = 64;

/** @param isInUse when given, a move leaves out entries that are not in use, so that no one need delete them */
export function createRecyclingMap<Key, Value>(
  isInUse?: (entry: Value) => boolean,
): RecyclingMap<Key, Value> {
  let map = new Map<Key, Value>();
  /** Additions until the next move: at least as many as there are entries, so that moving costs less than adding. */
  let remaining = MIN_ADDITIONS;
  return {
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    set(key, value) {
      if (remaining === 0) {
        map = new Map(isInUse === undefined ? map : [...map].filter(([, entry]) => isInUse(entry)));
        remaining = Math.max(MIN_ADDITIONS, map.size);
      }
      remaining -= 1;
      map.set(key, value);
    },
    delete: (key) => map.delete(key),
    values: () => [...map.values()],
    size: () => map.size,
  };
}
