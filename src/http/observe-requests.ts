import type { RequestHandler } from 'express';
import type { Logger } from '../observability/logger.ts';
import type { CountedRequest } from '../observability/metrics.ts';
import type { RequestEnd, Tracing } from '../observability/tracing.ts';
import {
  contextOf,
  continueTrace,
  onFinished,
  type RandomDigits,
  readParentTrace,
  type RequestContext,
} from './request-context.ts';
import { roundMs, setHeader } from './respond.ts';

/** A finished request, with the id by which the log finds it. */
export type ObservedRequest = CountedRequest & { readonly requestId: string };

export type ObserverDeps = {
  readonly logger: Logger;
  /** Called when a request arrives, except for probes. */
  readonly begin?: (() => void) | undefined;
  /** Called when a request is over. */
  readonly count: (request: ObservedRequest) => void;
  /** Null: requests have no spans. */
  readonly tracing: Tracing | null;
  readonly randomDigits: RandomDigits;
  /** The path prefix of the public URL. */
  readonly prefix: string;
  readonly monotonicMs: () => number;
};

/** A request that is over. */
type Served = {
  readonly context: RequestContext;
  readonly method: string;
  /** The pattern; null for an unknown path. */
  readonly route: string | null;
  /** Null if the client disconnected before the response was complete. */
  readonly status: number | null;
  readonly durationMs: number;
};

/** Asked every few seconds by monitoring: not part of any trace. */
const PROBES = ['/healthz', '/readyz', '/metrics'];

/**
 * Gives every request its place in a trace (W3C Trace Context), named by the response's `traceparent`, and reports it to
 * log, metrics and span when it is over.
 */
export function observeRequests(deps: ObserverDeps): RequestHandler {
  const { logger, count, tracing, randomDigits, prefix, begin, monotonicMs } = deps;
  const probes = new Set([...PROBES, ...PROBES.map((path) => prefix + path)]);
  return (req, res, next) => {
    const startedMs = monotonicMs();
    const context = contextOf(res);
    const parent = readParentTrace(req.headers);
    const isProbe = probes.has(req.path);
    if (!isProbe) begin?.();
    const span = isProbe ? undefined : tracing?.startRequest(req.method, parent);
    const trace = span?.trace ?? continueTrace(parent, randomDigits);
    context.trace = trace;
    setHeader(res, 'traceparent', trace.traceparent);
    onFinished(res, () => {
      const served: Served = {
        context,
        method: req.method,
        route: (req.route as { path: string } | undefined)?.path ?? null,
        status: res.writableFinished ? res.statusCode : null,
        durationMs: monotonicMs() - startedMs,
      };
      logAccess(logger, served);
      count(counted(served));
      span?.end(endOf(served));
    });
    next();
  };
}

/** The access log names the route's pattern and never the raw URL: its path and query may hold personal data. */
function logAccess(logger: Logger, served: Served): void {
  const { context, method, route, status, durationMs } = served;
  const { requestId, trace, problem, timing, caller, refusal, keyName, maskedProblem } = context;
  // The logger leaves out undefined members; spreads are slower (docs/performance.md#the-hot-path).
  const fields = {
    requestId,
    traceId: trace.traceId,
    method,
    route,
    status,
    caller: keyName ?? caller?.name,
    callerKind: caller?.kind,
    refusal,
    problem,
    maskedProblem,
    honeypot: context.isTrapped || undefined,
    durationMs: roundMs(durationMs),
    waitMs: timing && roundMs(timing.waitMs),
    upstreamMs: timing && roundMs(timing.upstreamMs),
    attempts: timing?.attempts,
    batchSize: timing?.batchSize,
  };
  logger.info(fields, status === null ? 'client disconnected before the response' : 'request answered');
}

/** nginx's "client closed request". */
const CLIENT_CLOSED_REQUEST = 499;

function counted({ context, route, status, durationMs }: Served): ObservedRequest {
  const { requestId, caller, refusal, problem, maskedProblem, isTrapped } = context;
  const unauthenticated = refusal === undefined ? '' : 'unknown';
  return {
    requestId,
    route: route ?? 'unknown',
    status: status ?? CLIENT_CLOSED_REQUEST,
    slug: problem ?? maskedProblem ?? '',
    caller: labelOf(context) ?? unauthenticated,
    kind: caller?.kind ?? unauthenticated,
    isTrapped,
    seconds: durationMs / 1000,
  };
}

function endOf({ context, route, status }: Served): RequestEnd {
  const { problem, maskedProblem } = context;
  return { route, status, problem: problem ?? maskedProblem, caller: labelOf(context) };
}

/** All tokens share one label: their names come from outside and are not bounded in number. */
function labelOf({ caller, keyName }: RequestContext): string | undefined {
  return caller?.kind === 'token' ? 'jwt' : (caller?.name ?? keyName);
}
