import { WINDOW_MS } from '../../src/dispatch/sliding-window.ts';
import type { View } from '../../src/replicas/shared-state.ts';
import { HEARTBEAT_MS, LAPSE_MS } from '../../src/replicas/scripts.ts';
import { createSharedWindow } from '../../src/replicas/shared-window.ts';
import {
  standalone,
  type StandaloneOptions,
  type Allowance,
  coordinated,
  probation,
} from '../../src/replicas/allowance.ts';

/** A history to play: times in ms. Every replica loses the store once and finds it again, maybe without its memory. */
export type History = {
  readonly size: number;
  readonly shares: readonly number[];
  /** When each replica is cut off from the store, and when it finds it again. */
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

/**
 * Plays a history with a model of the store (what scripts.ts does, in words of its own) and the real rules and window;
 * gives the moments at which the upstream would have booked the calls, in order.
 */
export function play(history: History): { readonly booked: readonly number[]; readonly madeAlone: number } {
  const { size, shares, cuts, longestCallMs, random } = history;
  const leaseMs = longestCallMs + 2000;
  const maxUnseen = Math.ceil(size / 20);
  const calls: Call[] = [];
  let nowMs = 0;
  let madeAlone = 0;

  // The store.
  let stored = new Set<Call>();
  let epoch = 0;
  let granted: Call[] = [];
  let beats = new Map<number, { atMs: number; seen: number }>();
  const counts = (call: Call) => call.endMs + WINDOW_MS > nowMs;
  const isLive = (replica: number) => nowMs - (beats.get(replica)?.atMs ?? -Infinity) <= LAPSE_MS;
  const keptShare = (me: number) => {
    const of = (live: boolean) =>
      [...beats.keys()]
        .filter((replica) => (replica === me || isLive(replica)) === live)
        .reduce((sum, replica) => sum + (shares[replica] ?? 0), 0);
    return Math.min(of(false), Math.max(0, 1 - of(true)));
  };
  const viewOf = (me: number): View => {
    const others = [...stored].filter((call) => call.replica !== me && counts(call));
    return {
      epochAgeMs: nowMs - epoch,
      pauseMs: 0,
      live: 1,
      activePeers: 1,
      othersDemand: 0,
      liveShare: 1,
      keptShare: keptShare(me),
      othersToday: 0,
      othersRunning: others
        .filter(({ endMs }) => endMs > nowMs)
        .map(({ startMs }) => startMs + leaseMs - nowMs),
      othersReturn: others
        .filter(({ endMs }) => endMs <= nowMs)
        .map(({ endMs }) => ({ inMs: endMs + WINDOW_MS - nowMs, calls: 1 })),
      lookInMs: null,
      peers: [],
    };
  };
  const sync = (me: number): View => {
    if (Math.max(-Infinity, ...[...beats.values()].map(({ atMs }) => atMs)) < nowMs - LAPSE_MS) epoch = nowMs;
    beats.set(me, { atMs: nowMs, seen: granted.filter(({ replica }) => replica !== me).length });
    return viewOf(me);
  };
  const grant = (call: Call): boolean => {
    const used = [...stored].filter(counts).length;
    const unseen = Math.max(
      0,
      ...[...beats].map(([replica, { seen }]) =>
        replica === call.replica || !isLive(replica)
          ? 0
          : granted.filter((other) => other.replica !== replica).length - seen,
      ),
    );
    if (used + Math.ceil(keptShare(call.replica) * size) >= size || unseen >= maxUnseen) return false;
    stored.add(call);
    granted.push(call);
    return true;
  };

  const replicas = shares.map((share, me) => {
    const options: StandaloneOptions = { share, callsPerWindow: size, unseen: 2 * maxUnseen, leaseMs };
    let seen: { view: View; atMs: number } | undefined;
    let alone: Allowance | undefined;
    let watchedUntil = -Infinity;
    const rules = (): readonly [Allowance, ...Allowance[]] => {
      const together = seen === undefined ? undefined : coordinated(seen.view, seen.atMs, size);
      if (alone !== undefined && (!isConnected() || together === undefined)) return [alone];
      if (together === undefined) throw new Error('no rule');
      return alone !== undefined && nowMs < watchedUntil ? [alone, together] : [together];
    };
    const isConnected = () => {
      const cut = cuts[me];
      return cut === undefined || nowMs < cut.from || nowMs >= cut.to;
    };
    const window = createSharedWindow({ size, monotonicMs: () => nowMs, rules });
    const own = new Set<Call>();
    let wasConnected = true;

    const look = () => {
      seen = { view: sync(me), atMs: nowMs };
      const { epochAgeMs } = seen.view;
      if (epochAgeMs >= WINDOW_MS) return;
      if (nowMs >= watchedUntil && wasConnected) alone = standalone(seen, nowMs, { ...options, unseen: 0 });
      watchedUntil = nowMs + WINDOW_MS - epochAgeMs;
    };

    return () => {
      for (const call of own) {
        if (call.endMs > nowMs) continue;
        own.delete(call);
        window.end(true);
      }
      if (!isConnected() && wasConnected) alone = standalone(seen, nowMs, options);
      if (isConnected() && !wasConnected) {
        for (const call of calls) if (call.replica === me && counts(call)) stored.add(call);
        if (alone !== undefined) alone = probation(alone, nowMs);
        look();
      } else if (isConnected() && nowMs % HEARTBEAT_MS === 0) {
        look();
      }
      wasConnected = isConnected();
      for (let wish = history.wishes(me, nowMs); wish > 0 && window.free() > 0; wish -= 1) {
        const endMs = nowMs + Math.ceil(random() * longestCallMs);
        const call = { replica: me, startMs: nowMs, endMs, bookedMs: nowMs + random() * (endMs - nowMs) };
        if (wasConnected && !grant(call)) break;
        if (!wasConnected) madeAlone += 1;
        calls.push(call);
        own.add(call);
        window.reserve();
      }
    };
  });

  const lostAt = history.isMemoryLost ? Math.max(...cuts.map(({ from }) => from)) : Infinity;
  for (; nowMs < history.endsAt; nowMs += STEP_MS) {
    if (nowMs === lostAt) {
      stored = new Set();
      granted = [];
      beats = new Map();
    }
    for (const step of replicas) step();
  }
  return { booked: calls.map(({ bookedMs }) => bookedMs).toSorted((a, b) => a - b), madeAlone };
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
