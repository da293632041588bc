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
  /** Whether it stands in one of its parent's lists. */
  isListed: boolean;
  /** Behind it in that list. */
  next: Place<Leaf> | undefined;
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
    isListed: false,
    next: undefined,
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
    if (!place.isListed) append(parent.fresh, place);
    place = parent;
  }
  place.ready += 1;
}

/** Something at a leaf is taken or given up. */
export function depart<Leaf>(leaf: Place<Leaf>): void {
  let place = leaf;
  for (let { parent } = place; parent !== undefined; { parent } = place) {
    place.ready -= 1;
    if (place.ready === 0) parent.active -= 1;
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
    const child = shift(isFresh ? parent.fresh : parent.served);
    if (child === undefined) return undefined;
    if (child.ready === 0) continue;
    parent.wasFresh = isFresh;
    append(parent.served, child);
    return child;
  }
}

function append<Leaf>(list: List<Leaf>, place: Place<Leaf>): void {
  place.isListed = true;
  if (list.last === undefined) list.first = place;
  else list.last.next = place;
  list.last = place;
}

function shift<Leaf>(list: List<Leaf>): Place<Leaf> | undefined {
  const { first } = list;
  if (first === undefined) return undefined;
  list.first = first.next;
  if (list.first === undefined) list.last = undefined;
  first.next = undefined;
  first.isListed = false;
  return first;
}

/** How many turns there are for one of this leaf, if it is ready and all others stay so. */
export function turnsPerOwn<Leaf>(place: Place<Leaf>): number {
  let turns = 1;
  for (let at = place; at.parent !== undefined; at = at.parent) {
    turns *= at.parent.active + (at.ready === 0 ? 1 : 0);
  }
  return turns;
}
