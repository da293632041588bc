import TinyQueue from 'tinyqueue';

type Numbered = { readonly seq: number };

/** A priority queue of numbered items, the lowest number first; those that are no longer wanted are skipped. */
export type PriorityQueue<Item extends Numbered> = {
  push(item: Item): void;
  /** The oldest item that is still wanted; stays where it is. */
  peek(): Item | undefined;
  pop(): Item | undefined;
  clear(): void;
};

/** @param isWanted false for items that were taken out elsewhere */
export function createPriorityQueue<Item extends Numbered>(
  isWanted: (item: Item) => boolean,
): PriorityQueue<Item> {
  let queue = new TinyQueue<Item>([], bySeq);
  const peek = () => {
    let item = queue.peek();
    for (; item !== undefined && !isWanted(item); item = queue.peek()) queue.pop();
    return item;
  };
  return {
    push: (item) => queue.push(item),
    peek,
    pop() {
      const item = peek();
      if (item !== undefined) queue.pop();
      return item;
    },
    clear() {
      if (queue.length > 0) queue = new TinyQueue<Item>([], bySeq);
    },
  };
}

function bySeq(a: Numbered, b: Numbered): number {
  return a.seq - b.seq;
}
