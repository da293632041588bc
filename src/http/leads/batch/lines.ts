import { createHash, type Hash } from 'node:crypto';
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

/** A line, or of one with more than MAX_BODY_BYTES, which is not kept, its SHA-256. */
export type Line = Buffer | { readonly digest: Buffer };

const LF = 0x0a;
const CR = 0x0d;

export function createLineReader(): LineReader {
  let chunk: Buffer = Buffer.alloc(0);
  let at = 0;
  const begun = createBegunLine();
  let isOver = false;

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
        if (!begun.hasBegun()) at = pastBlankLines(chunk, at);
        const end = chunk.indexOf(LF, at);
        if (end === -1) {
          const rest = chunk.subarray(at);
          at = chunk.length;
          if (!isOver || (rest.length === 0 && !begun.hasBegun())) {
            begun.add(rest);
            return undefined;
          }
          const last = begun.finish(rest);
          return isBlank(last) ? undefined : last;
        }
        const line = begun.finish(chunk.subarray(at, end));
        at = end + 1;
        if (!isBlank(line)) return line;
      }
    },
    held: begun.size,
    isDone: () => isOver && at === chunk.length && !begun.hasBegun(),
  };
}

/** A line whose end has not come. */
function createBegunLine() {
  const kept = createGatheredBytes();
  let tooLong: Hash | undefined;
  const hasBegun = () => kept.size() > 0 || tooLong !== undefined;
  const add = (part: Buffer) => {
    if (part.length === 0) return;
    if (tooLong === undefined && kept.size() + part.length <= MAX_BODY_BYTES + 1) {
      // A copy: the rest of its chunk need not stay in memory.
      kept.add(Buffer.from(part));
      return;
    }
    tooLong ??= hashOf(kept.whole());
    tooLong.update(part);
    kept.clear();
  };
  return {
    add,
    hasBegun,
    size: kept.size,
    /** The line whose last part this is. */
    finish(part: Buffer): Line {
      if (hasBegun()) add(part);
      if (tooLong !== undefined) {
        const digest = tooLong.digest();
        tooLong = undefined;
        return { digest };
      }
      const whole = kept.size() > 0 ? kept.whole() : part;
      kept.clear();
      const line = whole.at(-1) === CR ? whole.subarray(0, -1) : whole;
      return line.length > MAX_BODY_BYTES ? { digest: hashOf(line).digest() } : line;
    },
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

const OPENING_BRACE = 0x7b;

function hashOf(bytes: Buffer): Hash {
  return createHash('sha256').update(bytes);
}

/** White space of JSON alone, also behind a byte order mark. */
function isBlank(line: Line): boolean {
  if ('digest' in line) return false;
  if (line.length === 0) return true;
  if (line[0] === OPENING_BRACE) return false;
  return /^(?:\u00EF\u00BB\u00BF)?[ \t\r]*$/.test(
    line.toString('latin1', 0, Math.min(line.length, MAX_BLANK)),
  );
}

/** A longer line of white space is refused as a mistake. */
const MAX_BLANK = 1024;
