import { type RateLimit, rateLimitOf } from '../access/principal.ts';
import { readTracingSettings, type TracingSettings } from '../observability/tracing.ts';
import type { Proxies } from '../transport/proxy.ts';
import { type Environment, type ReadFile, withFiles } from './files.ts';
import { destinationsOf, proxyWarnings, readProxies } from './proxies.ts';
import { configWarnings, DEFAULT_SHARE, ruleMistakes } from './rules.ts';
import { checkValues, type Name, type Setting, settingsOf, type Values } from './schema.ts';
import { findUnknown } from './unknown-variables.ts';

/** A value that no log, dump or JSON shows; only asking for it does. */
export type Secret = { readonly reveal: () => string };

export type Upstream = {
  readonly endpoint: URL;
  readonly userId: string;
  readonly encryptionKey: Secret;
};

/** Who may call. Without a file of keys and without tokens, everybody who reaches the gateway. */
type AccessSettings = {
  /** The path of the file of keys. */
  readonly keysFile: string | undefined;
  readonly token: {
    readonly issuer: string;
    /** One of them must be the token's. */
    readonly audiences: readonly string[];
    /** Where a token names its audience: with `client_id`, there when it has no `aud`. */
    readonly audienceClaim: 'aud' | 'client_id';
    /** In front of each scope that is meant for the gateway. */
    readonly scopePrefix: string;
    readonly jwksUrl: URL;
    /** Of each application that has tokens. */
    readonly rateLimit: RateLimit | undefined;
  } | null;
  readonly corsOrigins: readonly string[];
  /** Requests without valid credentials an address may make in a minute. */
  readonly authFailuresPerMinute: number;
  /** Proxies in front of the gateway whose X-Forwarded-For counts. */
  readonly trustedProxies: number;
};

/** What replicas that share a subscription need. */
export type ReplicaSettings = {
  /** Where they agree on calls and count the limits of callers. */
  readonly redisUrl: Secret;
  /** The part of the subscription's limits that each keeps to while Redis is away: over 0 up to 1. */
  readonly share: number;
};

export type Config = {
  readonly host: string;
  readonly port: number;
  /** A port of their own for the metrics; null: they are at the main one. */
  readonly metricsPort: number | null;
  /** Where callers reach the gateway, without a slash at the end, for the descriptions of the API. */
  readonly publicUrl: string | undefined;
  /** Null: the embedded sandbox is the upstream. */
  readonly upstream: Upstream | null;
  readonly access: AccessSettings;
  /** Null: this gateway has the subscription for itself. */
  readonly replicas: ReplicaSettings | null;
  readonly sandboxHost: string;
  readonly sandboxPort: number;
  /** The JSON file that keeps the sandbox over a restart. */
  readonly sandboxStateFile: string | undefined;
  readonly defaultWorkspace: string | undefined;
  readonly maxCallsPer20s: number;
  readonly maxConcurrentCalls: number;
  readonly dailyCalls: number;
  readonly maxBatch: number;
  readonly maxQueued: number;
  /** Bytes that the bodies of requests may take together. */
  readonly maxBufferedBytes: number;
  readonly maxResponseBytes: number;
  readonly requestDeadlineMs: number;
  readonly upstreamTimeoutMs: number;
  /** How long a connection of a caller may be idle. */
  readonly keepAliveTimeoutMs: number;
  readonly shutdownGraceMs: number;
  /** The part of it in which new requests are still served. */
  readonly shutdownDelayMs: number;
  readonly logLevel: Values['LOG_LEVEL'];
  /** Lines for people instead of JSON. */
  readonly logPretty: boolean;
  /** Null: nobody has asked for traces. */
  readonly tracing: TracingSettings | null;
  /** What outgoing connections go through; null: nothing. Redis is reached directly. */
  readonly proxies: Proxies | null;
};

export type ConfigResult =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly settings: readonly Setting[];
      /** What is worth a word when the gateway starts; one sentence each. */
      readonly warnings: readonly string[];
    }
  /** One sentence a mistake, each beginning with the variable's name; no values of secrets. */
  | { readonly ok: false; readonly mistakes: readonly string[] };

/**
 * Reads the configuration (contract C) and reports every mistake at once. An empty variable counts as not set.
 *
 * @param readFile gives a file's text or throws; for the `X_FILE` variables
 * @param origins the env files that variables of `env` were read from; all others are the process's own
 */
export function readConfig(
  env: Environment,
  readFile: ReadFile,
  origins: ReadonlyMap<string, string> = new Map(),
): ConfigResult {
  const given = withFiles(env, readFile);
  const { values, broken, mistakes } = checkValues(given);
  const { tracing, mistakes: tracingMistakes } = readTracingSettings(env);
  const unknown = findUnknown(env, origins);
  const { proxies, settings: proxySettings, mistakes: proxyMistakes } = readProxies(env, origins);
  const complaints = [
    ...unknown.mistakes,
    ...given.mistakes,
    ...mistakes,
    ...ruleMistakes(values, broken, given, readFile),
    ...tracingMistakes,
    ...proxyMistakes,
  ];
  if (complaints.length > 0) return { ok: false, mistakes: complaints };
  const config = toConfig(values, tracing, proxies);
  return {
    ok: true,
    config,
    settings: [...settingsOf(withDefaults(values), given, origins), ...proxySettings],
    warnings: [
      ...unknown.warnings,
      ...configWarnings(values, given.given),
      ...proxyWarnings(proxies, destinationsOf(config)),
    ],
  };
}

