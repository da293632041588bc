import { WINDOW_MS } from '../dispatch/sliding-window.ts';
import {
  type Allowance,
  coordinated,
  joining,
  probation,
  standalone,
  type StandaloneOptions,
} from './allowance.ts';
import { COMMAND_TIMEOUT_MS, type View } from './shared-state.ts';

/** A replica waits this long before it calls standalone: calls its peers have started are usually over by then. */
const STANDALONE_DELAY_MS = 1000;

/**
 * Why Redis does not decide. `unanswered`: no reply in time; `refused`: it rejects commands; `stale`: a command reached it
 * too late; `unknown`: it has forgotten this replica; `late`: it granted a permit too late.
 */
export type DegradedReason = 'unanswered' | 'refused' | 'stale' | 'unknown' | 'late';

/** A view, when it arrived in monotonic ms, and the day's calls at that time. */
export type Sighting = {
  readonly view: View;
  readonly atMs: number;
  readonly day: { readonly endsAt: number; readonly total: number; readonly own: number };
  /** What the view leaves for this replica. */
  readonly allowance: Allowance;
};

type Uncoordinated = {
  readonly last: Sighting | undefined;
  /** Undefined until a first attempt to join has failed. */
  readonly reason: DegradedReason | undefined;
  readonly allowance: Allowance;
};

/** Whether this replica and its peers know of each other's calls (docs/replicas.md#allowance). */
export type MembershipState =
  | (Uncoordinated & { readonly kind: 'standalone' })
  /** `allowanceBefore` applies again if the join fails. */
  | (Uncoordinated & { readonly kind: 'joining'; readonly allowanceBefore: Allowance })
  /** Expires at `untilMs`, in monotonic ms. */
  | {
      readonly kind: 'probation';
      readonly last: Sighting;
      readonly allowance: Allowance;
      readonly untilMs: number;
    }
  | { readonly kind: 'coordinated'; readonly last: Sighting };

export type MembershipEvent =
  | { readonly kind: 'join-started'; readonly atMs: number }
  | { readonly kind: 'join-failed'; readonly reason: DegradedReason; readonly atMs: number }
  /** The reply to a join or to a heartbeat. */
  | { readonly kind: 'seen'; readonly sighting: Sighting }
  /** Another command failed. */
  | { readonly kind: 'degraded'; readonly reason: DegradedReason; readonly atMs: number };

export function initialState(options: StandaloneOptions): MembershipState {
  const allowance = standalone(undefined, Number.NEGATIVE_INFINITY, options);
  return { kind: 'standalone', last: undefined, reason: undefined, allowance };
}

/** The state after an event. Pure; membership.ts has the effects. */
export function reduce(
  state: MembershipState,
  event: MembershipEvent,
  options: StandaloneOptions,
): MembershipState {
  switch (event.kind) {
    case 'join-started':
      if (state.kind !== 'standalone') return state;
      return {
        ...state,
        kind: 'joining',
        allowance: joining(state.allowance, event.atMs + 2 * COMMAND_TIMEOUT_MS),
        allowanceBefore: state.allowance,
      };
    case 'join-failed':
      if (state.kind !== 'joining') return degrade(state, event, options);
      return {
        kind: 'standalone',
        last: state.last,
        reason: event.reason,
        allowance: state.allowanceBefore,
      };
    case 'degraded':
      return degrade(state, event, options);
    case 'seen':
      return see(state, event.sighting, options);
  }
}

function degrade(
  state: MembershipState,
  { reason, atMs }: { readonly reason: DegradedReason; readonly atMs: number },
  options: StandaloneOptions,
): MembershipState {
  // No call may start while a join is in progress, whatever else fails meanwhile.
  if (state.kind === 'standalone' || state.kind === 'joining') return { ...state, reason };
  const allowance = standalone(state.last, atMs + STANDALONE_DELAY_MS, options);
  return { kind: 'standalone', last: state.last, reason, allowance };
}

function see(state: MembershipState, sighting: Sighting, options: StandaloneOptions): MembershipState {
  if (state.kind === 'standalone') return { ...state, last: sighting };
  const { view, atMs } = sighting;
  if (view.epochAgeMs >= WINDOW_MS) return { kind: 'coordinated', last: sighting };
  return {
    kind: 'probation',
    last: sighting,
    allowance: probationAllowance(state, sighting, options),
    untilMs: atMs + WINDOW_MS - view.epochAgeMs,
  };
}

/** What applies beside Redis' decision: the previous allowance, or one derived from the view. */
function probationAllowance(
  state: Exclude<MembershipState, { kind: 'standalone' }>,
  sighting: Sighting,
  options: StandaloneOptions,
): Allowance {
  if (state.kind === 'joining' && state.last !== undefined) {
    return probation(state.allowanceBefore, sighting.atMs);
  }
  if (isOnProbation(state, sighting.atMs)) return state.allowance;
  return standalone(sighting, sighting.atMs, { ...options, unseen: 0 });
}

/** A view with what it means for this replica. */
export function sightingOf(
  view: View,
  atMs: number,
  day: { readonly endsAt: number; readonly ownCalls: number },
  { callsPerWindow }: StandaloneOptions,
): Sighting {
  const { endsAt, ownCalls } = day;
  return {
    view,
    atMs,
    day: { endsAt, total: ownCalls + view.peersToday, own: ownCalls },
    allowance: coordinated(view, atMs, callsPerWindow),
  };
}

/** Whether Redis decides. */
export function isCoordinated(
  state: MembershipState,
): state is Extract<MembershipState, { kind: 'coordinated' | 'probation' }> {
  return state.kind === 'coordinated' || state.kind === 'probation';
}

/** Whether Redis decides but has not seen all calls of a whole window. */
export function isOnProbation(
  state: MembershipState,
  nowMs: number,
): state is Extract<MembershipState, { kind: 'probation' }> {
  return state.kind === 'probation' && nowMs < state.untilMs;
}

/** Undefined while Redis decides. */
export function degradedReason(state: MembershipState): DegradedReason | undefined {
  return isCoordinated(state) ? undefined : state.reason;
}

/** The allowances that apply now, all of them at once. */
export function allowancesIn(state: MembershipState, nowMs: number): readonly [Allowance, ...Allowance[]] {
  if (!isCoordinated(state)) return [state.allowance];
  return isOnProbation(state, nowMs) ? [state.allowance, state.last.allowance] : [state.last.allowance];
}
