import { nextTurn } from './in-turns.ts';

/** How long pieces of work may hold the event loop before other events are handled, in ms; all that share it together. */
const SLICE_MS = 2;

/** Of `turn`. */
const MAX_BEGUN = 16;

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
  /**
   * To be called before work that comes in bursts. Undefined: it may begin now; otherwise resolves when it may, in the order
   * in which it came. Not more than 16 begin in a turn: what goes on in promises takes its time after all have begun.
   */
  turn(): Promise<void> | undefined;
};

export function createTimeSlice(monotonicMs: () => number, sliceMs = SLICE_MS): TimeSlice {
  let endsAt: number | undefined;
  let begun = 0;
  const end = () => {
    endsAt = undefined;
    begun = 0;
  };
  const begin = () => {
    if (endsAt !== undefined) return;
    endsAt = monotonicMs() + sliceMs;
    setImmediate(end);
  };
  const isUsedUp = () => {
    begin();
    return endsAt !== undefined && monotonicMs() >= endsAt;
  };
  let waiting = 0;
  const mayBegin = () => !isUsedUp() && begun < MAX_BEGUN;
  const tryToBegin = (release: () => void) => {
    if (!mayBegin()) {
      setImmediate(tryToBegin, release);
      return;
    }
    waiting -= 1;
    begun += 1;
    release();
  };
  return {
    begin,
    isUsedUp,
    turn() {
      if (waiting === 0 && mayBegin()) {
        begun += 1;
        return undefined;
      }
      waiting += 1;
      return new Promise((resolve) => {
        // One callback each: what it does before it waits is done before the next one is asked.
        setImmediate(tryToBegin, resolve);
      });
    },
    async next() {
      await nextTurn();
      begin();
    },
  };
}
