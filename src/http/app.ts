import express, { type Express } from 'express';
import type { LeadDirectory } from '../leads/lead.ts';
import type { Logger } from '../observability/logger.ts';
import type { CountedRequest } from '../observability/metrics.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { Access } from './access.ts';
import { handleErrors } from './handle-errors.ts';
import { createHeldBodies } from './held-bodies.ts';
import { serveLeads } from './lead-routes.ts';
import { observeRequests } from './observe-requests.ts';
import { serveOps, type OpsDeps } from './ops-routes.ts';
import { assignRequestId } from './request-id.ts';
import { refuseUnknownPath } from './route.ts';
import { securityHeaders } from './security-headers.ts';
import type { RandomDigits } from './trace-context.ts';

export type AppDeps = OpsDeps & {
  readonly directory: LeadDirectory;
  readonly access: Access;
  readonly logger: Logger;
  /** Told of every request that is over. */
  readonly count: (request: CountedRequest) => void;
  /** Null or left out: requests have no spans. */
  readonly tracing?: Tracing | null;
  readonly newRequestId: () => string;
  readonly randomDigits: RandomDigits;
  /** How many proxies in front of the gateway may tell the caller's address (X-Forwarded-For); 0 when left out. */
  readonly trustedProxies?: number;
  /** Bytes that the bodies of requests may take together; any number when left out. */
  readonly maxHeldBytes?: number;
};

/** The life of a request, in order. */
export function createApp(deps: AppDeps): Express {
  const {
    directory,
    logger,
    count,
    tracing = null,
    newRequestId,
    randomDigits,
    trustedProxies = 0,
    maxHeldBytes = Number.POSITIVE_INFINITY,
    ...ops
  } = deps;
  const app = express();
  // One name for each resource: /leads, neither /Leads nor /leads/.
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', trustedProxies);

  app.use(assignRequestId(newRequestId));
  app.use(observeRequests({ logger, count, tracing, randomDigits }));
  app.use(securityHeaders());
  serveLeads(app, directory, ops.access, createHeldBodies(maxHeldBytes));
  serveOps(app, ops);
  app.use(refuseUnknownPath);
  app.use(handleErrors(logger));
  return app;
}
