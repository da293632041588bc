import type { Caller, Job } from './job.ts';
import type { ReadyQueue } from './ready-queue.ts';

/**
 * The jobs that may be sent now, and beside them those in no hurry, which fill up the calls of the others. What
 * decisions depend on counts the others alone, so that they are sent as if those in no hurry were not there.
 */
export type TwoClassQueue = ReadyQueue & {
  readonly background: Pick<ReadyQueue, 'isEmpty' | 'hasFullBatch'>;
  /** Takes the jobs of a call that is made for jobs in no hurry. */
  nextBackground(): readonly Job[] | undefined;
};

/** @param backgroundCaller whose turns jobs in no hurry go in */
export function createTwoClassQueue(
  direct: ReadyQueue,
  background: ReadyQueue,
  backgroundCaller: Caller,
): TwoClassQueue {
  const classOf = (job: Job) => (job.isBackground ? background : direct);

  /** Someone waits for the job: it goes in the turns of that caller from now on. */
  const promote = (job: Job, caller: Caller) => {
    const isQueued = job.isQueued;
    if (isQueued) background.remove(job);
    job.isBackground = false;
    job.callers.splice(0, job.callers.length, caller);
    if (isQueued) direct.add(job);
  };

  return {
    ...direct,
    background,
    nextBackground: background.next,
    add: (job) => classOf(job).add(job),
    share(job, caller) {
      if (job.isBackground && caller !== backgroundCaller) promote(job, caller);
      else if (caller !== backgroundCaller) direct.share(job, caller);
    },
    addPart: (jobs) => (jobs.every((job) => job.isBackground) ? background : direct).addPart(jobs),
    next(onlyGathered) {
      const taken = direct.next(onlyGathered);
      // A part of a batch that was split finds out which lead was refused.
      if (taken === undefined || !background.hasBatchable() || direct.isPart(taken)) return taken;
      return background.fillUp(taken);
    },
    giveBack(taken, wanted) {
      for (const queue of [direct, background]) {
        if (!queue.isPart(taken)) continue;
        queue.giveBack(taken, wanted);
        return;
      }
      direct.giveBack(
        taken,
        wanted.filter((job) => !job.isBackground),
      );
      background.giveBack(
        taken,
        wanted.filter((job) => job.isBackground),
      );
    },
    remove(job) {
      if (job.isQueued) {
        classOf(job).remove(job);
        return;
      }
      // A part keeps its jobs when someone begins to wait for one of them.
      direct.remove(job);
      background.remove(job);
    },
  };
}
