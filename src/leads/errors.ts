/** Everything that can go wrong between a caller and a stored lead: the slugs of docs/errors.md#problems. */
export type ErrorCode =
  | 'malformed-json'
  | 'malformed-form'
  | 'unauthorized'
  | 'invalid-signature'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'body-too-large'
  | 'unsupported-media-type'
  | 'validation-failed'
  | 'idempotency-key-reused'
  | 'rate-limited'
  | 'lead-rejected'
  | 'lead-not-found'
  | 'unknown-attribute'
  | 'upstream-error'
  | 'upstream-access-denied'
  | 'upstream-clock-skew'
  | 'daily-quota-exhausted'
  | 'upstream-busy'
  | 'upstream-unreachable'
  | 'upstream-timeout'
  | 'upstream-bad-response'
  | 'unavailable'
  | 'internal-error';

/** A member at fault: a JSON pointer as a URI fragment (RFC 6901, section 6) and what is wrong with it. */
export type MemberError = { readonly pointer: string; readonly detail: string };

const REFUSED = 'is refused by Marketo';

/** What is wrong with a member that Marketo refuses, in Marketo's own words, which may quote the lead. */
export function refusedWith(words: string): string {
  return `${REFUSED}: ${words}`;
}

/** The same without those words. */
export function withoutWords({ pointer, detail }: MemberError): MemberError {
  return { pointer, detail: detail.startsWith(`${REFUSED}: `) ? REFUSED : detail };
}

/** What the upstream said, in its own words; a refused record may come without a code. */
export type UpstreamWords = {
  readonly code?: number;
  readonly message: string;
  /** The upstream's own id of the call. */
  readonly requestId?: string;
};

export type GatewayErrorDetails = {
  /** For the caller: says what to do, without secrets and without the gateway's internals. */
  readonly detail: string;
  readonly errors?: readonly MemberError[] | undefined;
  readonly upstream?: UpstreamWords | undefined;
  /** Whether the same request can succeed later; each code has its usual answer where this is not given. */
  readonly retryable?: boolean | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** For the log only. */
  readonly cause?: unknown;
  /** The same: the HTTP status of an answer that had to be judged by it. */
  readonly upstreamStatus?: number | undefined;
};

/** The one exception type that crosses the callers' port; `detail` is public, `cause` is not. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors: readonly MemberError[] | undefined;
  readonly upstream: UpstreamWords | undefined;
  readonly retryable: boolean | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly upstreamStatus: number | undefined;

  constructor(code: ErrorCode, details: GatewayErrorDetails) {
    const { stackTraceLimit } = Error;
    // An answer, not a defect; what went wrong inside is the cause. 300 leads of a call may fail at once, and a trace takes
    // longer than all the rest.
    Error.stackTraceLimit = 0;
    super(`${code}: ${details.detail}`, { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.detail = details.detail;
    this.errors = details.errors;
    this.upstream = details.upstream;
    this.retryable = details.retryable;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.upstreamStatus = details.upstreamStatus;
  }

  /** The same error with some of its details replaced, such as pointers into another form of the request. */
  with(changes: Partial<GatewayErrorDetails>): GatewayError {
    const { detail, errors, upstream, retryable, retryAfterSeconds, cause, upstreamStatus } = this;
    return new GatewayError(this.code, {
      detail,
      errors,
      upstream,
      retryable,
      retryAfterSeconds,
      cause,
      upstreamStatus,
      ...changes,
    });
  }
}

/** `errors` lists at most this many members; a body has room for 90,000 mistakes. */
export const MAX_MEMBER_ERRORS = 1000;

/** A `detail` names at most this many members. */
const MAX_NAMED = 3;
const MAX_NAME_LENGTH = 80;

/** The first items of a list for a `detail`, and how many it leaves out. */
export function firstFew<Item>(items: readonly Item[]): { readonly shown: Item[]; readonly omitted: number } {
  return { shown: items.slice(0, MAX_NAMED), omitted: Math.max(0, items.length - MAX_NAMED) };
}

/** A caller's name for something as a `detail` shows it. */
export function shortenName(name: string): string {
  return excerpt(name, MAX_NAME_LENGTH);
}

/** The first `maxLength` UTF-16 units of a text. Never cut inside a surrogate pair, which would not be Unicode. */
export function excerpt(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return `${text.slice(0, maxLength).replace(/\p{Surrogate}$/u, '')}…`;
}
