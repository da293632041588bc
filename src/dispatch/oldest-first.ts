type Numbered = { readonly seq: number };

/** A priority queue of numbered items, the lowest number first: a binary heap. Items found gone are passed over. */
export type OldestFirst<Item extends Numbered> = {
  push(item: Item): void;
  /** The oldest item that is still wanted; stays where it is. */
  peek(): Item | undefined;
  pop(): Item | undefined;
};

/** @param isWanted false for items that were taken out elsewhere and only wait to be passed over */
export function createOldestFirst<Item extends Numbered>(
  isWanted: (item: Item) => boolean,
): OldestFirst<Item> {
  const heap: Item[] = [];
  const seqAt = (index: number) => heap[index]?.seq ?? Number.POSITIVE_INFINITY;

  const swap = (a: number, b: number) => {
    const [first, second] = [heap[a], heap[b]];
    if (first === undefined || second === undefined) return;
    heap[a] = second;
    heap[b] = first;
  };

  const dropTop = () => {
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      const child = seqAt(left + 1) < seqAt(left) ? left + 1 : left;
      if (seqAt(child) >= seqAt(parent)) return;
      swap(parent, child);
      parent = child;
    }
  };

  const peek = () => {
    while (heap[0] !== undefined && !isWanted(heap[0])) dropTop();
    return heap[0];
  };

  return {
    push(item) {
      heap.push(item);
      let child = heap.length - 1;
      while (child > 0) {
        const parent = (child - 1) >> 1;
        if (seqAt(parent) <= item.seq) return;
        swap(parent, child);
        child = parent;
      }
    },
    peek,
    pop() {
      const top = peek();
      if (top !== undefined) dropTop();
      return top;
    },
  };
}
