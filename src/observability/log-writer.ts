/** Where lines go in the end; tells how many of them could not be taken. Never throws, never blocks for long. */
export type LineSink = {
  write(lines: string): number;
  /** Resolves when everything is out, or nothing more goes out. */
  settled(): Promise<void>;
};

/** As much of `process.stdout` as is needed. */
type OutputStream = {
  readonly writableLength: number;
  write(text: string, done?: () => void): boolean;
  on(event: 'error', listener: () => void): unknown;
};

/** Characters that may wait for a reader who does not read. */
const MAX_WAITING = 8_388_608;

/**
 * For pipes, sockets and terminals. Pino would wait for a full pipe, and everybody with it; this keeps what waits in
 * memory up to a bound, and goes on without a log when the reader is gone.
 */
export function createStreamSink(stream: OutputStream): LineSink {
  let isBroken = false;
  stream.on('error', () => {
    isBroken = true;
  });
  return {
    write(lines) {
      if (isBroken || stream.writableLength > MAX_WAITING) return countLines(lines);
      stream.write(lines);
      return 0;
    },
    settled: () =>
      new Promise((resolve) => {
        if (isBroken) resolve();
        else stream.write('', () => resolve());
      }),
  };
}

const LINE_BREAK = 10;

/**
 * For files. Pino ends the process when the disk is full; this goes on, and with the log as soon as there is room.
 *
 * @param writeSome gives how many bytes were written, or throws
 */
export function createFileSink(writeSome: (bytes: Uint8Array) => number): LineSink {
  let endsInLine = false;
  return {
    write(lines) {
      let rest = Buffer.from(endsInLine ? `\n${lines}` : lines);
      let last: number | undefined;
      try {
        while (rest.length > 0) {
          const written = writeSome(rest);
          last = rest[written - 1] ?? last;
          rest = rest.subarray(written);
        }
        endsInLine = false;
        return 0;
      } catch {
        if (last !== undefined) endsInLine = last !== LINE_BREAK;
        return Math.min(countLines(lines), countLines(rest.toString()));
      }
    },
    settled: async () => {},
  };
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

export type LogWriter = {
  write(line: string): void;
  /** Writes what has gathered; for the end of the process. */
  flush(): void;
  /** The same, and waits until all of it is out, at most `maxMs`: a reader may be slow. */
  end(maxMs: number): Promise<void>;
  /** Lines lost since the start. */
  lost(): number;
};

/**
 * Gathers the lines of one turn of the event loop and writes them together: one system call for many requests.
 *
 * @param onRecovery told how many lines were lost, once lines are taken again
 */
export function createLogWriter(sink: LineSink, onRecovery: (lost: number) => void): LogWriter {
  let gathered = '';
  let lost = 0;
  let untold = 0;
  const flush = () => {
    if (gathered === '') return;
    const lines = gathered;
    gathered = '';
    const refused = sink.write(lines);
    lost += refused;
    untold += refused;
    if (refused > 0 || untold === 0) return;
    const told = untold;
    untold = 0;
    onRecovery(told);
  };
  return {
    write(line) {
      if (gathered === '') setImmediate(flush);
      gathered += line;
    },
    flush,
    async end(maxMs) {
      flush();
      let timer: NodeJS.Timeout | undefined;
      const tooLate = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, maxMs);
      });
      await Promise.race([sink.settled(), tooLate]);
      clearTimeout(timer);
    },
    lost: () => lost,
  };
}
