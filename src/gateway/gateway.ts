import type { Express } from 'express';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/kinds.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Quota } from '../dispatch/quota.ts';
import { watchUsage } from '../dispatch/usage-watch.ts';
import { type AppDeps, createApp, createMetricsApp } from '../http/app.ts';
import type { HeadersFor } from '../http-server/ambiguous-requests.ts';
import { localUrl } from '../text/local-url.ts';
import { type HttpServer, startHttpServer } from '../http-server/server.ts';
import { prefixOf } from '../http/base-url.ts';
import { createLeadStreams, isStreamed, mayHalfClose } from '../http/leads/batch/streams.ts';
import { createUniformResponses } from '../http/leads/uniform-response.ts';
import { createRandomDigits } from '../http/request-context.ts';
import type { LocalBudgets } from '../replicas/membership.ts';
import { type UpsertLead, withDefaultWorkspace } from '../leads/lead.ts';
import { createJournal, type Journal } from '../observability/journal.ts';
import type { Logger } from '../observability/logger.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { SqliteOptions } from '../outbox/sqlite/sqlite-store.ts';
import type { Clock } from '../runtime/clock.ts';
import { type CloseStack, createCloseStack, createGracePeriod, drain, type GracePeriod } from './shutdown.ts';
import { createAccessControl } from './access-control.ts';
import { connectToRedis, createCoordination } from './coordination.ts';
import { createCredentialWatch, type CredentialWatch, tracedUpstream } from './observed-upstream.ts';
import { callsBefore, createDispatch, type Dispatch, limitsOf } from './dispatch.ts';
import { createFields } from './fields.ts';
import { openOutbox } from './outbox.ts';
import { traceAgentOf } from './proxied-connections.ts';
import { createSandboxLink } from './sandbox-link.ts';
import { createStatusReport } from './status.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { createUpstream, findTarget, type Target } from './target.ts';

/** What comes from outside; tests bring their own. */
export type GatewayDeps = Clock & {
  readonly logger: Logger;
  readonly version: string;
  readonly random: () => number;
  readonly newRequestId: () => string;
  readonly randomBytes: (size: number) => Buffer;
  /** How many log lines could not be written. */
  readonly lostLogLines: () => number;
  /** A variable of the environment, for secrets that the file of keys names; none is set when left out. */
  readonly env?: (name: string) => string | undefined;
  /** Where an outbox in SQLite works; a thread of its own when left out. */
  readonly startOutboxWorker?: SqliteOptions['startWorker'];
};

export type RunningGateway = {
  readonly url: string;
  /** The embedded sandbox; null with a configured upstream. */
  readonly sandboxUrl: string | null;
  /** Null unless the metrics have a port of their own. */
  readonly metricsUrl: string | null;
  /** Drains the gateway and closes all its parts. Later calls wait for the first. */
  close(): Promise<void>;
};

/** What the functions below need to create their parts. */
type Context = GatewayDeps & {
  readonly config: Config;
  readonly metrics: Metrics;
  /** Last registered, first closed: the order in which parts are created decides the order in which they are closed. */
  readonly onClose: CloseStack['onClose'];
};

/**
 * Creates the parts, connects them and starts to serve; the upstream may be down. If something fails, such as listening on
 * a port, it rejects with that error, and nothing is left running.
 */
