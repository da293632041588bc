import type { RequestHandler } from 'express';
import { beginExchange } from './exchange.ts';

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
    beginExchange(res, isUsable ? callersId : newRequestId());
    next();
  };
}
