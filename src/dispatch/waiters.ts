import type { CallTiming, UpsertContext, UpsertResult } from '../leads/lead.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Callers } from './callers.ts';
import { type Caller, isWaiting, type Job, type Waiter } from './job.ts';

/** Requests that a call can be traced to, for one lead. */
const MAX_ORIGINS = 300;

export type WaitersOptions = {
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>;
  /** How long a waiter waits at most, in ms. */
  readonly deadlineMs: number;
  readonly callers: Pick<Callers, 'countRequests' | 'countWaiting'>;
  /** A waiter is answered. */
  readonly onAnswer: (timing: CallTiming) => void;
  /** A client has left, or its deadline has passed; its waiter is to be released. */
  readonly onGone: (job: Job, waiter: Waiter, why: 'left' | 'late') => void;
};

/** The requests that wait for jobs, from their arrival to their answer. */
export type Waiters = {
  join(
    job: Job,
    caller: Caller,
    context: UpsertContext,
    resolve: (result: UpsertResult) => void,
    reject: (error: unknown) => void,
  ): void;
  /** Releases a waiter that is answered next. */
  release(job: Job, waiter: Waiter): void;
  /** Releases all waiters of a job. */
  releaseAll(job: Job): readonly Waiter[];
};

export function createWaiters({ clock, deadlineMs, callers, onAnswer, onGone }: WaitersOptions): Waiters {
  const { monotonicMs, setTimer, clearTimer } = clock;

  const end = (job: Job, waiter: Waiter) => {
    waiter.forget();
    callers.countRequests(waiter.caller, -1);
    if (isWaiting(job)) callers.countWaiting(waiter.caller, -1);
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
    join(job, caller, context, resolve, reject) {
      const arrivedAt = monotonicMs();
      const leave = () => onGone(job, waiter, 'left');
      const waitMs = Math.min(deadlineMs, context.deadlineMs ?? deadlineMs);
      const timer = setTimer(() => onGone(job, waiter, 'late'), waitMs);
      context.signal.addEventListener('abort', leave);
      const waiter: Waiter = {
        caller,
        arrivedAt,
        endsAt: arrivedAt + waitMs,
        resolve,
        reject,
        report: context.report,
        forget() {
          clearTimer(timer);
          context.signal.removeEventListener('abort', leave);
        },
      };
      job.waiters.push(waiter);
      callers.countRequests(caller, 1);
      callers.countWaiting(caller, 1);
      if (job.origins.length < MAX_ORIGINS) {
        // Not the context itself: it would keep waiters who have left in memory.
        job.origins.push({ requestId: context.requestId, trace: context.trace });
      }
    },
    release(job, waiter) {
      job.waiters.splice(job.waiters.indexOf(waiter), 1);
      end(job, waiter);
    },
    releaseAll(job) {
      const all = job.waiters.splice(0);
      for (const waiter of all) end(job, waiter);
      return all;
    },
  };
}
