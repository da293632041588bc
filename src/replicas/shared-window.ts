import { type SlidingWindow, WINDOW_MS } from '../dispatch/sliding-window.ts';
import type { CallRelease, Memory } from './shared-state.ts';
import { type CallsInWindow, returnsOfRoom, roomOf, type Allowance } from './allowance.ts';

/** A call of this replica, from its permit to its end; times are monotonic ms. */
export type LocalCall = {
  readonly id: string;
  readonly lanes: readonly string[];
  readonly leaseEndsAt: number;
  /** Ms since 1970. */
  readonly dayEndsAt: number;
};

/** What a replica knows of its own calls, so that a Redis that does not can be told. */
export type LocalCalls = {
  begin(call: LocalCall): void;
  end(call: LocalCall, how: 'ended' | 'unsent', nowMs: number): void;
  /** Keeps an end, or the taking back of a permit, that Redis could not be told. */
  reportLater(release: CallRelease): void;
  /** What is owed; nothing is afterwards. */
  takeUnreported(): readonly CallRelease[];
  running(): Iterable<LocalCall>;
  /** Calls of the day that ends then. */
  today(dayEndsAt: number): number;
  memory(nowMs: number): Pick<Memory, 'running' | 'ended'>;
};

export function createLocalCalls(): LocalCalls {
  const running = new Map<string, LocalCall>();
  let ended: { readonly id: string; readonly at: number }[] = [];
  let owed: CallRelease[] = [];
  let day = { endsAt: 0, calls: 0 };

  const count = (dayEndsAt: number, calls: number) => {
    if (!isSameDay(day.endsAt, dayEndsAt)) day = { endsAt: dayEndsAt, calls: 0 };
    day.calls = Math.max(0, day.calls + calls);
  };

  const forgetOld = (nowMs: number) => {
    const first = ended.findIndex(({ at }) => at + WINDOW_MS > nowMs);
    if (first !== 0) ended = first < 0 ? [] : ended.slice(first);
  };

  return {
    begin(call) {
      running.set(call.id, call);
      count(call.dayEndsAt, 1);
    },
    end({ id, dayEndsAt }, how, nowMs) {
      running.delete(id);
      forgetOld(nowMs);
      if (how === 'ended') ended.push({ id, at: nowMs });
      else if (isSameDay(day.endsAt, dayEndsAt)) count(dayEndsAt, -1);
    },
    reportLater: (release) => void owed.push(release),
    takeUnreported() {
      const all = owed;
      owed = [];
      return all;
    },
    running: () => running.values(),
    today: (dayEndsAt) => (isSameDay(day.endsAt, dayEndsAt) ? day.calls : 0),
    memory(nowMs) {
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

const HOUR_MS = 3_600_000;

/** Whether two ends of a day are the same midnight, by clocks that differ a little; in ms since 1970. */
export function isSameDay(endsAt: number, otherEndsAt: number): boolean {
  return Math.abs(endsAt - otherEndsAt) < HOUR_MS / 2;
}

export type SharedWindowOptions = {
  /** Calls the subscription's window holds in all. */
  readonly size: number;
  /** A clock that does not jump, in ms. */
  readonly monotonicMs: () => number;
  /** The rules that hold now, one at least; each of them is kept. */
  readonly rules: () => readonly [Allowance, ...Allowance[]];
};

/** The window as one of several replicas sees it: by its own calls, and by the rules for what is left to it. */
export function createSharedWindow({ size, monotonicMs, rules }: SharedWindowOptions): SlidingWindow {
  let ends: number[] = [];
  let running = 0;

  const own = (nowMs: number): CallsInWindow => {
    const forgotten = ends.findIndex((end) => end + WINDOW_MS > nowMs);
    if (forgotten !== 0) ends = forgotten < 0 ? [] : ends.slice(forgotten);
    return { running, ends };
  };

  /** The rule that leaves least. */
  const tightest = (nowMs: number, calls: CallsInWindow) => {
    const [first, ...others] = rules();
    let rule = first;
    let room = roomOf(first, size, calls, nowMs);
    for (const other of others) {
      const its = roomOf(other, size, calls, nowMs);
      if (its < room) [rule, room] = [other, its];
    }
    return { rule, room: Math.max(0, room) };
  };

  const refillTimes = () => {
    const nowMs = monotonicMs();
    const calls = own(nowMs);
    return returnsOfRoom(tightest(nowMs, calls).rule, size, calls, nowMs);
  };

  const sizeOf = ({ share, kept }: Allowance) => Math.max(1, Math.floor(share * (size - kept)));

  return {
    capacity: () => Math.min(...rules().map(sizeOf)),
    free() {
      const nowMs = monotonicMs();
      const { rule, room } = tightest(nowMs, own(nowMs));
      return nowMs < rule.opensAt ? 0 : room;
    },
    refillTimes,
    next() {
      const nowMs = monotonicMs();
      const { rule, room } = tightest(nowMs, own(nowMs));
      if (room > 0) return Math.max(nowMs, rule.opensAt);
      const [soonest] = refillTimes();
      return soonest === undefined ? null : Math.max(soonest, rule.opensAt);
    },
    earliestStart(nth) {
      const nowMs = monotonicMs();
      const { rule, room } = tightest(nowMs, own(nowMs));
      const from = Math.max(nowMs, rule.opensAt);
      if (nth <= room) return from;
      const each = sizeOf(rule);
      const rounds = Math.floor((nth - room - 1) / each);
      const soonest = refillTimes()[(nth - room - 1) % each] ?? nowMs + WINDOW_MS;
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
