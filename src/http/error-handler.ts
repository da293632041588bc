import type { ErrorRequestHandler } from 'express';
import { GatewayError } from '../leads/errors.ts';
import type { Logger } from '../observability/logger.ts';
import { addVary, answer, setField } from './respond.ts';
import type { BaseUrl } from './base-url.ts';
import { contextOf } from './request-context.ts';
import { problemMediaType } from './media-type.ts';
import { toProblem } from './problems/problem.ts';
import { notFound } from './route.ts';

/**
 * The one exit for everything that fails: writes the problem document and, where the gateway or its surroundings are
 * at fault, a log entry with the cause.
 */
export function handleErrors(logger: Logger, baseUrl: BaseUrl): ErrorRequestHandler {
  // Express tells error handlers by their four parameters.
  return (error: unknown, req, res, _next) => {
    const failure = toGatewayError(error);
    const context = contextOf(res);
    context.problem = failure.code;
    const problem = toProblem(failure, context.requestId, baseUrl(req));
    logFailure(logger, failure, problem.status, context.requestId);
    const hasLeft = res.destroyed || (req.destroyed && !req.complete);
    if (hasLeft || res.headersSent) {
      // Too late for an answer: nobody is there to read it, or half of another one is out.
      res.destroy();
      return;
    }
    if (failure.retryAfterSeconds !== undefined) {
      setField(res, 'Retry-After', Math.max(1, Math.ceil(failure.retryAfterSeconds)));
    }
    // RFC 9110, 15.5.2: every 401 says how to authenticate.
    if (problem.status === 401) setField(res, 'WWW-Authenticate', 'Bearer realm="lead-gateway"');
    // Some statuses may be kept where nobody says otherwise (RFC 9110, 15.1), and with them the address in `type`.
    setField(res, 'Cache-Control', 'no-store');
    addVary(res, 'Accept');
    answer(res, problem.status, problemMediaType(req.headers.accept), JSON.stringify(problem));
  };
}

/** Errors that nobody gave a code are defects of ours, but for the one the router throws at a caller's path. */
function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  // The router could not decode a percent-encoded path, so there is no resource of that name.
  if (error instanceof URIError) return notFound();
  return new GatewayError('internal-error', {
    detail: 'The gateway failed inside; its log has an entry with this request id.',
    cause: error,
  });
}

/** What the caller did wrong is in the access log; only failures with a cause need an entry of their own. */
function logFailure(logger: Logger, failure: GatewayError, status: number, requestId: string): void {
  if (status < 500) return;
  const fields = { requestId, problem: failure.code, err: failure.cause };
  if (failure.code === 'internal-error') logger.error(fields, 'request failed by a defect');
  else if (failure.cause !== undefined) logger.warn(fields, 'request failed upstream');
}
