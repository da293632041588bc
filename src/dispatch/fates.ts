import type { Clock } from '../runtime/clock.ts';
import type { TimeSlice } from '../runtime/time-slice.ts';
import type { Failure } from '../upstream/outcome.ts';
import { withNote } from './errors.ts';
import { type Job, setStep } from './job.ts';
import type { Jobs } from './jobs.ts';
import type { Fate } from './settlement.ts';
import type { Waiters } from './waiters.ts';

export type FateDeps = {
  readonly jobs: Jobs;
  readonly waiters: Waiters;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  /** Makes every call that may be made now. */
  readonly pump: () => void;
};

/** Lets a fate take effect. */
export function apply(deps: FateDeps, fate: Fate): void {
  const { jobs, waiters, clock } = deps;
  switch (fate.kind) {
    case 'resolve':
      for (const { resolve } of waiters.releaseAll(fate.job)) resolve(fate.result);
      jobs.finish(fate.job);
      break;
    case 'reject':
      fail(deps, fate.job, fate.explain());
      break;
    case 'drop':
      jobs.finish(fate.job);
      break;
    case 'requeue':
      if (fate.how === 'alone') fate.job.group = null;
      if (fate.how === 'reauthenticated') fate.job.wasReauthenticated = true;
      noteRefusal(fate.job, fate.refusedBy);
      jobs.requeue(fate.job);
      break;
    case 'continue':
      setStep(fate.job, fate.step);
      if (fate.atMs === undefined) jobs.requeue(fate.job);
      else backOff(deps, [fate.job], Math.max(0, fate.atMs - clock.monotonicMs()));
      break;
    case 'replace':
      setStep(fate.job, fate.step);
      break;
    case 'retryAt':
      for (const job of fate.jobs) noteRefusal(job, fate.refusedBy);
      backOff(deps, fate.jobs, Math.max(0, fate.atMs - clock.monotonicMs()));
      break;
    case 'split':
      for (const part of fate.parts) jobs.requeueTogether(part);
  }
}

function noteRefusal(job: Job, refusedBy: Failure | undefined): void {
  job.refusedBy = refusedBy;
  if (refusedBy !== undefined) job.refusals += 1;
}

/** Fates that take effect before other events are handled, however long that takes. */
export const AT_ONCE = 8;

/**
 * The same for those of a call of many leads. Answers come last and let other events be handled between them: what their
 * callers do with them takes longer than all the rest.
 */
export async function applyInTurns(
  deps: FateDeps & { readonly slice: TimeSlice; readonly goOn: () => void },
  fates: readonly Fate[],
): Promise<void> {
  const answers: Fate[] = [];
  for (const fate of fates) {
    if (fate.kind === 'resolve' || fate.kind === 'reject') answers.push(fate);
    else apply(deps, fate);
  }
  let isFirstPause = true;
  for (const [nth, fate] of answers.entries()) {
    if (nth % AT_ONCE === 0) {
      // Callers that were answered go on, which is a part of the slice.
      await Promise.resolve();
      if (deps.slice.isUsedUp()) {
        if (isFirstPause) deps.goOn();
        isFirstPause = false;
        await deps.slice.next();
      }
    }
    apply(deps, fate);
  }
}

/** Jobs pause for `ms` before another attempt. */
export function backOff({ jobs, clock, pump }: FateDeps, paused: readonly Job[], ms: number): void {
  jobs.backOff(paused);
  clock.setTimer(() => {
    jobs.resume(paused);
    pump();
  }, ms);
}

/** Answers all who wait for a job with an error. */
export function fail({ waiters, jobs }: Pick<FateDeps, 'waiters' | 'jobs'>, job: Job, error: unknown): void {
  const noted = withNote(job, error);
  for (const { reject } of waiters.releaseAll(job)) reject(noted);
  jobs.finish(job);
}
