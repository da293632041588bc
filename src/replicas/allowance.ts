import { WINDOW_MS } from '../dispatch/sliding-window.ts';
import type { View } from './shared-state.ts';

/** How many of the window's calls a replica may make (docs/replicas.md#allowance). Times are monotonic ms. */
export type Allowance = {
  /** Its fraction of what the calls below leave. */
  readonly share: number;
  /** Calls reserved for silent replicas. */
  readonly reserved: number;
  /** When calls of peers leave the window, soonest first. */
  readonly peerRefills: readonly { readonly atMs: number; readonly calls: number }[];
  /** Own calls that ended before this were shared knowledge: they weigh like those of peers. */
  readonly standaloneSince: number;
  /** No calls before this. */
  readonly opensAt: number;
};

/** This replica's own calls. */
export type CallsInWindow = {
  readonly running: number;
  /** When those that still count ended, in monotonic ms, oldest first. */
  readonly ends: readonly number[];
};

export type StandaloneOptions = {
  readonly share: number;
  readonly callsPerWindow: number;
  /** Calls that peers may have been granted since the last view. */
  readonly unseen: number;
  /** How long a call may take at most. */
  readonly leaseMs: number;
  /** Calls that no one here knows of may count until then: those of processes before this one. */
  readonly before?: { readonly calls: number; readonly untilMs: number };
};

/** Absorbs the floating-point error of sums of shares such as 0.1. */
const ROUNDING = 1e-9;

/** While Redis decides: everything that peers have not taken. Redis has the last word when a permit is acquired. */
export function coordinated(view: View, atMs: number, callsPerWindow: number): Allowance {
  return {
    share: 1,
    reserved: Math.ceil(view.reservedShare * callsPerWindow - ROUNDING),
    peerRefills: refillsOf(view, atMs),
    standaloneSince: Number.NEGATIVE_INFINITY,
    opensAt: Number.NEGATIVE_INFINITY,
  };
}

/**
 * While Redis is unavailable: a share of what the calls made with it have left, so that the replicas stay within the limit
 * without talking to each other.
 *
 * @param last the last view and when it arrived; undefined if there was none
 * @param opensAt when the first call may be made
 */
export function standalone(
  last: { readonly view: View; readonly atMs: number } | undefined,
  opensAt: number,
  { share, callsPerWindow, unseen, leaseMs, before }: StandaloneOptions,
): Allowance {
  if (last === undefined) {
    const peerRefills = refillOf(before?.calls, before?.untilMs);
    return { share, reserved: 0, peerRefills, standaloneSince: opensAt, opensAt };
  }
  const { reservedShare, blankMs } = last.view;
  const blank = refillOf(blankMs > 0 ? before?.calls : 0, last.atMs + blankMs);
  const seen = [...refillsOf(last.view, last.atMs), ...blank];
  const unseenRefill = { atMs: opensAt + leaseMs + WINDOW_MS, calls: unseen };
  return {
    share: reservedShare < 1 ? Math.min(1, share / (1 - reservedShare)) : share,
    reserved: reservedShare * callsPerWindow,
    peerRefills: unseen === 0 ? seen : [...seen, unseenRefill],
    standaloneSince: opensAt,
    opensAt,
  };
}

/** While a join is in progress: Redis would not know of calls that start before its reply. */
export function joining(allowance: Allowance, opensAt: number): Allowance {
  return { ...allowance, opensAt: Math.max(allowance.opensAt, opensAt) };
}

/** While Redis decides again but has not seen all calls of a whole window. */
export function probation(allowance: Allowance, nowMs: number): Allowance {
  return {
    ...allowance,
    standaloneSince: Math.min(allowance.standaloneSince, nowMs),
    opensAt: Number.NEGATIVE_INFINITY,
  };
}

/** How many calls an allowance leaves room for; negative if more had been made before it. */
export function roomIn(allowance: Allowance, size: number, own: CallsInWindow, nowMs: number): number {
  return Math.floor(exactRoom(allowance, size, own, nowMs) + ROUNDING);
}

/** When room for one more call becomes free, each time, soonest first. */
export function refillTimesOf(
  allowance: Allowance,
  size: number,
  own: CallsInWindow,
  nowMs: number,
): number[] {
  const { share, peerRefills, standaloneSince } = allowance;
  const refills = [
    ...peerRefills.map(({ atMs, calls }) => ({ atMs, calls: calls * share })),
    ...own.ends.map((end) => ({ atMs: end + WINDOW_MS, calls: end < standaloneSince ? share : 1 })),
  ];
  let exact = exactRoom(allowance, size, own, nowMs) + ROUNDING;
  let room = Math.max(0, Math.floor(exact));
  const times: number[] = [];
  for (const { atMs, calls } of refills.toSorted((a, b) => a.atMs - b.atMs)) {
    if (atMs <= nowMs) continue;
    exact += calls;
    for (; Math.floor(exact) > room; room += 1) times.push(atMs);
  }
  return times;
}

function exactRoom(
  { share, reserved, peerRefills, standaloneSince }: Allowance,
  size: number,
  own: CallsInWindow,
  nowMs: number,
): number {
  let sharedCalls = reserved;
  for (const { atMs, calls } of peerRefills) if (atMs > nowMs) sharedCalls += calls;
  let ownCalls = own.running;
  for (const end of own.ends) {
    if (end + WINDOW_MS <= nowMs) continue;
    if (end < standaloneSince) sharedCalls += 1;
    else ownCalls += 1;
  }
  return share * (size - sharedCalls) - ownCalls;
}

function refillOf(calls = 0, atMs = 0): Allowance['peerRefills'] {
  return calls === 0 ? [] : [{ atMs, calls }];
}

function refillsOf(view: View, atMs: number): Allowance['peerRefills'] {
  const ended = view.peerRefills.map(({ inMs, calls }) => ({ atMs: atMs + inMs, calls }));
  // When a peer's call will end is unknown; its lease is the latest.
  const running = view.peerLeases.map((leftMs) => ({ atMs: atMs + leftMs + WINDOW_MS, calls: 1 }));
  return [...ended, ...running].toSorted((a, b) => a.atMs - b.atMs);
}
