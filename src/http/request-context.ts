import type { RequestHandler, Response } from 'express';
import type { ErrorCode } from '../leads/errors.ts';
import type { CallTiming, Trace } from '../leads/lead.ts';
import type { Principal } from '../access/principal.ts';
import type { Refusal } from '../access/keyring.ts';

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
  /** Why the credentials were refused, and the name of the key if it is known. Never told to the caller. */
  refusal: Refusal | undefined;
  keyName: string | undefined;
  /** The problem that a uniform response does not show. */
  maskedProblem: ErrorCode | undefined;
  /** Where the time of a lead went, once that is known. */
  timing: CallTiming | undefined;
  /** Whether the response has `Server-Timing`. */
  showsTiming: boolean;
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
    refusal: undefined,
    keyName: undefined,
    maskedProblem: undefined,
    timing: undefined,
    showsTiming: false,
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
