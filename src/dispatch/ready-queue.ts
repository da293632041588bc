import TinyQueue from 'tinyqueue';
import type { Job } from './job.ts';

type Numbered = { readonly seq: number };

/** A priority queue of numbered items, the lowest number first; those that are no longer wanted are skipped. */
export type PriorityQueue<Item extends Numbered> = {
  push(item: Item): void;
  /** The oldest item that is still wanted; stays where it is. */
  peek(): Item | undefined;
  pop(): Item | undefined;
};

/** @param isWanted false for items that were taken out elsewhere */
export function createPriorityQueue<Item extends Numbered>(
  isWanted: (item: Item) => boolean,
): PriorityQueue<Item> {
  const queue = new TinyQueue<Item>([], (a, b) => a.seq - b.seq);
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
