import type { GatewayError } from '../leads/errors.ts';
import type { CallTiming, LeadDirectory, Origin, UpsertLead, UpsertResult } from '../leads/lead.ts';
import { createWithdrawal, type WithdrawalSignal } from '../runtime/cancellation.ts';
import {
  type AttemptOutcome,
  type BatchOutcome,
  blamesLead,
  explain,
  type FailedOutcome,
  retryAdvice,
  unknownAttributes,
} from '../marketo-soap/outcome.ts';
import { type Clock, createAlarm } from '../runtime/clock.ts';
import { createBacklog } from './ready-queue.ts';
import { afterFailure, retryAfterOf } from './retry-policy.ts';
import type { Breaker, CallEnd } from './breaker.ts';
import { createCallers } from './waiters.ts';
import { callEnd, isFailure, verdictOn } from './call-end.ts';
import { type Caller, createEntry, type Entry, isBatchable, latestDeadline } from './job.ts';
import { createLanes, isSameCommand, laneKeys } from './ordering-keys.ts';
import { BURST_SHARE, createDemand, paceMs, RESERVED_SHARE } from './pace.ts';
import { type CallPermits, NO_RIVALS, type Permit } from './permits.ts';
import type { Quota } from './quota.ts';
import {
  callerLeft,
  circuitOpen,
  dayIsSpent,
  deadlinePassed,
  secondsOf,
  shuttingDown,
  tooBusy,
} from './errors.ts';
import { splitBatch } from './settlement.ts';
import { createTransit } from '../runtime/recycling-map.ts';

/**
 * One call of each kind; neither rejects. The signal takes a call back while it is not on the wire. The requests it is
 * made for come oldest first; there is at least one.
 */
export type LeadCalls = {
  syncLead(
    command: UpsertLead,
    signal: WithdrawalSignal,
    origins: readonly Origin[],
  ): Promise<AttemptOutcome>;
  syncMultipleLeads(
    commands: readonly UpsertLead[],
    signal: WithdrawalSignal,
    origins: readonly Origin[],
  ): Promise<BatchOutcome>;
};

/** Sees what happens; must not throw. */
export type DispatchObserver = {
  /** A call has ended; `records` leads were in it. */
  onCall(outcome: AttemptOutcome | BatchOutcome, records: number, ms: number): void;
  /** Somebody is answered. */
  onAnswer(timing: CallTiming): void;
  /** So many callers were refused without a call. */
  onRefusal(error: GatewayError, callers: number): void;
};

export type DispatcherOptions = {
  readonly calls: LeadCalls;
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
  /** Leads in one syncMultipleLeads call at most. */
  readonly maxBatch: number;
  readonly observer: DispatchObserver;
};

