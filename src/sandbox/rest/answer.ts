import type { IncomingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { HttpAnswer } from '../../soap-server/endpoint.ts';
import { REST_CODES } from '../../text/rest-protocol.ts';

/** Why a call or a record is refused, as answers show it. */
export type Reason = { readonly code: string; readonly message: string };

/** A call that is refused as a whole; the HTTP status is 200 all the same. */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a call answers when it succeeds. */
export type RestResult = {
  /** JSON texts; absent for calls whose answer has no result. */
  readonly result?: readonly string[];
  readonly nextPageToken?: string;
  readonly moreResult?: boolean;
};

/** The observed form: hex digits, `#`, the server's time in milliseconds as hex. `counter` makes it unique. */
export function requestIdOf(counter: number, nowMs: number): string {
  return `${((0x3f19 + counter) % 0x1_00_00).toString(16)}#${nowMs.toString(16)}`;
}

/** One line of JSON with the members in the documented order. */
export function successText(requestId: string, { result, nextPageToken, moreResult }: RestResult): string {
  return (
    `{"requestId":${JSON.stringify(requestId)},"success":true` +
    (result === undefined ? '' : `,"result":[${result.join(',')}]`) +
    (nextPageToken === undefined ? '' : `,"nextPageToken":${JSON.stringify(nextPageToken)}`) +
    `${moreResult === undefined ? '' : `,"moreResult":${moreResult}`}}`
  );
}

/** @param code a number only where a test wants to see how clients take one */
export function errorText(requestId: string, code: string | number, message: string): string {
  return JSON.stringify({ requestId, success: false, errors: [{ code, message }] });
}

/** Titles of the codes that a test can ask for without a text of its own. */
const TITLES: Readonly<Record<string, string>> = {
  [REST_CODES.badGateway]: 'Bad Gateway',
  [REST_CODES.tokenEmpty]: 'Access token empty',
  [REST_CODES.tokenInvalid]: 'Access token invalid',
  [REST_CODES.tokenExpired]: 'Access token expired',
  [REST_CODES.accessDenied]: 'Access denied',
  [REST_CODES.timeout]: 'Request timed out',
  [REST_CODES.methodNotSupported]: "Request method 'POST' not supported",
  [REST_CODES.rateLimit]: "Max rate limit '100' exceeded with in '20' secs",
  [REST_CODES.dailyQuota]: 'Daily quota reached',
  [REST_CODES.temporarilyUnavailable]: 'API temporarily unavailable',
  [REST_CODES.invalidJson]: 'Invalid JSON',
  [REST_CODES.notFound]: 'Requested resource not found',
  [REST_CODES.systemError]: 'System error',
  [REST_CODES.invalidContentType]: 'Invalid Content Type',
  [REST_CODES.invalidSubscription]: 'Invalid subscription',
  [REST_CODES.concurrency]: "Concurrent access limit '10' reached",
  [REST_CODES.transientError]: 'Transient error',
  [REST_CODES.lockTimeout]: 'Lock wait timeout',
};

/** What the code says when no text is given. */
export function titleOf(code: string | number): string {
  return TITLES[String(code)] ?? `Error ${code}`;
}

export function jsonAnswer(body: string, status = 200): HttpAnswer {
  return { status, contentType: 'application/json;charset=UTF-8', body };
}

/** The page of the proxy in front of Marketo. */
export function htmlAnswer(status: number, title: string): HttpAnswer {
  const heading = `${status} ${title}`;
  return {
    status,
    contentType: 'text/html',
    body: `<html>\r\n<head><title>${heading}</title></head>\r\n<body>\r\n<center><h1>${heading}</h1></center>\r\n</body>\r\n</html>\r\n`,
  };
}

const COMPRESSED_FROM_BYTES = 1024;

/** The bytes of an answer, compressed if the client takes gzip and the answer is long enough. */
export function encodeBody(
  { body, contentType }: HttpAnswer,
  headers: IncomingHttpHeaders,
): { readonly bytes: Buffer; readonly coding: 'gzip' | null } {
  const bytes = Buffer.from(body, 'utf8');
  if (bytes.length < COMPRESSED_FROM_BYTES || !contentType.startsWith('application/json')) {
    return { bytes, coding: null };
  }
  return takesGzip(headers) ? { bytes: gzipSync(bytes), coding: 'gzip' } : { bytes, coding: null };
}

/** RFC 9110, 12.5.3: the weight 0 means "not acceptable"; gzip's own weight goes before that of `*`. */
function takesGzip(headers: IncomingHttpHeaders): boolean {
  const codings = (headers['accept-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((item) => item.split(';').map((part) => part.trim()));
  const entry =
    codings.find(([name]) => name === 'gzip' || name === 'x-gzip') ?? codings.find(([name]) => name === '*');
  return entry !== undefined && !entry.slice(1).some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
}
