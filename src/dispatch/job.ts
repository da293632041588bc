import type { CallTiming, LeadRecord, Origin, UpsertResult } from '../leads/lead.ts';
import type { LeadCommand } from '../leads/lookup.ts';
import type { Failure } from '../upstream/outcome.ts';
import type { Step } from '../upstream/step.ts';
import type { PriorityQueue } from './priority-queue.ts';
import type { Place } from './turns.ts';

/** Who sends leads: a key, an application, or one address that uses a publishable key. */
export type Caller = {
  readonly id: string;
  /** The key, if this is one of its addresses. */
  readonly parent: Caller | undefined;
  /** Whether its addresses are the callers. */
  readonly hasAddresses: boolean;
  /** Where it takes turns with the other callers. */
  readonly place: Place<Flow>;
  /** Its ready jobs, a flow for each group. */
  readonly flows: Flow[];
  /** Those of its requests that are not answered yet, and those whose leads wait. */
  requests: number;
  waiting: number;
};

/** The ready jobs of one caller in one group, oldest first. */
export type Flow = {
  readonly caller: Caller;
  readonly group: Group | null;
  readonly queue: PriorityQueue<Job>;
  /** Characters of its jobs, each counted as one call at most. */
  size: number;
  /** Characters it may still put in a call that several flows fill; less than 0 after a larger lead. */
  credit: number;
  /** Where it takes turns with the caller's other flows. */
  readonly turn: Place<Flow>;
  /** Where it takes turns in filling a call; undefined for jobs that go alone. */
  readonly fill: Place<Flow> | undefined;
};

/** The ready jobs of all callers that may share a call. */
export type Group = {
  readonly name: string;
  readonly fill: Place<Flow>;
  /** Flows with jobs. */
  flows: number;
  count: number;
  size: number;
  /** Calls that they take. */
  calls: number;
};

/** What a job is answered with: a lead's result, or the leads that a lookup has found. */
export type JobAnswer = UpsertResult | readonly LeadRecord[];

/** A request that waits for the answer to its lead or lookup. */
export type Waiter = {
  readonly caller: Caller;
  readonly arrivedAt: number;
  /** The deadline, in monotonic ms. */
  readonly endsAt: number;
  readonly resolve: (answer: JobAnswer) => void;
  readonly reject: (error: unknown) => void;
  readonly report: ((timing: CallTiming) => void) | undefined;
  /** Stops listening for the deadline and for the client's leaving. */
  readonly forget: () => void;
};

/** A lead or a lookup on its way, with all requests that ask for exactly this. */
export type Job = {
  /** Order of arrival. */
  readonly seq: number;
  readonly command: LeadCommand;
  readonly keys: readonly string[];
  /** Whether it is in no hurry (docs/dispatching.md#leads-in-no-hurry). */
  isBackground: boolean;
  /** The call that it needs now. */
  step: Step;
  /** Bytes of it in that call, roughly. */
  size: number;
  /** Whose turns it can go in: its own caller, then those who joined it or wait behind it. */
  readonly callers: Caller[];
  waiters: Waiter[];
  /** The requests it came with, oldest first, those of waiters who have left included. */
  origins: Origin[];
  /**
   * `blocked`: behind another job with one of its keys; `ready`: in the ready queue; `acquiring`: until the other replicas
   * agree to its call; `backing-off`: before another attempt; `in-flight`: in a call; `done`: answered, or no one waits.
   */
  state: 'blocked' | 'ready' | 'acquiring' | 'backing-off' | 'in-flight' | 'done';
  /** Whether it is ready and in no part of a batch that was split. */
  isQueued: boolean;
  attempts: number;
  /** Those of its step. */
  stepAttempts: number;
  wasReauthenticated: boolean;
  /** Attempts that have certainly stored nothing, and the last one's failure; undefined after any other attempt. */
  refusals: number;
  refusedBy: Failure | undefined;
  /** With which others it may share a call; null: none, as after a batch whose answer could not be matched. */
  group: string | null;
  /** When it must be sent at the latest so that the last of those behind it is in time, in monotonic ms. */
  startBy: number;
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
  command: LeadCommand,
  keys: readonly string[],
  step: Step,
  caller: Caller,
  isBackground = false,
): Job {
  return {
    seq,
    command,
    keys,
    isBackground,
    step,
    size: step.size,
    callers: [caller],
    waiters: [],
    origins: [],
    state: 'blocked',
    isQueued: false,
    attempts: 0,
    stepAttempts: 0,
    wasReauthenticated: false,
    refusals: 0,
    refusedBy: undefined,
    group: step.group,
    startBy: Number.POSITIVE_INFINITY,
    upstreamMs: 0,
    batchSize: 0,
    cancel: undefined,
  };
}

/** Gives a job its next call; not while it is ready. */
export function setStep(job: Job, step: Step): void {
  job.step = step;
  job.size = step.size;
  job.group = step.group;
  job.stepAttempts = 0;
  job.wasReauthenticated = false;
}

/** Whether a call with it may have stored it: one that is running, or one that was not certainly refused. */
export function mayBeStored({ state, attempts, refusals }: Job): boolean {
  return state === 'in-flight' || attempts > refusals;
}

/** Whether it is in no call and not done. */
export function isWaiting({ state }: Job): boolean {
  return state !== 'in-flight' && state !== 'done';
}

/** The latest deadline of its waiters. */
export function latestDeadline(job: Job): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { endsAt } of job.waiters) latest = Math.max(latest, endsAt);
  return latest;
}
