import { type CancelSignal, createCancellation } from '../runtime/cancellation.ts';
import type { Clock } from '../runtime/clock.ts';
import {
  type BreakerVerdict,
  breakerVerdict,
  mayRunMsOf,
  type Outcome,
  quotaVerdict,
} from '../upstream/outcome.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Breaker } from './breaker.ts';
import type { CallerShares } from './caller-shares.ts';
import type { DayPace } from './day-pace.ts';
import type { Job } from './job.ts';
import { isAcquiring, type Jobs } from './jobs.ts';
import type { CallPermits, Permit } from './permits.ts';
import type { Quota } from './quota.ts';
import { parseRetryAfter } from './retry-policy.ts';
import type { Defect } from './settlement.ts';

/** A call that was made: the jobs in it, and what became of it. */
export type FinishedCall = { readonly jobs: readonly Job[]; readonly outcome: Outcome | Defect };

/** Jobs that were taken for a call and do not go in it, because of other replicas. */
export type Withheld = {
  /** `denied`: the call is not made; `held`: another replica has keys of these jobs in flight. */
  readonly why: 'denied' | 'held';
  readonly jobs: readonly Job[];
};

export type CallRunnerOptions = {
  readonly upstream: Upstream;
  readonly quota: Quota;
  readonly dayPace: Pick<DayPace, 'reserve' | 'reserveSpare'>;
  /** Asked before each call when other replicas share the subscription. */
  readonly permits?: CallPermits | undefined;
  readonly breaker: Breaker;
  readonly clock: Clock;
  readonly jobs: Pick<Jobs, 'acquire' | 'start' | 'end'>;
  readonly callerShares: Pick<CallerShares, 'called'>;
  /** A call has ended; `records` leads were in it. Not for one that needed no answer of the upstream. */
  readonly onCall: (outcome: Outcome, records: number, ms: number, operation: string) => void;
  readonly onWithheld: (withheld: Withheld) => void;
};

export type CallRunner = {
  /** Makes one call with jobs taken from the ready queue; undefined when it was not made. Never rejects. */
  run(taken: readonly Job[]): Promise<FinishedCall | undefined>;
  /** When the last call was started, in monotonic ms. */
  lastStartMs(): number;
  /** What a call usually takes, in ms. */
  usualCallMs(): number;
};

/** What is booked for a call before it is made. */
type Booking = {
  readonly endBreaker: (verdict: BreakerVerdict) => void;
  readonly endQuota: ReturnType<Quota['reserve']>;
};

/** How much the last call changes the average of what a call takes. */
const SMOOTHING = 0.2;

