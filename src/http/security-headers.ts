import type { RequestHandler } from 'express';
import { contextOf } from './request-context.ts';
import { SECURITY_HEADERS } from './security-header-fields.ts';

/** Adds the security headers to every response. */
export function securityHeaders(): RequestHandler {
  // As a response takes them: names before values.
  const headers = SECURITY_HEADERS.flat();
  return (_req, res, next) => {
    contextOf(res).responseHeaders.push(...headers);
    next();
  };
}
