import type { CallTiming, Origin, UpsertContext, UpsertLead, UpsertResult } from '../leads/lead.ts';
import type { Clock } from '../runtime/clock.ts';

/** A request that waits for the answer to its lead. */
export type Waiter = {
  readonly arrivedAt: number;
  /** The deadline, in monotonic ms. */
  readonly endsAt: number;
  readonly resolve: (result: UpsertResult) => void;
  readonly reject: (error: unknown) => void;
  readonly report: ((timing: CallTiming) => void) | undefined;
  /** Stops listening for the deadline and for the client's leaving. */
  readonly forget: () => void;
};

/** A lead on its way, with all requests that ask for exactly this. */
export type Job = {
  /** Order of arrival. */
  readonly seq: number;
  readonly command: UpsertLead;
  readonly keys: readonly string[];
  /** Characters on the wire, roughly. */
  readonly size: number;
  readonly waiters: Waiter[];
  /** The requests it came with, oldest first, those of waiters who have left included. */
  readonly origins: Origin[];
  /**
   * `blocked`: behind another job with one of its keys; `ready`: in the ready queue; `acquiring`: until the other replicas
   * agree to its call; `backing-off`: before another attempt; `in-flight`: in a call; `done`: answered, or no one waits.
   */
  state: 'blocked' | 'ready' | 'acquiring' | 'backing-off' | 'in-flight' | 'done';
  attempts: number;
  wasReauthenticated: boolean;
  /** Whether it may share a call; no longer after a batch with it had an answer that could not be matched. */
  isBatchable: boolean;
  /** Ms spent in calls. */
  upstreamMs: number;
  /** Leads in the last call with it. */
  batchSize: number;
  /** Cancels the running call as long as it is not on the wire. */
  cancel: (() => void) | undefined;
};

/** A job for a lead that has just arrived; it has no waiter yet. */
export function createJob(
  seq: number,
  command: UpsertLead,
  keys: readonly string[],
  isBatchable: boolean,
): Job {
  return {
    seq,
    command,
    keys,
    size: wireSize(command),
    waiters: [],
    origins: [],
    state: 'blocked',
    attempts: 0,
    wasReauthenticated: false,
    isBatchable,
    upstreamMs: 0,
    batchSize: 0,
    cancel: undefined,
  };
}

/** The latest deadline of its waiters. */
export function latestDeadline(job: Job): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { endsAt } of job.waiters) latest = Math.max(latest, endsAt);
  return latest;
}

/** Roughly how many characters a command takes on the wire; bounds a batch. */
function wireSize({ attributes, email, foreignKey }: UpsertLead): number {
  let size = 200 + (email?.length ?? 0) + (foreignKey?.id.length ?? 0);
  for (const { name, value } of attributes) {
    size += 80 + name.length + (typeof value === 'string' ? value.length : 20);
  }
  return size;
}

/** Requests that a call can be traced to, for one lead. */
const MAX_ORIGINS = 300;

export type WaitersOptions = {
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>;
  /** How long a waiter waits at most, in ms. */
  readonly deadlineMs: number;
  /** A waiter is answered. */
  readonly onAnswer: (timing: CallTiming) => void;
  /** A client has left, or its deadline has passed; its waiter is to be released. */
  readonly onGone: (job: Job, waiter: Waiter, why: 'left' | 'late') => void;
};

/** The requests that wait for jobs, from their arrival to their answer. */
export type Waiters = {
  join(
    job: Job,
    context: UpsertContext,
    resolve: (result: UpsertResult) => void,
    reject: (error: unknown) => void,
  ): void;
  /** Releases a waiter that is answered next. */
  release(job: Job, waiter: Waiter): void;
  /** Releases all waiters of a job. */
  releaseAll(job: Job): readonly Waiter[];
};

export function createWaiters({ clock, deadlineMs, onAnswer, onGone }: WaitersOptions): Waiters {
  const { monotonicMs, setTimer, clearTimer } = clock;

  const end = (job: Job, waiter: Waiter) => {
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
