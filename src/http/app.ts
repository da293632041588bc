import express, { type Express } from 'express';
import type { LeadDirectory } from '../leads/lead.ts';
import type { Logger } from '../observability/logger.ts';
import { logAccess } from './access-log.ts';
import { handleErrors } from './handle-errors.ts';
import { serveLeads } from './lead-routes.ts';
import { serveOps, type OpsDeps } from './ops-routes.ts';
import { assignRequestId } from './request-id.ts';
import { refuseUnknownPath } from './route.ts';
import { securityHeaders } from './security-headers.ts';

export type AppDeps = OpsDeps & {
  readonly directory: LeadDirectory;
  readonly logger: Logger;
  readonly newRequestId: () => string;
};

/** The life of a request, in order. */
export function createApp({ directory, logger, newRequestId, ...ops }: AppDeps): Express {
  const app = express();
  // One name for each resource: /leads, neither /Leads nor /leads/.
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.disable('x-powered-by');
  app.disable('etag');

  app.use(assignRequestId(newRequestId));
  app.use(logAccess(logger));
  app.use(securityHeaders());
  serveLeads(app, directory);
  serveOps(app, ops);
  app.use(refuseUnknownPath);
  app.use(handleErrors(logger));
  return app;
}
