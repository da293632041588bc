import TinyQueue from 'tinyqueue';
import type { Job } from './job.ts';

/** The jobs that may be sent now, and which of them go together. */
export type ReadyQueue = {
  /** Makes a job ready. */
  add(job: Job): void;
  /** Makes jobs ready that go in one call of their own, before all others: a part of a batch that was split. */
  addGroup(jobs: readonly Job[]): void;
  /** Takes the jobs of the next call, oldest first. */
  next(): readonly Job[] | undefined;
  /** Puts back those of the jobs taken by `next` that are still wanted; a group stays one. */
  giveBack(taken: readonly Job[], wanted: readonly Job[]): void;
  /** To be called when a ready job is given up, before its state changes. */
  remove(job: Job): void;
  isEmpty(): boolean;
  /** Whether waiting longer could not make the next call carry more. */
  hasFullBatch(): boolean;
  /** Whether a job is ready that could share a call. */
  hasBatchable(): boolean;
  /** Calls until a job added now has been sent. */
  callsUntil(isBatchable: boolean): number;
};

export type ReadyQueueOptions = {
  /** Leads a call may carry. */
  readonly maxBatch: number;
  /** Characters a call may carry, roughly; a single lead may be larger. */
  readonly maxBatchSize: number;
};

/**
 * Jobs that can share a call and jobs that cannot stand in two queues, each oldest first, which take turns, so that
 * neither kind starves the other.
 */
export function createReadyQueue({ maxBatch, maxBatchSize }: ReadyQueueOptions): ReadyQueue {
  const batchable = createCountedQueue(maxBatchSize);
  const single = createCountedQueue(maxBatchSize);
  const groups = createGroups();
  let wasSingle = false;

  const queueOf = (job: Job) => (job.isBatchable ? batchable : single);

  const add = (job: Job) => {
    job.state = 'ready';
    queueOf(job).push(job);
  };

  return {
    add,
    addGroup: groups.add,
    giveBack(taken, wanted) {
      if (wanted.length > 0 && groups.hasGiven(taken)) groups.add(wanted);
      else for (const job of wanted) add(job);
    },
    remove(job) {
      if (!groups.remove(job)) queueOf(job).removed(job);
    },
    isEmpty: () => batchable.count() === 0 && single.count() === 0 && groups.jobs() === 0,
    hasFullBatch: () =>
      groups.jobs() > 0 || batchable.count() >= maxBatch || batchable.size() >= maxBatchSize,
    hasBatchable: () => batchable.count() > 0,

    next() {
      const group = groups.next();
      if (group !== undefined) return group;
      wasSingle = single.count() > 0 && (batchable.count() === 0 || !wasSingle);
      if (wasSingle) {
        const job = single.pop();
        return job && [job];
      }
      const batch = takeBatch(batchable, maxBatch, maxBatchSize);
      return batch.length === 0 ? undefined : batch;
    },

    callsUntil(isBatchable) {
      const count = batchable.count() + (isBatchable ? 1 : 0);
      const batches = Math.max(Math.ceil(count / maxBatch), Math.ceil(batchable.size() / maxBatchSize));
      const singles = single.count() + (isBatchable ? 0 : 1);
      const own = isBatchable ? batches : singles;
      const others = isBatchable ? singles : batches;
      return groups.count() + own + Math.min(own, others);
    },
  };
}

/** Takes the oldest jobs that fit in one call. */
function takeBatch(queue: CountedQueue, maxBatch: number, maxBatchSize: number): readonly Job[] {
  const batch: Job[] = [];
  let size = 0;
  for (let job = queue.peek(); job !== undefined; job = queue.peek()) {
    size += job.size;
    if (batch.length === maxBatch || (batch.length > 0 && size > maxBatchSize)) break;
    batch.push(job);
    queue.pop();
  }
  return batch;
}

type Numbered = { readonly seq: number };

/** A priority queue of numbered items, the lowest number first; those that are no longer wanted are skipped. */
type PriorityQueue<Item extends Numbered> = {
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

type CountedQueue = ReturnType<typeof createCountedQueue>;

/** A priority queue that knows how many of its jobs are still ready, and how large they are together. */
function createCountedQueue(maxSize: number) {
  const queue = createPriorityQueue<Job>(isReady);
  let count = 0;
  let size = 0;
  // No lead fills more than one call.
  const sizeOf = (job: Job) => Math.min(job.size, maxSize);
  const removed = (job: Job): void => {
    count -= 1;
    size -= sizeOf(job);
  };
  return {
    count: () => count,
    size: () => size,
    push(job: Job): void {
      count += 1;
      size += sizeOf(job);
      queue.push(job);
    },
    peek: queue.peek,
    pop(): Job | undefined {
      const job = queue.pop();
      if (job !== undefined) removed(job);
      return job;
    },
    /** Counts out a job that stays in the queue until its turn, where it is skipped. */
    removed,
  };
}

/** The parts of batches that were split. */
function createGroups() {
  const groups: (readonly Job[])[] = [];
  const members = new Set<Job>();
  const given = new WeakSet<readonly Job[]>();
  return {
    count: () => groups.length,
    jobs: () => members.size,
    add(jobs: readonly Job[]): void {
      groups.push(jobs);
      for (const job of jobs) {
        job.state = 'ready';
        members.add(job);
      }
    },
    remove: (job: Job) => members.delete(job),
    hasGiven: (jobs: readonly Job[]) => given.has(jobs),
    next(): readonly Job[] | undefined {
      for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
        const wanted = group.filter(isReady);
        for (const job of wanted) members.delete(job);
        given.add(wanted);
        if (wanted.length > 0) return wanted;
      }
      return undefined;
    },
  };
}

function isReady(job: Job): boolean {
  return job.state === 'ready';
}
