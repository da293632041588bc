import type { z } from 'zod';
import {
  audienceClaim,
  audiences,
  encryptionKeys,
  flag,
  host,
  issuer,
  jwksUrl,
  logLevel,
  origins,
  outboxUrl,
  port,
  proxyCount,
  publicUrl,
  redisUrl,
  replicaShare,
  schemaName,
  scopePrefix,
  text,
  wholeNumber,
} from './kinds.ts';
import { UPSTREAM_VARIABLES } from './upstream-variables.ts';

/** The parts of docs/configuration.md and .env.example, in order, each with what holds for all of it. */
export const GROUPS = {
  upstream: [
    'Upstream',
    'The three variables of the [REST API](marketo-rest.md), or the three of the [SOAP API](marketo-soap.md), or none for the [sandbox](sandbox.md).',
  ],
  mapping: [
    'Fields and partitions',
    'For the [REST API](marketo-rest.md): JSON objects, also from an `X_FILE`.',
  ],
  limits: [
    "The subscription's limits",
    'The gateway never makes more calls than these allow. By SOAP the defaults are 100 calls in 20 seconds, 10 at a time and 10,000 a day. By REST, where all integrations of an instance share its limits, they are 50 in 20 seconds and 5 at a time, which is half, and 50,000 a day, which is all of it.',
  ],
  listening: ['Listening', ''],
  access: ['Callers', '[Keys](authentication.md#api-keys), [tokens](authentication.md#tokens), or both.'],
  times: ['Time and memory', ''],
  outbox: ['Outbox', 'Leads that are [accepted now and delivered later](outbox.md).'],
  replicas: ['Replicas', ''],
  sandbox: ['Sandbox', ''],
  log: ['Log', ''],
  proxy: [
    'Proxies for outgoing connections',
    'Also in lower case; not from an `X_FILE` ([outgoing proxy](#outgoing-proxy)).',
  ],
  traces: [
    'Traces',
    "OpenTelemetry's own variables; not from an `X_FILE` ([OpenTelemetry](#opentelemetry)).",
  ],
} as const satisfies Readonly<Record<string, readonly [heading: string, introduction: string]>>;

/** What the documentation says of a variable. */
export type Described = {
  readonly group: keyof typeof GROUPS;
  /** In Markdown, as a page of docs/ has it. */
  readonly meaning: string;
  /** A value for .env.example, where there is no default. */
  readonly example?: string;
};

export type Variable = Described & {
  readonly kind: z.ZodType<unknown, string>;
  readonly default?: unknown;
  /** The default with the REST API, where it is another. */
  readonly restDefault?: unknown;
  /** Keeps the value out of messages and of what `check-config` prints. */
  readonly isSecret?: true;
  /** The variable without which this one, and its default, mean nothing. */
  readonly needs?: string;
};

