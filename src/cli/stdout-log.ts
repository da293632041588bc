import { fstatSync, writeSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import {
  createFileSink,
  createLogWriter,
  createStreamSink,
  type LineSink,
  type LogWriter,
} from '../observability/log-writer.ts';
import { createLogger, type Logger } from '../observability/logger.ts';
import { prettyLine } from '../observability/pretty-line.ts';

/**
 * The log on standard output, which goes on whatever becomes of that.
 *
 * @param hasColours false: none, even for people at a terminal
 */
export function createStdoutLogger(
  { logLevel, logPretty }: Config,
  { hasColours }: { readonly hasColours: boolean },
): { logger: Logger; writer: LogWriter } {
  const writer = createLogWriter(stdoutSink(), (lines) => logger.warn({ lines }, 'log lines were lost'));
  process.on('exit', writer.flush);
  const isColoured = process.stdout.isTTY && hasColours;
  const destination = logPretty
    ? { write: (line: string) => writer.write(prettyLine(line, isColoured)) }
    : writer;
  const logger = createLogger({ level: logLevel, destination });
  return { logger, writer };
}

function stdoutSink(): LineSink {
  const stats = fstatSync(1);
  // Everything else is written at once or not at all: files, and devices such as /dev/null.
  return stats.isFIFO() || stats.isSocket() || process.stdout.isTTY
    ? createStreamSink(process.stdout)
    : createFileSink((bytes) => writeSync(1, bytes));
}
