import type { CallTiming, Origin, UpsertLead, UpsertResult } from '../leads/lead.ts';

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
