import { isSameCommand, type UpsertLead } from '../leads/lead.ts';
import { createRecyclingMap, type RecyclingMap } from '../runtime/recycling-map.ts';
import { createJob, type Job } from './job.ts';
import type { ReadyQueue } from './ready-queue.ts';

/**
 * The keys that a lead may be found by, each as one text. Two leads that share one may be the same person, so they are
 * sent in order (docs/marketo-soap.md#keys). Email compares without case.
 */
export function orderingKeys({ id, foreignKey, marketoCookie, email }: UpsertLead): string[] {
  const keys: string[] = [];
  if (id !== undefined) keys.push(`i${id}`);
  if (foreignKey !== undefined) keys.push(`f${foreignKey.type} ${foreignKey.id}`);
  if (marketoCookie !== undefined) keys.push(`c${marketoCookie}`);
  if (email !== undefined) keys.push(`e${email.toLowerCase()}`);
  return keys;
}

/**
 * A queue for each ordering key, so that items that share a key go one after the other. An item stands in the queue of
 * each of its keys from `enter` to `leave`, and may go when it is at the head of all of them.
 */
export type KeyQueues<Item extends object> = {
  /** Puts an item at the end of its queues; true when it may go at once. */
  enter(item: Item): boolean;
  /** Takes an item out, wherever it stands, and returns the items that may go because of it, oldest first. */
  leave(item: Item): Item[];
  /** The item at the end of the queues of all these keys; undefined when they end in different ones. */
  last(keys: readonly string[]): Item | undefined;
  /** Queues that hold an item. */
  size(): number;
};

export function createKeyQueues<Item extends object>(
  keysOf: (item: Item) => readonly string[],
): KeyQueues<Item> {
  /** A queue with one item, the usual case, is that item itself and costs no list. */
  const queues = createRecyclingMap<string, Item | Item[]>();

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
        if (rest.length === 1 && only !== undefined) queues.set(key, only);
        else queues.set(key, rest);
        if (wasHead && only !== undefined && !next.includes(only)) next.push(only);
      }
      return next.filter((candidate) => keysOf(candidate).every((key) => headOf(key) === candidate));
    },

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

/** All jobs, from the arrival of their lead to their last answer; the one place that changes a job's state. */
export type Jobs = {
  /** Takes in a lead; it is ready unless another job has one of its keys. */
  add(command: UpsertLead, keys: readonly string[], isBatchable: boolean): Job;
  /** The job not in a call yet that asks for the same and is the last with these keys: one call can answer both. */
  findEqual(command: UpsertLead, keys: readonly string[]): Job | undefined;
  /** Makes a job ready whose call has ended. */
  requeue(job: Job): void;
  /** The same with jobs that go in one call of their own. */
  requeueTogether(jobs: readonly Job[]): void;
  /** Jobs taken from the ready queue wait for a permit. */
  acquire(jobs: readonly Job[]): void;
  /** Puts those of them back that are still wanted. */
  giveBack(jobs: readonly Job[]): void;
  /** Jobs pause before another attempt, until `resume`. */
  backOff(jobs: readonly Job[]): void;
  resume(jobs: readonly Job[]): void;
  /** Jobs go in a call. */
  start(jobs: readonly Job[], cancel: () => void): void;
  /** The call has ended after `ms`. */
  end(jobs: readonly Job[], ms: number): void;
  /** The job is done; the next jobs with its keys may go. */
  finish(job: Job): void;
  /** All jobs that are in no call, in the order of their arrival or of their last return. */
  waiting(): readonly Job[];
  /** How many they are. */
  waitingCount(): number;
  inFlight(): readonly Job[];
  /** Keys that some job has. */
  orderingKeys(): number;
};

export function createJobs(readyQueue: ReadyQueue): Jobs {
  const keyQueues = createKeyQueues<Job>((job) => job.keys);
  const waiting = createRecyclingMap<number, Job>();
  const inFlight = createRecyclingMap<number, Job>();
  let lastSeq = 0;

  return {
    ...callTransitions(waiting, inFlight),
    add(command, keys, isBatchable) {
      lastSeq += 1;
      const job = createJob(lastSeq, command, keys, isBatchable);
      waiting.set(job.seq, job);
      if (keyQueues.enter(job)) readyQueue.add(job);
      return job;
    },
    findEqual(command, keys) {
      const last = keyQueues.last(keys);
      if (last === undefined || !waiting.has(last.seq)) return undefined;
      return isSameCommand(last.command, command) ? last : undefined;
    },
    requeue(job) {
      waiting.set(job.seq, job);
      readyQueue.add(job);
    },
    requeueTogether(jobs) {
      for (const job of jobs) waiting.set(job.seq, job);
      readyQueue.addGroup(jobs);
    },
    giveBack: (jobs) => readyQueue.giveBack(jobs, jobs.filter(isAcquiring)),
    backOff(jobs) {
      for (const job of jobs) {
        job.state = 'backing-off';
        waiting.set(job.seq, job);
      }
    },
    resume(jobs) {
      for (const job of jobs) if (job.state === 'backing-off') readyQueue.add(job);
    },
    finish(job) {
      if (job.state === 'ready') readyQueue.remove(job);
      job.state = 'done';
      waiting.delete(job.seq);
      for (const next of keyQueues.leave(job)) if (next.state === 'blocked') readyQueue.add(next);
    },
    waiting: waiting.values,
    waitingCount: waiting.size,
    inFlight: inFlight.values,
    orderingKeys: keyQueues.size,
  };
}

type JobMap = RecyclingMap<number, Job>;

/** From the ready queue into a call, and out of it. */
function callTransitions(waiting: JobMap, inFlight: JobMap): Pick<Jobs, 'acquire' | 'start' | 'end'> {
  return {
    acquire(jobs) {
      for (const job of jobs) job.state = 'acquiring';
    },
    start(jobs, cancel) {
      for (const job of jobs) {
        job.state = 'in-flight';
        job.attempts += 1;
        job.batchSize = jobs.length;
        job.cancel = cancel;
        waiting.delete(job.seq);
        inFlight.set(job.seq, job);
      }
    },
    end(jobs, ms) {
      for (const job of jobs) {
        job.upstreamMs += ms;
        job.cancel = undefined;
        inFlight.delete(job.seq);
      }
    },
  };
}

export function isAcquiring(job: Job): boolean {
  return job.state === 'acquiring';
}
