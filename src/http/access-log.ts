import type { Logger } from '../observability/logger.ts';
import type { Served } from './observe-requests.ts';
import { tenths } from './tenths.ts';

/**
 * Writes the one line of a request. It names the route's pattern and never the raw URL, whose path and query may hold
 * personal data.
 */
export function logAccess(logger: Logger, served: Served): void {
  const { exchange, method, route, status, durationMs } = served;
  const { requestId, trace, problem, timing, caller, refusal, keyName, hiddenProblem } = exchange;
  logger.info(
    {
      requestId,
      traceId: trace.traceId,
      method,
      route,
      status,
      ...(caller !== undefined && { caller: caller.name, callerKind: caller.kind }),
      ...(keyName !== undefined && { caller: keyName }),
      ...(refusal !== undefined && { refusal }),
      ...(problem !== undefined && { problem }),
      ...(hiddenProblem !== undefined && { hiddenProblem }),
      durationMs: tenths(durationMs),
      ...(timing !== undefined && {
        waitMs: tenths(timing.waitMs),
        upstreamMs: tenths(timing.upstreamMs),
        attempts: timing.attempts,
        batchSize: timing.batchSize,
      }),
    },
    status === null ? 'caller left before the answer' : 'request answered',
  );
}
