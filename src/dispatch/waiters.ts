import type { CallTiming, UpsertContext, UpsertResult } from '../leads/lead.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Waiter, Job } from './job.ts';

/** Requests for one lead that a call can be traced to. */
const MAX_ORIGINS = 300;

export type WaitersOptions = {
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>;
  /** How long a waiter waits at most, in ms. */
  readonly deadlineMs: number;
  /** Somebody is answered. */
  readonly onAnswer: (timing: CallTiming) => void;
  /** A waiter has left, or waited long enough, and is to be released. */
  readonly onGone: (job: Job, waiter: Waiter, why: 'left' | 'late') => void;
};

/** Those who wait for leads, from their coming to their answer. */
export type Waiters = {
  /** Somebody waits for the lead from now on. */
  join(
    job: Job,
    context: UpsertContext,
    resolve: (result: UpsertResult) => void,
    reject: (error: unknown) => void,
  ): void;
  /** Lets a waiter go who is answered next. */
  release(job: Job, waiter: Waiter): void;
  /** The same with all who wait for the lead. */
  releaseAll(job: Job): readonly Waiter[];
};

export function createWaiters({ clock, deadlineMs, onAnswer, onGone }: WaitersOptions): Waiters {
  const { monotonicMs, setTimer, clearTimer } = clock;

  const letGo = (job: Job, waiter: Waiter) => {
    waiter.forget();
    const timing = {
      waitMs: Math.max(0, monotonicMs() - waiter.arrivedAt - job.upstreamMs),
      upstreamMs: job.upstreamMs,
      attempts: job.attempts,
      batchSize: job.batchSize,
    };
    onAnswer(timing);
    waiter.report?.(timing);
  };

  return {
    join(job, context, resolve, reject) {
      const arrivedAt = monotonicMs();
      const leave = () => onGone(job, waiter, 'left');
      const timer = setTimer(() => onGone(job, waiter, 'late'), deadlineMs);
      context.signal.addEventListener('abort', leave);
      const waiter: Waiter = {
        arrivedAt,
        endsAt: arrivedAt + deadlineMs,
        resolve,
        reject,
        report: context.report,
        forget() {
          clearTimer(timer);
          context.signal.removeEventListener('abort', leave);
        },
      };
      job.waiters.push(waiter);
      if (job.origins.length < MAX_ORIGINS) {
        // Not the context itself: waiters who have left must not be kept in memory by it.
        job.origins.push({ requestId: context.requestId, trace: context.trace });
      }
    },
    release(job, waiter) {
      job.waiters.splice(job.waiters.indexOf(waiter), 1);
      letGo(job, waiter);
    },
    releaseAll(job) {
      const all = job.waiters.splice(0);
      for (const waiter of all) letGo(job, waiter);
      return all;
    },
  };
}
