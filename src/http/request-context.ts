import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler, Response } from 'express';
import type { CallTiming, ParentTrace, Trace } from '../leads/lead.ts';
import type { ErrorCode } from '../leads/errors.ts';
import type { Principal } from '../access/principal.ts';
import type { Accepted, Refusal } from '../access/keyring.ts';
import type { Problem } from './problems/problem.ts';

/** Four fields of fixed length (W3C Trace Context, 3.2.2). Neither a version `ff` nor an id of zeros is valid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?![^-])/;
const LENGTH = 55;
const SAMPLED = 1;

/**
 * Reads `traceparent` and `tracestate`; undefined if there is no `traceparent` or it is not valid. Of an unknown version
 * only the fields of version 00 are read (W3C Trace Context, 3.2.4).
 */
export function readParentTrace(headers: IncomingHttpHeaders): ParentTrace | undefined {
  const { traceparent } = headers;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  if (traceparent.startsWith('00') && traceparent.length > LENGTH) return undefined;
  return {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    isSampled: (Number.parseInt(traceparent.slice(53, LENGTH), 16) & SAMPLED) === SAMPLED,
    tracestate: readTracestate(headers['tracestate']),
  };
}

/** Limits of the tracestate that is passed on (W3C Trace Context, 3.3.1.1 and 3.3.1.5). */
const MAX_STATE_LENGTH = 512;
const MAX_STATE_MEMBERS = 32;

/** A key of one or two parts, and a value (W3C Trace Context, 3.3.1.3). */
const STATE_MEMBER =
  /^[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The list to pass on: nothing if a member is not valid, without the last members if it is too long. */
function readTracestate(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const members = String(header)
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  if (!members.every((member) => STATE_MEMBER.test(member))) return undefined;
  let kept = '';
  for (const member of members.slice(0, MAX_STATE_MEMBERS)) {
    const longer = kept === '' ? member : `${kept},${member}`;
    if (longer.length > MAX_STATE_LENGTH) break;
    kept = longer;
  }
  return kept === '' ? undefined : kept;
}

/** Returns `count` random hexadecimal digits. */
export type RandomDigits = (count: number) => string;

/** Bytes fetched at a time: fetching them for each id costs ten times as much. */
const POOL_BYTES = 3072;

export function createRandomDigits(randomBytes: (size: number) => Buffer): RandomDigits {
  let pool = '';
  let taken = 0;
  return (count) => {
    if (taken + count > pool.length) {
      pool = randomBytes(POOL_BYTES).toString('hex');
      taken = 0;
    }
    taken += count;
    return pool.slice(taken - count, taken);
  };
}

/** The gateway's part in the caller's trace, or in a new one, which is not sampled because no one asked for it. */
export function continueTrace(parent: ParentTrace | undefined, digits: RandomDigits): Trace {
  if (parent === undefined) {
    const traceId = digits(32);
    return { traceId, traceparent: `00-${traceId}-${digits(16)}-00`, tracestate: undefined };
  }
  const { traceId, isSampled, tracestate } = parent;
  return { traceId, traceparent: `00-${traceId}-${digits(16)}-${isSampled ? '01' : '00'}`, tracestate };
}

/** An id that is safe in a header, in a log line and on a screen (docs/rest-api.md#x-request-id). */
const USABLE_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Gives every request an id, the caller's if that is usable, and every response the `X-Request-Id` header. */
export function assignRequestId(newRequestId: () => string): RequestHandler {
  return (req, res, next) => {
    const callersId = req.headers['x-request-id'];
    const isUsable = typeof callersId === 'string' && USABLE_ID.test(callersId);
    beginRequest(res, isUsable ? callersId : newRequestId());
    next();
  };
}

/** What is learnt about a request while it is served. */
export type RequestContext = {
  readonly requestId: string;
  /** Header fields of the response, name before value; see respond.ts. */
  readonly responseHeaders: (string | number)[];
  trace: Trace;
  /** The problem the request was answered with. */
  problem: ErrorCode | undefined;
  /** Undefined until the credentials have been checked, and where none are needed. */
  caller: Principal | undefined;
  /** How the caller was let in. */
  admitted: Accepted | undefined;
  /** Why the credentials were refused, and the name of the key if it is known. Never revealed to the caller. */
  refusal: Refusal | undefined;
  keyName: string | undefined;
  /** The problem that a uniform response does not show. */
  maskedProblem: ErrorCode | undefined;
  /** Where the time of a lead went, once that is known. */
  timing: CallTiming | undefined;
  /** Whether the response has `Server-Timing`. */
  showsTiming: boolean;
  /** Pointer into the lead → pointer into the posted body; undefined if that is a lead in JSON. */
  placeOf: ((pointer: string) => string) | undefined;
  /** Answers in place of JSON, with the problem if there is one. */
  answer: ((res: Response, status: number, problem: Problem | undefined) => void) | undefined;
  /** Whether the honeypot was filled in. */
  isTrapped: boolean;
  onFinish: (() => void)[] | undefined;
};

/**
 * Hot path (docs/performance.md#the-hot-path): every member is there from the start, and the object has a prototype,
 * unlike express's own `locals`, which V8 keeps as a hash table.
 */
function beginRequest(res: Response, requestId: string): void {
  const context: RequestContext = {
    requestId,
    responseHeaders: ['X-Request-Id', requestId],
    trace: NO_TRACE,
    problem: undefined,
    caller: undefined,
    admitted: undefined,
    refusal: undefined,
    keyName: undefined,
    maskedProblem: undefined,
    timing: undefined,
    showsTiming: false,
    placeOf: undefined,
    answer: undefined,
    isTrapped: false,
    onFinish: undefined,
  };
  res.locals = context;
}

/** Until the trace is known. */
const NO_TRACE: Trace = { traceId: '', traceparent: '', tracestate: undefined };

/** The context of a response, once `assignRequestId` has run. */
export function contextOf(res: Response): RequestContext {
  return res.locals as RequestContext;
}

/**
 * Runs `work` when the response has finished or the client has disconnected; immediately if it already has. Callbacks
 * run in registration order and share one listener, since each of Node's costs (docs/performance.md#the-hot-path).
 */
export function onFinished(res: Response, work: () => void): void {
  if (res.closed || res.destroyed) {
    work();
    return;
  }
  const context = contextOf(res);
  if (context.onFinish !== undefined) {
    context.onFinish.push(work);
    return;
  }
  const all = [work];
  context.onFinish = all;
  res.once('close', () => {
    for (const one of all) one();
  });
}
