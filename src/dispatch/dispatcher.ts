import type { GatewayError } from '../leads/errors.ts';
import type { CallTiming, LeadDirectory, UpsertLead, UpsertResult } from '../leads/lead.ts';
import { createCancellation, type CancelSignal } from '../runtime/cancellation.ts';
import { type Clock, createWakeTimer } from '../runtime/clock.ts';
import { createReadyQueue } from './ready-queue.ts';
import { afterFailure, parseRetryAfter } from './retry-policy.ts';
import type { Breaker } from './breaker.ts';
import { createWaiters } from './waiters.ts';
import { type Waiter, createJob, type Job, latestDeadline } from './job.ts';
import { createKeyQueues, isSameCommand, orderingKeys } from './ordering-keys.ts';
import { BURST_SHARE, createDemand, paceMs, RESERVED_SHARE } from './pace.ts';
import { type CallPermits, NO_PEERS, type Permit } from './permits.ts';
import type { Quota } from './quota.ts';
import {
  clientLeft,
  circuitOpen,
  dayIsSpent,
  deadlinePassed,
  secondsOf,
  shuttingDown,
  tooBusy,
} from './errors.ts';
import { splitBatch } from './settlement.ts';
import { createRecyclingMap } from '../runtime/recycling-map.ts';
import {
  type BatchOutcome,
  type BreakerVerdict,
  breakerVerdict,
  type Failure,
  type Outcome,
  quotaVerdict,
  type UpsertOutcome,
} from '../upstream/outcome.ts';
import { toGatewayError } from '../upstream/to-gateway-error.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Sees what happens; must not throw. */
export type DispatchObserver = {
  /** A call has ended; `records` leads were in it. */
  onCall(outcome: Outcome, records: number, ms: number): void;
  /** Somebody is answered. */
  onAnswer(timing: CallTiming): void;
  /** So many waiters were refused without a call. */
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
  /** From a command's arrival to its answer: waiting, all attempts and all pauses (design decision 2). */
  readonly deadlineMs: number;
  /** Leads that wait at most; more are refused. */
  readonly maxQueued: number;
  /** Leads in one call at most; the upstream's own limit holds as well. */
  readonly maxBatch: number;
  readonly observer: DispatchObserver;
};

export type Dispatcher = LeadDirectory & {
  /** Leads that wait. */
  queued(): number;
  /** Keys that some lead on its way is found by. */
  orderingKeys(): number;
  /** Leads a second that come of late. */
  demandPerSecond(): number;
  /** To be called when the budgets have changed from outside. */
  wake(): void;
  /** Refuses new leads with `unavailable`; those that are here already are seen through. */
  refuseNew(): void;
  /** Answers everybody who still waits with `unavailable`; calls on the wire go on without them. */
  refuseAll(): void;
};

/** What is booked for a call before it is made: with the breaker and with the budgets. */
type Booking = {
  readonly admitted: (end: BreakerVerdict) => void;
  readonly booked: ReturnType<Quota['reserve']>;
};

/** Who is refused because of stopping comes again at once, and finds no good moment for it while the listening ends. */
const REFUSAL_PAUSE_MS = 25;

/** A lead whose key is on its way in another replica asks again after this, and up to as long again. */
const HELD_PAUSE_MS = 20;

/** Characters in one batch, roughly: writing and reading more would hold up everybody else. */
const MAX_BATCH_SIZE = 1_000_000;