/** Makes calls, and books them with the quota, the breaker and the replicas that share the subscription. */
export function createCallRunner(options: CallRunnerOptions): CallRunner {
  const { quota, permits, jobs, onWithheld } = options;
  const { monotonicMs } = options.clock;
  let lastStartMs = Number.NEGATIVE_INFINITY;
  let [usualCallMs, measured] = [0, 0];

  async function call(called: readonly Job[], booking: Booking, permit?: Permit): Promise<FinishedCall> {
    const startedAt = monotonicMs();
    const signal = createCancellation();
    jobs.start(called, () => {
      if (called.every((job) => job.waiters.length === 0)) signal.cancel();
    });
    try {
      const outcome = await send(options, called, signal);
      const ms = monotonicMs() - startedAt;
      const isSent = outcome.kind !== 'answered' || outcome.isSent !== false;
      if (isSent) usualCallMs += (ms - usualCallMs) * Math.max(SMOOTHING, 1 / ++measured);
      jobs.end(called, ms);
      book(outcome, booking, permit, options);
      if (isSent) options.onCall(outcome, called.length, ms, options.upstream.operationOf(called));
      return { jobs: called, outcome };
    } catch (error) {
      jobs.end(called, 0);
      booking.endQuota('unclear');
      booking.endBreaker('ignored');
      permit?.release('unclear', 0);
      return { jobs: called, outcome: { kind: 'defect', error } };
    }
  }

  async function callWithPermit(taken: readonly Job[], booking: Booking, store: CallPermits, before: number) {
    const startMs = lastStartMs;
    jobs.acquire(taken);
    const answer = await store.acquire(taken.map(({ keys }) => keys));
    const permit = answer.kind === 'granted' ? answer : undefined;
    const { going, withheld } = sortOut(taken, permit);
    const ended = going.length > 0 ? call(going, booking, permit) : undefined;
    if (ended === undefined) {
      booking.endQuota('unsent');
      booking.endBreaker('ignored');
      permit?.release('unsent', 0);
      // The pace need not wait for a call that was not made.
      if (lastStartMs === startMs) lastStartMs = before;
    }
    if (answer.kind === 'denied') quota.pauseUntil(answer.retryAtMs);
    if (withheld !== undefined) onWithheld(withheld);
    return ended;
  }

  return {
    lastStartMs: () => lastStartMs,
    usualCallMs: () => usualCallMs,
    run(taken) {
      const before = lastStartMs;
      const booking = begin(options, taken);
      lastStartMs = monotonicMs();
      return permits === undefined ? call(taken, booking) : callWithPermit(taken, booking, permits, before);
    },
  };
}

/** Books a call that is made now. */
function begin({ breaker, quota, dayPace }: CallRunnerOptions, [first]: readonly Job[]): Booking {
  const endQuota = quota.reserve();
  const isBackground = first?.isBackground === true;
  const endPace = isBackground
    ? dayPace.reserveSpare()
    : dayPace.reserve(first?.group === null ? 'single' : 'batchable');
  return {
    endBreaker: breaker.begin(),
    endQuota(verdict, retryAfterMs, advice) {
      endQuota(verdict, retryAfterMs, advice);
      endPace(verdict);
    },
  };
}

function send(
  { upstream, callerShares }: Pick<CallRunnerOptions, 'upstream' | 'callerShares'>,
  jobs: readonly Job[],
  signal: CancelSignal,
): Promise<Outcome> {
  callerShares.called(jobs);
  const [first] = jobs;
  const origins =
    first !== undefined && jobs.length === 1 ? first.origins : jobs.flatMap((job) => job.origins);
  return upstream.call(jobs, { signal, origins });
}

const NO_FAILURE = { retryAfter: undefined, budgets: undefined, keysKeptUntilMs: undefined };

/** Books the end of a call with everything that it was booked with. */
function book(
  outcome: Outcome,
  { endQuota, endBreaker }: Booking,
  permit: Permit | undefined,
  { clock, quota }: Pick<CallRunnerOptions, 'clock' | 'quota'>,
): void {
  const verdict = quotaVerdict(outcome);
  const { retryAfter, budgets, keysKeptUntilMs } = outcome.kind === 'failed' ? outcome : NO_FAILURE;
  endQuota(verdict, parseRetryAfter(retryAfter, clock.now()), budgets);
  const pauseMs = Math.max(0, quota.pausedUntil() - clock.monotonicMs());
  permit?.release(verdict, pauseMs, mayRunMsOf(outcome), keysKeptUntilMs);
  endBreaker(breakerVerdict(outcome));
}

/** Which of the jobs go in the call, and which do not because of other replicas. Jobs given up meanwhile do neither. */
function sortOut(taken: readonly Job[], permit: Permit | undefined) {
  if (permit === undefined) return { going: [], withheld: { why: 'denied', jobs: taken } } as const;
  const wanted = (isHeld: boolean) =>
    taken.filter((job, index) => isAcquiring(job) && permit.held.has(index) === isHeld);
  const held = wanted(true);
  return {
    going: wanted(false),
    withheld: held.length > 0 ? ({ why: 'held', jobs: held } as const) : undefined,
  };
}
