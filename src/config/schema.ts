import { z } from 'zod';
import {
  audienceClaim,
  audiences,
  carriable,
  credential,
  endpoint,
  flag,
  host,
  integer,
  issuer,
  jwksUrl,
  logLevel,
  nodeEnv,
  origins,
  port,
  proxyCount,
  publicUrl,
  redisUrl,
  replicaShare,
  scopePrefix,
  secret,
  text,
  wholeNumber,
} from './kinds.ts';
import type { Given } from './files.ts';
import { quoted, wrapperComplaint } from './texts.ts';

/**
 * Every variable is declared here, and only here: its kind, its bounds and its default. `secret` keeps its value out of
 * messages and of what `check-config` prints.
 */
export const environment = z.object({
  NODE_ENV: nodeEnv.optional(),
  PORT: port.default(8080),
  METRICS_PORT: port.optional(),
  HOST: host.default('127.0.0.1'),
  PUBLIC_URL: publicUrl.optional(),
  SANDBOX_HOST: host
    .refine((value) => !value.includes('%'), { error: 'must be an address without a zone' })
    .default('127.0.0.1'),
  SANDBOX_PORT: port.default(8081),
  SANDBOX_STATE_FILE: text.optional(),
  MARKETO_SOAP_ENDPOINT: endpoint.optional(),
  MARKETO_USER_ID: secret(carriable(credential).optional()),
  MARKETO_ENCRYPTION_KEY: secret(credential.optional()),
  MARKETO_SANDBOX: flag,
  MARKETO_ALLOW_INSECURE: flag,
  MARKETO_DEFAULT_WORKSPACE: carriable(text)
    .max(255, { error: 'must have at most 255 characters' })
    .optional(),
  MARKETO_MAX_CALLS_PER_20S: integer(1, 10_000_000, 100),
  MARKETO_MAX_CONCURRENT: integer(1, 1000, 10),
  MARKETO_DAILY_CALLS: integer(1, 1_000_000_000, 10_000),
  MARKETO_MAX_BATCH: integer(1, 300, 300),
  MAX_QUEUED_LEADS: integer(1, 1_000_000, 10_000),
  MAX_BUFFERED_BODY_BYTES: integer(1_048_576, 1_073_741_824, 33_554_432),
  MARKETO_MAX_RESPONSE_BYTES: integer(1024, 1_073_741_824, 4_194_304),
  REQUEST_DEADLINE_MS: integer(1, 600_000, 25_000),
  UPSTREAM_TIMEOUT_MS: integer(1, 600_000, 20_000),
  KEEP_ALIVE_TIMEOUT_MS: integer(1000, 7_200_000, 65_000),
  SHUTDOWN_GRACE_MS: integer(0, 600_000, 10_000),
  SHUTDOWN_DELAY_MS: integer(0, 600_000, 1000),
  ALLOW_UNAUTHENTICATED: flag,
  API_KEYS_FILE: text.optional(),
  JWT_ISSUER: issuer.optional(),
  JWT_AUDIENCE: audiences.optional(),
  JWT_AUDIENCE_CLAIM: audienceClaim.optional(),
  JWT_SCOPE_PREFIX: scopePrefix.optional(),
  JWT_JWKS_URL: jwksUrl.optional(),
  JWT_REQUESTS_PER_SECOND: wholeNumber(1, 10_000).optional(),
  JWT_BURST: wholeNumber(1, 100_000).optional(),
  JWT_REQUESTS_PER_DAY: wholeNumber(1, 1_000_000_000).optional(),
  CORS_ORIGINS: origins.optional(),
  AUTH_FAILURES_PER_MINUTE: integer(1, 1_000_000, 60),
  REDIS_URL: secret(redisUrl.optional()),
  REPLICA_SHARE: replicaShare.optional(),
  TRUSTED_PROXIES: proxyCount(10),
  LOG_LEVEL: logLevel.default('info'),
  LOG_PRETTY: flag,
});

export type Values = z.infer<typeof environment>;

export type Name = keyof Values;

/** Everything `readConfig` looks at; each of them also as `X_FILE`, the path of a file that holds the value. */
export const CONFIG_VARIABLES: readonly string[] = environment.keyof().options;

/** The same, as a type knows them. */
export const NAMES: readonly Name[] = environment.keyof().options;

/** True for what no message may show. */
export function isSecret(name: Name): boolean {
  return environment.shape[name].meta()?.['secret'] === true;
}

/** A variable as it counts, for people who ask what a gateway goes by. */
export type Setting = {
  readonly name: string;
  /** Null: not set, and without a default. `(set)` for a secret. */
  readonly value: string | null;
  /** `default`, `environment`, or the path of the file it stands in. */
  readonly source: string;
};

export type Checked = {
  /** With the defaults of those that are mistakes. */
  readonly values: Values;
  readonly broken: ReadonlySet<Name>;
  /** One sentence a mistake, in the order of the schema. */
  readonly mistakes: readonly string[];
};

/** Holds each value against its kind. */
export function checkValues({ values, paths }: Given, names: readonly Name[] = NAMES): Checked {
  const complaints = new Map<Name, string[]>();
  for (const name of names) {
    const value = values[name];
    if (value === undefined) continue;
    const wrapper = wrapperComplaint(value);
    const found =
      wrapper === undefined
        ? (environment.shape[name].safeParse(value).error?.issues ?? []).map(({ message }) => message)
        : [wrapper];
    if (found.length > 0) complaints.set(name, found);
  }
  const valid = Object.fromEntries(Object.entries(values).filter(([name]) => !complaints.has(name as Name)));
  return {
    values: environment.parse(valid),
    broken: new Set(complaints.keys()),
    mistakes: [...complaints].flatMap(([name, found]) =>
      // The first says it; the rest follows from it.
      found
        .slice(0, 1)
        .map((complaint) => `${subjectOf(name, values[name] ?? '', paths[name])} ${complaint}`),
    ),
  };
}

/** What a file holds may be anything, when it is the wrong one. */
function subjectOf(name: Name, value: string, path: string | undefined): string {
  if (path !== undefined) return `${name} (in the file of ${name}_FILE)`;
  return isSecret(name) ? name : `${name} ${quoted(value)}`;
}

/**
 * All variables with the values that count and where they come from.
 *
 * @param envFileOf the env files that variables were read from
 */
export function settingsOf(
  values: Values,
  { given, paths }: Given,
  envFileOf: ReadonlyMap<string, string>,
): Setting[] {
  return NAMES.map((name) => ({
    name,
    value: shown(name, values[name], given.has(name)),
    source: given.has(name) ? (paths[name] ?? envFileOf.get(name) ?? 'environment') : 'default',
  }));
}

function shown(name: Name, value: Values[Name], isGiven: boolean): string | null {
  if (value === undefined || value === null) return null;
  if (isSecret(name) && isGiven) return '(set)';
  return value instanceof URL ? value.href : Array.isArray(value) ? value.join(',') : String(value);
}
