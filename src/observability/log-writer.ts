import { writeSync } from 'node:fs';
import sonicBoom from 'sonic-boom';
import { systemClock, withTimeout } from '../runtime/clock.ts';

export type LogWriter = {
  write(line: string): void;
  /** Writes the gathered lines at once, for a process that ends without `end`. */
  flushSync(): void;
  /** Resolves when all lines are written or cannot be, after `maxMs` at the latest: a reader may be slow. */
  end(maxMs: number): Promise<void>;
  /** Lines lost since the start. */
  lost(): number;
};

/** Bytes kept for a reader that is slow or has stopped; further lines are lost. */
const MAX_WAITING_BYTES = 8_388_608;

/** One write for the lines of so long: writing each on its own would delay requests (docs/performance.md). */
const GATHER_MS = 20;

export type LogWriterOptions = {
  /** A pipe or socket must not block: a thread that waits in a write would keep the process from exiting. */
  readonly fd: number;
  readonly maxWaitingBytes?: number;
  /** Told how many lines were lost, once lines are written again. */
  readonly onRecovery: (lost: number) => void;
};

/**
 * Writes log lines to a file descriptor without blocking the event loop. A full disk or a closed pipe loses lines and
 * nothing else.
 */
export function createLogWriter(options: LogWriterOptions): LogWriter {
  const { fd, maxWaitingBytes = MAX_WAITING_BYTES, onRecovery } = options;
  let gathered = '';
  let gatheredLines = 0;
  let waiting = 0;
  let lost = 0;
  let unreported = 0;
  let isLineCut = false;

  const lose = (lines: number) => {
    lost += lines;
    unreported += lines;
  };
  const onDrain = () => {
    waiting = 0;
    if (unreported === 0) return;
    onRecovery(unreported);
    unreported = 0;
  };
  const onDrop = (text: string) => {
    const lines = text.trim().split('\n').length;
    waiting -= lines;
    lose(lines);
  };
  // After an error SonicBoom would keep its lines and hang in flushSync; a new one starts empty.
  const onError = () => {
    lose(waiting);
    waiting = 0;
    isLineCut = true;
    output = open();
  };
  const open = () =>
    new sonicBoom.SonicBoom({ fd, sync: false, maxLength: maxWaitingBytes })
      .on('drain', onDrain)
      .on('drop', onDrop)
      .on('error', onError);
  let output = open();

  const flush = () => {
    if (gathered === '') return;
    const lines = isLineCut ? `\n${gathered}` : gathered;
    isLineCut = false;
    waiting += gatheredLines;
    gathered = '';
    gatheredLines = 0;
    output.write(lines);
  };
  return {
    write(line) {
      if (gathered === '') setTimeout(flush, GATHER_MS);
      gathered += line;
      gatheredLines += 1;
    },
    flushSync() {
      try {
        writeSync(fd, gathered);
      } catch {
        lose(gatheredLines);
      }
      gathered = '';
      gatheredLines = 0;
    },
    async end(maxMs) {
      flush();
      if (waiting === 0) return;
      const written = new Promise<void>(
        (resolve) => void output.once('drain', resolve).once('error', resolve),
      );
      await withTimeout(written, maxMs, systemClock).catch(() => {});
    },
    lost: () => lost,
  };
}
