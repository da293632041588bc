import { isFind } from '../leads/lookup.ts';
import type { Clock } from '../runtime/clock.ts';
import {
  type Failure,
  type Next,
  type Outcome,
  type RecordOutcome,
  toGatewayError,
} from '../upstream/outcome.ts';
import type { Step } from '../upstream/step.ts';
import { secondsOf } from './errors.ts';
import { type Job, type JobAnswer, latestDeadline } from './job.ts';
import type { Quota } from './quota.ts';
import { afterFailure } from './retry-policy.ts';

/** A call that ended in an exception: a bug, in the upstream or here. */
export type Defect = { readonly kind: 'defect'; readonly error: unknown };

/** What becomes of jobs whose call has ended. */
export type Fate =
  | { readonly kind: 'resolve'; readonly job: Job; readonly result: JobAnswer }
  /** To find the words takes time, and hundreds of leads may be refused at once. */
  | { readonly kind: 'reject'; readonly job: Job; readonly explain: () => unknown }
  /** No one waits for the job any longer. */
  | { readonly kind: 'drop'; readonly job: Job }
  /** Ready at once; the budgets do the waiting, if any. */
  | {
      readonly kind: 'requeue';
      readonly job: Job;
      readonly how: 'as-before' | 'reauthenticated' | 'alone';
      readonly refusedBy?: Failure | undefined;
    }
  /** It goes on with another call: at once, or at `atMs`, which is monotonic. */
  | { readonly kind: 'continue'; readonly job: Job; readonly step: Step; readonly atMs: number | undefined }
  /** Its next attempt makes another call; its other fate says when. */
  | { readonly kind: 'replace'; readonly job: Job; readonly step: Step }
  /** Jobs of one call share the pause after it. `atMs` is monotonic. */
  | {
      readonly kind: 'retryAt';
      readonly jobs: readonly Job[];
      readonly atMs: number;
      readonly refusedBy?: Failure | undefined;
    }
  /** Ready at once, each part in a call of its own. */
  | { readonly kind: 'split'; readonly parts: readonly (readonly Job[])[] };

export type SettlementContext = {
  readonly quota: Pick<Quota, 'earliestStart' | 'probeInMs'>;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  /** 0 up to but not 1. */
  readonly random: () => number;
};

/** Decides what becomes of the jobs of a call; changes nothing. Fates take effect in their order. */
export function settle(
  jobs: readonly Job[],
  outcome: Outcome | Defect,
  context: SettlementContext,
): readonly Fate[] {
  switch (outcome.kind) {
    case 'stored':
      return jobs.map((job) => ({ kind: 'resolve', job, result: outcome.result }));
    case 'found':
      return jobs.map((job) => ({ kind: 'resolve', job, result: outcome.leads }));
    case 'answered':
      return jobs.flatMap((job, index) => settleRecord(job, outcome.records[index], context));
    case 'mismatched':
      return jobs.map(sendAlone);
    case 'cancelled':
      return jobs.map(drop);
    case 'defect':
      return jobs.map((job) => ({ kind: 'reject', job, explain: () => outcome.error }));
    case 'failed':
      return isAboutOne(outcome, jobs) ? split(jobs, outcome) : retryOrReject(jobs, outcome, context);
  }
}

function settleRecord(
  job: Job,
  outcome: RecordOutcome | undefined,
  context: SettlementContext,
): readonly Fate[] {
  if (outcome === undefined) return [sendAlone(job)];
  return outcome.kind === 'next' ? [goOn(job, outcome, context)] : settle([job], outcome, context);
}

/** Another call follows, unless the job would be too late for it. */
function goOn(job: Job, { step, wait }: Next, { clock }: SettlementContext): Fate {
  if (!isWanted(job)) return drop(job);
  const nowMs = clock.monotonicMs();
  if (wait === undefined || wait.untilMs <= nowMs) return { kind: 'continue', job, step, atMs: undefined };
  const { untilMs, failure } = wait;
  if (untilMs < latestDeadline(job)) return { kind: 'continue', job, step, atMs: untilMs };
  const retryAfter = secondsOf(untilMs - nowMs);
  return { kind: 'reject', job, explain: () => toGatewayError(failure, job.command, retryAfter) };
}

/** After this many attempts a failure that may be about one lead is taken for that. */
const ATTEMPTS_BEFORE_SPLIT = 3;

