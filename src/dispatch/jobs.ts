import { isSame, type LeadCommand } from '../leads/lookup.ts';
import { createRecyclingMap, type RecyclingMap } from '../runtime/recycling-map.ts';
import type { Step } from '../upstream/step.ts';
import type { Callers } from './callers.ts';
import { type Caller, createJob, type Job } from './job.ts';
import { createKeyQueues, type KeyQueues } from './ordering-keys.ts';
import type { ReadyQueue } from './ready-queue.ts';

/** All jobs, from the arrival of their lead to their last answer; the one place that changes a job's state. */
export type Jobs = {
  /** Takes in a lead; it is ready unless another job has one of its keys. */
  add(command: LeadCommand, keys: readonly string[], step: Step, caller: Caller, isBackground?: boolean): Job;
  /** Jobs that one with these keys has to wait for; undefined: none. */
  ahead(keys: readonly string[]): readonly Job[] | undefined;
  /** Lets a job that waits, and those it has to wait for, go in the turns of another caller, too. */
  share(job: Job, caller: Caller): void;
  /** The job not in a call yet that asks for the same and is the last with these keys: one call can answer both. */
  findEqual(command: LeadCommand, keys: readonly string[]): Job | undefined;
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
  /** Has a ready job share no call. */
  sendAlone(job: Job): void;
  /** All jobs that are in no call, in the order of their arrival or of their last return. */
  waiting(): readonly Job[];
  /** How many they are. */
  waitingCount(): number;
  inFlight(): readonly Job[];
  /** Keys that some job has. */
  orderingKeys(): number;
};

/** Jobs that one caller's turns may move up for another's lead. Any more would use up its deadline anyway. */
const MAX_SHARED = 100;

/** @param onNext a job is ready that had to wait for others with its keys */
export function createJobs(
  readyQueue: ReadyQueue,
  callers: Pick<Callers, 'countWaiting'>,
  onNext?: (job: Job) => void,
): Jobs {
  const keyQueues = createKeyQueues<Job>((job) => job.keys);
  const waiting = createRecyclingMap<number, Job>();
  const inFlight = createRecyclingMap<number, Job>();
  let lastSeq = 0;

  const wait = (job: Job) => {
    waiting.set(job.seq, job);
    for (const { caller } of job.waiters) callers.countWaiting(caller, 1);
  };
  return {
    ...callTransitions(waiting, inFlight, callers),
    ...readyTransitions(readyQueue, keyQueues, waiting, onNext),
    ahead: keyQueues.ahead,
    share: (job, caller) => shareFrom(job, caller, readyQueue, keyQueues),
    add(command, keys, step, caller, isBackground = false) {
      lastSeq += 1;
      const job = createJob(lastSeq, command, keys, step, caller, isBackground);
      waiting.set(job.seq, job);
      if (keyQueues.enter(job)) readyQueue.add(job);
      else
        for (const other of keyQueues.ahead(keys) ?? [])
          if (other !== job) shareFrom(other, caller, readyQueue, keyQueues);
      return job;
    },
    findEqual(command, keys) {
      const last = keyQueues.last(keys);
      if (last === undefined || !waiting.has(last.seq)) return undefined;
      return !isStored(last) && isSame(last.command, command) ? last : undefined;
    },
    requeue(job) {
      wait(job);
      readyQueue.add(job);
    },
    requeueTogether(jobs) {
      for (const job of jobs) wait(job);
      readyQueue.addPart(jobs);
    },
    backOff(jobs) {
      for (const job of jobs) {
        // One that another replica holds has never left the jobs that wait.
        if (job.state === 'in-flight') wait(job);
        job.state = 'backing-off';
      }
    },
    waiting: waiting.values,
    waitingCount: waiting.size,
    inFlight: inFlight.values,
    orderingKeys: keyQueues.size,
  };
}

/** Its write is older than a lead that comes now. */
function isStored({ step }: Job): boolean {
  return step.note !== undefined;
}

function shareFrom(
  first: Job,
  caller: Caller,
  readyQueue: Pick<ReadyQueue, 'share'>,
  keyQueues: KeyQueues<Job>,
): void {
  const reached = new Set([first]);
  for (const job of reached) {
    if (job.callers.includes(caller)) continue;
    readyQueue.share(job, caller);
    if (job.state !== 'blocked') continue;
    for (const other of keyQueues.ahead(job.keys) ?? []) {
      if (other.seq < job.seq && reached.size < MAX_SHARED) reached.add(other);
    }
  }
}

type JobMap = RecyclingMap<number, Job>;

/** From the ready queue into a call, and out of it. */
function callTransitions(
  waiting: JobMap,
  inFlight: JobMap,
  callers: Pick<Callers, 'countWaiting'>,
): Pick<Jobs, 'acquire' | 'start' | 'end'> {
  return {
    acquire(jobs) {
      for (const job of jobs) job.state = 'acquiring';
    },
    start(jobs, cancel) {
      for (const job of jobs) {
        job.state = 'in-flight';
        job.attempts += 1;
        job.stepAttempts += 1;
        job.batchSize = jobs.length;
        job.cancel = cancel;
        waiting.delete(job.seq);
        for (const { caller } of job.waiters) callers.countWaiting(caller, -1);
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

/** Into the ready queue again, and for good out of it. */
function readyTransitions(
  readyQueue: ReadyQueue,
  keyQueues: KeyQueues<Job>,
  waiting: JobMap,
  onNext?: (job: Job) => void,
): Pick<Jobs, 'giveBack' | 'resume' | 'finish' | 'sendAlone'> {
  return {
    giveBack: (jobs) => readyQueue.giveBack(jobs, jobs.filter(isAcquiring)),
    resume(jobs) {
      for (const job of jobs) if (job.state === 'backing-off') readyQueue.add(job);
    },
    finish(job) {
      if (job.state === 'ready') readyQueue.remove(job);
      job.state = 'done';
      waiting.delete(job.seq);
      for (const next of keyQueues.leave(job)) {
        if (next.state !== 'blocked') continue;
        readyQueue.add(next);
        onNext?.(next);
      }
    },
    sendAlone(job) {
      if (!job.isQueued || job.isBackground) return;
      readyQueue.remove(job);
      job.group = null;
      readyQueue.add(job);
    },
  };
}

export function isAcquiring(job: Job): boolean {
  return job.state === 'acquiring';
}
