import { createGatheredBytes } from '../../gathered-bytes.ts';
import { MAX_BODY_BYTES } from '../../request-body.ts';

/** Cuts a stream into its lines that are not blank. A line ends with LF or CR LF; the last one may lack its end. */
export type LineReader = {
  /** More bytes of the stream; only when `next` has returned undefined. */
  push(chunk: Buffer): void;
  /** The stream is over. */
  end(): void;
  /** The next line without its end; undefined if it is not there yet. */
  next(): Line | undefined;
  /** Bytes of a line that has begun. */
  held(): number;
  /** Whether the stream is over and all its lines are taken. */
  isDone(): boolean;
};

/** `null`: a line of more than MAX_BODY_BYTES, which is not kept. */
type Line = Buffer | null;

const LF = 0x0a;
const CR = 0x0d;

export function createLineReader(): LineReader {
  let chunk: Buffer = Buffer.alloc(0);
  let at = 0;
  const begun = createGatheredBytes();
  let isTooLong = false;
  let isOver = false;

  const keep = (part: Buffer) => {
    if (part.length === 0 || isTooLong) return;
    isTooLong = begun.size() + part.length > MAX_BODY_BYTES + 1;
    // A copy: the rest of its chunk need not stay in memory.
    if (isTooLong) begun.clear();
    else begun.add(Buffer.from(part));
  };

  /** The line whose last part this is. */
  const finish = (part: Buffer): Line => {
    keep(begun.size() > 0 || isTooLong ? part : EMPTY);
    const whole = begun.size() > 0 ? begun.whole() : isTooLong ? null : part;
    begun.clear();
    isTooLong = false;
    if (whole === null) return null;
    const line = whole.at(-1) === CR ? whole.subarray(0, -1) : whole;
    return line.length > MAX_BODY_BYTES ? null : line;
  };

  return {
    push(bytes) {
      chunk = bytes;
      at = 0;
    },
    end() {
      isOver = true;
    },
    next() {
      for (;;) {
        if (begun.size() === 0 && !isTooLong) at = pastBlankLines(chunk, at);
        const end = chunk.indexOf(LF, at);
        if (end === -1) {
          const rest = chunk.subarray(at);
          at = chunk.length;
          if (!isOver || (rest.length === 0 && begun.size() === 0 && !isTooLong)) {
            keep(rest);
            return undefined;
          }
          const last = finish(rest);
          if (last !== null && isBlank(last)) return undefined;
          return last;
        }
        const line = finish(chunk.subarray(at, end));
        at = end + 1;
        if (line === null || !isBlank(line)) return line;
      }
    },
    held: begun.size,
    isDone: () => isOver && at === chunk.length && begun.size() === 0 && !isTooLong,
  };
}

/**
 * Where the first line that is not blank begins, or the first one without its end. By bytes: to cut out each of 65,536 blank
 * lines takes 30 ms.
 */
function pastBlankLines(chunk: Buffer, from: number): number {
  let start = from;
  for (let at = from; at < chunk.length; at += 1) {
    const byte = chunk[at];
    if (byte === LF) start = at + 1;
    else if ((byte !== CR && byte !== SPACE && byte !== TAB) || at - start >= MAX_BLANK) break;
  }
  return start;
}

const SPACE = 0x20;
const TAB = 0x09;

const EMPTY = Buffer.alloc(0);
const OPENING_BRACE = 0x7b;

/** White space of JSON alone, also behind a byte order mark. */
function isBlank(line: Buffer): boolean {
  if (line.length === 0) return true;
  if (line[0] === OPENING_BRACE) return false;
  return /^(?:\u00EF\u00BB\u00BF)?[ \t\r]*$/.test(
    line.toString('latin1', 0, Math.min(line.length, MAX_BLANK)),
  );
}

/** A longer line of white space is refused as a mistake. */
const MAX_BLANK = 1024;
