import type { PresentCaller } from '../../present-caller.ts';
import type { BegunLine } from './begun-line.ts';
import { batchLead, type CheckedLead, readLine } from './lead.ts';
import type { LineReader } from './lines.ts';
import type { BatchLead } from './run.ts';

/** The lines of a stream as leads, in their order. */
export type CheckedLines = {
  /** Undefined if none is there yet. */
  next(): BatchLead<CheckedLead> | undefined;
  /** `checking`: a long line takes turns of the event loop, and no other is to be read; `ready`: it has, and is the next. */
  state(): 'idle' | 'checking' | 'ready';
  /** Whether `next` will never have another. */
  isDone(): boolean;
};

/** @param onChecked called when a long line is ready */
export function checkLines(
  lines: LineReader,
  begun: BegunLine,
  present: PresentCaller,
  onChecked: () => void,
): CheckedLines {
  let isChecking = false;
  let ready: BatchLead<CheckedLead> | undefined;

  const check = async (read: Promise<CheckedLead>, bytes: number) => {
    isChecking = true;
    const lead = await read;
    isChecking = false;
    ready = batchLead(lead, bytes);
    onChecked();
  };

  return {
    next() {
      if (isChecking) return undefined;
      const slow = ready;
      ready = undefined;
      if (slow !== undefined) {
        begun.holds(lines.held());
        return slow;
      }
      const line = lines.next();
      begun.holds(lines.held());
      if (line === undefined) return undefined;
      const bytes = 'digest' in line ? 0 : line.length;
      const read = readLine(line, present);
      if (!(read instanceof Promise)) return batchLead(read, bytes);
      begun.holds(bytes);
      void check(read, bytes);
      return undefined;
    },
    state: () => (isChecking ? 'checking' : ready === undefined ? 'idle' : 'ready'),
    isDone: () => !isChecking && ready === undefined && lines.isDone(),
  };
}
