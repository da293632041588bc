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

/** Where lines go. */
export type LogDestination = { write(line: string): void };

/** A logger that writes one JSON object a line. */
export function createLogger(options: { level: LogLevel; destination: LogDestination }): Logger {
  const settings = {
    level: options.level,
    base: null,
    timestamp: isoTime(Date.now),
    formatters: { level: (label: string) => ({ level: label }), log: redact },
    serializers: { err: describeError },
  };
  return pino(settings, options.destination);
}

/** As pino's own, but written once for all lines of a millisecond: under load those are many. */
function isoTime(now: () => number): () => string {
  let at = Number.NaN;
  let text = '';
  return () => {
    const nowMs = now();
    if (nowMs !== at) {
      at = nowMs;
      text = `,"time":"${new Date(nowMs).toISOString()}"`;
    }
    return text;
  };
}

const IS_REDACTED: ReadonlySet<string> = new Set(REDACTED);

/**
 * The fields without what no line may show. Instead of pino's own redaction, which goes through 26 paths and copies
 * every line (10 µs): here a line without such a name, as all of them should be, is only looked at.
 */
function redact(fields: Fields): Fields {
  for (const name in fields) {
    if (IS_REDACTED.has(name) || holdsRedacted(fields[name])) return redactedCopy(fields);
  }
  return fields;
}

type Fields = Record<string, unknown>;

function holdsRedacted(value: unknown): value is Fields {
  return isPlain(value) && Object.keys(value).some((name) => IS_REDACTED.has(name));
}

/** Errors are left to their serializer, which keeps none of these names. */
function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}

function redactedCopy(fields: Fields): Fields {
  return mapFields(fields, (value) => (isPlain(value) ? mapFields(value, (inner) => inner) : value));
}

function mapFields(fields: Fields, map: (value: unknown) => unknown): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, IS_REDACTED.has(name) ? '[redacted]' : map(value)]),
  );
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