function isAboutOne({ isolates }: Failure, jobs: readonly Job[]): boolean {
  if (jobs.length < 2 || isolates === 'call') return false;
  return isolates === 'record' || jobs.some(({ stepAttempts }) => stepAttempts >= ATTEMPTS_BEFORE_SPLIT);
}

/** One of several jobs is refused: finds it, so that the others go through. */
function split(jobs: readonly Job[], failure: Failure): readonly Fate[] {
  const { refused, parts } = splitBatch(jobs.filter(isWanted), failure.unknownAttributes);
  return [
    ...jobs.filter((job) => !isWanted(job)).map(drop),
    ...refused.map((job): Fate => ({
      kind: 'reject',
      job,
      explain: () => toGatewayError(failure, job.command),
    })),
    { kind: 'split', parts: parts.filter(({ length }) => length > 0) },
  ];
}

type Split = {
  /** Jobs that the refusal certainly means. */
  readonly refused: readonly Job[];
  /** The others, in the calls they go on in; the order is kept. */
  readonly parts: readonly (readonly Job[])[];
};

/**
 * Splits a batch that was refused because of one lead. Where the upstream named attributes it does not know, every lead
 * that has one of them is refused: sending it again, even alone, would only spend a call. Else the batch is halved, until
 * the refused lead is alone.
 *
 * @param unknown names of attributes that the upstream does not know
 */
export function splitBatch(jobs: readonly Job[], unknown: readonly string[]): Split {
  const names = new Set(unknown);
  const isRefused = ({ command }: Job) =>
    !isFind(command) && command.attributes.some(({ name }) => names.has(name));
  const refused = jobs.filter(isRefused);
  if (refused.length > 0) return { refused, parts: [jobs.filter((job) => !isRefused(job))] };
  const middle = Math.ceil(jobs.length / 2);
  return { refused, parts: [jobs.slice(0, middle), jobs.slice(middle)] };
}

/** Jobs of one call share its end, and so the pause after it. */
function retryOrReject(
  jobs: readonly Job[],
  failure: Failure,
  { quota, clock, random }: SettlementContext,
): readonly Fate[] {
  const step = afterFailure(failure, {
    attempts: Math.max(...jobs.map(({ stepAttempts }) => stepAttempts)),
    wasReauthenticated: jobs.some(({ wasReauthenticated }) => wasReauthenticated),
    nowMs: clock.monotonicMs(),
    wallMs: clock.now(),
    nextCallMs: quota.earliestStart(1),
    msToNextProbe: quota.probeInMs(),
    random,
  });
  const { safeAtMs, retrySteps } = failure;
  const retryAfterMs =
    safeAtMs === undefined
      ? step.retryAfterMs
      : Math.max(safeAtMs - clock.monotonicMs(), step.retryAfterMs ?? 0);
  const retryAfter = retryAfterMs === undefined ? undefined : secondsOf(retryAfterMs);
  const fates: Fate[] = [];
  const retried: Job[] = [];
  for (const [index, job] of jobs.entries()) {
    const other = retrySteps?.[index];
    if (!isWanted(job)) fates.push(drop(job));
    else if (step.kind === 'retry' && step.atMs < latestDeadline(job)) {
      retried.push(job);
      if (other !== undefined) fates.push({ kind: 'replace', job, step: other });
    } else {
      fates.push({
        kind: 'reject',
        job,
        explain: () => toGatewayError(failure, job.command, retryAfter),
      });
    }
  }
  if (step.kind === 'give-up' || retried.length === 0) return fates;
  const refusedBy = storesNothing(failure) ? failure : undefined;
  if (!step.waitsForBudget) return [...fates, { kind: 'retryAt', jobs: retried, atMs: step.atMs, refusedBy }];
  const how = failure.advice === 'reauthenticate' ? 'reauthenticated' : 'as-before';
  return [...fates, ...retried.map((job): Fate => ({ kind: 'requeue', job, how, refusedBy }))];
}

/** Whether a failed call has certainly stored nothing: it was not sent, or refused before it was looked at. */
function storesNothing({ advice, counted }: Failure): boolean {
  return (
    counted === 'no' ||
    advice === 'rate-limited' ||
    advice === 'too-many-at-once' ||
    advice === 'reauthenticate'
  );
}

/** After an answer that cannot be matched with the leads of the call. */
function sendAlone(job: Job): Fate {
  return isWanted(job) ? { kind: 'requeue', job, how: 'alone' } : drop(job);
}

function drop(job: Job): Fate {
  return { kind: 'drop', job };
}

function isWanted(job: Job): boolean {
  return job.waiters.length > 0;
}
