import type { ErrorRequestHandler } from 'express';
import Negotiator from 'negotiator';
import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import type { Logger } from '../observability/logger.ts';
import type { BaseUrl } from './base-url.ts';
import { MAX_MEDIA_TYPES } from './media-type.ts';
import { toProblem } from './problems/problem.ts';
import { PROBLEM_TYPES } from './problems/types.ts';
import { contextOf } from './request-context.ts';
import { addVary, respond, setHeader } from './respond.ts';
import { notFound } from './route.ts';

/**
 * Every failure ends here: writes the problem document, and a log entry with the cause if the gateway, its environment
 * or the upstream is at fault.
 */
export function handleErrors(logger: Logger, baseUrl: BaseUrl): ErrorRequestHandler {
  // Express recognises error handlers by their four parameters.
  return (error: unknown, req, res, _next) => {
    const failure = toGatewayError(error);
    const context = contextOf(res);
    context.problem = failure.code;
    const problem = toProblem(failure, context.requestId, baseUrl(req));
    logFailure(logger, failure, context.requestId);
    const isDisconnected = res.destroyed || (req.destroyed && !req.complete);
    if (isDisconnected || res.headersSent) {
      // Too late: the client is gone, or half of another response has been sent.
      res.destroy();
      return;
    }
    if (failure.retryAfterSeconds !== undefined) {
      setHeader(res, 'Retry-After', Math.max(1, Math.ceil(failure.retryAfterSeconds)));
    }
    // RFC 9110, 15.5.2: every 401 says how to authenticate.
    if (problem.status === 401) setHeader(res, 'WWW-Authenticate', 'Bearer realm="lead-gateway"');
    // Some statuses are cacheable by default (RFC 9110, 15.1), and `type` holds the address that this caller used.
    setHeader(res, 'Cache-Control', 'no-store');
    addVary(res, 'Accept');
    if (context.answer !== undefined) {
      context.answer(res, problem.status, problem);
      return;
    }
    respond(res, problem.status, problemMediaType(req.headers.accept), JSON.stringify(problem));
  };
}

/** Any other error is a defect of the gateway, except the one the router throws because of the caller's path. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  // The path could not be percent-decoded, so no resource has that name.
  if (error instanceof URIError) return notFound();
  return new GatewayError('internal-error', {
    detail: 'The gateway failed because of a defect; its log has an entry with this request id.',
    cause: error,
  });
}

/** What only an answer of Marketo leads to, even one without a code. */
const ANSWERED_BADLY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream-error',
  'upstream-access-denied',
  'upstream-clock-skew',
  'upstream-bad-response',
]);

/**
 * The caller's mistakes are in the access log; what went wrong in the gateway or beyond it gets an entry of its own, but not
 * what the gateway refuses by itself.
 */
export function logFailure(logger: Logger, failure: GatewayError, requestId: string): void {
  const { code, cause, upstream, upstreamStatus } = failure;
  const { status } = PROBLEM_TYPES[code];
  if (status < 500 && status !== 429) return;
  if (code === 'internal-error') {
    logger.error(failureFields(failure, requestId), 'request failed by a defect');
    return;
  }
  const isAnswer = upstream?.code !== undefined || upstreamStatus !== undefined || ANSWERED_BADLY.has(code);
  if (cause !== undefined || isAnswer)
    logger.warn(failureFields(failure, requestId), 'request failed upstream');
}

/** What the log says of a failure: no words of the upstream, which may quote the lead. */
export function failureFields({ code, upstream, upstreamStatus, cause }: GatewayError, requestId: string) {
  return { requestId, problem: code, upstreamCode: upstream?.code, upstreamStatus, err: cause };
}

const PROBLEM = 'application/problem+json';
const JSON_TYPE = 'application/json';

/**
 * The media type of a problem (RFC 9457, 3), or plain JSON if `Accept` prefers that. Clients that accept neither still get
 * the problem: it says more than a 406.
 */
function problemMediaType(accept: string | undefined): string {
  if (accept === undefined || accept === '*/*' || accept.length > MAX_MEDIA_TYPES) return PROBLEM;
  if (accept === JSON_TYPE) return JSON_TYPE;
  return new Negotiator({ headers: { accept: simplify(accept) } }).mediaType([PROBLEM, JSON_TYPE]) ?? PROBLEM;
}

/**
 * The ranges without parameters other than the quality, since `application/json;charset=utf-8` asks for JSON, too; the
 * type of problems first, so that it wins a tie.
 */
function simplify(accept: string): string {
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return [type, ...parameters.filter((parameter) => /^q\s*=/i.test(parameter))].join(';');
  });
  return [...ranges.filter(isProblem), ...ranges.filter((range) => !isProblem(range))].join(',');
}

function isProblem(range: string): boolean {
  return range.toLowerCase().startsWith(PROBLEM);
}