export async function startGateway(config: Config, deps: GatewayDeps): Promise<RunningGateway> {
  const metrics = createMetrics();
  metrics.about(deps.version, process.version, config.protocol);
  const closing = createCloseStack(deps.logger);
  try {
    return await start({ ...deps, config, metrics, onClose: closing.onClose }, closing.close);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** Whether a lead needs a call of its own. */
function goesAlone({ firstStep }: Pick<Upstream, 'firstStep'>, workspace: string | undefined) {
  return (command: UpsertLead): boolean => {
    const step = firstStep(workspace === undefined ? command : { workspace, ...command });
    return 'group' in step && step.group === null;
  };
}

async function start(context: Context, closeAll: () => Promise<void>): Promise<RunningGateway> {
  const { config, onClose, monotonicMs, setTimer } = context;
  const grace = createGracePeriod(config.shutdownGraceMs, monotonicMs);
  const target = await findTarget(context);
  const redis = await connectToRedis(context);
  const before = callsBefore(target, config);
  const client = await createUpstream(context, target);
  const limits = { ...limitsOf(config), mayCreateForMs: client.mayCreateForMs ?? 0 };
  const coordinator =
    redis === null ? null : await createCoordination(context, redis, limits, target.server, before);
  const access = await createAccessControl(context, redis);
  const tracing = await startTracing(context, grace);

  const credentials = createCredentialWatch(monotonicMs);
  const upstream = tracing === null ? client : tracedUpstream(client, tracing, target.server);
  const dispatch = createDispatch(context, { upstream, coordinator, credentials, target });
  const { dispatcher, quota } = dispatch;
  target.onRelief((what) => {
    if (what === 'reset') quota.resetDay();
    else quota.probeNow();
    dispatcher.wake();
  });
  onClose(watchUsage({ upstream: client, quota, clock: context, wake: dispatcher.wake }));
  await coordinator?.join(localBudgets(quota, dispatcher), JOIN_MS);

  const refusals = meaningOf(credentials, config);
  const unreadiness = () => [...(grace.hasBegun() ? ['shutting down'] : []), ...refusals.reasons()];
  watchState(context, { unreadiness, credentials, target });
  const directory = withDefaultWorkspace(dispatcher, config.defaultWorkspace);
  const outbox = await openOutbox(context, directory, goesAlone(client, config.defaultWorkspace));
  const uniformResponses = createUniformResponses(context, config.publishableResponseMs);
  const warnings = () => warningsOf([access, coordinator, outbox, refusals], dispatch);
  const journal = createJournal(context.now, target.sandbox !== null);
  const kept = outbox.leads.accepting?.administration ?? null;
  const parts = { ...dispatch, target, credentials, coordinator, keys: access.keys, outbox: kept };
  const { server, metricsServer, streams } = await serve(context, {
    uniformResponses,
    ...outbox.leads,
    finder: dispatcher,
    fields: createFields(context, { upstream: client, quota, credentials, wake: dispatcher.wake }),
    access: access.control,
    unreadiness,
    warnings,
    status: createStatusReport({ ...context, ...parts, clock: context, unreadiness, warnings, journal }),
    journal,
    tracing,
    sandbox: target.sandbox !== null,
  });
  target.link(createSandboxLink(server.url + prefixOf(config.publicUrl), journal));
  const draining = { server, dispatcher, streams, uniformResponses, grace, setTimer };
  onClose(() => drain({ ...draining, delayMs: config.shutdownDelayMs }));
  return {
    url: server.url,
    sandboxUrl: target.sandbox?.url ?? null,
    metricsUrl: metricsServer === null ? null : `${metricsServer.url}/metrics`,
    close: closeAll,
  };
}

function watchState(
  { metrics, lostLogLines }: Context,
  {
    unreadiness,
    credentials,
    target,
  }: {
    readonly unreadiness: () => readonly string[];
    readonly credentials: CredentialWatch;
    readonly target: Target;
  },
): void {
  metrics.watch({
    ready: () => unreadiness().length === 0,
    accessDenied: () => credentials.reasons().length > 0,
    sandbox: () => target.sandbox !== null,
    logLinesLost: lostLogLines,
  });
}

type Warning = { readonly warnings: () => readonly string[] };

const none = () => [];

/** With an outbox leads are kept while credentials are refused: a balancer must not take the gateway out for it. */
function meaningOf(
  { reasons }: CredentialWatch,
  { outbox }: Config,
): Warning & Pick<CredentialWatch, 'reasons'> {
  return outbox === null ? { reasons, warnings: none } : { reasons: none, warnings: reasons };
}

function warningsOf(parts: readonly (Warning | null)[], dispatch: Dispatch): string[] {
  return [
    ...parts.flatMap((part) => part?.warnings() ?? []),
    ...(dispatch.breaker.isOpen() ? ['Marketo cannot be reached (the circuit breaker is open)'] : []),
    ...dayWarnings(dispatch),
  ];
}

function dayWarnings({ dispatcher, quota }: Pick<Dispatch, 'dispatcher' | 'quota'>): readonly string[] {
  if (quota.spentProbeInMs() !== null) {
    return [
      "Marketo reports that the day's calls are used up; leads are refused until it accepts a call again",
    ];
  }
  const { endsInMs } = dispatcher.dayPlan();
  if (endsInMs === null) return [];
  const minutes = Math.round(endsInMs / 60_000);
  return [
    minutes === 0
      ? "the day's calls to Marketo are used up; leads are refused until midnight US Central time"
      : `at the demand of the last hour the day's calls to Marketo are used up in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}; then leads are refused until midnight US Central time`,
  ];
}

/** Limits of the time for sending the last spans; what is left of the grace period decides between them. */
const MIN_FLUSH_MS = 250;
const MAX_FLUSH_MS = 2000;

function localBudgets(quota: Quota, { demandPerSecond, wake }: Dispatcher): LocalBudgets {
  const { day, pauseUntil, spentProbeInMs, learnOfDay } = quota;
  return { day, pauseUntil, dayProbeInMs: spentProbeInMs, onDayProbe: learnOfDay, demandPerSecond, wake };
}

/** How long a start waits for Redis before it goes on without. */
const JOIN_MS = 1000;

async function startTracing(
  { config, onClose, ...deps }: Context,
  grace: Pick<GracePeriod, 'leftMs'>,
): Promise<Tracing | null> {
  if (config.tracing === null) return null;
  const { startOpenTelemetry } = await import('../observability/opentelemetry.ts');
  const tracing = await startOpenTelemetry(config.tracing, { ...deps, traceAgent: traceAgentOf(config) });
  onClose(() => tracing.close(Math.min(Math.max(grace.leftMs(), MIN_FLUSH_MS), MAX_FLUSH_MS)));
  return tracing;
}

type Served = Pick<
  AppDeps,
  | 'directory'
  | 'finder'
  | 'accepting'
  | 'fields'
  | 'access'
  | 'uniformResponses'
  | 'unreadiness'
  | 'warnings'
  | 'status'
  | 'tracing'
  | 'sandbox'
> & { readonly journal: Journal };

/** Starts the main server, and one for the metrics if they have a port of their own. */
async function serve(context: Context, { journal, ...served }: Served) {
  const { config, metrics, logger, newRequestId, onClose } = context;
  let ownUrl = localUrl(config.host, config.port);
  const streams = createLeadStreams();
  const app = createApp({
    ...served,
    streams,
    clock: context,
    trustedProxies: config.access.trustedProxies,
    ownPagesOnly: !served.access.needsCredentials,
    maxBufferedBytes: config.maxBufferedBytes,
    deadlineMs: config.requestDeadlineMs,
    metrics: config.metricsPort === null ? metrics : null,
    begin: metrics.requestBegan,
    count(request) {
      metrics.request(request);
      journal.request(request);
    },
    logger,
    newRequestId,
    randomDigits: createRandomDigits(context.randomBytes),
    // A start does not need it.
    prepareDocument: async (path, version) =>
      (await import('../openapi/served.ts')).prepareDocument(path, version),
    version: context.version,
    publicUrl: config.publicUrl,
    listensAt: () => ownUrl,
  });
  let metricsServer: HttpServer | null = null;
  if (config.metricsPort !== null) {
    const baseUrl = () => config.publicUrl ?? ownUrl;
    const metricsApp = createMetricsApp({
      metrics,
      logger,
      newRequestId,
      baseUrl,
      // Elsewhere a scraper may know it by any name.
      refuseForeignPages: isLoopback(config.host) ? served.access.refuseForeignPages : undefined,
    });
    metricsServer = await listen(context, metricsApp, config.metricsPort);
    // Closed after the main server, so that a scrape can still count the last responses.
    onClose(() => metricsServer?.close(0));
  }
  const server = await listen(context, app, config.port, served.access.corsFields);
  ownUrl = server.url;
  metrics.watch({ requestsRunning: server.serving, connections: server.open });
  return { server, metricsServer, streams };
}

/** A connection without a byte for this much longer than the request deadline counts as dead. */
const STALL_MARGIN_MS = 60_000;

function listen(
  { config, metrics, logger, newRequestId }: Context,
  app: Express,
  port: number,
  headersFor?: HeadersFor,
): Promise<HttpServer> {
  return startHttpServer(app, {
    host: config.host,
    port,
    newRequestId,
    headersFor,
    isStream: isStreamed,
    mayHalfClose,
    limits: {
      stalledMs: config.requestDeadlineMs + STALL_MARGIN_MS,
      keepAliveMs: config.keepAliveTimeoutMs,
    },
    observer: {
      connectionRefused: metrics.connectionRefused,
      requestRefused(status, requestId) {
        metrics.brokenRequest(status);
        logger.info({ requestId, status }, 'request refused unread');
      },
    },
  });
}
