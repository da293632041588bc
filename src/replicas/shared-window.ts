import { type SlidingWindow, WINDOW_MS } from '../dispatch/sliding-window.ts';
import { type Allowance, type CallsInWindow, refillTimesOf, roomIn } from './allowance.ts';
import type { CallHistory, CallRelease } from './shared-state.ts';

/** A call of this replica, from its permit to its end. */
export type LocalCall = {
  readonly id: string;
  readonly locks: readonly string[];
  /** Monotonic ms. */
  readonly leaseEndsAt: number;
  /** When its locks end if it is not heard of any more, in monotonic ms. */
  readonly locksEndAt: number;
  /** Ms since 1970. */
  readonly dayEndsAt: number;
};

/** Remembers this replica's calls, so that it can report them to a Redis that has missed them. */
export type LocalCalls = {
  begin(call: LocalCall): void;
  end(call: LocalCall, how: 'ended' | 'unsent', nowMs: number): void;
  /** The upstream may work on the call until then, in monotonic ms; it ends by itself. */
  giveUp(call: LocalCall, untilMs: number): void;
  /** Keeps a release that did not reach Redis. */
  reportLater(release: CallRelease): void;
  /** Hands out those releases, once, as they are by now. */
  takeUnreported(nowMs: number): readonly CallRelease[];
  running(nowMs: number): Iterable<LocalCall>;
  /** Own calls of the day that ends then. */
  today(dayEndsAt: number): number;
  history(nowMs: number): Pick<CallHistory, 'running' | 'ended'>;
};

export function createLocalCalls(): LocalCalls {
  const running = new Map<string, LocalCall>();
  const givenUp = new Set<string>();
  let ended: { readonly id: string; readonly at: number }[] = [];
  let unreported: CallRelease[] = [];
  const day = createDayCount();

  const forgetOld = (nowMs: number) => {
    for (const id of givenUp) {
      const at = running.get(id)?.leaseEndsAt ?? nowMs;
      if (at > nowMs || !givenUp.delete(id)) continue;
      running.delete(id);
      ended.push({ id, at });
    }
    const first = ended.findIndex(({ at }) => at + WINDOW_MS > nowMs);
    if (first !== 0) ended = first < 0 ? [] : ended.slice(first);
  };

  return {
    begin(call) {
      running.set(call.id, call);
      day.count(call.dayEndsAt, 1);
    },
    end({ id, dayEndsAt }, how, nowMs) {
      running.delete(id);
      forgetOld(nowMs);
      if (how === 'ended') ended.push({ id, at: nowMs });
      else if (day.isOf(dayEndsAt)) day.count(dayEndsAt, -1);
    },
    giveUp(call, untilMs) {
      running.set(call.id, { ...call, leaseEndsAt: untilMs });
      givenUp.add(call.id);
    },
    reportLater: (release) => void unreported.push(release),
    takeUnreported(nowMs) {
      forgetOld(nowMs);
      const all = unreported.map((release) => {
        const { leaseEndsAt = nowMs } = running.get(release.id) ?? {};
        return release.runsForMs === 0 ? release : { ...release, runsForMs: leaseEndsAt - nowMs };
      });
      unreported = [];
      return all;
    },
    running(nowMs) {
      forgetOld(nowMs);
      return running.values();
    },
    today: (dayEndsAt) => (day.isOf(dayEndsAt) ? day.calls() : 0),
    history(nowMs) {
      forgetOld(nowMs);
      return {
        running: [...running.values()].map(({ id, leaseEndsAt }) => ({
          id,
          leftMs: Math.max(1, leaseEndsAt - nowMs),
        })),
        ended: ended.map(({ id, at }) => ({ id, ageMs: nowMs - at })),
      };
    },
  };
}

/** Calls of the day that was counted last. */
function createDayCount() {
  let day = { endsAt: 0, calls: 0 };
  return {
    isOf: (dayEndsAt: number) => isSameDay(day.endsAt, dayEndsAt),
    calls: () => day.calls,
    count(dayEndsAt: number, calls: number): void {
      if (!isSameDay(day.endsAt, dayEndsAt)) day = { endsAt: dayEndsAt, calls: 0 };
      day.calls = Math.max(0, day.calls + calls);
    },
  };
}

const HOUR_MS = 3_600_000;

/** Whether two replicas mean the same midnight although their clocks differ a little; in ms since 1970. */
export function isSameDay(endsAt: number, otherEndsAt: number): boolean {
  return Math.abs(endsAt - otherEndsAt) < HOUR_MS / 2;
}

export type SharedWindowOptions = {
  /** The subscription's calls per window. */
  readonly size: number;
  readonly monotonicMs: () => number;
  /** The allowances that apply now, all of them at once. */
  readonly allowances: () => readonly [Allowance, ...Allowance[]];
};

/** A subscription's window as one of its replicas may use it. */
export function createSharedWindow({ size, monotonicMs, allowances }: SharedWindowOptions): SlidingWindow {
  let ends: number[] = [];
  let running = 0;

  const own = (nowMs: number): CallsInWindow => {
    const first = ends.findIndex((end) => end + WINDOW_MS > nowMs);
    if (first !== 0) ends = first < 0 ? [] : ends.slice(first);
    return { running, ends };
  };
  const tightestAt = (nowMs: number) => tightestOf(allowances(), size, own(nowMs), nowMs);
  const refillTimes = () => {
    const nowMs = monotonicMs();
    return refillTimesOf(tightestAt(nowMs).allowance, size, own(nowMs), nowMs);
  };
  const capacityOf = ({ share, reserved }: Allowance) => Math.max(1, Math.floor(share * (size - reserved)));

  return {
    capacity: () => Math.min(...allowances().map(capacityOf)),
    free() {
      const nowMs = monotonicMs();
      const { allowance, room } = tightestAt(nowMs);
      return nowMs < allowance.opensAt ? 0 : room;
    },
    refillTimes,
    next() {
      const nowMs = monotonicMs();
      const { allowance, room } = tightestAt(nowMs);
      if (room > 0) return Math.max(nowMs, allowance.opensAt);
      const [soonest] = refillTimes();
      return soonest === undefined ? null : Math.max(soonest, allowance.opensAt);
    },
    earliestStart(nth) {
      const nowMs = monotonicMs();
      const { allowance, room } = tightestAt(nowMs);
      const from = Math.max(nowMs, allowance.opensAt);
      if (nth <= room) return from;
      const capacity = capacityOf(allowance);
      const rounds = Math.floor((nth - room - 1) / capacity);
      const soonest = refillTimes()[(nth - room - 1) % capacity] ?? nowMs + WINDOW_MS;
      return Math.max(from, soonest) + rounds * WINDOW_MS;
    },
    reserve() {
      running += 1;
    },
    end(isCounted) {
      running -= 1;
      if (isCounted) ends.push(monotonicMs());
    },
  };
}

/** The allowance that leaves the least room, and how much. */
function tightestOf(
  [first, ...others]: readonly [Allowance, ...Allowance[]],
  size: number,
  own: CallsInWindow,
  nowMs: number,
): { readonly allowance: Allowance; readonly room: number } {
  let allowance = first;
  let room = roomIn(first, size, own, nowMs);
  for (const other of others) {
    const otherRoom = roomIn(other, size, own, nowMs);
    if (otherRoom < room) [allowance, room] = [other, otherRoom];
  }
  return { allowance, room: Math.max(0, room) };
}
