import type { GatewayError } from '../leads/errors.ts';
import { orderingKeys } from '../leads/ordering-keys.ts';
import type { CallTiming, LeadDirectory, UpsertContext } from '../leads/lead.ts';
import { type LeadCommand, type LeadFinder, lookupKeys } from '../leads/lookup.ts';
import { type Clock, createWakeTimer, type WakeTimer } from '../runtime/clock.ts';
import { createTimeSlice, type TimeSlice } from '../runtime/time-slice.ts';
import { type Outcome, toGatewayError } from '../upstream/outcome.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type BackgroundState, createBackgroundPace, nextBackgroundMove } from './background-pace.ts';
import type { Breaker } from './breaker.ts';
import { createDayPace, type DayPace } from './day-pace.ts';
import type { DayPlan } from './day-plan.ts';
import { type CallRunner, createCallRunner, type Withheld } from './call-runner.ts';
import { clientLeft, inWordsOfLookups, shuttingDown, withNote } from './errors.ts';
import { apply, applyInTurns, AT_ONCE, backOff, fail } from './fates.ts';
import { createGatheredLeads, type GatheredLeads, setApart } from './gathering.ts';
import type { CallerShares } from './caller-shares.ts';
import type { Callers } from './callers.ts';
import { type Job, mayBeStored, type Waiter } from './job.ts';
import type { Jobs } from './jobs.ts';
import {
  createDemand,
  createSharing,
  type Demand,
  longestGather,
  nextMove,
  type SchedulerState,
  type Sharing,
  type StartEstimate,
} from './scheduler.ts';
import { type CallPermits, NO_PEERS } from './permits.ts';
import { divideTime, hasten } from './person-queue.ts';
import type { Quota } from './quota.ts';
import { createQueues } from './queues.ts';
import type { Kind } from './ready-queue.ts';
import { refusal, tooLate } from './refusal.ts';
import { settle } from './settlement.ts';
import type { TwoClassQueue } from './two-class-queue.ts';
import { createWaiters, type Waiters } from './waiters.ts';

/** Sees what happens; must not throw. */
export type DispatchObserver = {
  /** A call has ended; `records` leads were in it, and `operation` is the protocol's name of it. */
  onCall(outcome: Outcome, records: number, ms: number, operation: string): void;
  /** A waiter is answered. */
  onAnswer(timing: CallTiming): void;
  /** Waiters were refused without a call. */
  onRefusal(error: GatewayError, waiters: number): void;
};

export type DispatcherOptions = {
  readonly upstream: Upstream;
  readonly quota: Quota;
  /** Asked before each call when other replicas share the subscription. */
  readonly permits?: CallPermits | undefined;
  readonly breaker: Breaker;
  readonly clock: Clock;
  /** 0 up to but not 1. */
  readonly random: () => number;
  /** From a command's arrival to its answer: waiting, all attempts and all pauses. */
  readonly deadlineMs: number;
  /** Leads that wait at most; more are refused. */
  readonly maxQueued: number;
  /** Leads in one call at most; the upstream's own limit holds as well. */
  readonly maxBatch: number;
  readonly observer: DispatchObserver;
};

export type Dispatcher = LeadDirectory &
  LeadFinder & {
    /** Leads that wait. */
    queued(): number;
    /** Keys that some lead on its way is found by. */
    orderingKeys(): number;
    /** Leads a second that arrive, as a fading average. */
    demandPerSecond(): number;
    /** How the day goes on at the present demand. */
    dayPlan(): DayPlan;
    /** To be called when the budgets have changed from outside. */
    wake(): void;
    /** Refuses new leads with `unavailable`; those accepted already are sent. */
    refuseNew(): void;
    /** Answers all waiters with `unavailable`; calls on the wire go on without them. */
    refuseAll(): void;
  };

/** Clients refused during shutdown retry at once; the delay keeps that retry from hitting a socket that is closing. */
const REFUSAL_DELAY_MS = 25;

/** A job whose key is in flight in another replica asks again after this, and up to as long again. */
const HELD_PAUSE_MS = 20;

/** How long the end of a call waits for leads that are coming, should their end not be told. */
const COMING_MS = 50;

