import { type CallPermits, NO_PEERS, type PermitAnswer } from '../dispatch/permits.ts';
import type { DayLimit } from '../dispatch/daily-quota.ts';
import { type Clock, withTimeout } from '../runtime/clock.ts';
import { type CallVerdict, MAY_RUN_MS } from '../upstream/outcome.ts';
import type { Membership } from './membership.ts';
import {
  type AcquireReply,
  type CallRelease,
  COMMAND_TIMEOUT_MS,
  type Denial,
  type SharedState,
} from './shared-state.ts';
import type { LocalCall, LocalCalls } from './shared-window.ts';

/** Where the time of the next free permit is unknown: asks again after this, plus jitter of up to the same. */
const RETRY_MS = 20;
/** The longest wait, whatever Redis says: capacity reserved for others may become free earlier. */
const MAX_WAIT_MS = 1000;
/** A permit that took longer to arrive is not used: its lease is already running out. */
export const LATE_MS = 1000;

export type SharedPermitsOptions = {
  readonly sharedState: SharedState;
  readonly membership: Membership;
  readonly calls: LocalCalls;
  /** This replica's name; unique. */
  readonly replica: string;
  /** The Redis key of an ordering key's lock. */
  readonly lockOf: (orderingKey: string) => string;
  readonly leaseMs: number;
  /** How long ordering keys stay locked if this replica dies, in ms. */
  readonly lockMs: number;
  readonly day: () => DayLimit;
  /** Ms until this replica asks the upstream again whether the day is spent; null if it is not. */
  readonly dayProbeInMs: () => number | null;
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly onAcquire: (result: PermitResult) => void;
};

/** The outcome of a request for a permit; `alone`: Redis is unavailable and was not asked. */
export type PermitResult = 'granted' | 'alone' | 'unanswered' | Denial;

/** Permits from Redis. While it is unavailable the quota alone decides, and ordering keys are locked in this process only. */
export function createSharedPermits(options: SharedPermitsOptions): CallPermits {
  const { sharedState, membership, calls, replica, leaseMs, lockMs, clock, onAcquire } = options;
  let lastId = 0;

  async function acquire(leads: readonly (readonly string[])[]): Promise<PermitAnswer> {
    const { endsAt: dayEndsAt, calls: dailyCalls } = options.day();
    const startMs = clock.monotonicMs();
    const locks = leads.map((keys) => keys.map(options.lockOf));
    lastId += 1;
    const id = `${replica}:${lastId}`;
    const ends = { leaseEndsAt: startMs + leaseMs, locksEndAt: startMs + lockMs, dayEndsAt };
    const call = { id, locks: locks.flat(), ...ends };
    if (!membership.isCoordinated()) {
      onAcquire('alone');
      return grant(options, call, [], false);
    }
    try {
      const reply = await membership.sendTimed((sentAt) =>
        sharedState.acquire({ id, sentAt, leaseMs, lockMs, dailyCalls, dayEndsAt, leads: locks }),
      );
      onAcquire(reply.kind);
      const isLate = clock.monotonicMs() - startMs > LATE_MS;
      return answer(options, reply, call, leads.length, isLate);
    } catch (error) {
      onAcquire('unanswered');
      calls.reportLater(unused(call));
      membership.onFailure(error);
      return deny(options);
    }
  }

  return { acquire, peerLoad: () => peerLoadOf(membership) };
}

function answer(
  options: SharedPermitsOptions,
  reply: AcquireReply,
  call: LocalCall,
  leads: number,
  isLate: boolean,
): PermitAnswer {
  const { membership, calls } = options;
  switch (reply.kind) {
    case 'granted':
      if (membership.isCoordinated() && !isLate) return grant(options, call, reply.held, true);
      calls.reportLater(unused(call));
      membership.degrade('late');
      return deny(options);
    case 'held':
      return {
        kind: 'granted',
        held: new Set(Array.from({ length: leads }, (_, index) => index)),
        release() {},
      };
    case 'stale':
    case 'unknown':
      membership.degrade(reply.kind);
      return deny(options);
    default:
      return deny(options, reply.inMs);
  }
}

function grant(
  options: SharedPermitsOptions,
  call: LocalCall,
  held: readonly number[],
  isBooked: boolean,
): PermitAnswer {
  options.calls.begin(call);
  return {
    kind: 'granted',
    held: new Set(held),
    release(verdict, pauseMs, mayRunMs = MAY_RUN_MS, keptUntilMs) {
      const runsUntilMs = call.leaseEndsAt - options.leaseMs + mayRunMs;
      const ended = { ...call, ...(verdict === 'given-up' && { runsUntilMs }), keptUntilMs };
      release(options, ended, verdict, pauseMs, isBooked);
    },
  };
}

/** @param inMs until there is room, as far as is known */
function deny({ clock, random }: SharedPermitsOptions, inMs = 0): PermitAnswer {
  const waitMs = RETRY_MS * (1 + random()) + Math.min(inMs, MAX_WAIT_MS);
  return { kind: 'denied', retryAtMs: clock.monotonicMs() + waitMs };
}

/** @param isBooked whether Redis granted the permit, and counts the call as running */
function release(
  { sharedState, membership, calls, clock, dayProbeInMs }: SharedPermitsOptions,
  call: LocalCall & { readonly runsUntilMs?: number; readonly keptUntilMs: number | undefined },
  verdict: CallVerdict,
  pauseMs: number,
  isBooked: boolean,
): void {
  const how = verdict === 'unsent' ? 'unsent' : 'ended';
  const nowMs = clock.monotonicMs();
  const runsForMs = Math.max(0, (call.runsUntilMs ?? nowMs) - nowMs);
  if (runsForMs > 0) calls.giveUp(call, nowMs + runsForMs);
  else calls.end(call, how, nowMs);
  const { id, locks, dayEndsAt, keptUntilMs } = call;
  const isOverLimit = verdict === 'rate-limited' || verdict === 'too-many-at-once';
  const dayProbeMs = dayProbeToTell(verdict, dayProbeInMs(), membership.last()?.view.dayProbeInMs ?? null);
  const record = {
    id,
    how,
    runsForMs,
    keptForMs: keptUntilMs === undefined ? null : Math.max(0, keptUntilMs - nowMs),
    locks,
    dayEndsAt,
    pauseMs: isOverLimit ? pauseMs : 0,
    dayProbeMs,
  } as const;
  if (!membership.isCoordinated()) {
    if (isBooked) calls.reportLater(record);
    return;
  }
  withTimeout(sharedState.release(record), COMMAND_TIMEOUT_MS, clock).catch((error: unknown) => {
    calls.reportLater(record);
    membership.onFailure(error);
  });
}

/** What peers should learn from a call about a spent day: `dayProbeMs` of CallRelease. */
function dayProbeToTell(verdict: CallVerdict, ownInMs: number | null, peersInMs: number | null): number {
  if (verdict === 'day-spent') return Math.max(1, ownInMs ?? 0);
  return verdict === 'counted' && ownInMs === null && peersInMs !== null ? -1 : 0;
}

/** The release of a permit that is not used. */
function unused({ id, locks, dayEndsAt }: LocalCall): CallRelease {
  return { id, how: 'unsent', runsForMs: 0, keptForMs: null, locks, dayEndsAt, pauseMs: 0, dayProbeMs: 0 };
}

function peerLoadOf({ last, isCoordinated, isOnProbation }: Membership) {
  const view = last()?.view;
  // On probation each replica has a part of the window for itself.
  return view !== undefined && isCoordinated() && !isOnProbation()
    ? { demandPerSecond: view.peerDemand, activePeers: view.activePeers }
    : NO_PEERS;
}
