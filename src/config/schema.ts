import { z } from 'zod';
import {
  carriable,
  endpoint,
  flag,
  integer,
  jwksUrl,
  logLevel,
  origins,
  publicUrl,
  redisUrl,
  replicaShare,
  wholeNumber,
} from './kinds.ts';

/** Every variable is declared here, and only here: its kind, its bounds and its default. */
export const environment = z.object({
  NODE_ENV: z.string().optional(),
  PORT: integer(0, 65_535, 8080),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  HOST: z.string().default('127.0.0.1'),
  PUBLIC_URL: publicUrl.optional(),
  SANDBOX_PORT: integer(0, 65_535, 8081),
  SANDBOX_STATE_FILE: z.string().optional(),
  MARKETO_SOAP_ENDPOINT: endpoint.optional(),
  MARKETO_USER_ID: carriable.optional(),
  MARKETO_ENCRYPTION_KEY: z.string().optional(),
  MARKETO_SANDBOX: flag,
  MARKETO_ALLOW_INSECURE: flag,
  MARKETO_DEFAULT_WORKSPACE: carriable.max(255, { error: 'must have at most 255 characters' }).optional(),
  MARKETO_MAX_CALLS_PER_20S: integer(1, 10_000_000, 100),
  MARKETO_MAX_CONCURRENT: integer(1, 1000, 10),
  MARKETO_DAILY_CALLS: integer(1, 1_000_000_000, 10_000),
  MARKETO_MAX_BATCH: integer(1, 300, 300),
  DISPATCH_MAX_QUEUED: integer(1, 1_000_000, 10_000),
  MAX_HELD_BYTES: integer(1_048_576, 1_073_741_824, 33_554_432),
  MARKETO_MAX_RESPONSE_BYTES: integer(1024, 1_073_741_824, 4_194_304),
  REQUEST_DEADLINE_MS: integer(1, 600_000, 25_000),
  UPSTREAM_TIMEOUT_MS: integer(1, 600_000, 20_000),
  KEEP_ALIVE_TIMEOUT_MS: integer(1000, 7_200_000, 65_000),
  SHUTDOWN_GRACE_MS: integer(0, 600_000, 10_000),
  SHUTDOWN_SETTLE_MS: integer(0, 600_000, 1000),
  ALLOW_UNAUTHENTICATED: flag,
  API_KEYS_FILE: z.string().optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_JWKS_URL: jwksUrl.optional(),
  JWT_REQUESTS_PER_SECOND: wholeNumber(1, 10_000).optional(),
  JWT_BURST: wholeNumber(1, 100_000).optional(),
  JWT_REQUESTS_PER_DAY: wholeNumber(1, 1_000_000_000).optional(),
  CORS_ORIGINS: origins.optional(),
  AUTH_FAILURES_PER_MINUTE: integer(1, 1_000_000, 60),
  REDIS_URL: redisUrl.optional(),
  REPLICA_SHARE: replicaShare.optional(),
  TRUSTED_PROXIES: integer(0, 10, 0),
  LOG_LEVEL: logLevel.default('info'),
  LOG_PRETTY: flag,
});

export type Values = z.infer<typeof environment>;

/** Everything `readConfig` looks at; each of them also as `X_FILE`, the path of a file that holds the value. */
export const CONFIG_VARIABLES: readonly string[] = Object.keys(environment.shape);
