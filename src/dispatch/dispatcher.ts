import { GatewayError } from '../leads/errors.ts';
import type { LeadDirectory, UpsertLead, UpsertResult } from '../leads/lead.ts';
import { type AttemptOutcome, explain, type FailedOutcome, retryAdvice } from '../marketo/outcome.ts';
import type { Breaker, CallEnd } from './breaker.ts';
import { nextDelay, parseRetryAfter } from './retry.ts';
import type { Slots } from './slots.ts';
import { msToUsCentralMidnight } from './us-central.ts';

export type DispatcherOptions = {
  /** One call; the signal takes it back while it is not on the wire. */
  readonly attempt: (command: UpsertLead, signal: AbortSignal) => Promise<AttemptOutcome>;
  readonly slots: Slots;
  readonly breaker: Breaker;
  /** From the command's arrival to its answer: waiting, all attempts and all pauses (design decision 2). */
  readonly deadlineMs: number;
  readonly now: () => number;
  readonly random: () => number;
  /** Sees every outcome, also of calls whose caller has left. */
  readonly onOutcome: (outcome: AttemptOutcome) => void;
};

/** Why a caller is not waited for any longer. */
const DEADLINE_PASSED = new Error('the deadline has passed');
const CALLER_LEFT = new Error('the caller has left');

/**
 * Decides when calls are made and how often. A call that is on the wire is finished, and holds its slot, even when its
 * caller has left or has been answered at its deadline (design decision 6).
 */
export function createDispatcher(options: DispatcherOptions): LeadDirectory {
  const { attempt, slots, breaker, now, random, onOutcome } = options;

  /** Waits for a slot and makes one call in it. Rejects with the signal's reason while it waits. */
  async function callOnce(command: UpsertLead, signal: AbortSignal): Promise<AttemptOutcome> {
    const release = await slots.acquire(signal);
    const admission = breaker.enter();
    if (!admission.admitted) {
      release();
      throw circuitOpen(admission.retryAfterMs);
    }
    let end: CallEnd = 'unclear';
    try {
      const outcome = await attempt(command, signal);
      end = callEnd(outcome);
      onOutcome(outcome);
      return outcome;
    } finally {
      admission.done(end);
      release();
    }
  }

  async function callUntilDone(
    command: UpsertLead,
    signal: AbortSignal,
    remainingMs: () => number,
  ): Promise<UpsertResult> {
    let wasResigned = false;
    for (let attempts = 1; ; attempts += 1) {
      const outcome = await unlessAborted(callOnce(command, signal), signal);
      if (outcome.kind === 'stored') return outcome.result;
      if (outcome.kind === 'withdrawn') throw signal.reason;
      const advice = retryAdvice(outcome);
      if (advice === 'never' || (advice === 'resign' && wasResigned)) {
        throw explain(outcome, permanentPauseSeconds(outcome, now()));
      }
      if (advice === 'resign') {
        wasResigned = true;
        continue;
      }
      const retryAfterMs = parseRetryAfter('retryAfter' in outcome ? outcome.retryAfter : undefined, now());
      const pauseMs = nextDelay(advice, attempts, retryAfterMs, random);
      if (pauseMs === undefined || pauseMs >= remainingMs()) {
        throw explain(outcome, knownPauseSeconds(outcome, retryAfterMs));
      }
      await pause(pauseMs, signal);
    }
  }

  return {
    async upsert(command, context) {
      const waiting = new AbortController();
      const endsAt = now() + options.deadlineMs;
      const leave = () => waiting.abort(CALLER_LEFT);
      context.signal.addEventListener('abort', leave, { once: true });
      const timer = setTimeout(() => waiting.abort(DEADLINE_PASSED), options.deadlineMs);
      try {
        if (context.signal.aborted) leave();
        return await callUntilDone(command, waiting.signal, () => endsAt - now());
      } catch (error) {
        throw error === DEADLINE_PASSED || error === CALLER_LEFT ? deadlinePassed(error) : error;
      } finally {
        clearTimeout(timer);
        context.signal.removeEventListener('abort', leave);
      }
    },
  };
}

/** What an outcome says about the other side's being there; a broken connection says neither. */
function callEnd(outcome: AttemptOutcome): CallEnd {
  switch (outcome.kind) {
    case 'unreachable':
      return outcome.wasSent ? 'unclear' : 'dead';
    case 'timeout':
      return 'dead';
    case 'withdrawn':
      return 'unclear';
    default:
      return 'alive';
  }
}

/** Resolves as the promise does, or rejects with the signal's reason when that comes first; the work itself goes on. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal.addEventListener('abort', abort, { once: true });
  });
}

function permanentPauseSeconds(outcome: FailedOutcome, nowMs: number): number | undefined {
  const isQuota = outcome.kind === 'fault' && outcome.fault.code === 20015;
  return isQuota ? Math.ceil(msToUsCentralMidnight(nowMs) / 1000) : undefined;
}

/** When the upstream has room again: what it said, or what its limits mean (contract A: 100 calls in 20 seconds). */
function knownPauseSeconds(outcome: FailedOutcome, retryAfterMs: number | undefined): number | undefined {
  if (retryAfterMs !== undefined) return Math.ceil(retryAfterMs / 1000);
  if (outcome.kind !== 'fault') return undefined;
  if (outcome.fault.code === 20023) return 20;
  return outcome.fault.code === 20024 ? 1 : undefined;
}

function circuitOpen(retryAfterMs: number): GatewayError {
  return new GatewayError('upstream-unreachable', {
    detail:
      'Marketo could not be reached by several calls in a row, so the lead was not sent. Send it again later.',
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)),
  });
}

function deadlinePassed(cause: unknown): GatewayError {
  return new GatewayError('upstream-timeout', {
    detail:
      'Marketo did not answer before the deadline, so whether the lead was saved is not known. Sending the lead again is safe.',
    cause,
  });
}
