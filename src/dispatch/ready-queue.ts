import type { Job } from './job.ts';

type Numbered = { readonly seq: number };

/** A priority queue of numbered items, the lowest number first: a binary heap. Items found gone are passed over. */
export type PriorityQueue<Item extends Numbered> = {
  push(item: Item): void;
  /** The oldest item that is still wanted; stays where it is. */
  peek(): Item | undefined;
  pop(): Item | undefined;
};

/** @param isWanted false for items that were taken out elsewhere and only wait to be passed over */
export function createPriorityQueue<Item extends Numbered>(
  isWanted: (item: Item) => boolean,
): PriorityQueue<Item> {
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

/** The leads that may go now, and which of them go together. */
export type ReadyQueue = {
  /** Makes a job ready. */
  add(job: Job): void;
  /** Leads that shall go in one call of their own company, before all others: the parts of a refused batch. */
  addGroup(jobs: readonly Job[]): void;
  /** Takes the leads of the next call, oldest first. */
  next(): readonly Job[] | undefined;
  /** Puts back those of the leads that `next` gave which are still wanted; a group stays one. */
  giveBack(taken: readonly Job[], wanted: readonly Job[]): void;
  /** To be called when a ready job is given up, before its state changes. */
  remove(job: Job): void;
  isEmpty(): boolean;
  /** Whether waiting longer could not make the next call carry more. */
  hasFullBatch(): boolean;
  /** Whether any lead waits that could share a call. */
  hasBatchable(): boolean;
  /** Calls it takes until a lead added now has gone. */
  callsUntil(isBatchable: boolean): number;
};

export type ReadyQueueOptions = {
  /** Leads a call may carry. */
  readonly maxBatch: number;
  /** Characters a call may carry, roughly; a single lead may be larger. */
  readonly maxBatchSize: number;
};

/**
 * Leads that can share a call and leads that cannot wait in two queues, each oldest first, which take turns: neither
 * kind starves the other.
 */
export function createReadyQueue({ maxBatch, maxBatchSize }: ReadyQueueOptions): ReadyQueue {
  const batchable = createPriorityQueue<Job>(isWaiting);
  const single = createPriorityQueue<Job>(isWaiting);
  let batchableCount = 0;
  let batchableSize = 0;
  let singleCount = 0;
  let groups: (readonly Job[])[] = [];
  const grouped = new Set<Job>();
  const takenGroups = new WeakSet<readonly Job[]>();
  let wasSingle = false;

  /** No lead fills more than one call. */
  const sizeOf = ({ size }: Job) => Math.min(size, maxBatchSize);

  const countOf = (job: Job, by: number) => {
    if (grouped.delete(job)) return;
    if (job.isBatchable) {
      batchableCount += by;
      batchableSize += by * sizeOf(job);
    } else {
      singleCount += by;
    }
  };

  const nextGroup = (): readonly Job[] | undefined => {
    while (groups.length > 0) {
      const [group = [], ...rest] = groups;
      groups = rest;
      const wanted = group.filter(isWaiting);
      for (const job of wanted) grouped.delete(job);
      takenGroups.add(wanted);
      if (wanted.length > 0) return wanted;
    }
    return undefined;
  };

  const nextBatch = (): readonly Job[] => {
    const batch: Job[] = [];
    let size = 0;
    for (let job = batchable.peek(); job !== undefined; job = batchable.peek()) {
      size += job.size;
      if (batch.length === maxBatch || (batch.length > 0 && size > maxBatchSize)) break;
      batch.push(job);
      batchable.pop();
      batchableSize -= sizeOf(job);
    }
    batchableCount -= batch.length;
    return batch;
  };

  const add = (job: Job) => {
    job.state = 'ready';
    countOf(job, 1);
    (job.isBatchable ? batchable : single).push(job);
  };

  const addGroup = (jobs: readonly Job[]) => {
    groups.push(jobs);
    for (const job of jobs) {
      job.state = 'ready';
      grouped.add(job);
    }
  };

  return {
    add,
    addGroup,
    giveBack(taken, wanted) {
      if (wanted.length > 0 && takenGroups.has(taken)) addGroup(wanted);
      else for (const job of wanted) add(job);
    },
    remove: (job) => countOf(job, -1),
    isEmpty: () => batchableCount === 0 && singleCount === 0 && grouped.size === 0,
    hasFullBatch: () => grouped.size > 0 || batchableCount >= maxBatch || batchableSize >= maxBatchSize,
    hasBatchable: () => batchableCount > 0,

    next() {
      const group = nextGroup();
      if (group !== undefined) return group;
      if (singleCount > 0 && (batchableCount === 0 || !wasSingle)) {
        wasSingle = true;
        const job = single.pop();
        if (job !== undefined) singleCount -= 1;
        return job && [job];
      }
      wasSingle = false;
      const batch = nextBatch();
      return batch.length === 0 ? undefined : batch;
    },

    callsUntil(isBatchable) {
      const count = batchableCount + (isBatchable ? 1 : 0);
      const batches = Math.max(Math.ceil(count / maxBatch), Math.ceil(batchableSize / maxBatchSize));
      const singles = singleCount + (isBatchable ? 0 : 1);
      const own = isBatchable ? batches : singles;
      const others = isBatchable ? singles : batches;
      return groups.length + own + Math.min(own, others);
    },
  };
}

function isWaiting(job: Job): boolean {
  return job.state === 'ready';
}