type Dispatch = DispatcherOptions & {
  /** Of calls of many leads. */
  readonly slice: TimeSlice;
  readonly pump: () => void;
  /** A call has ended. */
  readonly goOn: () => void;
  readonly readyQueue: TwoClassQueue;
  readonly callers: Callers;
  readonly callerShares: CallerShares;
  readonly jobs: Jobs;
  readonly waiters: Waiters;
  readonly runner: CallRunner;
  readonly demand: Demand;
  readonly dayPace: DayPace;
  readonly wakeTimer: WakeTimer;
  /** What decisions are made from. */
  readonly state: SchedulerState & StartEstimate & BackgroundState & { readonly sharing: Sharing };
  readonly backgroundPace: ReturnType<typeof createBackgroundPace>;
  /** Calls made for leads in no hurry that run. */
  backgroundCalls: number;
  readonly gathered: GatheredLeads;
  isStopping: boolean;
  /** Whether it pumps in the next turn of the event loop. */
  isPumpDue: boolean;
};

/**
 * The port for callers: decides when calls are made, with which leads, and how often. A lead goes at once and alone while
 * the budgets allow it; leads that must wait anyway go together (docs/dispatching.md#batches). Leads that share a key go
 * one after the other. A call on the wire is finished and counts until its end, even when no one waits for it any longer
 * (docs/architecture.md#a-call-that-is-sent-is-finished).
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const dispatch = createDispatch(options);
  const { jobs, demand } = dispatch;
  return {
    queued: jobs.waitingCount,
    orderingKeys: jobs.orderingKeys,
    demandPerSecond: demand.perSecond,
    dayPlan: dispatch.dayPace.plan,
    wake: () => pump(dispatch),
    refuseNew() {
      dispatch.isStopping = true;
    },
    refuseAll: () => refuseAll(dispatch),
    upsert: (command, context) =>
      new Promise((resolve, reject) => {
        accept(dispatch, command, orderingKeys(command), context, resolve as Waiter['resolve'], reject);
      }),
    find: (query, context) =>
      new Promise((resolve, reject) => {
        const refuseLookup = (error: unknown) => reject(inWordsOfLookups(error));
        accept(dispatch, query, lookupKeys(query), context, resolve as Waiter['resolve'], refuseLookup);
      }),
  };
}

function createDispatch(options: DispatcherOptions): Dispatch {
  const { upstream, quota, permits, breaker, clock, observer } = options;
  const queues = createQueues(options, (next) => hasten(next, dispatch));
  const { readyQueue, callers, callerShares } = queues;
  const maxBatch = Math.min(options.maxBatch, upstream.maxBatch);
  const demand = createDemand(clock.monotonicMs);
  const peerLoad = permits?.peerLoad ?? (() => NO_PEERS);
  const longestGatherMs = () => longestGather(options.deadlineMs, runner.usualCallMs());
  const dayPace = createDayPace({
    quota,
    gathering: () => ({ longestMs: longestGatherMs(), maxBatch }),
    peerLoad,
    callersPart: callerShares.part,
    monotonicMs: clock.monotonicMs,
  });
  const runner = createCallRunner({
    ...options,
    ...queues,
    dayPace,
    onCall: observer.onCall,
    onWithheld: (withheld) => putBack(dispatch, withheld),
  });
  const waiters = createWaiters({
    clock,
    deadlineMs: options.deadlineMs,
    callers,
    onAnswer: observer.onAnswer,
    onUrgent: (job, context) => hurry(dispatch, job, context),
    onGone: (job, waiter, why) => abandon(dispatch, job, waiter, why),
  });
  const { lastStartMs, usualCallMs } = runner;
  const sharing = createSharing(quota, () => callers.size() > 1, clock.monotonicMs);
  const backgroundPace = createBackgroundPace(dayPace, clock.monotonicMs);
  const budgets = { quota, sharing, dayPace, backgroundPace, breaker, peerLoad, longestGatherMs };
  const state = { ...budgets, readyQueue, lastStartMs, usualCallMs, demandPerSecond: demand.perSecond };
  const now = () => pump(dispatch);
  const wakeTimer = createWakeTimer(clock, now);
  const dispatch: Dispatch = {
    ...options,
    ...queues,
    slice: createTimeSlice(clock.monotonicMs),
    pump: now,
    goOn: () => goOn(dispatch),
    waiters,
    runner,
    demand,
    dayPace,
    wakeTimer,
    state,
    backgroundPace,
    backgroundCalls: 0,
    gathered: createGatheredLeads(maxBatch, now, (ms) => wakeTimer.set(clock.monotonicMs() + ms)),
    isStopping: false,
    isPumpDue: false,
  };
  return dispatch;
}

/** Takes in a lead or a lookup, joins it to an equal one that waits, or refuses it. */
function accept(
  dispatch: Dispatch,
  command: LeadCommand,
  keys: readonly string[],
  context: UpsertContext,
  resolve: Waiter['resolve'],
  reject: (error: unknown) => void,
): void {
  const { upstream, jobs, waiters, demand, observer, clock } = dispatch;
  if (context.signal.aborted) {
    reject(clientLeft());
    return;
  }
  if (dispatch.isStopping) {
    observer.onRefusal(shuttingDown(false), 1);
    clock.setTimer(() => reject(shuttingDown(false)), REFUSAL_DELAY_MS);
    return;
  }
  const isBackground = context.background?.aborted === false;
  if (!isBackground) demand.arrived();
  const caller = isBackground ? dispatch.callers.background : dispatch.callers.find(context.caller);
  const ahead = jobs.ahead(keys);
  const equal = ahead && jobs.findEqual(command, keys);
  const step =
    equal === undefined ? setApart(upstream.firstStep(command, context.takenOverMs), context) : equal.step;
  if ('error' in step) {
    refuse(dispatch, toGatewayError(step, command), reject);
    return;
  }
  const error = isBackground ? undefined : refusal(dispatch, caller, step.group, equal, ahead);
  if (error !== undefined) {
    if (context.onNoRoom?.(error) === true) reject(error);
    else refuse(dispatch, error, reject);
    return;
  }
  if (equal !== undefined) {
    jobs.share(equal, caller);
    waiters.join(equal, caller, context, resolve, reject);
    return;
  }
  if (!isBackground) {
    const others = jobs.waitingCount() - dispatch.callers.background.waiting;
    const isIdle = others === 0 && dispatch.quota.running() === dispatch.backgroundCalls;
    dispatch.callerShares.arrived(caller);
    dispatch.dayPace.arrived(step.group === null ? 'single' : 'batchable', isIdle);
  }
  const job = jobs.add(command, keys, step, caller, isBackground);
  waiters.join(job, caller, context, resolve, reject);
  if (ahead !== undefined && !isBackground) divideTime(ahead, job, dispatch);
  if (context.gathering === undefined) pump(dispatch);
  else dispatch.gathered.add(context.gathering);
}

