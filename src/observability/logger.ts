import { pino } from 'pino';

type LogMethod = (fields: object, message: string) => void;

/** A logger: fields first, then a constant message. */
export type Logger = {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
};

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/**
 * Fields that no log line may show, at the top level and one below: secrets and personal data. A safety net, since no
 * code should log them.
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

/** Like pino's, but formatted once for all lines of a millisecond (docs/performance.md#the-hot-path). */
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
 * Redacts the fields. Unlike pino's redaction, copies only lines that need it, which should be none
 * (docs/performance.md#the-hot-path).
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

/** Errors have a serializer, which keeps none of these names. */
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
 * An error as the log may show it: its name, code and stack frames. Messages are left out, because they may quote a lead,
 * except those of the operating system ("connect ECONNREFUSED …").
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

/** The frames of a stack, without the message before them, whatever it contains. */
function framesOf(error: Error): string[] {
  const stack = error.stack ?? '';
  const at = stack.indexOf(error.message);
  const frames = at < 0 ? stack : stack.slice(at + error.message.length);
  return frames
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '));
}
