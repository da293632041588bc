import { type CallPermits, NO_PEERS, type PermitAnswer } from '../dispatch/permits.ts';
import type { DayLimit } from '../dispatch/quota.ts';
import { withTimeout } from '../runtime/clock.ts';
import type { Denial, SharedState } from './shared-state.ts';
import type { Membership } from './membership.ts';
import type { LocalCall, LocalCalls } from './shared-window.ts';
import { COMMAND_TIMEOUT_MS } from './scripts.ts';
import type { CallVerdict } from '../upstream/outcome.ts';

/** Where nobody knows when there is room: after this, and up to as long again. */
const ASK_AGAIN_MS = 20;
/** However long the wait is said to be: what is kept for others may be given up before. */
const LONGEST_WAIT_MS = 1000;
/** A permit that came later after it was asked for is not used: its lease is running. */
export const LATE_MS = 1000;

export type SharedPermitsOptions = {
  readonly sharedState: SharedState;
  readonly membership: Membership;
  readonly calls: LocalCalls;
  /** This replica's name; no two have the same. */
  readonly replica: string;
  /** The name of a lane in Redis. */
  readonly lane: (laneKey: string) => string;
  readonly leaseMs: number;
  readonly day: () => DayLimit;
  /** Ms until this replica asks again whether the day is spent; null while it is not. */
  readonly look: () => number | null;
  /** A clock that does not jump, in ms. */
  readonly monotonicMs: () => number;
  /** 0 up to but not 1. */
  readonly random: () => number;
  readonly onAcquire: (result: PermitResult) => void;
};

/** What became of asking for leave; `alone`: nobody was asked, Redis being away. */
export type PermitResult = 'granted' | 'alone' | 'unanswered' | Denial;

/** Leave from Redis while it is there; without it the quota is asked alone, and lanes hold in this process only. */
export function createSharedPermits(options: SharedPermitsOptions): CallPermits {
  const { sharedState, membership, calls, replica, leaseMs, monotonicMs, random, onAcquire } = options;
  const { isCoordinated, isWatched, seen, degrade, failed } = membership;
  let lastId = 0;

  const askAgainAt = () => monotonicMs() + ASK_AGAIN_MS * (1 + random());

  function granted(call: LocalCall, held: readonly number[], isBooked: boolean): PermitAnswer {
    calls.begin(call);
    return {
      kind: 'granted',
      held: new Set(held),
      release: (verdict, pauseMs) => release(call, verdict, pauseMs, isBooked),
    };
  }

  function release(call: LocalCall, verdict: CallVerdict, pauseMs: number, isBooked: boolean): void {
    const how = verdict === 'unsent' ? 'unsent' : 'ended';
    calls.end(call, how, monotonicMs());
    const { id, lanes, dayEndsAt } = call;
    const isRefusal = verdict === 'rate-limited' || verdict === 'too-many-at-once';
    const record = {
      id,
      how,
      lanes,
      dayEndsAt,
      pauseMs: isRefusal ? pauseMs : 0,
      lookMs: lookMsOf(verdict),
    } as const;
    if (!isCoordinated()) {
      if (isBooked) calls.reportLater(record);
      return;
    }
    withTimeout(sharedState.release(record), COMMAND_TIMEOUT_MS).catch((error: unknown) => {
      calls.reportLater(record);
      failed(error);
    });
  }

  /** What the end of a call says of a spent day to the others. */
  function lookMsOf(verdict: CallVerdict): number {
    const own = options.look();
    if (verdict === 'day-spent') return Math.max(1, own ?? 0);
    const isOpened = verdict === 'counted' && own === null && (seen()?.view.lookInMs ?? null) !== null;
    return isOpened ? -1 : 0;
  }

  async function acquire(leads: readonly (readonly string[])[]): Promise<PermitAnswer> {
    const { endsAt: dayEndsAt, calls: dailyCalls } = options.day();
    const sentAt = monotonicMs();
    const names = leads.map((keys) => keys.map(options.lane));
    lastId += 1;
    const call = {
      id: `${replica}:${lastId}`,
      lanes: names.flat(),
      leaseEndsAt: sentAt + leaseMs,
      dayEndsAt,
    };
    if (!isCoordinated()) {
      onAcquire('alone');
      return granted(call, [], false);
    }
    const takeBack = {
      id: call.id,
      how: 'unsent',
      lanes: call.lanes,
      dayEndsAt,
      pauseMs: 0,
      lookMs: 0,
    } as const;
    try {
      const reply = await membership.tell((sentByRedis) =>
        sharedState.acquire({
          id: call.id,
          sentAt: sentByRedis,
          leaseMs,
          dailyCalls,
          dayEndsAt,
          leads: names,
        }),
      );
      onAcquire(reply.kind);
      switch (reply.kind) {
        case 'granted':
          if (isCoordinated() && monotonicMs() - sentAt <= LATE_MS) return granted(call, reply.held, true);
          calls.reportLater(takeBack);
          degrade('late');
          return { kind: 'denied', retryAtMs: askAgainAt() };
        case 'held':
          return { kind: 'granted', held: new Set(leads.keys()), release() {} };
        case 'stale':
        case 'unknown':
          degrade(reply.kind);
          return { kind: 'denied', retryAtMs: askAgainAt() };
        default:
          return { kind: 'denied', retryAtMs: askAgainAt() + Math.min(reply.inMs, LONGEST_WAIT_MS) };
      }
    } catch (error) {
      onAcquire('unanswered');
      calls.reportLater(takeBack);
      failed(error);
      return { kind: 'denied', retryAtMs: askAgainAt() };
    }
  }

  return {
    acquire,
    peerLoad() {
      const view = seen()?.view;
      // A share of the window is nobody else's.
      return view !== undefined && isCoordinated() && !isWatched()
        ? { demandPerSecond: view.othersDemand, activePeers: view.activePeers }
        : NO_PEERS;
    },
  };
}
