import { type Window, WINDOW_MS } from '../dispatch/window.ts';
import { type OwnCalls, returnsOfRoom, roomOf, type Rule } from './shares.ts';

export type SharedWindowOptions = {
  /** Calls the subscription's window holds in all. */
  readonly size: number;
  /** A clock that does not jump, in ms. */
  readonly elapsed: () => number;
  /** The rules that hold now, one at least; each of them is kept. */
  readonly rules: () => readonly [Rule, ...Rule[]];
};

/** The window as one of several replicas sees it: by its own calls, and by the rules for what is left to it. */
export function createSharedWindow({ size, elapsed, rules }: SharedWindowOptions): Window {
  let ends: number[] = [];
  let running = 0;

  const own = (nowMs: number): OwnCalls => {
    const forgotten = ends.findIndex((end) => end + WINDOW_MS > nowMs);
    if (forgotten !== 0) ends = forgotten < 0 ? [] : ends.slice(forgotten);
    return { running, ends };
  };

  /** The rule that leaves least. */
  const tightest = (nowMs: number, calls: OwnCalls) => {
    const [first, ...others] = rules();
    let rule = first;
    let room = roomOf(first, size, calls, nowMs);
    for (const other of others) {
      const its = roomOf(other, size, calls, nowMs);
      if (its < room) [rule, room] = [other, its];
    }
    return { rule, room: Math.max(0, room) };
  };

  const returns = () => {
    const nowMs = elapsed();
    const calls = own(nowMs);
    return returnsOfRoom(tightest(nowMs, calls).rule, size, calls, nowMs);
  };

  const sizeOf = ({ share, kept }: Rule) => Math.max(1, Math.floor(share * (size - kept)));

  return {
    size: () => Math.min(...rules().map(sizeOf)),
    free() {
      const nowMs = elapsed();
      const { rule, room } = tightest(nowMs, own(nowMs));
      return nowMs < rule.opensAt ? 0 : room;
    },
    returns,
    next() {
      const nowMs = elapsed();
      const { rule, room } = tightest(nowMs, own(nowMs));
      if (room > 0) return Math.max(nowMs, rule.opensAt);
      const [soonest] = returns();
      return soonest === undefined ? null : Math.max(soonest, rule.opensAt);
    },
    startOf(nth) {
      const nowMs = elapsed();
      const { rule, room } = tightest(nowMs, own(nowMs));
      const from = Math.max(nowMs, rule.opensAt);
      if (nth <= room) return from;
      const each = sizeOf(rule);
      const rounds = Math.floor((nth - room - 1) / each);
      const soonest = returns()[(nth - room - 1) % each] ?? nowMs + WINDOW_MS;
      return Math.max(from, soonest) + rounds * WINDOW_MS;
    },
    begin() {
      running += 1;
    },
    end(isCounted) {
      running -= 1;
      if (isCounted) ends.push(elapsed());
    },
  };
}
