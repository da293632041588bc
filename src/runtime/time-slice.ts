import { nextTurn } from './in-turns.ts';

/** How long pieces of work may hold the event loop before other events are handled, in ms; all that share it together. */
const SLICE_MS = 2;

/**
 * A slice of the event loop's time that pieces of work share. By time, not by count: code that is not compiled yet takes ten
 * times as long.
 */
export type TimeSlice = {
  /** Work begins: also the slice, unless other work began it in this turn. */
  begin(): void;
  /** Whether the time is used up, and the rest is for another turn. */
  isUsedUp(): boolean;
  /** Resolves in another turn, where work begins. */
  next(): Promise<void>;
};

export function createTimeSlice(monotonicMs: () => number, sliceMs = SLICE_MS): TimeSlice {
  let endsAt: number | undefined;
  const end = () => {
    endsAt = undefined;
  };
  const begin = () => {
    if (endsAt !== undefined) return;
    endsAt = monotonicMs() + sliceMs;
    setImmediate(end);
  };
  return {
    begin,
    isUsedUp() {
      begin();
      return endsAt !== undefined && monotonicMs() >= endsAt;
    },
    async next() {
      await nextTurn();
      begin();
    },
  };
}
