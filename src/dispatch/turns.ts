/**
 * A place in a tree whose children take turns, however much waits below each of them. All operations take constant time
 * for a tree of constant depth.
 */
export type Place<Leaf> = {
  readonly parent: Place<Leaf> | undefined;
  /** Set once; undefined for a place that has children. */
  leaf: Leaf | undefined;
  /** What is ready below. */
  ready: number;
  /** Children below which something is ready. */
  active: number;
  /** The one of its parent's lists that it stands in, and who is next to it there. */
  list: List<Leaf> | undefined;
  next: Place<Leaf> | undefined;
  previous: Place<Leaf> | undefined;
  /** Whether anyone can become a child, so that there is no end to new ones. */
  readonly isOpen: boolean;
  /** Children that have become ready and had no turn since; then those that have had one. */
  readonly fresh: List<Leaf>;
  readonly served: List<Leaf>;
  wasFresh: boolean;
};

type List<Leaf> = { first: Place<Leaf> | undefined; last: Place<Leaf> | undefined };

export function createPlace<Leaf>(parent?: Place<Leaf>, isOpen = false): Place<Leaf> {
  return {
    parent,
    leaf: undefined,
    ready: 0,
    active: 0,
    list: undefined,
    next: undefined,
    previous: undefined,
    isOpen,
    fresh: { first: undefined, last: undefined },
    served: { first: undefined, last: undefined },
    wasFresh: false,
  };
}

/** Something becomes ready at a leaf. */
export function arrive<Leaf>(leaf: Place<Leaf>): void {
  let place = leaf;
  for (let { parent } = place; parent !== undefined; { parent } = place) {
    place.ready += 1;
    if (place.ready === 1) parent.active += 1;
    if (place.list === undefined) append(parent.fresh, place);
    place = parent;
  }
  place.ready += 1;
}

/**
 * Something at a leaf is taken or given up. A place with nothing left, no matter in whose turn it went, has been served
 * and goes to the end.
 */
export function depart<Leaf>(leaf: Place<Leaf>): void {
  let place = leaf;
  for (let { parent } = place; parent !== undefined; { parent } = place) {
    place.ready -= 1;
    if (place.ready === 0) {
      parent.active -= 1;
      unlist(place);
      append(parent.served, place);
    }
    place = parent;
  }
  place.ready -= 1;
}

/** The leaf whose turn it is, at every level; undefined when nothing is ready. It goes to the end of its lists. */
export function nextLeaf<Leaf>(root: Place<Leaf>): Leaf | undefined {
  let place: Place<Leaf> | undefined = root;
  while (place !== undefined && place.leaf === undefined) place = nextChild(place);
  return place?.leaf;
}

/**
 * Children that have just become ready go before those that always are, so that a caller with few leads hardly waits. One
 * that was served stays listed until it comes up again with nothing ready, so that coming back sooner gains it nothing
 * (as in FQ-CoDel, RFC 8290, section 4.2). Where there is no end to new children, they go first every other time only.
 */
function nextChild<Leaf>(parent: Place<Leaf>): Place<Leaf> | undefined {
  for (;;) {
    const isTheirTurn = !parent.isOpen || !parent.wasFresh || parent.served.first === undefined;
    const isFresh = isTheirTurn && parent.fresh.first !== undefined;
    const child = (isFresh ? parent.fresh : parent.served).first;
    if (child === undefined) return undefined;
    unlist(child);
    if (child.ready === 0) continue;
    parent.wasFresh = isFresh;
    append(parent.served, child);
    return child;
  }
}

function append<Leaf>(list: List<Leaf>, place: Place<Leaf>): void {
  place.list = list;
  place.previous = list.last;
  if (list.last === undefined) list.first = place;
  else list.last.next = place;
  list.last = place;
}

function unlist<Leaf>(place: Place<Leaf>): void {
  const { list, next, previous } = place;
  if (list === undefined) return;
  if (previous === undefined) list.first = next;
  else previous.next = next;
  if (next === undefined) list.last = previous;
  else next.previous = previous;
  place.list = undefined;
  // What is gone must not keep others in memory.
  place.next = undefined;
  place.previous = undefined;
}

/** Whether the next turn is one of a child that has just become ready: of the root, or of its only active child. */
export function isNextFresh<Leaf>(root: Place<Leaf>): boolean {
  let place: Place<Leaf> | undefined = root;
  while (place !== undefined) {
    if (place.fresh.first !== undefined) return !place.isOpen || !place.wasFresh;
    while (place.served.first?.ready === 0) unlist(place.served.first);
    const { first }: List<Leaf> = place.served;
    place = place.active === 1 && first?.isOpen === true ? first : undefined;
  }
  return false;
}

/** How many turns there are for one of this leaf, if it is ready and all others stay so. */
export function turnsPerOwn<Leaf>(place: Place<Leaf>): number {
  let turns = 1;
  for (let at = place; at.parent !== undefined; at = at.parent) {
    turns *= at.parent.active + (at.ready === 0 ? 1 : 0);
  }
  return turns;
}
