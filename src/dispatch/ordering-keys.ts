import type { UpsertLead } from '../leads/lead.ts';
import { createRecyclingMap } from '../runtime/recycling-map.ts';

/**
 * The keys by which a lead may be found, each as one text. Two leads that share one may be the same person, so they
 * share a lane (contract A, "syncLead": keys). Email compares without case.
 */
export function orderingKeys({ id, foreignKey, marketoCookie, email }: UpsertLead): string[] {
  const keys: string[] = [];
  if (id !== undefined) keys.push(`i${id}`);
  if (foreignKey !== undefined) keys.push(`f${foreignKey.type} ${foreignKey.id}`);
  if (marketoCookie !== undefined) keys.push(`c${marketoCookie}`);
  if (email !== undefined) keys.push(`e${email.toLowerCase()}`);
  return keys;
}

/** Whether two commands ask for the very same thing, so that one call can answer both. */
export function isSameCommand(a: UpsertLead, b: UpsertLead): boolean {
  return (
    a.id === b.id &&
    a.email === b.email &&
    a.foreignKey?.id === b.foreignKey?.id &&
    a.foreignKey?.type === b.foreignKey?.type &&
    a.marketoCookie === b.marketoCookie &&
    a.returnLead === b.returnLead &&
    a.workspace === b.workspace &&
    a.attributes.length === b.attributes.length &&
    a.attributes.every(({ name, value }, index) => {
      const other = b.attributes[index];
      return other !== undefined && other.name === name && Object.is(other.value, value);
    })
  );
}

/** Roughly how many characters a command takes on the wire; what a batch is bounded by. */
export function wireSize({ attributes, email, foreignKey }: UpsertLead): number {
  let size = 200 + (email?.length ?? 0) + (foreignKey?.id.length ?? 0);
  for (const { name, value } of attributes) {
    size += 80 + name.length + (typeof value === 'string' ? value.length : 20);
  }
  return size;
}

/**
 * Keeps whatever shares a key apart and in order. An item is at the head of a lane from the time it enters until it
 * leaves; it may go when it is at the head of each of its lanes.
 */
export type KeyQueues<Item extends object> = {
  /** Puts an item at the end of its lanes; true when it may go at once. */
  enter(item: Item): boolean;
  /** Takes an item out, wherever it stands, and gives the items that may go now because of it, oldest first. */
  leave(item: Item): Item[];
  /** The last item of the lanes, when all of them end in the same one. */
  last(keys: readonly string[]): Item | undefined;
  /** Lanes that hold anything. */
  size(): number;
};

export function createKeyQueues<Item extends object>(
  keysOf: (item: Item) => readonly string[],
): KeyQueues<Item> {
  /** A lane with one item, the usual case, is that item itself and costs no list. */
  const lanes = createRecyclingMap<string, Item | Item[]>();

  const headOf = (key: string): Item | undefined => {
    const lane = lanes.get(key);
    return Array.isArray(lane) ? lane[0] : lane;
  };

  return {
    enter(item) {
      let mayGo = true;
      for (const key of keysOf(item)) {
        const lane = lanes.get(key);
        if (lane === undefined) {
          lanes.set(key, item);
          continue;
        }
        mayGo = false;
        if (Array.isArray(lane)) lane.push(item);
        else lanes.set(key, [lane, item]);
      }
      return mayGo;
    },

    leave(item) {
      const next: Item[] = [];
      for (const key of keysOf(item)) {
        const lane = lanes.get(key);
        if (!Array.isArray(lane)) {
          if (lane === item) lanes.delete(key);
          continue;
        }
        const wasHead = lane[0] === item;
        const rest = lane.filter((other) => other !== item);
        const [only] = rest;
        if (rest.length === 1 && only !== undefined) lanes.set(key, only);
        else lanes.set(key, rest);
        if (wasHead && only !== undefined && !next.includes(only)) next.push(only);
      }
      return next.filter((candidate) => keysOf(candidate).every((key) => headOf(key) === candidate));
    },

    last(keys) {
      let shared: Item | undefined;
      for (const [index, key] of keys.entries()) {
        const lane = lanes.get(key);
        const last = Array.isArray(lane) ? lane.at(-1) : lane;
        if (last === undefined || (index > 0 && last !== shared)) return undefined;
        shared = last;
      }
      return shared;
    },

    size: lanes.size,
  };
}