function refuse({ observer }: Dispatch, error: GatewayError, reject: (error: unknown) => void): void {
  observer.onRefusal(error, 1);
  reject(error);
}

/** Makes every call that may be made now, and sets the timer for the next. Leads in no hurry go when no other waits. */
function pump(dispatch: Dispatch): void {
  const { readyQueue, state, clock, wakeTimer } = dispatch;
  if (dispatch.isPumpDue) return;
  dispatch.gathered.gone();
  for (;;) {
    const isBackground = readyQueue.isEmpty();
    if (isBackground && readyQueue.background.isEmpty()) return;
    const move = (isBackground ? nextBackgroundMove : nextMove)(state, clock.monotonicMs());
    switch (move.kind) {
      case 'wait':
        wakeTimer.set(move.untilMs);
        return;
      case 'reject':
        refuseWaiting(dispatch, () => move.error, move.of);
        if (move.of === undefined) return;
        break;
      case 'call': {
        const taken = isBackground ? takeBackground(dispatch) : take(dispatch, move.onlyGathered);
        if (taken === undefined) return;
        const isLarge = taken.length > AT_ONCE;
        if (isLarge) dispatch.slice.begin();
        void makeCall(dispatch, taken, isBackground);
        if (!isLarge || !dispatch.slice.isUsedUp()) break;
        pumpLater(dispatch);
        return;
      }
    }
  }
}