export type Dispatcher = LeadDirectory & {
  /** Leads that wait. */
  queued(): number;
  /** Keys that some lead on its way is found by. */
  lanes(): number;
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
  readonly admitted: (end: CallEnd) => void;
  readonly booked: ReturnType<Quota['begin']>;
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
  const { calls, quota, permits, breaker, clock, deadlineMs, observer } = options;
  const { elapsed } = clock;
  const lanes = createLanes<Entry>((entry) => entry.keys);
  const backlog = createBacklog({ maxBatch: options.maxBatch, maxBatchSize: MAX_BATCH_SIZE });
  const demand = createDemand(elapsed);
  /** Everything that is not running: ready, behind another in its lane, or pausing before another attempt. */
  const waiting = createTransit<number, Entry>();
  const running = createTransit<number, Entry>();
  let isStopping = false;
  let lastSeq = 0;
  let lastStart = Number.NEGATIVE_INFINITY;
  /** What calls took of late. */
  let usualCallMs = 0;
  const alarm = createAlarm(elapsed, pump);
  const audience = createCallers({
    elapsed,
    deadlineMs,
    onAnswer: observer.onAnswer,
    onGone: (entry, caller, why) => abandon(entry, caller, why === 'left' ? callerLeft() : tooLate(entry)),
  });

  /** Makes every call that may be made now, and sets the alarm for the next. */
  function pump(): void {
    while (!backlog.isEmpty()) {
      const permission = quota.permission();
      if (permission.kind === 'day-spent') {
        refuseWaiting(() => dayIsSpent(permission.by, permission.forMs));
        return;
      }
      if (permission.kind === 'wait') {
        alarm.set(permission.atMs);
        return;
      }
      const gapMs = gapBeforeNext();
      if (lastStart + gapMs > elapsed()) {
        alarm.set(lastStart + gapMs);
        return;
      }
      const admission = breaker.enter();
      if ('untilMs' in admission) {
        alarm.set(admission.untilMs);
        return;
      }
      if (!admission.admitted) {
        refuseWaiting(() => circuitOpen(admission.retryAfterMs));
        return;
      }
      start(backlog.next() ?? [], admission.done);
    }
  }

  function gapBeforeNext(): number {
    if (backlog.hasFullBatch()) return 0;
    const freeShare = backlog.hasBatchable() ? BURST_SHARE : RESERVED_SHARE;
    return paceMs(quota, demand.perSecond(), freeShare, elapsed(), permits?.rivals());
  }

  function start(entries: readonly Entry[], admitted: (end: CallEnd) => void): void {
    if (entries.length === 0) {
      admitted('unclear');
      return;
    }
    const before = lastStart;
    const booking = { admitted, booked: quota.begin() };
    lastStart = elapsed();
    if (permits === undefined) send(entries, booking);
    else void ask(permits, entries, booking, before);
  }

  /** Makes the call with those leads that no other replica has on its way, if the replicas' budgets allow it. */
  async function ask(
    store: CallPermits,
    entries: readonly Entry[],
    booking: Booking,
    before: number,
  ): Promise<void> {
    const askedAt = lastStart;
    for (const entry of entries) entry.state = 'asking';
    const answer = await store.acquire(entries.map(({ keys }) => keys));
    const wanted = entries.filter(({ state }) => state === 'asking');
    const held = answer.kind === 'granted' ? entries.filter((_, index) => answer.held.has(index)) : [];
    const isHeld = new Set(held);
    const going = wanted.filter((entry) => !isHeld.has(entry));
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
      backlog.giveBack(entries, wanted);
    }
    const waitingOn = held.filter(({ state }) => state === 'asking');
    if (waitingOn.length > 0) pause(waitingOn, HELD_PAUSE_MS * (1 + options.random()));
    pump();
  }

  function send(entries: readonly Entry[], booking: Booking, permit?: Permit): void {
    const { signal, withdraw } = createWithdrawal();
    const withdrawIfUnwanted = () => {
      if (entries.every(({ callers }) => callers.length === 0)) withdraw();
    };
    for (const entry of entries) {
      entry.state = 'running';
      entry.attempts += 1;
      entry.batchSize = entries.length;
      entry.withdraw = withdrawIfUnwanted;
      waiting.delete(entry.seq);
      running.set(entry.seq, entry);
    }
    void call(entries, signal, booking, permit);
  }

  /** Makes the call and books its end; never rejects. */
  async function call(
    entries: readonly Entry[],
    signal: WithdrawalSignal,
    { admitted, booked }: Booking,
    permit: Permit | undefined,
  ): Promise<void> {
    const startedAt = elapsed();
    const ended = (outcome: AttemptOutcome | BatchOutcome) => {
      const ms = elapsed() - startedAt;
      usualCallMs += (ms - usualCallMs) * 0.2;
      for (const entry of entries) {
        entry.upstreamMs += ms;
        entry.withdraw = undefined;
        running.delete(entry.seq);
      }
      const verdict = verdictOn(outcome);
      booked(verdict, isFailure(outcome) ? retryAfterOf(outcome, clock.now()) : undefined);
      permit?.release(verdict, Math.max(0, quota.pausedUntil() - elapsed()));
      admitted(callEnd(outcome));
      observer.onCall(outcome, entries.length, ms);
    };
    try {
      const [first] = entries;
      if (first !== undefined && entries.length === 1) {
        const outcome = await calls.syncLead(first.command, signal, first.origins);
        ended(outcome);
        settle(first, outcome);
      } else {
        const commands = entries.map(({ command }) => command);
        const outcome = await calls.syncMultipleLeads(
          commands,
          signal,
          entries.flatMap(({ origins }) => origins),
        );
        ended(outcome);
        settleBatch(entries, outcome);
      }
    } catch (defect) {
      booked('unclear');
      permit?.release('unclear', 0);
      admitted('unclear');
      for (const entry of entries) {
        running.delete(entry.seq);
        fail(entry, defect);
      }
    }
    pump();
  }

  function settle(entry: Entry, outcome: AttemptOutcome): void {
    if (outcome.kind === 'stored') succeed(entry, outcome.result);
    else if (outcome.kind === 'withdrawn') finish(entry);
    else retryOrFail([entry], outcome);
  }

  function settleBatch(entries: readonly Entry[], outcome: BatchOutcome): void {
    switch (outcome.kind) {
      case 'answered':
        for (const [index, entry] of entries.entries()) {
          const record = outcome.records[index];
          if (record !== undefined) settle(entry, record);
        }
        return;
      case 'mismatched':
        for (const entry of entries) {
          entry.isBatchable = false;
          if (isStillWanted(entry)) putBack(entry);
        }
        return;
      case 'withdrawn':
        for (const entry of entries) finish(entry);
        return;
      default:
        if (blamesLead(outcome)) splitAndGoOn(entries, outcome);
        else retryOrFail(entries, outcome);
    }
  }

  function splitAndGoOn(entries: readonly Entry[], outcome: FailedOutcome): void {
    const { guilty, parts } = splitBatch(entries.filter(isStillWanted), unknownAttributes(outcome));
    for (const entry of guilty) {
      fail(entry, explain(outcome, undefined, entry.command));
    }
    for (const part of parts) {
      for (const entry of part) waiting.set(entry.seq, entry);
      if (part.length > 0) backlog.addGroup(part);
    }
  }

  /** Entries of one call share its end, and so the pause after it. */
  function retryOrFail(entries: readonly Entry[], outcome: FailedOutcome): void {
    const step = afterFailure(outcome, {
      attempts: Math.max(...entries.map(({ attempts }) => attempts)),
      wasResigned: entries.some(({ wasResigned }) => wasResigned),
      nowMs: elapsed(),
      wallMs: clock.now(),
      nextCallMs: quota.startOf(1),
      msToNextLook: quota.lookInMs(),
      random: options.random,
    });
    const retried: Entry[] = [];
    for (const entry of entries) {
      if (step.kind === 'retry' && step.atMs < latestDeadline(entry)) {
        if (isStillWanted(entry)) retried.push(entry);
      } else {
        const seconds = step.retryAfterMs === undefined ? undefined : secondsOf(step.retryAfterMs);
        fail(entry, explain(outcome, seconds, entry.command));
      }
    }
    if (step.kind === 'give-up') return;
    for (const entry of retried) entry.wasResigned ||= retryAdvice(outcome) === 'resign';
    if (step.waitsForBudget) {
      for (const entry of retried) putBack(entry);
    } else if (retried.length > 0) {
      pause(retried, step.atMs - elapsed());
    }
  }

  function pause(entries: readonly Entry[], ms: number): void {
    for (const entry of entries) {
      entry.state = 'pausing';
      waiting.set(entry.seq, entry);
    }
    setTimeout(() => {
      for (const entry of entries) if (entry.state === 'pausing') backlog.add(entry);
      pump();
    }, ms);
  }

  /** Makes an entry whose call has ended ready for another. */
  function putBack(entry: Entry): void {
    waiting.set(entry.seq, entry);
    backlog.add(entry);
  }

  /** False for an entry whose callers have all left; it is through then. */
  function isStillWanted(entry: Entry): boolean {
    if (entry.callers.length === 0) finish(entry);
    return entry.callers.length > 0;
  }

  function succeed(entry: Entry, result: UpsertResult): void {
    for (const { resolve } of audience.releaseAll(entry)) resolve(result);
    finish(entry);
  }

  function fail(entry: Entry, error: unknown): void {
    for (const { reject } of audience.releaseAll(entry)) reject(error);
    finish(entry);
  }

  /** The entry is through: what stood behind it in its lanes may go. */
  function finish(entry: Entry): void {
    if (entry.state === 'ready') backlog.remove(entry);
    entry.state = 'done';
    waiting.delete(entry.seq);
    for (const next of lanes.leave(entry)) if (next.state === 'blocked') backlog.add(next);
  }

  function refuseWaiting(errorFor: (entry: Entry) => GatewayError): void {
    for (const entry of waiting.values()) {
      const error = errorFor(entry);
      observer.onRefusal(error, entry.callers.length);
      fail(entry, error);
    }
  }

  function refuseAll(): void {
    isStopping = true;
    refuseWaiting((entry) => shuttingDown(entry.attempts > 0));
    for (const entry of running.values()) {
      observer.onRefusal(shuttingDown(true), entry.callers.length);
      for (const { reject } of audience.releaseAll(entry)) reject(shuttingDown(true));
      entry.withdraw?.();
    }
  }

  /** A caller is not waited for any longer; a call that only this caller wanted is taken back if it can be. */
  function abandon(entry: Entry, caller: Caller, error: GatewayError): void {
    audience.release(entry, caller);
    caller.reject(error);
    if (entry.callers.length > 0) return;
    if (entry.state === 'running') entry.withdraw?.();
    else finish(entry);
    pump();
  }

  /** What to tell a caller whose deadline has come. */
  function tooLate(entry: Entry): GatewayError {
    if (entry.state === 'running' || entry.attempts > 0) return deadlinePassed(true);
    const permission = quota.permission();
    const error =
      permission.kind === 'wait' && permission.reason === 'window'
        ? tooBusy(startsInMs(backlog.callsUntil(entry.isBatchable)))
        : deadlinePassed(false);
    observer.onRefusal(error, 1);
    return error;
  }

  /** Ms until the nth call from now can start, as far as the window goes and the calls that run at a time. */
  function startsInMs(nth: number): number {
    const turns = Math.floor((quota.running() + nth - 1) / quota.limits.maxConcurrent);
    const { sharers } = permits?.rivals() ?? NO_RIVALS;
    return Math.max(quota.startOf(nth * sharers) - elapsed(), turns * usualCallMs);
  }

  /** Why a new lead cannot be taken in; undefined when it can. */
  function refusal(command: UpsertLead): GatewayError | undefined {
    const startsIn = startsInMs(backlog.callsUntil(isBatchable(command)));
    if (startsIn >= deadlineMs) return tooBusy(startsIn - deadlineMs);
    return waiting.size() >= options.maxQueued ? tooBusy(startsIn) : undefined;
  }

  function enter(command: UpsertLead, keys: readonly string[]): Entry {
    lastSeq += 1;
    const entry = createEntry(lastSeq, command, keys);
    waiting.set(entry.seq, entry);
    if (lanes.enter(entry)) backlog.add(entry);
    return entry;
  }

  return {
    queued: waiting.size,
    lanes: lanes.size,
    demandPerSecond: demand.perSecond,
    wake: pump,
    refuseNew() {
      isStopping = true;
    },
    refuseAll,
    upsert: (command, context) =>
      new Promise((resolve, reject) => {
        if (context.signal.aborted) {
          reject(callerLeft());
          return;
        }
        if (isStopping) {
          observer.onRefusal(shuttingDown(false), 1);
          setTimeout(() => reject(shuttingDown(false)), REFUSAL_PAUSE_MS);
          return;
        }
        demand.arrived();
        const keys = laneKeys(command);
        const last = lanes.last(keys);
        if (last !== undefined && waiting.has(last.seq) && isSameCommand(last.command, command)) {
          audience.join(last, context, resolve, reject);
          return;
        }
        const error = refusal(command);
        if (error !== undefined) {
          observer.onRefusal(error, 1);
          reject(error);
          return;
        }
        audience.join(enter(command, keys), context, resolve, reject);
        pump();
      }),
  };
}
