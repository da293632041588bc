import type { Express } from 'express';
import type { Config } from '../config/config.ts';
import { createBreaker } from '../dispatch/breaker.ts';
import { createDispatcher } from '../dispatch/dispatcher.ts';
import { createQuota, type QuotaLimits } from '../dispatch/quota.ts';
import { msToQuotaReset } from '../dispatch/quota-reset.ts';
import { drain } from './drain.ts';
import { type Access, createAccess } from '../http/authenticate.ts';
import { watchKeyFile } from '../access/watch-key-file.ts';
import { createMemoryLimiter, createRedisLimiter } from '../access/rate-limiter.ts';
import { createTokenVerifier } from '../access/jwt.ts';
import { createApp, createMetricsApp } from '../http/app.ts';
import { localUrl } from '../text/local-url.ts';
import type { HeadersFor } from '../http-server/ambiguous-requests.ts';
import { type HttpServer, startHttpServer } from '../http-server/server.ts';
import { createRandomDigits } from '../http/trace-context.ts';
import { createCoordinator, type Coordinator, maxUnseenOf } from '../replicas/coordinator.ts';
import { createSharedState, createRedisKeys } from '../replicas/shared-state.ts';
import { connectRedis, type Redis } from '../replicas/redis.ts';
import { withDefaultWorkspace } from '../leads/lead.ts';
import { createMarketoClient } from '../marketo-soap/client.ts';
import { type Fault, FAULT_CODES } from '../marketo-soap/faults.ts';
import { createUpstreamClock } from '../marketo-soap/signing.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../observability/logger.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { startOpenTelemetry } from '../observability/opentelemetry.ts';
import { DOCUMENTS } from '../openapi/files.ts';
import { createCredentialWatch } from './credential-health.ts';
import {
  type RunningSandbox,
  SANDBOX_CREDENTIALS,
  type SandboxOptions,
  startSandbox,
} from '../sandbox/sandbox.ts';
import { createProxyWatch, keySetFetchOf, traceAgentOf } from './proxied-connections.ts';
import { tracedCalls } from './traced-upstream.ts';
import { createHttpPost } from '../transport/http-post.ts';
import { proxyFor } from '../transport/proxy.ts';

/** What the world gives the gateway; tests give their own. */
export type GatewayDeps = Clock & {
  readonly logger: Logger;
  readonly version: string;
  readonly random: () => number;
  readonly newRequestId: () => string;
  readonly randomBytes: (size: number) => Buffer;
  /** Lines of the log that could not be written. */
  readonly lostLogLines: () => number;
};

export type RunningGateway = {
  readonly url: string;
  /** Where the embedded sandbox listens; null when there is a real upstream. */
  readonly sandboxUrl: string | null;
  /** Where the metrics are when they have a port of their own. */
  readonly metricsUrl: string | null;
  /**
   * Says that it is not ready, settles, refuses new leads, lets everybody else have an answer inside the grace period,
   * then lets go of everything. Called again it gives the same end.
   */
  close(): Promise<void>;
};

/**
 * Puts the parts together and starts serving. The upstream need not be up. Rejects with the listen error when a port
 * cannot be had; nothing is left running then.
 */
