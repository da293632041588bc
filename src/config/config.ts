import { type RateLimit, rateLimitOf } from '../access/principal.ts';
import { readTracingSettings, type TracingSettings } from '../observability/tracing.ts';
import type { Proxies } from '../transport/proxy.ts';
import { type Environment, type Given, type ReadFile, withFiles } from './files.ts';
import { destinationsOf, proxyWarnings, readProxies } from './proxies.ts';
import { configWarnings, ruleMistakes } from './rules.ts';
import {
  CONFIG_VARIABLES,
  isSecret,
  type Name,
  type Setting,
  type Values,
  type Variable,
  VARIABLES,
} from './schema.ts';
import { quoted, wrapperComplaint } from './texts.ts';
import { protocolOf, restSettingsOf, type Secret, type Upstream, upstreamOf } from './upstream.ts';
import { findUnknown } from './unknown-variables.ts';

/** What replicas that share a subscription need. */
export type ReplicaSettings = {
  /** Where they agree on calls and count the rate limits of callers. */
  readonly redisUrl: Secret;
  /** The part of the subscription's limits that each may use while Redis is away: over 0, up to 1. */
  readonly share: number;
};

export type Config = ReturnType<typeof toConfig>;

export type ConfigResult =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly settings: readonly Setting[];
      /** What the operator should know when the gateway starts; one sentence each. */
      readonly warnings: readonly string[];
    }
  /** One sentence for each mistake, beginning with the variable's name; never the value of a secret. */
  | { readonly ok: false; readonly mistakes: readonly string[] };

/**
 * Reads the configuration (docs/configuration.md#variables) and reports every mistake at once. An empty variable counts
 * as not set.
 *
 * @param readFile returns a file's text or throws; for the `X_FILE` variables
 * @param origins the env files that variables of `env` were read from; all others are the process's own
 */
export function readConfig(
  env: Environment,
  readFile: ReadFile,
  origins: ReadonlyMap<string, string> = new Map(),
): ConfigResult {
  const given = withFiles(env, readFile);
  const { values, broken, mistakes } = checkValues(given, CONFIG_VARIABLES);
  const protocol = protocolOf(values, given.given);
  withRestDefaults(values, protocol, given.given);
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
  const config = toConfig(values, protocol, tracing, proxies);
  return {
    ok: true,
    config,
    settings: [...settingsOf(values, given, origins), ...proxySettings],
    warnings: [
      ...unknown.warnings,
      ...configWarnings(values, given.given, readFile),
      ...proxyWarnings(proxies, destinationsOf(config)),
    ],
  };
}

/** The budgets of the REST API are shared with other integrations, so they have other defaults. */
function withRestDefaults(values: Values, protocol: Upstream['protocol'], given: ReadonlySet<Name>): void {
  if (protocol !== 'rest') return;
  for (const name of CONFIG_VARIABLES) {
    const { restDefault }: Variable = VARIABLES[name];
    if (restDefault !== undefined && !given.has(name)) Object.assign(values, { [name]: restDefault });
  }
}

/** Reads some variables alone, for commands that a mistake in another variable does not concern. */
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

type Checked = {
  /** With the default, or undefined, in place of a mistake. */
  readonly values: Values;
  readonly broken: ReadonlySet<Name>;
  /** One sentence for each mistake, in the order of the schema. */
  readonly mistakes: readonly string[];
};

/** Checks each value against its kind. */
function checkValues({ values: texts, paths }: Given, names: readonly Name[]): Checked {
  const values: Partial<Record<Name, unknown>> = {};
  const broken = new Set<Name>();
  const mistakes: string[] = [];
  for (const name of names) {
    const { kind, default: fallback }: Variable = VARIABLES[name];
    const text = texts[name];
    values[name] = fallback;
    if (text === undefined) continue;
    const complaint = wrapperComplaint(text);
    const read = complaint === undefined ? kind.safeParse(text) : undefined;
    if (read?.success === true) {
      values[name] = read.data;
      continue;
    }
    broken.add(name);
    // The first issue says it; the rest follows from it.
    mistakes.push(`${subjectOf(name, text, paths[name])} ${complaint ?? read?.error.issues[0]?.message}`);
  }
  return { values: values as Values, broken, mistakes };
}

/** A variable's name, and its value where that may be shown, in front of a complaint. */
function subjectOf(name: Name, value: string, path: string | undefined): string {
  // The wrong file may hold anything, a password included.
  if (path !== undefined) return `${name} (in the file of ${name}_FILE)`;
  return isSecret(name) ? name : `${name} ${quoted(value)}`;
}

/** All variables with the values in effect and where they come from. */
function settingsOf(
  values: Values,
  { given, paths }: Given,
  origins: ReadonlyMap<string, string>,
): Setting[] {
  return CONFIG_VARIABLES.map((name) => {
    if (given.has(name)) {
      const value = isSecret(name) ? shownSecret(values[name]) : shown(values[name]);
      return { name, value, source: paths[name] ?? origins.get(name) ?? 'environment' };
    }
    const { needs }: Variable = VARIABLES[name];
    const isIdle = needs !== undefined && !given.has(needs as Name);
    return { name, value: isIdle ? null : shown(values[name]), source: 'default' };
  });
}

