import type { GatewayError } from '../leads/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { CallerShares } from './caller-shares.ts';
import type { Callers } from './callers.ts';
import { type Failure, toGatewayError } from '../upstream/outcome.ts';
import { dayIsShared, deadlinePassed, secondsOf, tooBusy } from './errors.ts';
import { type Caller, type Job, mayBeStored, type Waiter } from './job.ts';
import { isPersonFull } from './person-queue.ts';
import type { Quota } from './quota.ts';
import type { ReadyQueue } from './ready-queue.ts';
import {
  isTooLate,
  type SchedulerState,
  sentInMs,
  type Sharing,
  type StartEstimate,
  startsInMs,
} from './scheduler.ts';
import { WINDOW_MS } from './sliding-window.ts';

/** What decides whether a lead can wait for its turn. */
type Prospects = {
  readonly deadlineMs: number;
  readonly callers: Pick<Callers, 'hasRoom'>;
  readonly callerShares: Pick<CallerShares, 'mayGo'>;
  readonly readyQueue: Pick<ReadyQueue, 'callsUntil'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly state: SchedulerState & StartEstimate & { readonly sharing: Sharing };
};

/** Why a new lead cannot be accepted; undefined when it can. */
export function refusal(
  dispatch: Prospects,
  caller: Caller,
  group: string | null,
  equal: Job | undefined,
  ahead: readonly Job[] | undefined,
): GatewayError | undefined {
  const { deadlineMs, callers, state } = dispatch;
  const hasRoom = callers.hasRoom(caller);
  // It goes with a lead that was accepted.
  if (equal !== undefined) return hasRoom ? undefined : tooBusy(0);
  if (!dispatch.callerShares.mayGo(caller)) return dayIsShared();
  const usualCallMs = state.usualCallMs();
  const sentIn = msUntilSent(dispatch, caller, group);
  const aheadMs = ahead === undefined ? 0 : msAhead(dispatch, ahead.length, usualCallMs);
  const startsIn = Math.max(sentIn, aheadMs);
  if (isTooLate(sentIn, aheadMs, usualCallMs, deadlineMs)) return tooBusy(Math.max(0, startsIn - deadlineMs));
  const isFull = !hasRoom || (ahead !== undefined && isPersonFull(caller, ahead));
  return isFull ? tooBusy(startsIn) : undefined;
}

/** Ms until that many leads for one person have been sent, one after the other. */
function msAhead(
  { state, clock }: Pick<Prospects, 'state' | 'clock'>,
  leads: number,
  callMs: number,
): number {
  const { quota } = state;
  const windows = Math.floor(leads / quota.capacity());
  const rest = leads % quota.capacity();
  const lastMs = Math.max(rest * callMs, startsInMs(state, rest + 1, clock.monotonicMs()));
  return Math.max(leads * callMs, windows * WINDOW_MS + lastMs);
}

/** Ms until a lead that is added now is sent. Others that had nothing waiting go before one whose caller has. */
function msUntilSent(
  { state, readyQueue, clock }: Omit<Prospects, 'callers' | 'callerShares' | 'deadlineMs'>,
  caller: Caller,
  group: string | null,
): number {
  const calls = readyQueue.callsUntil(caller, group);
  const share = caller.waiting > 0 ? state.sharing.newShare() : 0;
  return sentInMs(state, Math.floor(calls / (1 - share)), group === null, clock.monotonicMs());
}

type Late = Omit<Prospects, 'callers' | 'callerShares' | 'deadlineMs'> & {
  readonly quota: Pick<Quota, 'admission'>;
  readonly observer: { readonly onRefusal: (error: GatewayError, waiters: number) => void };
};

/** The error for a waiter whose deadline has passed. */
export function tooLate(dispatch: Late, job: Job, waiter: Waiter): GatewayError {
  if (job.step.note !== undefined) return deadlinePassed('and-stored');
  if (mayBeStored(job)) return deadlinePassed(true);
  if (job.refusedBy !== undefined) return refusedUntilLate(dispatch, job, job.refusedBy, waiter);
  const admission = dispatch.quota.admission();
  const error =
    admission.kind === 'wait' && admission.reason === 'window'
      ? tooBusy(msUntilSent(dispatch, waiter.caller, job.group))
      : deadlinePassed(false);
  dispatch.observer.onRefusal(error, 1);
  return error;
}

/** Marketo has refused every call with it, and none could be made since. */
function refusedUntilLate(dispatch: Late, job: Job, failure: Failure, { caller }: Waiter): GatewayError {
  const isLimit = failure.advice === 'rate-limited' || failure.advice === 'too-many-at-once';
  const seconds = isLimit ? secondsOf(msUntilSent(dispatch, caller, job.group)) : undefined;
  return toGatewayError(failure, job.command, seconds);
}