export async function startGateway(config: Config, deps: GatewayDeps): Promise<RunningGateway> {
  const { logger, now } = deps;
  const metrics = createMetrics();
  metrics.about(deps.version, process.version);
  const tracing =
    config.tracing === null
      ? null
      : await startOpenTelemetry(config.tracing, { ...deps, traceAgent: traceAgentOf(config) });
  const redis =
    config.replicas === null
      ? null
      : await connectRedis(config.replicas.redisUrl.reveal(), logger, deps.random);
  const control = await startAccess(config, deps, redis).catch((error: unknown) => {
    redis?.close();
    throw error;
  });
  const sandbox =
    config.upstream === null
      ? await startSandbox({
          ...sandboxOptions(config),
          onRelief(what) {
            if (what === 'reset') quota.renewDay();
            else quota.lookAgain();
            dispatcher.wake();
          },
        }).catch(async (error: unknown) => {
          control.close();
          redis?.close();
          throw error;
        })
      : null;
  const upstream = upstreamOf(config, sandbox);

  const http = createHttpPost({
    endpoint: upstream.endpoint,
    connections: config.maxConcurrentCalls,
    maxBodyBytes: config.maxResponseBytes,
    connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, config.upstreamTimeoutMs),
    proxy: proxyFor(config.proxies, upstream.endpoint),
  });
  let clockCorrectionMs = 0;
  const client = createMarketoClient({
    post: http.post,
    credentials: upstream.credentials,
    clock: createUpstreamClock(now, (correctionMs) => {
      clockCorrectionMs = correctionMs;
      logger.warn({ correctionMs }, 'the clock of the upstream differs from ours; signing with its time');
    }),
    timeoutMs: config.upstreamTimeoutMs,
    userAgent: `lead-gateway/${deps.version}`,
  });
  const credentials = createCredentialWatch(deps.monotonicMs);
  const watchProxy = createProxyWatch(logger);
  const coordinator = redis === null ? null : fleetOf(redis, config, upstream, deps, metrics);
  const quota = createQuota(limitsOf(config), deps, coordinator?.share);
  const breaker = createBreaker({ ...BREAKER, monotonicMs: deps.monotonicMs });
  const dispatcher = createDispatcher({
    calls: tracedCalls(client, tracing, upstream.endpoint),
    quota,
    permits: coordinator?.permits,
    breaker,
    clock: deps,
    random: deps.random,
    deadlineMs: config.requestDeadlineMs,
    maxQueued: config.maxQueued,
    maxBatch: config.maxBatch,
    observer: {
      onCall(outcome, records, ms) {
        credentials.observe(outcome);
        watchProxy(outcome);
        metrics.call(records > 1 ? 'syncMultipleLeads' : 'syncLead', outcome.kind, records, ms);
        if (outcome.kind === 'fault') metrics.fault(faultLabel(outcome.fault));
      },
      onAnswer: ({ waitMs }) => metrics.waited(waitMs),
      onRefusal: ({ code }, callers) => metrics.refusal(code, callers),
    },
  });
  const { day, pauseUntil, spentLookInMs, hearOfDay } = quota;
  const { demandPerSecond, wake } = dispatcher;
  await coordinator?.join({ day, pauseUntil, spentLookInMs, hearOfDay, demandPerSecond, wake }, JOIN_MS);
  let isStopping = false;
  const unreadiness = () => [...(isStopping ? ['shutting down'] : []), ...credentials.reasons()];
  metrics.watch({
    ready: () => unreadiness().length === 0,
    accessDenied: () => credentials.reasons().length > 0,
    sandbox: () => sandbox !== null,
    queued: dispatcher.queued,
    queueLimit: () => config.maxQueued,
    callsRunning: quota.running,
    callsRunningLimit: () => config.maxConcurrentCalls,
    windowFree: quota.free,
    windowLimit: () => config.maxCallsPer20s,
    dayLeft: quota.dayLeft,
    dayLimit: () => config.dailyCalls,
    dayReset: () => msToQuotaReset(now()) / 1000,
    breakerOpen: breaker.isOpen,
    clockCorrection: () => clockCorrectionMs / 1000,
    logLinesLost: deps.lostLogLines,
  });
  let ownUrl = localUrl(config.host, config.port);
  const app = createApp({
    directory: withDefaultWorkspace(dispatcher, config.defaultWorkspace),
    access: control.access,
    unreadiness,
    warnings: () => [...control.warnings(), ...(coordinator?.warnings() ?? [])],
    trustedProxies: config.access.trustedProxies,
    maxBufferedBytes: config.maxBufferedBytes,
    metrics: config.metricsPort === null ? metrics : null,
    begin: metrics.requestBegan,
    count: metrics.request,
    tracing,
    logger,
    newRequestId: deps.newRequestId,
    randomDigits: createRandomDigits(deps.randomBytes),
    documents: DOCUMENTS,
    version: deps.version,
    sandbox: sandbox !== null,
    publicUrl: config.publicUrl,
    listensAt: () => ownUrl,
  });

  const release = async () => {
    control.close();
    await http.close();
    await coordinator?.leave();
    redis?.close();
    await sandbox?.close();
  };
  const listening: HttpServer[] = [];
  const listen = async (served: Express, port: number, headersFor?: HeadersFor) => {
    const { host, requestDeadlineMs } = config;
    const limits = {
      stalledMs: requestDeadlineMs + STALL_MARGIN_MS,
      keepAliveMs: config.keepAliveTimeoutMs,
    };
    const server = await startHttpServer(served, {
      host,
      port,
      newRequestId: deps.newRequestId,
      headersFor,
      limits,
      observer: {
        connectionRefused: metrics.connectionRefused,
        requestRefused(status, requestId) {
          metrics.brokenRequest(status);
          logger.info({ requestId, status }, 'request refused unread');
        },
      },
    });
    listening.push(server);
    return server;
  };
  try {
    const metricsServer =
      config.metricsPort === null
        ? null
        : await listen(
            createMetricsApp({
              metrics,
              logger,
              newRequestId: deps.newRequestId,
              baseUrl: () => config.publicUrl ?? ownUrl,
            }),
            config.metricsPort,
          );
    const server = await listen(app, config.port, control.access.corsFields);
    ownUrl = server.url;
    metrics.watch({ requestsRunning: server.serving, connections: server.open });
    const stop = async () => {
      isStopping = true;
      const { shutdownDelayMs: delayMs, shutdownGraceMs: graceMs } = config;
      const startedAt = deps.monotonicMs();
      await drain({ server, dispatcher, monotonicMs: deps.monotonicMs, delayMs, graceMs });
      // To the end, so that the last answers are counted by whoever reads the metrics.
      await metricsServer?.close(0);
      const leftMs = graceMs - (deps.monotonicMs() - startedAt);
      await tracing?.close(Math.min(Math.max(leftMs, MIN_FLUSH_MS), MAX_FLUSH_MS));
      await release();
    };
    let stopped: Promise<void> | undefined;
    return {
      url: server.url,
      sandboxUrl: sandbox?.url ?? null,
      metricsUrl: metricsServer === null ? null : `${metricsServer.url}/metrics`,
      close: () => (stopped ??= stop()),
    };
  } catch (error) {
    for (const server of listening) await server.close(0);
    await release();
    throw error;
  }
}

