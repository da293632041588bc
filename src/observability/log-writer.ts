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

/** The lines of this time are written together: each write delays a request (docs/performance.md#the-hot-path). */
const GATHER_MS = 50;

export type LogWriterOptions = {
  /** A pipe or socket must not block: a thread that waits in a write would keep the process from exiting. */
  readonly fd: number;
  readonly maxWaitingBytes?: number;
  /** Told how many lines were lost, once lines are written again. */
  readonly onRecovery: (lost: number) => void;
};

type Output = {
  /** @param lines number of lines in the text */
  write(text: string, lines: number): void;
  /** Counts lines that could not be written. */
  lose(lines: number): void;
  lost(): number;
  /** Resolves when nothing waits to be written, or it cannot be. */
  drained(): Promise<void>;
};

function createOutput({ fd, maxWaitingBytes = MAX_WAITING_BYTES, onRecovery }: LogWriterOptions): Output {
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
    stream = open();
  };
  const open = () =>
    new sonicBoom.SonicBoom({ fd, sync: false, maxLength: maxWaitingBytes })
      .on('drain', onDrain)
      .on('drop', onDrop)
      .on('error', onError);
  let stream = open();

  return {
    write(text, lines) {
      waiting += lines;
      const whole = isLineCut ? `\n${text}` : text;
      isLineCut = false;
      stream.write(whole);
    },
    lose,
    lost: () => lost,
    async drained() {
      if (waiting === 0) return;
      await new Promise<void>((resolve) => void stream.once('drain', resolve).once('error', resolve));
    },
  };
}

/**
 * Writes log lines to a file descriptor without blocking the event loop. A full disk or a closed pipe loses lines and
 * nothing else.
 */
export function createLogWriter(options: LogWriterOptions): LogWriter {
  const output = createOutput(options);
  let gathered = '';
  let lines = 0;
  const take = () => {
    const taken = [gathered, lines] as const;
    gathered = '';
    lines = 0;
    return taken;
  };
  const flush = () => {
    if (gathered !== '') output.write(...take());
  };
  return {
    write(line) {
      if (gathered === '') setTimeout(flush, GATHER_MS);
      gathered += line;
      lines += 1;
    },
    flushSync() {
      const [text, count] = take();
      try {
        writeSync(options.fd, text);
      } catch {
        output.lose(count);
      }
    },
    async end(maxMs) {
      flush();
      await withTimeout(output.drained(), maxMs, systemClock).catch(() => {});
    },
    lost: output.lost,
  };
}
