import { pino } from 'pino';

type LogMethod = (fields: object, message: string) => void;

/** What the gateway needs of a logger: fields first, then a message that is the same every time. */
export type Logger = {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
};

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/**
 * Fields no log line may show, at the top of a line or one level below: secrets and personal data. A net below the
 * rule that nobody logs them in the first place.
 */
export const REDACTED = [
  'encryptionKey',
  'requestSignature',
  'apiKey',
  'authorization',
  'cookie',
  'headers',
  'body',
  'email',
  'marketoCookie',
  'attributes',
  'upstream',
  'errors',
  'detail',
];

/** Where lines go; a stream for tests, stdout otherwise. */
export type LogDestination = { write(line: string): void };

/** A logger that writes one JSON object a line. */
export function createLogger(options: { level: LogLevel; destination?: LogDestination }): Logger {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

const MAX_CAUSES = 5;

/**
 * An error as the log may show it: its name, code and the lines of code it came through. Messages are left out, for
 * they may quote the lead that was being handled; only the operating system's own ("connect ECONNREFUSED …") are kept.
 */
export function describeError(error: unknown): object {
  return describeCause(error, MAX_CAUSES);
}

function describeCause(error: unknown, depth: number): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  return {
    name: error.name,
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(typeof syscall === 'string' && { message: error.message }),
    stack: framesOf(error),
    ...(error.cause !== undefined && depth > 0 && { cause: describeCause(error.cause, depth - 1) }),
  };
}

/** The lines of code of a stack, without the message in front of them, whatever that contains. */
function framesOf(error: Error): string[] {
  const stack = error.stack ?? '';
  const at = stack.indexOf(error.message);
  const frames = at < 0 ? stack : stack.slice(at + error.message.length);
  return frames
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '));
}
