import type { CallerId } from '../leads/lead.ts';
import { createRecyclingMap } from '../runtime/recycling-map.ts';
import type { Caller, Flow } from './job.ts';
import { createPlace, type Place } from './turns.ts';

/**
 * How many times what is still free a caller may have waiting. One alone can use 8/9 of the queue, n of them an equal part
 * each, and something stays free for another (dynamic thresholds, Choudhury and Hahne 1998).
 */
const SHARE = 8;
/** What a key may always have waiting, as a part of the queue, even if the others have just filled it. */
const LEAST_SHARE = 0.01;
/** The same as `SHARE` for an address and its key's share: there is no end to addresses. */
const ADDRESS_SHARE = 2;

/** Who has requests here. Those who have none are forgotten. */
export type Callers = {
  /** Stands for all whose leads are in no hurry; takes no turns with the others and counts in no one's share. */
  readonly background: Caller;
  find(id: CallerId): Caller;
  /** Whether one more request of this caller may wait. */
  hasRoom(caller: Caller): boolean;
  /** A request begins to wait, or no longer does. */
  countWaiting(caller: Caller, change: 1 | -1): void;
  /** Callers that are remembered. */
  size(): number;
  /** A request comes, or is answered. */
  countRequests(caller: Caller, change: 1 | -1): void;
};

/** The key or application that a caller belongs to; itself, unless it is one of a key's addresses. */
export function topOf(caller: Caller): Caller {
  return caller.parent ?? caller;
}

/**
 * @param root where callers take turns
 * @param backgroundRoot where leads in no hurry have their place
 * @param maxQueued requests that may wait in all
 */
export function createCallers(root: Place<Flow>, backgroundRoot: Place<Flow>, maxQueued: number): Callers {
  const callers = createRecyclingMap<string, Caller>(({ requests }) => requests > 0);
  let waiting = 0;

  const add = (id: string, parent?: Caller, hasAddresses = false): Caller => {
    const place = createPlace(parent?.place ?? root, hasAddresses);
    const caller = createCaller(id, place, parent, hasAddresses);
    callers.set(id, caller);
    return caller;
  };
  const background = createCaller('background', createPlace(backgroundRoot));

  /** How many requests of the caller may wait. */
  const limitOf = ({ parent }: Caller): number =>
    parent === undefined
      ? Math.max(SHARE * (maxQueued - waiting), LEAST_SHARE * maxQueued)
      : ADDRESS_SHARE * (limitOf(parent) - parent.waiting);

  return {
    background,
    size: callers.size,
    find({ key, address }) {
      if (address === undefined) return callers.get(key) ?? add(key);
      const id = `${key} ${address}`;
      const known = callers.get(id);
      if (known !== undefined) return known;
      // No other caller has this id: names have no line break.
      const parentId = `${key}\n`;
      const parent = callers.get(parentId) ?? add(parentId, undefined, true);
      const caller = add(id, parent);
      // Adding may have dropped it, since no request has been counted yet.
      if (!callers.has(parentId)) callers.set(parentId, parent);
      return caller;
    },
    hasRoom(caller) {
      for (let at: Caller | undefined = caller; at !== undefined; at = at.parent) {
        if (at.waiting >= limitOf(at)) return false;
      }
      return true;
    },
    countWaiting(caller, change) {
      if (caller !== background) waiting += change;
      for (let at: Caller | undefined = caller; at !== undefined; at = at.parent) at.waiting += change;
    },
    countRequests(caller, change) {
      for (let at: Caller | undefined = caller; at !== undefined; at = at.parent) at.requests += change;
    },
  };
}

function createCaller(id: string, place: Place<Flow>, parent?: Caller, hasAddresses = false): Caller {
  return { id, parent, hasAddresses, place, flows: [], requests: 0, waiting: 0 };
}
