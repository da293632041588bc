import { WINDOW_MS } from '../dispatch/window.ts';
import type { CallRelease, Memory } from './ledger.ts';

/** A call of this replica, from its permit to its end; times are elapsed ms. */
export type OwnCall = {
  readonly id: string;
  readonly lanes: readonly string[];
  readonly leaseEndsAt: number;
  /** Ms since 1970. */
  readonly dayEndsAt: number;
};

/** What a replica knows of its own calls, so that a Redis that does not can be told. */
export type OwnCallBook = {
  begin(call: OwnCall): void;
  end(call: OwnCall, how: 'ended' | 'unsent', nowMs: number): void;
  /** Keeps an end, or the taking back of a permit, that Redis could not be told. */
  owe(release: CallRelease): void;
  /** What is owed; nothing is afterwards. */
  settle(): readonly CallRelease[];
  running(): Iterable<OwnCall>;
  /** Calls of the day that ends then. */
  today(dayEndsAt: number): number;
  memory(nowMs: number): Pick<Memory, 'running' | 'ended'>;
};

export function createOwnCalls(): OwnCallBook {
  const running = new Map<string, OwnCall>();
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
    owe: (release) => void owed.push(release),
    settle() {
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
