import { MAX_INT32 } from '../text/int32.ts';
import { counted } from '../text/counted.ts';

/** What readAnswer needs of an HTTP response. */
type ReceivedAnswer = {
  readonly status: number;
  readonly contentType: string | undefined;
  /** Undefined unless it is a redirect with a target. */
  readonly redirectsTo?: string | undefined;
  readonly body: Uint8Array;
};

/** One entry of `errors` or `reasons`; `code` is null where it is not a number. */
export type RestError = { readonly code: number | null; readonly message: string };

/** An answer of the API, whatever it was asked for. */
export type RestAnswer =
  | {
      readonly kind: 'success';
      readonly result: readonly unknown[] | undefined;
      /** Null: there is a next page that cannot be asked for, since its token cannot be sent. */
      readonly nextPageToken: string | null | undefined;
      readonly requestId: string | undefined;
    }
  | {
      readonly kind: 'refused';
      readonly errors: readonly RestError[];
      readonly requestId: string | undefined;
    }
  /** The status decides, since it is a proxy's or a server's that did not get to the API. */
  | {
      readonly kind: 'http-status';
      readonly status: number;
      readonly isHtml: boolean;
      /** Only for a status of 3xx: the target of the redirect, or null without one. */
      readonly redirectsTo?: string | null;
    }
  /** `reason` goes on after "the answer ...". */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Statuses of a server in front of the API that has not passed the request on; they count whatever the body is. */
const NOT_PASSED_ON: ReadonlySet<number> = new Set([413, 414, 429]);

export function isNotPassedOn(status: number): boolean {
  return NOT_PASSED_ON.has(status) || isRedirection(status);
}

/** Any 3xx, including those that are not redirects in the strict sense, such as 304. */
function isRedirection(status: number): boolean {
  return status >= 300 && status < 400;
}

/** What an answer says whose status alone counts. */
export function statusAnswer(
  { status, redirectsTo }: Pick<ReceivedAnswer, 'status' | 'redirectsTo'>,
  isPage = false,
): Extract<RestAnswer, { kind: 'http-status' }> {
  const answer = { kind: 'http-status', status, isHtml: isPage } as const;
  return isRedirection(status) ? { ...answer, redirectsTo: redirectsTo ?? null } : answer;
}

/**
 * Reads an answer. The API answers with HTTP 200 for success and failure, so the body decides, unless it is HTML or the
 * status is one of a proxy (docs/marketo-rest.md#answers). Success is `success: true` and nothing else.
 *
 * @param keepsNumbers turns numbers that JavaScript cannot hold exactly into strings
 */
export function readAnswer(received: ReceivedAnswer, keepsNumbers = false): RestAnswer {
  const { status, contentType, body } = received;
  if (isNotPassedOn(status)) return statusAnswer(received);
  const text = decodeUtf8(body);
  if (isHtml(contentType, text)) return statusAnswer(received, true);
  const read = text === undefined ? undefined : readMembers(text, keepsNumbers);
  if (read === undefined || read.kind === 'unreadable') {
    if (status !== 200) return statusAnswer(received);
    return read ?? { kind: 'unreadable', reason: 'is not UTF-8' };
  }
  // Nothing but HTTP 200 is a success.
  return read.kind === 'success' && status !== 200 ? statusAnswer(received) : read;
}

function readMembers(text: string, keepsNumbers: boolean): RestAnswer {
  if (text.trim() === '') return { kind: 'unreadable', reason: 'is empty' };
  const json = parseJson(keepsNumbers ? withExactNumbers(text) : text);
  if (json === undefined) return { kind: 'unreadable', reason: 'is not JSON, or was cut' };
  if (!isRecord(json)) return { kind: 'unreadable', reason: 'is not a JSON object' };
  const { success, result, errors, nextPageToken } = json;
  const requestId = typeof json['requestId'] === 'string' ? json['requestId'].slice(0, 100) : undefined;
  if (success === true) {
    return {
      kind: 'success',
      result: Array.isArray(result) ? result : undefined,
      nextPageToken: readPageToken(nextPageToken),
      requestId,
    };
  }
  const told = readErrors(errors);
  if (success === false || told.length > 0) return { kind: 'refused', errors: told, requestId };
  return { kind: 'unreadable', reason: 'does not say whether the call succeeded' };
}