/**
 * Decides when calls are made, with which leads, and how often. A lead goes at once and alone while the budgets allow
 * it. Leads that share a key go one after the other; leads that must wait anyway go together. A call that is on the
 * wire is finished and holds its place, even when nobody waits for it any more (design decision 6).
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { upstream, quota, permits, breaker, clock, deadlineMs, observer } = options;
  const { monotonicMs, setTimer } = clock;
  const lanes = createKeyQueues<Job>((job) => job.keys);
  const readyQueue = createReadyQueue({
    maxBatch: Math.min(options.maxBatch, upstream.maxBatch),
    maxBatchSize: MAX_BATCH_SIZE,
  });
  const demand = createDemand(monotonicMs);
  /** Everything that is not running: ready, behind another in its lane, or pausing before another attempt. */
  const waiting = createRecyclingMap<number, Job>();
  const running = createRecyclingMap<number, Job>();
  let isStopping = false;
  let lastSeq = 0;
  let lastStart = Number.NEGATIVE_INFINITY;
  /** What calls took of late. */
  let usualCallMs = 0;
  const wakeTimer = createWakeTimer(clock, pump);
  const waiters = createWaiters({
    clock,
    deadlineMs,
    onAnswer: observer.onAnswer,
    onGone: (job, waiter, why) => abandon(job, waiter, why === 'left' ? clientLeft() : tooLate(job)),
  });

  /** Makes every call that may be made now, and sets the alarm for the next. */
  function pump(): void {
    while (!readyQueue.isEmpty()) {
      const permission = quota.admission();
      if (permission.kind === 'day-spent') {
        refuseWaiting(() => dayIsSpent(permission.by, permission.forMs));
        return;
      }
      if (permission.kind === 'wait') {
        wakeTimer.set(permission.atMs);
        return;
      }
      const gapMs = gapBeforeNext();
      if (lastStart + gapMs > monotonicMs()) {
        wakeTimer.set(lastStart + gapMs);
        return;
      }
      const admission = breaker.enter();
      if ('untilMs' in admission) {
        wakeTimer.set(admission.untilMs);
        return;
      }
      if (!admission.admitted) {
        refuseWaiting(() => circuitOpen(admission.retryAfterMs));
        return;
      }
      start(readyQueue.next() ?? [], admission.done);
    }
  }

  function gapBeforeNext(): number {
    if (readyQueue.hasFullBatch()) return 0;
    const freeShare = readyQueue.hasBatchable() ? BURST_SHARE : RESERVED_SHARE;
    return paceMs(quota, demand.perSecond(), freeShare, monotonicMs(), permits?.peerLoad());
  }

  function start(jobs: readonly Job[], admitted: (end: BreakerVerdict) => void): void {
    if (jobs.length === 0) {
      admitted('unclear');
      return;
    }
    const before = lastStart;
    const booking = { admitted, booked: quota.reserve() };
    lastStart = monotonicMs();
    if (permits === undefined) send(jobs, booking);
    else void ask(permits, jobs, booking, before);
  }

  /** Makes the call with those leads that no other replica has on its way, if the replicas' budgets allow it. */
  async function ask(
    store: CallPermits,
    jobs: readonly Job[],
    booking: Booking,
    before: number,
  ): Promise<void> {
    const askedAt = lastStart;
    for (const job of jobs) job.state = 'acquiring';
    const answer = await store.acquire(jobs.map(({ keys }) => keys));
    const wanted = jobs.filter(({ state }) => state === 'acquiring');
    const held = answer.kind === 'granted' ? jobs.filter((_, index) => answer.held.has(index)) : [];
    const isHeld = new Set(held);
    const going = wanted.filter((job) => !isHeld.has(job));
    if (answer.kind === 'granted' && going.length > 0) {
      send(going, booking, answer);
    } else {
      booking.booked('unsent');
      booking.admitted('unclear');
      // Nothing was started; the pace need not wait for it.
      if (lastStart === askedAt) lastStart = before;
      if (answer.kind === 'granted') answer.release('unsent', 0);
    }
    if (answer.kind === 'denied') {
      quota.pauseUntil(answer.retryAtMs);
      readyQueue.giveBack(jobs, wanted);
    }
    const waitingOn = held.filter(({ state }) => state === 'acquiring');
    if (waitingOn.length > 0) pause(waitingOn, HELD_PAUSE_MS * (1 + options.random()));
    pump();
  }

  function send(jobs: readonly Job[], booking: Booking, permit?: Permit): void {
    const { signal, cancel } = createCancellation();
    const cancelIfUnwanted = () => {
      if (jobs.every((job) => job.waiters.length === 0)) cancel();
    };
    for (const job of jobs) {
      job.state = 'in-flight';
      job.attempts += 1;
      job.batchSize = jobs.length;
      job.cancel = cancelIfUnwanted;
      waiting.delete(job.seq);
      running.set(job.seq, job);
    }
    void call(jobs, signal, booking, permit);
  }

  /** Makes the call and books its end; never rejects. */
  async function call(
    jobs: readonly Job[],
    signal: CancelSignal,
    { admitted, booked }: Booking,
    permit: Permit | undefined,
  ): Promise<void> {
    const startedAt = monotonicMs();
    const ended = (outcome: Outcome) => {
      const ms = monotonicMs() - startedAt;
      usualCallMs += (ms - usualCallMs) * 0.2;
      for (const job of jobs) {
        job.upstreamMs += ms;
        job.cancel = undefined;
        running.delete(job.seq);
      }
      const verdict = quotaVerdict(outcome);
      booked(
        verdict,
        outcome.kind === 'failed' ? parseRetryAfter(outcome.retryAfter, clock.now()) : undefined,
      );
      permit?.release(verdict, Math.max(0, quota.pausedUntil() - monotonicMs()));
      admitted(breakerVerdict(outcome));
      observer.onCall(outcome, jobs.length, ms);
    };
    try {
      const [first] = jobs;
      if (first !== undefined && jobs.length === 1) {
        const outcome = await upstream.upsertOne(first.command, { signal, origins: first.origins });
        ended(outcome);
        settle(first, outcome);
      } else {
        const commands = jobs.map(({ command }) => command);
        const outcome = await upstream.upsertMany(commands, {
          signal,
          origins: jobs.flatMap(({ origins }) => origins),
        });
        ended(outcome);
        settleBatch(jobs, outcome);
      }
    } catch (defect) {
      booked('unclear');
      permit?.release('unclear', 0);
      admitted('unclear');
      for (const job of jobs) {
        running.delete(job.seq);
        fail(job, defect);
      }
    }
    pump();
  }

  function settle(job: Job, outcome: UpsertOutcome): void {
    if (outcome.kind === 'stored') succeed(job, outcome.result);
    else if (outcome.kind === 'cancelled') finish(job);
    else retryOrFail([job], outcome);
  }

  function settleBatch(jobs: readonly Job[], outcome: BatchOutcome): void {
    switch (outcome.kind) {
      case 'answered':
        for (const [index, job] of jobs.entries()) {
          const record = outcome.records[index];
          if (record !== undefined) settle(job, record);
        }
        return;
      case 'mismatched':
        for (const job of jobs) {
          job.isBatchable = false;
          if (isStillWanted(job)) putBack(job);
        }
        return;
      case 'cancelled':
        for (const job of jobs) finish(job);
        return;
      default:
        if (outcome.isolates === 'record') splitAndGoOn(jobs, outcome);
        else retryOrFail(jobs, outcome);
    }
  }

  function splitAndGoOn(jobs: readonly Job[], failure: Failure): void {
    const { guilty, parts } = splitBatch(jobs.filter(isStillWanted), failure.unknownAttributes);
    for (const job of guilty) fail(job, toGatewayError(failure, job.command));
    for (const part of parts) {
      for (const job of part) waiting.set(job.seq, job);
      if (part.length > 0) readyQueue.addGroup(part);
    }
  }

  /** Jobs of one call share its end, and so the pause after it. */
  function retryOrFail(jobs: readonly Job[], failure: Failure): void {
    const step = afterFailure(failure, {
      attempts: Math.max(...jobs.map(({ attempts }) => attempts)),
      wasResigned: jobs.some(({ wasReauthenticated }) => wasReauthenticated),
      nowMs: monotonicMs(),
      wallMs: clock.now(),
      nextCallMs: quota.earliestStart(1),
      msToNextLook: quota.probeInMs(),
      random: options.random,
    });
    const retried: Job[] = [];
    for (const job of jobs) {
      if (step.kind === 'retry' && step.atMs < latestDeadline(job)) {
        if (isStillWanted(job)) retried.push(job);
      } else {
        const seconds = step.retryAfterMs === undefined ? undefined : secondsOf(step.retryAfterMs);
        fail(job, toGatewayError(failure, job.command, seconds));
      }
    }
    if (step.kind === 'give-up') return;
    for (const job of retried) job.wasReauthenticated ||= failure.advice === 'reauthenticate';
    if (step.waitsForBudget) {
      for (const job of retried) putBack(job);
    } else if (retried.length > 0) {
      pause(retried, step.atMs - monotonicMs());
    }
  }

  function pause(jobs: readonly Job[], ms: number): void {
    for (const job of jobs) {
      job.state = 'backing-off';
      waiting.set(job.seq, job);
    }
    setTimer(() => {
      for (const job of jobs) if (job.state === 'backing-off') readyQueue.add(job);
      pump();
    }, ms);
  }

  /** Makes a job whose call has ended ready for another. */
  function putBack(job: Job): void {
    waiting.set(job.seq, job);
    readyQueue.add(job);
  }

  /** False for a job whose waiters have all left; it is through then. */
  function isStillWanted(job: Job): boolean {
    if (job.waiters.length === 0) finish(job);
    return job.waiters.length > 0;
  }

  function succeed(job: Job, result: UpsertResult): void {
    for (const { resolve } of waiters.releaseAll(job)) resolve(result);
    finish(job);
  }

  function fail(job: Job, error: unknown): void {
    for (const { reject } of waiters.releaseAll(job)) reject(error);
    finish(job);
  }

  /** The job is through: what stood behind it in its lanes may go. */
  function finish(job: Job): void {
    if (job.state === 'ready') readyQueue.remove(job);
    job.state = 'done';
    waiting.delete(job.seq);
    for (const next of lanes.leave(job)) if (next.state === 'blocked') readyQueue.add(next);
  }

  function refuseWaiting(errorFor: (job: Job) => GatewayError): void {
    for (const job of waiting.values()) {
      const error = errorFor(job);
      observer.onRefusal(error, job.waiters.length);
      fail(job, error);
    }
  }

  function refuseAll(): void {
    isStopping = true;
    refuseWaiting((job) => shuttingDown(job.attempts > 0));
    for (const job of running.values()) {
      observer.onRefusal(shuttingDown(true), job.waiters.length);
      for (const { reject } of waiters.releaseAll(job)) reject(shuttingDown(true));
      job.cancel?.();
    }
  }

  /** A waiter is not waited for any longer; a call that only this waiter wanted is taken back if it can be. */
  function abandon(job: Job, waiter: Waiter, error: GatewayError): void {
    waiters.release(job, waiter);
    waiter.reject(error);
    if (job.waiters.length > 0) return;
    if (job.state === 'in-flight') job.cancel?.();
    else finish(job);
    pump();
  }

  /** What to tell a waiter whose deadline has come. */
  function tooLate(job: Job): GatewayError {
    if (job.state === 'in-flight' || job.attempts > 0) return deadlinePassed(true);
    const permission = quota.admission();
    const error =
      permission.kind === 'wait' && permission.reason === 'window'
        ? tooBusy(startsInMs(readyQueue.callsUntil(job.isBatchable)))
        : deadlinePassed(false);
    observer.onRefusal(error, 1);
    return error;
  }

  /** Ms until the nth call from now can start, as far as the window goes and the calls that run at a time. */
  function startsInMs(nth: number): number {
    const turns = Math.floor((quota.running() + nth - 1) / quota.limits.maxConcurrent);
    const { activePeers } = permits?.peerLoad() ?? NO_PEERS;
    return Math.max(quota.earliestStart(nth * activePeers) - monotonicMs(), turns * usualCallMs);
  }

  /** Why a new lead cannot be taken in; undefined when it can. */
  function refusal(command: UpsertLead): GatewayError | undefined {
    const startsIn = startsInMs(readyQueue.callsUntil(upstream.canBatch(command)));
    if (startsIn >= deadlineMs) return tooBusy(startsIn - deadlineMs);
    return waiting.size() >= options.maxQueued ? tooBusy(startsIn) : undefined;
  }

  function enter(command: UpsertLead, keys: readonly string[]): Job {
    lastSeq += 1;
    const job = createJob(lastSeq, command, keys, upstream.canBatch(command));
    waiting.set(job.seq, job);
    if (lanes.enter(job)) readyQueue.add(job);
    return job;
  }

  return {
    queued: waiting.size,
    orderingKeys: lanes.size,
    demandPerSecond: demand.perSecond,
    wake: pump,
    refuseNew() {
      isStopping = true;
    },
    refuseAll,
    upsert: (command, context) =>
      new Promise((resolve, reject) => {
        if (context.signal.aborted) {
          reject(clientLeft());
          return;
        }
        if (isStopping) {
          observer.onRefusal(shuttingDown(false), 1);
          setTimer(() => reject(shuttingDown(false)), REFUSAL_PAUSE_MS);
          return;
        }
        demand.arrived();
        const keys = orderingKeys(command);
        const last = lanes.last(keys);
        if (last !== undefined && waiting.has(last.seq) && isSameCommand(last.command, command)) {
          waiters.join(last, context, resolve, reject);
          return;
        }
        const error = refusal(command);
        if (error !== undefined) {
          observer.onRefusal(error, 1);
          reject(error);
          return;
        }
        waiters.join(enter(command, keys), context, resolve, reject);
        pump();
      }),
  };
}
