import type { RequestHandler, Response } from 'express';
import type { ErrorCode } from '../leads/errors.ts';
import type { CallTiming, Trace } from '../leads/lead.ts';
import type { Principal } from '../access/principal.ts';
import type { Refusal } from '../access/keyring.ts';
import type { HeadFields } from './respond.ts';

/** What an id of the caller's may look like (contract B): safe in a header, in a log line and on a screen. */
const CALLERS_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Gives every request an id, the caller's where it is usable, and every response the `X-Request-Id` header, which is the
 * first of its fields.
 */
export function assignRequestId(newRequestId: () => string): RequestHandler {
  return (req, res, next) => {
    const callersId = req.headers['x-request-id'];
    const isUsable = typeof callersId === 'string' && CALLERS_ID.test(callersId);
    beginRequest(res, isUsable ? callersId : newRequestId());
    next();
  };
}

/** What one middleware learns of a request and a later one needs. */
export type RequestContext = {
  readonly requestId: string;
  /** Header fields of the answer; see head.ts. */
  readonly head: HeadFields;
  trace: Trace;
  /** The problem the request was answered with. */
  problem: ErrorCode | undefined;
  /** Who is calling, where that is asked and known. */
  caller: Principal | undefined;
  /** Why the credentials were refused, and the name of the key where there is one. Never for the caller. */
  refusal: Refusal | undefined;
  keyName: string | undefined;
  /** The problem that a blind caller was not told. */
  maskedProblem: ErrorCode | undefined;
  /** Where the time of a lead went, once it is known. */
  timing: CallTiming | undefined;
  /** To be done when it is over. */
  onFinish: (() => void)[] | undefined;
};

/**
 * Begins the context a response belongs to. All its members are there from the start: the object express makes for it
 * has no prototype, which V8 keeps in a hash table, and every step looks into it.
 */
function beginRequest(res: Response, requestId: string): void {
  const context: RequestContext = {
    requestId,
    head: ['X-Request-Id', requestId],
    trace: NO_TRACE,
    problem: undefined,
    caller: undefined,
    refusal: undefined,
    keyName: undefined,
    maskedProblem: undefined,
    timing: undefined,
    onFinish: undefined,
  };
  res.locals = context;
}

/** Until the trace is known. */
const NO_TRACE: Trace = { traceId: '', traceparent: '', tracestate: undefined };

/** The context a response belongs to, once it has begun. */
export function contextOf(res: Response): RequestContext {
  return res.locals as RequestContext;
}

/**
 * Has something done when the answer is out or nobody is there any more to read it, in the order it was asked for; at
 * once where that has been already, as when the caller has left while its credentials were looked at. One listener for
 * all: each of Node's costs half a microsecond.
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
