import { WINDOW_MS } from '../dispatch/sliding-window.ts';
import type { View } from './shared-state.ts';

/** How much of the subscription's window is this replica's; times are monotonic ms. */
export type Allowance = {
  /** Its part of what the calls below leave. */
  readonly share: number;
  /** Calls that are kept for others. */
  readonly kept: number;
  /** When calls of others come back to the window, soonest first. */
  readonly others: readonly { readonly atMs: number; readonly calls: number }[];
  /** Own calls that ended before were booked with everybody's: they count like those of others. */
  readonly ownSince: number;
  /** Before, no call may be made at all. */
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
  /** Calls of others that may have been made since the view. */
  readonly unseen: number;
  /** How long a call may take at most. */
  readonly leaseMs: number;
};

/** Sums of shares such as 0.1 are a little off. */
const ROUNDING = 1e-9;

/** While Redis judges: all that the others have not taken. What it says when it is asked counts more. */
export function coordinated(view: View, atMs: number, callsPerWindow: number): Allowance {
  return {
    share: 1,
    kept: Math.ceil(view.keptShare * callsPerWindow - ROUNDING),
    others: returnsOf(view, atMs),
    ownSince: Number.NEGATIVE_INFINITY,
    opensAt: Number.NEGATIVE_INFINITY,
  };
}

/**
 * While Redis is away: a share of what the calls leave that were made while it was there. All replicas together keep
 * the limit then: with S such calls still in the window and shares that sum up to 1 at most, they make
 * S + Σ share · (limit − S) ≤ limit. What others may have been granted unseen counts as made, and what was kept
 * for replicas that were away before stays theirs; so is the share of this one for those who still have Redis, as soon
 * as they miss its signs of life.
 *
 * @param seen the last view and when it came; undefined when there was none
 * @param opensAt when the first call may be made
 */
export function standalone(
  seen: { readonly view: View; readonly atMs: number } | undefined,
  opensAt: number,
  { share, callsPerWindow, unseen, leaseMs }: StandaloneOptions,
): Allowance {
  if (seen === undefined) return { share, kept: 0, others: [], ownSince: opensAt, opensAt };
  const { keptShare } = seen.view;
  return {
    share: keptShare < 1 ? Math.min(1, share / (1 - keptShare)) : share,
    kept: keptShare * callsPerWindow,
    others: withUnseen(returnsOf(seen.view, seen.atMs), unseen, opensAt, leaseMs),
    ownSince: opensAt,
    opensAt,
  };
}

/** While a try to come back is on its way. */
export function joining(rule: Allowance, opensAt: number): Allowance {
  return { ...rule, opensAt: Math.max(rule.opensAt, opensAt) };
}

/** While Redis judges again but has not known of all calls for a whole window yet. */
export function probation(rule: Allowance, nowMs: number): Allowance {
  return { ...rule, ownSince: Math.min(rule.ownSince, nowMs), opensAt: Number.NEGATIVE_INFINITY };
}

/** Calls a rule leaves room for; less than nothing when more were made before it. */
export function roomOf(rule: Allowance, size: number, own: CallsInWindow, nowMs: number): number {
  return Math.floor(exactRoom(rule, size, own, nowMs) + ROUNDING);
}

/** When room for one call more comes back, soonest first. */
export function returnsOfRoom(rule: Allowance, size: number, own: CallsInWindow, nowMs: number): number[] {
  const events = [
    ...rule.others.map(({ atMs, calls }) => ({ atMs, calls: calls * rule.share })),
    ...own.ends.map((end) => ({ atMs: end + WINDOW_MS, calls: end < rule.ownSince ? rule.share : 1 })),
  ];
  let exact = exactRoom(rule, size, own, nowMs) + ROUNDING;
  let room = Math.max(0, Math.floor(exact));
  const times: number[] = [];
  for (const { atMs, calls } of events.toSorted((a, b) => a.atMs - b.atMs)) {
    if (atMs <= nowMs) continue;
    exact += calls;
    for (; Math.floor(exact) > room; room += 1) times.push(atMs);
  }
  return times;
}

function exactRoom(
  { share, kept, others, ownSince }: Allowance,
  size: number,
  own: CallsInWindow,
  nowMs: number,
): number {
  let together = kept;
  for (const { atMs, calls } of others) if (atMs > nowMs) together += calls;
  let alone = own.running;
  for (const end of own.ends) {
    if (end + WINDOW_MS <= nowMs) continue;
    if (end < ownSince) together += 1;
    else alone += 1;
  }
  return share * (size - together) - alone;
}

function returnsOf(view: View, atMs: number): Allowance['others'] {
  const ended = view.othersReturn.map(({ inMs, calls }) => ({ atMs: atMs + inMs, calls }));
  // Nobody knows when a call of another ends; at the end of its lease it does.
  const running = view.othersRunning.map((leftMs) => ({ atMs: atMs + leftMs + WINDOW_MS, calls: 1 }));
  return [...ended, ...running].toSorted((a, b) => a.atMs - b.atMs);
}

function withUnseen(
  others: Allowance['others'],
  unseen: number,
  opensAt: number,
  leaseMs: number,
): Allowance['others'] {
  return unseen === 0 ? others : [...others, { atMs: opensAt + leaseMs + WINDOW_MS, calls: unseen }];
}
