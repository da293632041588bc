import type { CallTiming, Origin, UpsertLead, UpsertResult } from '../leads/lead.ts';
import { wireSize } from './ordering-keys.ts';

/** Somebody who waits for an answer. */
export type Waiter = {
  readonly arrivedAt: number;
  /** When the waiter is answered at the latest, in monotonic ms. */
  readonly endsAt: number;
  readonly resolve: (result: UpsertResult) => void;
  readonly reject: (error: unknown) => void;
  readonly report: ((timing: CallTiming) => void) | undefined;
  /** Ends the waiting for the deadline and for the waiter's leaving. */
  readonly forget: () => void;
};

/** A lead on its way, and everybody who asked for this very thing. */
export type Job = {
  /** Order of arrival. */
  readonly seq: number;
  readonly command: UpsertLead;
  readonly keys: readonly string[];
  /** Characters on the wire, roughly. */
  readonly size: number;
  readonly waiters: Waiter[];
  /** The requests it has come with, the first one first; also of waiters who have left. */
  readonly origins: Origin[];
  /**
   * `blocked`: behind another of its lanes; `ready`: in the ready queue; `acquiring`: until the other replicas agree to its
   * call; `backing-off`: before another attempt; `in-flight`: in a call; `done`: answered or wanted by nobody.
   */
  state: 'blocked' | 'ready' | 'acquiring' | 'backing-off' | 'in-flight' | 'done';
  attempts: number;
  wasReauthenticated: boolean;
  /** Whether it may share a call; no longer once a batch with it was answered in a way that cannot be trusted. */
  isBatchable: boolean;
  /** Ms spent in calls. */
  upstreamMs: number;
  batchSize: number;
  /** Takes the running call back as long as it is not on the wire. */
  cancel: (() => void) | undefined;
};

/** A lead that has just arrived; nobody waits for it yet. */
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

/** The latest deadline among those who wait for it. */
export function latestDeadline(job: Job): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { endsAt } of job.waiters) latest = Math.max(latest, endsAt);
  return latest;
}
