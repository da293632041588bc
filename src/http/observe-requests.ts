import type { RequestHandler } from 'express';
import type { Logger } from '../observability/logger.ts';
import { logAccess } from './access-log.ts';
import { type Exchange, exchangeOf } from './exchange.ts';
import { continueTrace, type RandomDigits, readParentTrace } from './trace-context.ts';

/** A request that is over. */
export type Served = {
  readonly exchange: Exchange;
  readonly method: string;
  /** The pattern; null for a path nobody knows. */
  readonly route: string | null;
  /** Null when the caller left before the answer was out. */
  readonly status: number | null;
  readonly durationMs: number;
};

export type ObserverDeps = {
  readonly logger: Logger;
  readonly randomDigits: RandomDigits;
  /** A clock that does not jump, in ms. */
  readonly nowMs?: () => number;
};

/**
 * Gives every request its place in a trace (W3C Trace Context), which the answer names in `traceparent`, and tells the
 * log when its response is over.
 */
export function observeRequests(deps: ObserverDeps): RequestHandler {
  const { logger, randomDigits, nowMs = () => performance.now() } = deps;
  return (req, res, next) => {
    const startedMs = nowMs();
    const exchange = exchangeOf(res);
    const trace = continueTrace(readParentTrace(req.headers), randomDigits);
    exchange.trace = trace;
    res.setHeader('traceparent', trace.traceparent);
    res.once('close', () => {
      logAccess(logger, {
        exchange,
        method: req.method,
        route: (req.route as { path: string } | undefined)?.path ?? null,
        status: res.writableFinished ? res.statusCode : null,
        durationMs: nowMs() - startedMs,
      });
    });
    next();
  };
}
