import type { RequestHandler } from 'express';
import type { Logger } from '../observability/logger.ts';
import { exchangeOf } from './exchange.ts';
import { tenths } from './tenths.ts';

/**
 * Writes one line a request, when its response is over. It names the route's pattern and never the raw URL, whose
 * path and query may hold personal data.
 */
export function logAccess(logger: Logger, nowMs: () => number = () => performance.now()): RequestHandler {
  return (req, res, next) => {
    const startedMs = nowMs();
    res.once('close', () => {
      const { requestId, problem, timing, caller, refusal, keyName, hiddenProblem } = exchangeOf(res);
      const route = (req.route as { path: string } | undefined)?.path ?? null;
      const durationMs = tenths(nowMs() - startedMs);
      const answered = res.writableFinished;
      logger.info(
        {
          requestId,
          method: req.method,
          route,
          status: answered ? res.statusCode : null,
          ...(caller !== undefined && { caller: caller.name, callerKind: caller.kind }),
          ...(keyName !== undefined && { caller: keyName }),
          ...(refusal !== undefined && { refusal }),
          ...(problem !== undefined && { problem }),
          ...(hiddenProblem !== undefined && { hiddenProblem }),
          durationMs,
          ...(timing !== undefined && {
            waitMs: tenths(timing.waitMs),
            upstreamMs: tenths(timing.upstreamMs),
            attempts: timing.attempts,
            batchSize: timing.batchSize,
          }),
        },
        answered ? 'request answered' : 'caller left before the answer',
      );
    });
    next();
  };
}