/** What is left of the grace period is for the spans that have not been sent: so long at least, and at most; in ms. */
const MIN_FLUSH_MS = 250;
const MAX_FLUSH_MS = 2000;

type AccessControl = {
  readonly access: Access;
  readonly warnings: () => readonly string[];
  close(): void;
};

/** Who may call, by the configuration. Rejects when the file of keys cannot be used any more. */
async function startAccess(config: Config, deps: GatewayDeps, redis: Redis | null): Promise<AccessControl> {
  const { logger, now } = deps;
  const { access, publicUrl } = config;
  const proxied = keySetFetchOf(config);
  const { keysFile, token, corsOrigins, authFailuresPerMinute } = access;
  const keys = keysFile === undefined ? null : watchKeyFile(keysFile, logger);
  return {
    access: createAccess({
      keys,
      verifyToken:
        token === null
          ? null
          : createTokenVerifier(token, { now, ...(proxied !== null && { fetch: proxied.fetch }) }),
      corsOrigins,
      publicUrl,
      authFailuresPerMinute,
      limiter: redis === null ? createMemoryLimiter() : createRedisLimiter(redis.client),
      now,
    }),
    warnings: () => keys?.warnings() ?? [],
    close: () => {
      keys?.close();
      void proxied?.close();
    },
  };
}

/** This replica among those that share the subscription. */
function fleetOf(
  redis: Redis,
  config: Config,
  { endpoint, credentials }: ReturnType<typeof upstreamOf>,
  { logger, monotonicMs, random, newRequestId }: GatewayDeps,
  metrics: Metrics,
): Coordinator {
  const limits = limitsOf(config);
  const replica = newRequestId();
  const share = config.replicas?.share ?? 1;
  const names = createRedisKeys(endpoint.href, credentials.userId, credentials.encryptionKey);
  const coordinator = createCoordinator({
    sharedState: createSharedState(redis.send, {
      names,
      replica,
      share,
      limits: { ...limits, maxUnseen: maxUnseenOf(limits.callsPerWindow) },
    }),
    redis,
    replica,
    lane: names.lane,
    share,
    limits,
    callTimeoutMs: config.upstreamTimeoutMs,
    monotonicMs,
    random,
    observer: {
      onAcquire: metrics.permit,
      onAway(reason, error) {
        const cause = error === undefined ? {} : { err: error };
        logger.warn({ reason, share, ...cause }, 'without Redis: calls keep to the share');
      },
      onBack: ({ live }) => logger.info({ replicas: live }, 'replicas agree on calls in Redis'),
    },
  });
  metrics.watch({ sharedStoreUp: coordinator.isCoordinated, replicas: coordinator.replicas });
  return coordinator;
}

function limitsOf(config: Config): QuotaLimits {
  return {
    callsPerWindow: config.maxCallsPer20s,
    maxConcurrent: config.maxConcurrentCalls,
    dailyCalls: config.dailyCalls,
  };
}

/** How the sandbox is started, embedded or alone. */
export function sandboxOptions({ sandboxHost, sandboxPort, sandboxStateFile }: Config): SandboxOptions {
  return {
    host: sandboxHost,
    port: sandboxPort,
    ...(sandboxStateFile !== undefined && { stateFile: sandboxStateFile }),
  };
}

const CONNECT_TIMEOUT_MS = 10_000;

/** How long the start waits for Redis; without it the gateway starts as well. */
const JOIN_MS = 1000;

/** How much longer than a request may take a connection may be without a byte before it counts as dead. */
const STALL_MARGIN_MS = 60_000;

/**
 * Open after five calls in a row that found nobody, and no sooner than after two seconds of that: retries bridge a
 * restart. A probe every second, so that service resumes soon; as long as a call usually takes at most its end is waited for.
 */
const BREAKER = { threshold: 5, minSpanMs: 2000, pauseMs: 1000, patienceMs: 3000 };

/** Codes nobody listed come from outside, and there may be any number of them. */
function faultLabel({ code }: Fault): string {
  if (code === null) return 'none';
  return FAULT_CODES.includes(code) ? String(code) : 'other';
}

function upstreamOf(config: Config, sandbox: RunningSandbox | null) {
  if (config.upstream !== null) {
    const { endpoint, userId, encryptionKey } = config.upstream;
    return { endpoint, credentials: { userId, encryptionKey: encryptionKey.reveal() } };
  }
  if (sandbox === null) throw new Error('neither an upstream nor a sandbox');
  return { endpoint: new URL(sandbox.endpoint), credentials: SANDBOX_CREDENTIALS };
}
