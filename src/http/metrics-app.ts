import express, { type Express } from 'express';
import type { Logger } from '../observability/logger.ts';
import type { BaseUrl } from './base-url.ts';
import { handleErrors } from './handle-errors.ts';
import { type MetricsText, serveMetrics } from './ops-routes.ts';
import { assignRequestId } from './request-id.ts';
import { refuseUnknownPath } from './route.ts';

export type MetricsAppDeps = {
  readonly metrics: MetricsText;
  readonly logger: Logger;
  readonly newRequestId: () => string;
  /** Where the pages are that explain problems: at the main port. */
  readonly baseUrl: BaseUrl;
};

/** `GET /metrics` and nothing else, for a port that only the scraper reaches: nobody is asked for credentials. */
export function createMetricsApp({ metrics, logger, newRequestId, baseUrl }: MetricsAppDeps): Express {
  const app = express();
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(assignRequestId(newRequestId));
  serveMetrics(app, metrics, []);
  app.use(refuseUnknownPath);
  app.use(handleErrors(logger, baseUrl));
  return app;
}
