import { WINDOW_MS } from '../dispatch/sliding-window.ts';
import type { View } from './shared-state.ts';

/** How much of the subscription's window a replica may use (docs/replicas.md#allowance); times are monotonic ms. */
export type Allowance = {
  /** Its part of what the calls below leave. */
  readonly share: number;
  /** Calls reserved for silent replicas. */
  readonly reserved: number;
  /** When calls of peers leave the window, soonest first. */
  readonly peerRefills: readonly { readonly atMs: number; readonly calls: number }[];
  /** Own calls that ended before were in the view of all replicas: they weigh like those of peers. */
  readonly standaloneSince: number;
  /** No call may be made before. */
  readonly opensAt: number;
};

/** The calls this replica has made. */
export type CallsInWindow = {
  readonly running: number;
  /** Ends of those that still count, in monotonic ms, oldest first. */
  readonly ends: readonly number[];
};

export type StandaloneOptions = {
  readonly share: number;
  readonly callsPerWindow: number;
  /** Calls that peers may have been granted since the view. */
  readonly unseen: number;
  /** How long a call may take at most. */
  readonly leaseMs: number;
};

/** Sums of shares such as 0.1 are a little off. */
const ROUNDING = 1e-9;

/** While Redis decides: all that the peers have not taken. Its reply to an acquire counts more. */
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
 * While Redis is away: a share of what is left by the calls made while it was there, so that all replicas together keep
 * the limit.
 *
 * @param last the last view and when it came; undefined when there was none
 * @param opensAt when the first call may be made
 */
export function standalone(
  last: { readonly view: View; readonly atMs: number } | undefined,
  opensAt: number,
  { share, callsPerWindow, unseen, leaseMs }: StandaloneOptions,
): Allowance {
  if (last === undefined) return { share, reserved: 0, peerRefills: [], standaloneSince: opensAt, opensAt };
  const { reservedShare } = last.view;
  const seen = refillsOf(last.view, last.atMs);
  const unseenRefill = { atMs: opensAt + leaseMs + WINDOW_MS, calls: unseen };
  return {
    share: reservedShare < 1 ? Math.min(1, share / (1 - reservedShare)) : share,
    reserved: reservedShare * callsPerWindow,
    peerRefills: unseen === 0 ? seen : [...seen, unseenRefill],
    standaloneSince: opensAt,
    opensAt,
  };
}

/** While a join is in progress: Redis would not know of calls that begin before its reply. */
export function joining(allowance: Allowance, opensAt: number): Allowance {
  return { ...allowance, opensAt: Math.max(allowance.opensAt, opensAt) };
}

/** While Redis decides again but has not known of all calls for a whole window. */
export function probation(allowance: Allowance, nowMs: number): Allowance {
  return {
    ...allowance,
    standaloneSince: Math.min(allowance.standaloneSince, nowMs),
    opensAt: Number.NEGATIVE_INFINITY,
  };
}

/** Calls an allowance leaves room for; negative when more were made before it. */
export function roomIn(allowance: Allowance, size: number, own: CallsInWindow, nowMs: number): number {
  return Math.floor(exactRoom(allowance, size, own, nowMs) + ROUNDING);
}

/** When there is room for one call more each, soonest first. */
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

function refillsOf(view: View, atMs: number): Allowance['peerRefills'] {
  const ended = view.peerRefills.map(({ inMs, calls }) => ({ atMs: atMs + inMs, calls }));
  // When a peer's call ends is unknown; it has ended when its lease is over.
  const running = view.peerLeases.map((leftMs) => ({ atMs: atMs + leftMs + WINDOW_MS, calls: 1 }));
  return [...ended, ...running].toSorted((a, b) => a.atMs - b.atMs);
}
