import { WINDOW_MS } from '../../src/dispatch/sliding-window.ts';
import {
  allowancesIn,
  initialState,
  isCoordinated,
  type MembershipEvent,
  reduce,
  sightingOf,
} from '../../src/replicas/membership-state.ts';
import { HEARTBEAT_MS, LAPSE_MS, type View } from '../../src/replicas/shared-state.ts';
import { createSharedWindow } from '../../src/replicas/shared-window.ts';

/** A history to play: times in ms. Every replica loses Redis once and finds it again, maybe without its memory. */
export type History = {
  readonly size: number;
  readonly shares: readonly number[];
  /** When each replica is cut off from Redis, and when it finds it again. */
  readonly cuts: readonly { readonly from: number; readonly to: number }[];
  readonly isMemoryLost: boolean;
  readonly longestCallMs: number;
  /** Calls each replica would like to make in a step. */
  readonly wishes: (replica: number, atMs: number) => number;
  /** 0 up to but not 1. */
  readonly random: () => number;
  readonly endsAt: number;
};

type Call = {
  readonly replica: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly bookedMs: number;
};

const STEP_MS = 50;

/** Redis and the scripts, in words of their own. */
function createStore({ size, shares }: History, leaseMs: number, now: () => number) {
  const maxUnseen = Math.ceil(size / 20);
  let stored = new Set<Call>();
  let epoch = 0;
  let grantedTo = new Map<number, number>();
  let heartbeats = new Map<number, { atMs: number; seen: number }>();
  const counts = (call: Call) => call.endMs + WINDOW_MS > now();
  let prunedAt = -1;
  const counted = () => {
    if (prunedAt !== now()) for (const call of stored) if (!counts(call)) stored.delete(call);
    prunedAt = now();
    return stored;
  };
  const grantedToPeers = (me: number) =>
    [...grantedTo].reduce((sum, [replica, calls]) => (replica === me ? sum : sum + calls), 0);
  const isConnected = (replica: number) => now() - (heartbeats.get(replica)?.atMs ?? -Infinity) <= LAPSE_MS;
  const reservedShare = (me: number) => {
    const of = (connected: boolean) =>
      [...heartbeats.keys()]
        .filter((replica) => (replica === me || isConnected(replica)) === connected)
        .reduce((sum, replica) => sum + (shares[replica] ?? 0), 0);
    return Math.min(of(false), Math.max(0, 1 - of(true)));
  };
  const viewOf = (me: number): View => {
    const peers = [...counted()].filter((call) => call.replica !== me);
    return {
      epochAgeMs: now() - epoch,
      blankMs: 0,
      pauseMs: 0,
      connected: 1,
      activePeers: 1,
      peerDemand: 0,
      connectedShare: 1,
      reservedShare: reservedShare(me),
      peersToday: 0,
      peerLeases: peers.filter(({ endMs }) => endMs > now()).map(({ startMs }) => startMs + leaseMs - now()),
      peerRefills: peers
        .filter(({ endMs }) => endMs <= now())
        .map(({ endMs }) => ({ inMs: endMs + WINDOW_MS - now(), calls: 1 })),
      dayProbeInMs: null,
      peers: [],
    };
  };
  return {
    /** What a replica brings of its own calls when it joins. */
    restore(calls: readonly Call[], me: number) {
      for (const call of calls) if (call.replica === me && counts(call)) stored.add(call);
    },
    heartbeat(me: number): View {
      const newest = Math.max(-Infinity, ...[...heartbeats.values()].map(({ atMs }) => atMs));
      if (newest < now() - LAPSE_MS) epoch = now();
      heartbeats.set(me, { atMs: now(), seen: grantedToPeers(me) });
      return viewOf(me);
    },
    grant(call: Call): boolean {
      const used = counted().size;
      const unseen = Math.max(
        0,
        ...[...heartbeats].map(([replica, { seen }]) =>
          replica === call.replica || !isConnected(replica) ? 0 : grantedToPeers(replica) - seen,
        ),
      );
      if (used + Math.ceil(reservedShare(call.replica) * size) >= size || unseen >= maxUnseen) return false;
      stored.add(call);
      grantedTo.set(call.replica, (grantedTo.get(call.replica) ?? 0) + 1);
      return true;
    },
    forget() {
      stored = new Set();
      grantedTo = new Map();
      heartbeats = new Map();
    },
  };
}

/**
 * Plays a history with a model of Redis and the real state machine, allowances and window; returns the moments at which
 * the upstream would have booked the calls, in order.
 */
export function play(history: History): {
  readonly booked: readonly number[];
  readonly madeStandalone: number;
} {
  const { size, shares, cuts, longestCallMs, random } = history;
  const leaseMs = longestCallMs + 2000;
  const calls: Call[] = [];
  let nowMs = 0;
  let madeStandalone = 0;
  const store = createStore(history, leaseMs, () => nowMs);

  const replicas = shares.map((share, me) => {
    const options = { share, callsPerWindow: size, unseen: 2 * Math.ceil(size / 20), leaseMs };
    let state = initialState(options);
    const apply = (event: MembershipEvent) => {
      state = reduce(state, event, options);
    };
    const allowances = () => allowancesIn(state, nowMs);
    const window = createSharedWindow({ size, monotonicMs: () => nowMs, allowances });
    const own = new Set<Call>();
    const isReachable = () => {
      const cut = cuts[me];
      return cut === undefined || nowMs < cut.from || nowMs >= cut.to;
    };
    const see = () => {
      const day = { endsAt: 0, ownCalls: 0 };
      apply({ kind: 'seen', sighting: sightingOf(store.heartbeat(me), nowMs, day, options) });
    };

    return () => {
      for (const call of own) {
        if (call.endMs > nowMs) continue;
        own.delete(call);
        window.end(true);
      }
      if (!isReachable()) {
        if (isCoordinated(state)) apply({ kind: 'degraded', reason: 'unanswered', atMs: nowMs });
      } else if (!isCoordinated(state)) {
        apply({ kind: 'join-started', atMs: nowMs });
        store.restore(calls, me);
        see();
      } else if (nowMs % HEARTBEAT_MS === 0) {
        see();
      }
      for (let wish = history.wishes(me, nowMs); wish > 0 && window.free() > 0; wish -= 1) {
        const endMs = nowMs + Math.ceil(random() * longestCallMs);
        const call = { replica: me, startMs: nowMs, endMs, bookedMs: nowMs + random() * (endMs - nowMs) };
        if (isCoordinated(state) && !store.grant(call)) break;
        if (!isCoordinated(state)) madeStandalone += 1;
        calls.push(call);
        own.add(call);
        window.reserve();
      }
    };
  });

  const lostAt = history.isMemoryLost ? Math.max(...cuts.map(({ from }) => from)) : Infinity;
  for (; nowMs < history.endsAt; nowMs += STEP_MS) {
    if (nowMs === lostAt) store.forget();
    for (const step of replicas) step();
  }
  return { booked: calls.map(({ bookedMs }) => bookedMs).toSorted((a, b) => a - b), madeStandalone };
}

/** The most calls that were booked in any span of 20 seconds. */
export function mostInWindow(booked: readonly number[]): number {
  let most = 0;
  let first = 0;
  for (const [index, atMs] of booked.entries()) {
    while ((booked[first] ?? atMs) <= atMs - WINDOW_MS) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