/** The path of a file can hold no password. */
function shownSecret(value: Values[Name]): string {
  const isFile = typeof value === 'object' && 'kind' in value && value.kind === 'file';
  return isFile ? `file:${value.path}` : '(set)';
}

function shown(value: Values[Name]): string | null {
  if (value === undefined) return null;
  if (value instanceof URL) return value.href;
  if (Array.isArray(value)) return value.join(',');
  if (value instanceof Map) return JSON.stringify(Object.fromEntries(value));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function toConfig(
  values: Values,
  protocol: Upstream['protocol'],
  tracing: TracingSettings | null,
  proxies: Proxies | null,
) {
  return Object.freeze({
    host: values.HOST,
    port: values.PORT,
    /** Null: the metrics are on the main port. */
    metricsPort: values.METRICS_PORT ?? null,
    /** Where callers reach the gateway, without a slash at the end, for the descriptions of the API. */
    publicUrl: values.PUBLIC_URL,
    /** Null: the embedded sandbox is the upstream. */
    upstream: upstreamOf(values, protocol),
    /** Which API leads go to; the embedded sandbox has both. */
    protocol,
    /** For the REST API. */
    rest: restSettingsOf(values),
    /** Who may call. Without a key file and without tokens, anyone who can reach the gateway. */
    access: {
      /** The path of the key file. */
      keysFile: values.API_KEYS_FILE,
      token: tokenSettingsOf(values),
      corsOrigins: values.CORS_ORIGINS ?? [],
      authFailuresPerMinute: values.AUTH_FAILURES_PER_MINUTE,
      /** Of one address, with publishable keys. */
      publishablePerMinute: values.PUBLISHABLE_REQUESTS_PER_MINUTE,
      trustedProxies: values.TRUSTED_PROXIES,
    },
    /** Null: this gateway has the subscription to itself. */
    replicas: replicasOf(values),
    /** Null: leads are not accepted to be delivered later. */
    outbox: outboxOf(values),
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
    publishableResponseMs: values.PUBLISHABLE_RESPONSE_MS,
    keepAliveTimeoutMs: values.KEEP_ALIVE_TIMEOUT_MS,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS,
    /** The part of `shutdownGraceMs` in which new requests are still served. */
    shutdownDelayMs: values.SHUTDOWN_DELAY_MS,
    logLevel: values.LOG_LEVEL,
    /** Null: traces are off. */
    tracing,
    /** For outgoing connections; null: there is no proxy. Redis is always reached directly. */
    proxies,
  });
}

function replicasOf({ REDIS_URL: url, REPLICA_SHARE: share }: Values): ReplicaSettings | null {
  return url === undefined ? null : { redisUrl: { reveal: () => url }, share };
}

const HOUR_MS = 3_600_000;

function outboxOf({ OUTBOX_URL: url, ...values }: Values) {
  if (url === undefined) return null;
  const { OUTBOX_SCHEMA: schema, OUTBOX_ENCRYPTION_KEYS: keys } = values;
  return {
    store: url.kind === 'file' ? url : { kind: url.kind, url: { reveal: () => url.url }, schema },
    /** 32 bytes each: the first encrypts, all decrypt. Null: plain text. */
    encryptionKeys: keys === undefined ? null : { reveal: () => keys },
    maxPending: values.OUTBOX_MAX_PENDING,
    /** How long after its acceptance a lead is tried. */
    maxAgeMs: values.OUTBOX_MAX_AGE_HOURS * HOUR_MS,
    /** How long what was delivered or given up is kept. */
    retentionMs: values.OUTBOX_RETENTION_HOURS * HOUR_MS,
  };
}

/** Null: tokens are not accepted. */
function tokenSettingsOf(values: Values) {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audiences, JWT_JWKS_URL: jwksUrl } = values;
  if (issuer === undefined || audiences === undefined || jwksUrl === undefined) return null;
  return {
    issuer,
    /** A token must have one of them. */
    audiences,
    /** The claim that names a token's audience: `client_id` counts where there is no `aud`. */
    audienceClaim: values.JWT_AUDIENCE_CLAIM,
    /** In front of each scope that is meant for the gateway. */
    scopePrefix: values.JWT_SCOPE_PREFIX ?? '',
    jwksUrl,
    /** Of each application that has tokens. */
    rateLimit: tokenLimitOf(values),
  };
}

function tokenLimitOf({
  JWT_REQUESTS_PER_SECOND: requestsPerSecond,
  JWT_BURST: burst,
  JWT_REQUESTS_PER_DAY: requestsPerDay,
}: Values): RateLimit | undefined {
  const isLimited = requestsPerSecond !== undefined || requestsPerDay !== undefined;
  return isLimited ? rateLimitOf({ requestsPerSecond, burst, requestsPerDay }) : undefined;
}
