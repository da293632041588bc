import { createRecyclingMap, type RecyclingMap } from '../runtime/recycling-map.ts';

/**
 * A queue for each ordering key, so that items that share a key go one after the other. An item stands in the queue of
 * each of its keys from `enter` to `leave`, and may go when it is at the head of all of them.
 */
export type KeyQueues<Item extends object> = {
  /** Puts an item at the end of its queues; true when it may go at once. */
  enter(item: Item): boolean;
  /** Takes an item out, wherever it stands, and returns the items that may go because of it, oldest first. */
  leave(item: Item): Item[];
  /** The items that one with these keys would go after, in the order of their arrival; undefined: none. */
  ahead(keys: readonly string[]): readonly Item[] | undefined;
  /** The item at the end of the queues of all these keys; undefined when they end in different ones. */
  last(keys: readonly string[]): Item | undefined;
  /** Queues that hold an item. */
  size(): number;
};

export function createKeyQueues<Item extends object>(
  keysOf: (item: Item) => readonly string[],
): KeyQueues<Item> {
  /** A queue with one item, the usual case, is that item itself and costs no list. */
  const queues: Queues<Item> = createRecyclingMap();

  const headOf = (key: string): Item | undefined => {
    const queue = queues.get(key);
    return Array.isArray(queue) ? queue[0] : queue;
  };

  return {
    enter(item) {
      let mayGo = true;
      for (const key of keysOf(item)) {
        const queue = queues.get(key);
        if (queue === undefined) {
          queues.set(key, item);
          continue;
        }
        mayGo = false;
        if (Array.isArray(queue)) queue.push(item);
        else queues.set(key, [queue, item]);
      }
      return mayGo;
    },

    leave(item) {
      const next: Item[] = [];
      for (const key of keysOf(item)) {
        const queue = queues.get(key);
        if (!Array.isArray(queue)) {
          if (queue === item) queues.delete(key);
          continue;
        }
        const wasHead = queue[0] === item;
        const rest = queue.filter((other) => other !== item);
        const [only] = rest;
        queues.set(key, rest.length === 1 && only !== undefined ? only : rest);
        if (wasHead && only !== undefined && !next.includes(only)) next.push(only);
      }
      return next.filter((candidate) => keysOf(candidate).every((key) => headOf(key) === candidate));
    },

    ahead: (keys) => itemsAhead(queues, keys),

    last(keys) {
      let shared: Item | undefined;
      for (const [index, key] of keys.entries()) {
        const queue = queues.get(key);
        const last = Array.isArray(queue) ? queue.at(-1) : queue;
        if (last === undefined || (index > 0 && last !== shared)) return undefined;
        shared = last;
      }
      return shared;
    },

    size: queues.size,
  };
}

type Queues<Item> = RecyclingMap<string, Item | Item[]>;

function itemsAhead<Item extends object>(
  queues: Queues<Item>,
  keys: readonly string[],
): readonly Item[] | undefined {
  let all: readonly Item[] | undefined;
  for (const key of keys) {
    const queue = queues.get(key);
    if (queue === undefined) continue;
    const items: readonly Item[] = Array.isArray(queue) ? queue : [queue];
    all = all === undefined ? items : [...new Set([...all, ...items])];
  }
  return all;
}