/** What can go in an address. */
const PAGE_TOKEN = /^[\x20-\x7e]{1,2000}$/;

function readPageToken(token: unknown): string | null | undefined {
  if (token === undefined || token === null || token === '') return undefined;
  const text = typeof token === 'number' ? String(token) : token;
  return typeof text === 'string' && PAGE_TOKEN.test(text) ? text : null;
}

/** Reads `errors` or `reasons`; they may be missing, and a code may be text, a number or neither. */
function readErrors(errors: unknown): readonly RestError[] {
  if (!Array.isArray(errors)) return [];
  return errors.filter(isRecord).map(({ code, message }) => ({
    code: readCode(code),
    message: typeof message === 'string' ? message : '',
  }));
}

function readCode(code: unknown): number | null {
  if (typeof code === 'number') return Number.isInteger(code) && code >= 0 && code < 1e9 ? code : null;
  return typeof code === 'string' && /^\s*\d{1,9}\s*$/.test(code) ? Number(code) : null;
}

/** What became of one record of a sync call. */
export type SyncRecord =
  | { readonly kind: 'stored'; readonly id: number; readonly status: 'CREATED' | 'UPDATED' }
  | { readonly kind: 'skipped'; readonly reasons: readonly RestError[] };

const STORED = { created: 'CREATED', updated: 'UPDATED' } as const;

/**
 * Reads the records of a sync call, in request order.
 *
 * @returns why they cannot be read, after "the answer ...", if one of them does not answer its lead
 */
export function readSyncRecords(
  result: readonly unknown[] | undefined,
  count: number,
): readonly SyncRecord[] | string {
  if (result === undefined) return 'has no result';
  if (result.length !== count) return `has ${counted(result.length, 'result')} for ${counted(count, 'lead')}`;
  const records: SyncRecord[] = [];
  for (const entry of result) {
    if (!isRecord(entry)) return 'has a result that is not an object';
    const { status } = entry;
    if (status === 'skipped') {
      records.push({ kind: 'skipped', reasons: readErrors(entry['reasons']) });
    } else if (status === 'created' || status === 'updated') {
      const id = readId(entry['id']);
      if (id === undefined) return 'has a stored lead without a valid id';
      records.push({ kind: 'stored', id, status: STORED[status] });
    } else {
      return 'has a status that is not known';
    }
  }
  return records;
}

export function readId(id: unknown): number | undefined {
  return typeof id === 'number' && Number.isInteger(id) && id >= 1 && id <= MAX_INT32 ? id : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the API says that its answers are. */
const REST_ANSWER_TYPE = 'application/json;charset=UTF-8';

const HTML_START = /^\s*<(?:!doctype\s+html|html[\s>])/i;

function isHtml(contentType: string | undefined, text: string | undefined): boolean {
  if (contentType === REST_ANSWER_TYPE && text?.startsWith('{') === true) return false;
  return /^\s*text\/html\b/i.test(contentType ?? '') || HTML_START.test(text ?? '');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Strings, which are skipped, and numbers. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
/** Shorter numbers without an exponent are exact. */
const SUSPICIOUS = /[\d.]{16}|\d[eE]/;

/** Puts numbers that JavaScript would change in quotes; all else stays byte for byte. */
function withExactNumbers(json: string): string {
  if (!SUSPICIOUS.test(json)) return json;
  return json.replaceAll(TOKENS, (token) => (isInexact(token) ? `"${token}"` : token));
}

/** RFC 8259, 6. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Whether a token is a number that reads as another value in the fewest digits. */
function isInexact(token: string): boolean {
  if (!NUMBER.test(token)) return false;
  const value = Number(token);
  return !Number.isFinite(value) || normalised(token) !== normalised(String(value));
}

/** Sign, digits without zeros around them, and the power of ten of the last one. */
function normalised(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** Reads the result of `usage.json`: the calls of today; undefined if it has none. */
export function readTotal(result: readonly unknown[] | undefined): number | undefined {
  const [today] = result ?? [];
  const total = isRecord(today) ? Number(today['total']) : Number.NaN;
  return Number.isSafeInteger(total) && total >= 0 ? total : undefined;
}
