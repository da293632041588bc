import express, { type Express, type IRouter, type RequestHandler } from 'express';
import type { LeadDirectory } from '../leads/lead.ts';
import type { LeadFields } from '../leads/fields.ts';
import type { LeadFinder } from '../leads/lookup.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../observability/logger.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { Access } from './authenticate.ts';
import { allowOrigins } from './cors.ts';
import { type BaseUrl, belowPrefix, createBaseUrl, prefixOf } from './base-url.ts';
import { handleErrors } from './error-handler.ts';
import { createBodyMemory } from './body-memory.ts';
import type { AcceptDeps } from './leads/accept.ts';
import { serveFields } from './leads/fields.ts';
import { serveBatches } from './leads/batch/routes.ts';
import { createLeadStreams, type LeadStreams } from './leads/batch/streams.ts';
import { serveReceipts } from './leads/receipts.ts';
import { serveOutbox } from './outbox/routes.ts';
import type { OutboxAdministration } from '../leads/outbox.ts';
import { serveLeads } from './leads/routes.ts';
import type { UniformResponses } from './leads/uniform-response.ts';
import { type ObservedRequest, observeRequests } from './observe-requests.ts';
import { type MetricsText, type OpsDeps, serveMetrics, serveOps } from './ops/routes.ts';
import { assignRequestId, type RandomDigits } from './request-context.ts';
import { refuseUnknownPath } from './route.ts';
import { securityHeaders } from './security-headers.ts';

export type AppDeps = Omit<OpsDeps, 'baseUrl' | 'prefix'> & {
  readonly directory: LeadDirectory;
  readonly finder: LeadFinder;
  /** Null or left out: no lead is kept to be delivered later. */
  readonly accepting?:
    | (Omit<AcceptDeps, 'prefix'> & { readonly administration: OutboxAdministration })
    | null;
  /** Null or left out: the upstream cannot tell its fields. */
  readonly fields?: LeadFields | null;
  readonly access: Access;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long a lead may wait, in ms; 25,000 when left out. */
  readonly deadlineMs?: number;
  /** Batches that are being read; left out if no one ends them. */
  readonly streams?: LeadStreams;
  readonly uniformResponses: UniformResponses;
  /** Called when a request arrives, except for probes. */
  readonly begin?: () => void;
  /** Called when a request is over. */
  readonly count: (request: ObservedRequest) => void;
  /** Null or left out: requests have no spans. */
  readonly tracing?: Tracing | null;
  readonly newRequestId: () => string;
  readonly randomDigits: RandomDigits;
  /** Where callers reach the gateway; when left out, the address each request was sent to. */
  readonly publicUrl?: string | undefined;
  /** The address the server listens on, once it does. */
  readonly listensAt: () => string;
  /** How many proxies in front are trusted to state the caller's address (X-Forwarded-For); 0 when left out. */
  readonly trustedProxies?: number;
  /** Takes requests of the gateway's own pages and of no others; for callers without credentials. */
  readonly ownPagesOnly?: boolean;
  /** Bytes that all request bodies may take together; unlimited when left out. */
  readonly maxBufferedBytes?: number;
};

/** The steps of a request, in order. */
export function createApp(deps: AppDeps): Express {
  const {
    directory,
    finder,
    accepting = null,
    fields = null,
    logger,
    clock,
    uniformResponses,
    begin,
    count,
    tracing = null,
    newRequestId,
    randomDigits,
    publicUrl,
    listensAt,
    trustedProxies = 0,
    ownPagesOnly = false,
    deadlineMs = 25_000,
    streams = createLeadStreams(),
    maxBufferedBytes = Number.POSITIVE_INFINITY,
    ...ops
  } = deps;
  const app = createExpress();
  app.set('trust proxy', trustedProxies);
  const baseUrl = createBaseUrl(publicUrl, listensAt);
  const prefix = prefixOf(publicUrl);
  // A router of their own costs every request something, so only a prefix gets one.
  const routes: IRouter = prefix === '' ? app : express.Router({ caseSensitive: true, strict: true });

  app.use(assignRequestId(newRequestId));
  app.use(
    observeRequests({ monotonicMs: clock.monotonicMs, logger, begin, count, tracing, randomDigits, prefix }),
  );
  app.use(securityHeaders());
  app.use(allowOrigins(ops.access.corsFields));
  if (ownPagesOnly) app.use(ops.access.refuseForeignPages);
  const bodyMemory = createBodyMemory(maxBufferedBytes, clock.monotonicMs);
  const shared = { directory, bodyMemory, access: ops.access, clock, fields };
  const kept = accepting && { ...accepting, prefix };
  serveBatches(routes, { ...shared, accepting: kept, logger, baseUrl, deadlineMs, streams });
  serveLeads(routes, { ...shared, finder, uniformResponses, accepting: kept });
  if (fields !== null) serveFields(routes, { fields, access: ops.access });
  if (accepting !== null) {
    const { outbox, administration } = accepting;
    serveOutbox(routes, { administration, access: ops.access, bodyMemory, baseUrl });
    serveReceipts(routes, { ...shared, outbox, now: clock.now, baseUrl, prefix });
  }
  serveOps(routes, { ...ops, baseUrl, prefix });
  if (prefix !== '') app.use(routes, belowPrefix(prefix, routes));
  app.use(refuseUnknownPath);
  app.use(handleErrors(logger, baseUrl));
  return app;
}

export type MetricsAppDeps = {
  readonly metrics: MetricsText;
  readonly logger: Logger;
  readonly newRequestId: () => string;
  /** The main port's, which serves the pages that explain problems. */
  readonly baseUrl: BaseUrl;
  /** Of `Access`, where only this machine can reach the port. */
  readonly refuseForeignPages?: RequestHandler | undefined;
};

/** `GET /metrics` and nothing else, without credentials: for a port that only the scraper can reach. */
export function createMetricsApp(deps: MetricsAppDeps): Express {
  const { metrics, logger, newRequestId, baseUrl, refuseForeignPages } = deps;
  const app = createExpress();
  app.use(assignRequestId(newRequestId));
  if (refuseForeignPages !== undefined) app.use(refuseForeignPages);
  serveMetrics(app, metrics, []);
  app.use(refuseUnknownPath);
  app.use(handleErrors(logger, baseUrl));
  return app;
}

function createExpress(): Express {
  const app = express();
  // One name for each resource: /leads, neither /Leads nor /leads/.
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.disable('x-powered-by');
  app.disable('etag');
  return app;
}
