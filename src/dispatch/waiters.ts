import type { CallTiming, UpsertContext } from '../leads/lead.ts';
import { appended } from '../runtime/appended.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Callers } from './callers.ts';
import { type Caller, isWaiting, type Job, type Waiter } from './job.ts';

/** Requests that a call can be traced to, for one lead. */
const MAX_ORIGINS = 300;

export type WaitersOptions = {
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>;
  /** How long a waiter waits at most, in ms. */
  readonly deadlineMs: number;
  readonly callers: Pick<Callers, 'background' | 'countRequests' | 'countWaiting'>;
  /** A waiter is answered that was in a hurry. */
  readonly onAnswer: (timing: CallTiming) => void;
  /** Someone begins to wait for a lead that was in no hurry. */
  readonly onUrgent: (job: Job, context: UpsertContext) => void;
  /** A client has left, or its deadline has passed; its waiter is to be released. */
  readonly onGone: (job: Job, waiter: Waiter, why: 'left' | 'late') => void;
};

/** The requests that wait for jobs, from their arrival to their answer. */
export type Waiters = {
  join(
    job: Job,
    caller: Caller,
    context: UpsertContext,
    resolve: Waiter['resolve'],
    reject: (error: unknown) => void,
  ): void;
  /** Releases a waiter that is answered next. */
  release(job: Job, waiter: Waiter): void;
  /** Releases all waiters of a job. */
  releaseAll(job: Job): readonly Waiter[];
};

export function createWaiters(options: WaitersOptions): Waiters {
  const { clock, deadlineMs, callers, onAnswer, onGone, onUrgent } = options;
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
    if (waiter.caller !== callers.background) onAnswer(timing);
    waiter.report?.(timing);
  };

  return {
    join(job, caller, context, resolve, reject) {
      const arrivedAt = monotonicMs();
      const leave = () => onGone(job, waiter, 'left');
      const waitMs = waitOf(context, deadlineMs);
      const timer = waitMs === NO_DEADLINE ? undefined : setTimer(() => onGone(job, waiter, 'late'), waitMs);
      context.signal.addEventListener('abort', leave);
      const stopListening = whenUrgent(context, () => onUrgent(job, context));
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
          stopListening?.();
        },
      };
      job.waiters = appended(job.waiters, waiter);
      callers.countRequests(caller, 1);
      callers.countWaiting(caller, 1);
      if (job.origins.length < MAX_ORIGINS) {
        // Not the context itself: it would keep waiters who have left in memory.
        job.origins = appended(job.origins, { requestId: context.requestId, trace: context.trace });
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

const NO_DEADLINE = Number.POSITIVE_INFINITY;

/** How long a request waits at most, in ms. */
function waitOf({ background, deadlineMs }: UpsertContext, longestMs: number): number {
  if (background?.aborted === false) return NO_DEADLINE;
  return Math.min(longestMs, deadlineMs ?? longestMs);
}

/** Calls back when someone begins to wait for a lead in no hurry; the function it returns ends that. */
function whenUrgent({ background }: UpsertContext, hurry: () => void): (() => void) | undefined {
  if (background === undefined) return undefined;
  background.addEventListener('abort', hurry);
  return () => background.removeEventListener('abort', hurry);
}