/** Pumps, unless leads are coming: they would go in many small calls, and their end pumps. */
function goOn(dispatch: Dispatch): void {
  const { gathered, wakeTimer, clock } = dispatch;
  if (gathered.isComing()) wakeTimer.set(clock.monotonicMs() + COMING_MS);
  else pump(dispatch);
}

/** Other events come first: to write a call of many leads takes long. */
function pumpLater(dispatch: Dispatch): void {
  if (dispatch.isPumpDue) return;
  dispatch.isPumpDue = true;
  setImmediate(() => {
    dispatch.isPumpDue = false;
    goOn(dispatch);
  });
}

function take({ readyQueue, state }: Dispatch, onlyGathered: boolean): readonly Job[] | undefined {
  state.sharing.called(readyQueue.isNextNew());
  return readyQueue.next(onlyGathered);
}

function takeBackground({ readyQueue, backgroundPace }: Dispatch): readonly Job[] | undefined {
  backgroundPace.called(readyQueue.background.hasFullBatch());
  return readyQueue.nextBackground();
}

/** Makes a call and applies what follows from its end. */
async function makeCall(dispatch: Dispatch, taken: readonly Job[], isBackground: boolean): Promise<void> {
  if (isBackground) dispatch.backgroundCalls += 1;
  const ended = await dispatch.runner.run(taken);
  if (isBackground) dispatch.backgroundCalls -= 1;
  if (ended !== undefined) {
    try {
      const fates = settle(ended.jobs, ended.outcome, dispatch);
      // Hot path: most calls end in one turn of the event loop.
      if (fates.length <= AT_ONCE) for (const fate of fates) apply(dispatch, fate);
      else await applyInTurns(dispatch, fates);
    } catch (defect) {
      for (const job of ended.jobs) fail(dispatch, job, defect);
    }
  }
  dispatch.goOn();
}

/** Of jobs that did not go in the call they were taken for. */
function putBack(dispatch: Dispatch, { why, jobs }: Withheld): void {
  if (why === 'denied') dispatch.jobs.giveBack(jobs);
  else backOff(dispatch, jobs, HELD_PAUSE_MS * (1 + dispatch.random()));
  pump(dispatch);
}

/** @param of the kind of jobs to refuse; undefined for all */
function refuseWaiting(dispatch: Dispatch, errorFor: (job: Job) => GatewayError, of?: Kind): void {
  for (const job of dispatch.jobs.waiting()) {
    // What is reserved for one kind is not theirs anyway.
    if (of !== undefined && ((job.group === null) !== (of === 'single') || job.isBackground)) continue;
    const error = errorFor(job);
    dispatch.observer.onRefusal(error, job.waiters.length);
    fail(dispatch, job, error);
  }
}

function refuseAll(dispatch: Dispatch): void {
  const { jobs, waiters, observer, upstream } = dispatch;
  dispatch.isStopping = true;
  const stopped = (mayBeSaved: boolean) => shuttingDown(mayBeSaved, upstream.mayCreateForMs);
  refuseWaiting(dispatch, (job) => stopped(mayBeStored(job)));
  for (const job of jobs.inFlight()) {
    const error = withNote(job, stopped(true));
    observer.onRefusal(error, job.waiters.length);
    for (const { reject } of waiters.releaseAll(job)) reject(error);
    job.cancel?.();
  }
}

/** Someone waits for a lead that was in no hurry. */
function hurry(dispatch: Dispatch, job: Job, { caller }: UpsertContext): void {
  dispatch.jobs.share(job, dispatch.callers.find(caller));
  pump(dispatch);
}

/** Answers a waiter; a call that only this one wanted is cancelled if it can be. */
function abandon(dispatch: Dispatch, job: Job, waiter: Waiter, why: 'left' | 'late'): void {
  const error = why === 'left' ? clientLeft() : tooLate(dispatch, job, waiter);
  dispatch.waiters.release(job, waiter);
  waiter.reject(withNote(job, error));
  if (job.waiters.length > 0) return;
  if (job.state === 'in-flight') job.cancel?.();
  else dispatch.jobs.finish(job);
  pump(dispatch);
}