/** Every variable is declared here, and only here. Messages and pages have them in this order. */
export const VARIABLES = {
  ...UPSTREAM_VARIABLES,
  MARKETO_MAX_CALLS_PER_20S: {
    group: 'limits',
    kind: wholeNumber(1, 10_000_000),
    default: 100,
    restDefault: 50,
    meaning: 'Calls in 20 seconds.',
  },
  MARKETO_MAX_CONCURRENT: {
    group: 'limits',
    kind: wholeNumber(1, 1000),
    default: 10,
    restDefault: 5,
    meaning: 'Calls at a time.',
  },
  MARKETO_DAILY_CALLS: {
    group: 'limits',
    kind: wholeNumber(1, 1_000_000_000),
    default: 10_000,
    restDefault: 50_000,
    meaning:
      'Calls a day, from midnight to midnight US Central time. By REST the calls of [all integrations together](dispatching.md#daily-quota) count, not those of the gateway alone.',
  },
  MARKETO_MAX_BATCH: {
    group: 'limits',
    kind: wholeNumber(1, 300),
    default: 300,
    meaning: 'Leads in a call; `1` sends each lead alone.',
  },
  PORT: {
    group: 'listening',
    kind: port,
    default: 8080,
    meaning: 'The port of the API; `0` takes a free one.',
  },
  HOST: {
    group: 'listening',
    kind: host,
    default: '127.0.0.1',
    meaning:
      'The address to listen on (the image has `0.0.0.0`). Other than loopback it needs keys, tokens or `ALLOW_UNAUTHENTICATED`.',
  },
  PUBLIC_URL: {
    group: 'listening',
    kind: publicUrl,
    meaning:
      "Where callers reach the gateway, such as `https://example.com/marketo` ([a path prefix](operations.md#a-path-prefix)); without it, the request's host. For the `type` of problems, the API descriptions, and secret keys on `/docs`.",
    example: 'https://leads.example.com',
  },
  TRUSTED_PROXIES: {
    group: 'listening',
    kind: proxyCount(10),
    default: 0,
    meaning: 'How many proxies in front of the gateway have an `X-Forwarded-For` that counts.',
  },
  KEEP_ALIVE_TIMEOUT_MS: {
    group: 'listening',
    kind: wholeNumber(1000, 7_200_000),
    default: 65_000,
    meaning:
      "How long a caller's connection may be idle; [longer than the balancer's](operations.md#idle-connections).",
  },
  METRICS_PORT: {
    group: 'listening',
    kind: port,
    meaning: 'A port for `GET /metrics` alone, [without authentication](observability.md#metrics).',
    example: '9464',
  },
  API_KEYS_FILE: {
    group: 'access',
    kind: text,
    meaning: 'The path of the [key file](authentication.md#key-file).',
    example: 'keys.json',
  },
  ALLOW_UNAUTHENTICATED: {
    group: 'access',
    kind: flag,
    default: false,
    meaning: '`true` allows any `HOST` without keys and tokens; not together with them.',
  },
  JWT_ISSUER: {
    group: 'access',
    kind: issuer,
    meaning: 'The issuer of tokens. The next two belong to it: all three, or none.',
    example: 'https://login.example.com/',
  },
  JWT_AUDIENCE: {
    group: 'access',
    kind: audiences,
    meaning: 'The audience of tokens; several are separated by commas.',
    example: 'lead-gateway',
  },
  JWT_JWKS_URL: {
    group: 'access',
    kind: jwksUrl,
    meaning: "Where the issuer's public keys are.",
    example: 'https://login.example.com/.well-known/jwks.json',
  },
  JWT_AUDIENCE_CLAIM: {
    group: 'access',
    kind: audienceClaim,
    default: 'aud',
    needs: 'JWT_ISSUER',
    meaning: '`client_id` for tokens without `aud`.',
  },
  JWT_SCOPE_PREFIX: {
    group: 'access',
    kind: scopePrefix,
    needs: 'JWT_ISSUER',
    meaning: "The prefix of the gateway's scopes in a token.",
    example: 'lead-gateway/',
  },
  JWT_REQUESTS_PER_SECOND: {
    group: 'access',
    kind: wholeNumber(1, 10_000),
    needs: 'JWT_ISSUER',
    meaning: 'Requests a second of each application that has tokens.',
    example: '50',
  },
  JWT_BURST: {
    group: 'access',
    kind: wholeNumber(1, 100_000),
    needs: 'JWT_ISSUER',
    meaning: 'Requests of such an application at once, a multiple of `JWT_REQUESTS_PER_SECOND`.',
    example: '100',
  },
  JWT_REQUESTS_PER_DAY: {
    group: 'access',
    kind: wholeNumber(1, 1_000_000_000),
    needs: 'JWT_ISSUER',
    meaning: 'Requests of such an application a day.',
    example: '100000',
  },
  CORS_ORIGINS: {
    group: 'access',
    kind: origins,
    meaning: 'Origins of web pages that may call, separated by commas.',
    example: 'https://www.example.com,https://app.example.com',
  },
  AUTH_FAILURES_PER_MINUTE: {
    group: 'access',
    kind: wholeNumber(1, 1_000_000),
    default: 60,
    meaning: 'Requests without valid credentials that one address may make in a minute.',
  },
  PUBLISHABLE_REQUESTS_PER_MINUTE: {
    group: 'access',
    kind: wholeNumber(1, 1_000_000),
    default: 60,
    meaning:
      'Requests that one address may make in a minute with [publishable keys](authentication.md#rate-limits); behind a proxy set `TRUSTED_PROXIES`.',
  },
  REQUEST_DEADLINE_MS: {
    group: 'times',
    kind: wholeNumber(1, 600_000),
    default: 25_000,
    meaning: 'Time for a whole request, waiting and retries included.',
  },
  UPSTREAM_TIMEOUT_MS: {
    group: 'times',
    kind: wholeNumber(1, 600_000),
    default: 20_000,
    meaning: 'Time for one call to Marketo.',
  },
  PUBLISHABLE_RESPONSE_MS: {
    group: 'times',
    kind: wholeNumber(100, 60_000),
    default: 5000,
    meaning:
      'How long a publishable key waits for its answer, [whatever becomes of the lead](authentication.md#uniform-responses); longer than Marketo takes.',
  },
  SHUTDOWN_GRACE_MS: {
    group: 'times',
    kind: wholeNumber(0, 600_000),
    default: 10_000,
    meaning: 'How long [shutdown](operations.md#shutdown) may take.',
  },
  SHUTDOWN_DELAY_MS: {
    group: 'times',
    kind: wholeNumber(0, 600_000),
    default: 1000,
    meaning: 'The part of it, at most half, in which new leads are still accepted.',
  },
  MAX_QUEUED_LEADS: {
    group: 'times',
    kind: wholeNumber(1, 1_000_000),
    default: 25_000,
    meaning: 'Leads that may wait; more get `429 upstream-busy`.',
  },
  MAX_BUFFERED_BODY_BYTES: {
    group: 'times',
    kind: wholeNumber(1_048_576, 1_073_741_824),
    default: 33_554_432,
    meaning:
      'Memory for request bodies, and for results of batches that wait, in bytes; when it is full, the slowest that are arriving get `503 unavailable`.',
  },
  MARKETO_MAX_RESPONSE_BYTES: {
    group: 'times',
    kind: wholeNumber(1024, 1_073_741_824),
    default: 4_194_304,
    meaning: 'The largest reply of the upstream that is read; a larger one is `502 upstream-bad-response`.',
  },
  OUTBOX_URL: {
    group: 'outbox',
    kind: outboxUrl,
    isSecret: true,
    meaning:
      'Where accepted leads are kept: `file:` and the path of a file, or `postgres://…` for [replicas](outbox.md#postgresql). Not set: no outbox.',
    example: 'file:/var/lib/lead-gateway/outbox.db',
  },
  OUTBOX_SCHEMA: {
    group: 'outbox',
    kind: schemaName,
    default: 'lead_gateway',
    needs: 'OUTBOX_URL',
    meaning: 'The schema in PostgreSQL, which is made if it is not there.',
  },
  OUTBOX_ENCRYPTION_KEYS: {
    group: 'outbox',
    kind: encryptionKeys,
    isSecret: true,
    needs: 'OUTBOX_URL',
    meaning:
      'Keys of 32 bytes in base64, separated by commas: the first [encrypts what is kept](outbox.md#encryption), all decrypt. Not set: plain text.',
  },
  OUTBOX_MAX_PENDING: {
    group: 'outbox',
    kind: wholeNumber(1, 100_000_000),
    default: 1_000_000,
    needs: 'OUTBOX_URL',
    meaning: 'Leads that may be kept until they are delivered; more get `503 unavailable`.',
  },
  OUTBOX_MAX_AGE_HOURS: {
    group: 'outbox',
    kind: wholeNumber(1, 8760),
    default: 72,
    needs: 'OUTBOX_URL',
    meaning: 'How long a lead that cannot be delivered is tried again.',
  },
  OUTBOX_RETENTION_HOURS: {
    group: 'outbox',
    kind: wholeNumber(1, 87_600),
    default: 168,
    needs: 'OUTBOX_URL',
    meaning: 'How long receipts and failed leads are kept.',
  },
  REDIS_URL: {
    group: 'replicas',
    kind: redisUrl,
    isSecret: true,
    meaning: 'The Redis through which [replicas](replicas.md) share one subscription.',
    example: 'redis://127.0.0.1:6379',
  },
  REPLICA_SHARE: {
    group: 'replicas',
    kind: replicaShare,
    // Safe for up to four replicas; with more of them the gateway warns.
    default: 0.25,
    needs: 'REDIS_URL',
    meaning: 'The part of the limits that each replica may use while Redis is away: over 0, up to 1.',
  },
  SANDBOX_HOST: {
    group: 'sandbox',
    kind: host.refine((value) => !value.includes('%'), { error: 'must be an address without a zone' }),
    default: '127.0.0.1',
    meaning: 'The address the sandbox listens on; it asks for no credentials.',
  },
  SANDBOX_PORT: {
    group: 'sandbox',
    kind: port,
    default: 8081,
    meaning: "The sandbox's port.",
  },
  SANDBOX_STATE_FILE: {
    group: 'sandbox',
    kind: text,
    meaning: "A JSON file that keeps the sandbox's leads over a restart.",
    example: 'sandbox.json',
  },
  LOG_LEVEL: {
    group: 'log',
    kind: logLevel,
    default: 'info',
    meaning: '`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.',
  },
} as const satisfies Readonly<Record<string, Variable>>;

export type Name = keyof typeof VARIABLES;

/** Each variable's value as its kind makes it; undefined if it is not set and has no default. */
export type Values = {
  readonly [N in Name]: z.output<(typeof VARIABLES)[N]['kind']> | MissingValue<(typeof VARIABLES)[N]>;
};

type MissingValue<V> = V extends { readonly default: unknown } ? never : undefined;

/** Each of them is also read as `X_FILE`, the path of a file that holds the value. */
export const CONFIG_VARIABLES = Object.keys(VARIABLES) as readonly Name[];

/** True for a variable whose value no message may show. */
export function isSecret(name: Name): boolean {
  return 'isSecret' in VARIABLES[name];
}

/** The variables that mean nothing without `name`. */
export function dependentsOf(name: Name): readonly Name[] {
  return CONFIG_VARIABLES.filter((candidate) => (VARIABLES[candidate] as Variable).needs === name);
}

/** A variable as it is in effect, for people who ask how a gateway is configured. */
export type Setting = {
  readonly name: string;
  /** Null: not set, and without a default. `(set)` for a secret that may hold a password. */
  readonly value: string | null;
  /** `default`, `environment`, or the path of the file the value comes from. */
  readonly source: string;
};