/**
 * Reads some variables alone, for whoever asks a running gateway or edits its keys: a mistake in another one is no
 * reason to refuse that.
 */
export function readSome<Some extends Name>(
  env: Environment,
  readFile: ReadFile,
  names: readonly Some[],
):
  | { readonly ok: true; readonly values: Pick<Values, Some> }
  | { readonly ok: false; readonly mistakes: readonly string[] } {
  const given = withFiles(env, readFile, names);
  const { values, mistakes } = checkValues(given, names);
  const complaints = [...given.mistakes, ...mistakes];
  return complaints.length > 0 ? { ok: false, mistakes: complaints } : { ok: true, values };
}

/** The defaults of what counts only beside other variables. */
function withDefaults(values: Values): Values {
  return {
    ...values,
    ...(values.JWT_ISSUER !== undefined && { JWT_AUDIENCE_CLAIM: values.JWT_AUDIENCE_CLAIM ?? 'aud' }),
    ...(values.REDIS_URL !== undefined && { REPLICA_SHARE: values.REPLICA_SHARE ?? DEFAULT_SHARE }),
  };
}

function toConfig(values: Values, tracing: TracingSettings | null, proxies: Proxies | null): Config {
  const key = values.MARKETO_ENCRYPTION_KEY;
  const upstream =
    values.MARKETO_SOAP_ENDPOINT !== undefined && values.MARKETO_USER_ID !== undefined && key !== undefined
      ? {
          endpoint: values.MARKETO_SOAP_ENDPOINT,
          userId: values.MARKETO_USER_ID,
          encryptionKey: { reveal: () => key },
        }
      : null;
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audiences, JWT_JWKS_URL: jwks, REDIS_URL: redis } = values;
  return Object.freeze({
    host: values.HOST,
    port: values.PORT,
    metricsPort: values.METRICS_PORT ?? null,
    publicUrl: values.PUBLIC_URL,
    upstream,
    access: {
      keysFile: values.API_KEYS_FILE,
      token:
        issuer !== undefined && audiences !== undefined && jwks !== undefined
          ? {
              issuer,
              audiences,
              audienceClaim: values.JWT_AUDIENCE_CLAIM ?? 'aud',
              scopePrefix: values.JWT_SCOPE_PREFIX ?? '',
              jwksUrl: jwks,
              rateLimit: tokenLimit(values),
            }
          : null,
      corsOrigins: values.CORS_ORIGINS ?? [],
      authFailuresPerMinute: values.AUTH_FAILURES_PER_MINUTE,
      trustedProxies: values.TRUSTED_PROXIES,
    },
    replicas:
      redis === undefined
        ? null
        : { redisUrl: { reveal: () => redis }, share: values.REPLICA_SHARE ?? DEFAULT_SHARE },
    sandboxHost: values.SANDBOX_HOST,
    sandboxPort: values.SANDBOX_PORT,
    sandboxStateFile: values.SANDBOX_STATE_FILE,
    defaultWorkspace: values.MARKETO_DEFAULT_WORKSPACE,
    maxCallsPer20s: values.MARKETO_MAX_CALLS_PER_20S,
    maxConcurrentCalls: values.MARKETO_MAX_CONCURRENT,
    dailyCalls: values.MARKETO_DAILY_CALLS,
    maxBatch: values.MARKETO_MAX_BATCH,
    maxQueued: values.MAX_QUEUED_LEADS,
    maxBufferedBytes: values.MAX_BUFFERED_BODY_BYTES,
    maxResponseBytes: values.MARKETO_MAX_RESPONSE_BYTES,
    requestDeadlineMs: values.REQUEST_DEADLINE_MS,
    upstreamTimeoutMs: values.UPSTREAM_TIMEOUT_MS,
    keepAliveTimeoutMs: values.KEEP_ALIVE_TIMEOUT_MS,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS,
    shutdownDelayMs: values.SHUTDOWN_DELAY_MS,
    logLevel: values.LOG_LEVEL,
    logPretty: values.LOG_PRETTY,
    tracing,
    proxies,
  });
}

function tokenLimit({
  JWT_REQUESTS_PER_SECOND: requestsPerSecond,
  JWT_BURST: burst,
  JWT_REQUESTS_PER_DAY: requestsPerDay,
}: Values): RateLimit | undefined {
  const isLimited = requestsPerSecond !== undefined || requestsPerDay !== undefined;
  return isLimited ? rateLimitOf({ requestsPerSecond, burst, requestsPerDay }) : undefined;
}
