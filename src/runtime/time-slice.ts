/** How long pieces of work may hold the event loop before other events are handled, in ms; all that share it together. */
const SLICE_MS = 2;

/** A slice of the event loop's time that pieces of work share. By time, not by count: code that is not compiled yet takes ten times as long. */
export type TimeSlice = {
  /** Whether the time is used up and the rest is for another turn. The first to ask in a turn begins it. */
  isUsedUp(): boolean;
};

export function createTimeSlice(monotonicMs: () => number, sliceMs = SLICE_MS): TimeSlice {
  let endsAt: number | undefined;
  const end = () => {
    endsAt = undefined;
  };
  return {
    isUsedUp() {
      if (endsAt !== undefined) return monotonicMs() >= endsAt;
      endsAt = monotonicMs() + sliceMs;
      setImmediate(end);
      return false;
    },
  };
}
