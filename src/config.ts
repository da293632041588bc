import { z } from 'zod';
import { type RateLimit, rateLimitOf } from './http/access/caller.ts';
import { isOrigin, readKeyFile } from './http/access/key-file.ts';
import { isCarriable } from './leads/text.ts';
import { readTracingSettings, type TracingSettings } from './observability/tracing-settings.ts';

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
    readonly audience: string;
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
  readonly maxHeldBytes: number;
  readonly maxResponseBytes: number;
  readonly requestDeadlineMs: number;
  readonly upstreamTimeoutMs: number;
  readonly shutdownGraceMs: number;
  /** The part of it in which new requests are still served. */
  readonly shutdownSettleMs: number;
  readonly logLevel: z.infer<typeof logLevel>;
  /** Lines for people instead of JSON. */
  readonly logPretty: boolean;
  /** Null: nobody has asked for traces. */
  readonly tracing: TracingSettings | null;
};

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  /** One sentence a mistake, each beginning with the variable's name; no values of secrets. */
  | { readonly ok: false; readonly mistakes: readonly string[] };

export type Environment = Readonly<Record<string, string | undefined>>;

const CREDENTIALS = ['MARKETO_SOAP_ENDPOINT', 'MARKETO_USER_ID', 'MARKETO_ENCRYPTION_KEY'] as const;

const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,10}$/, { error })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error });
};

const integer = (min: number, max: number, fallback: number) => wholeNumber(min, max).default(fallback);

const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .default('false')
  .transform((value) => value === 'true');

const carriable = z.string().refine(isCarriable, { error: 'holds a character that XML cannot carry' });

const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
  error: 'must be one of trace, debug, info, warn, error, fatal, silent',
});

const endpoint = z.string().transform((value, context) => {
  const complain = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(value)) return complain('must be a URL');
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return complain('must be an https: URL');
  if (url.username !== '' || url.password !== '') return complain('must not hold a user name or a password');
  if (/^\?wsdl$/i.test(url.search)) return complain('must be the endpoint itself, without ?WSDL');
  url.hash = '';
  return url;
});

const publicUrl = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (isWeb && url.href === url.origin + url.pathname) return url.href.replace(/\/+$/, '');
  context.addIssue({
    code: 'custom',
    message: 'must be a URL such as https://leads.example.com, without a user, a query or a fragment',
  });
  return z.NEVER;
});

const TOKENS = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'] as const;
const TOKEN_LIMITS = ['JWT_REQUESTS_PER_SECOND', 'JWT_BURST', 'JWT_REQUESTS_PER_DAY'] as const;

const jwksUrl = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url;
  context.addIssue({ code: 'custom', message: 'must be an https: URL (http: only to a loopback host)' });
  return z.NEVER;
});

/** Safe for up to four replicas; more of them make the gateway warn. */
const DEFAULT_SHARE = 0.25;

const SHARE_ERROR = 'must be a number over 0 up to 1, such as 0.25';

const redisUrl = z.string().refine((value) => /^rediss?:\/\/./.test(value) && URL.canParse(value), {
  error: 'must be a URL such as redis://host:6379',
});

const replicaShare = z
  .string()
  .regex(/^(?:0?\.\d{1,6}|1(?:\.0{1,6})?)$/, { error: SHARE_ERROR })
  .transform(Number)
  .refine((value) => value > 0, { error: SHARE_ERROR });

const origins = z.string().transform((value, context) => {
  const list = value.split(',').map((origin) => origin.trim());
  if (list.every(isOrigin)) return list;
  context.addIssue({
    code: 'custom',
    message:
      'must be origins such as https://www.example.com with commas between them, in lower case, without paths',
  });
  return z.NEVER;
});

const environment = z.object({
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

/** Everything `readConfig` looks at; each of them also as `X_FILE`, the path of a file that holds the value. */
export const CONFIG_VARIABLES: readonly string[] = Object.keys(environment.shape);

/**
 * Reads the configuration (contract C) and reports every mistake at once. An empty variable counts as not set.
 *
 * @param readFile gives a file's text or throws; for the `X_FILE` variables
 */
export function readConfig(env: Environment, readFile: (path: string) => string): ConfigResult {
  const { values, given, mistakes } = withFiles(env, readFile);
  const parsed = environment.safeParse(values);
  const problems = parsed.success ? [] : parsed.error.issues;
  const { tracing, mistakes: tracingMistakes } = readTracingSettings(env);
  const complaints = [
    ...mistakes,
    ...problems.map(({ path, message }) => `${path.join('.')} ${message}`),
    ...credentialMistakes(values, given),
    ...accessMistakes(values, given, readFile),
    ...exposureMistakes(values, given),
    ...portMistakes(values, given),
    ...tracingMistakes,
    ...replicaMistakes(values, given),
  ];
  if (!parsed.success || complaints.length > 0) return { ok: false, mistakes: complaints };
  return { ok: true, config: toConfig(parsed.data, tracing) };
}

/**
 * Reads only where the gateway listens, for whoever asks a running one: a file of keys that is broken by now, say, is
 * no reason to call a gateway unwell that goes on with the keys it has. Host and port are those of `Config`.
 */
export function readListenAddress(
  env: Environment,
  readFile: (path: string) => string,
):
  | { readonly ok: true; readonly host: string; readonly port: number }
  | { readonly ok: false; readonly mistakes: readonly string[] } {
  const { values, mistakes } = withFiles(env, readFile, ['HOST', 'PORT']);
  const parsed = environment.pick({ HOST: true, PORT: true }).safeParse(values);
  const problems = parsed.success ? [] : parsed.error.issues;
  const complaints = [...mistakes, ...problems.map(({ path, message }) => `${path.join('.')} ${message}`)];
  if (!parsed.success || complaints.length > 0) return { ok: false, mistakes: complaints };
  return { ok: true, host: parsed.data.HOST, port: parsed.data.PORT };
}

/** The values, and the names that were given one: also those whose file could not be read. */
type Given = {
  readonly values: Readonly<Record<string, string>>;
  readonly given: ReadonlySet<string>;
  readonly mistakes: readonly string[];
};

function withFiles(
  env: Environment,
  readFile: (path: string) => string,
  names: readonly string[] = CONFIG_VARIABLES,
): Given {
  const values: Record<string, string> = {};
  const given = new Set<string>();
  const mistakes: string[] = [];
  for (const name of names) {
    const direct = env[name];
    const path = env[`${name}_FILE`];
    if (!direct && !path) continue;
    given.add(name);
    if (direct && path) {
      mistakes.push(`${name} and ${name}_FILE are both set; use one of them`);
    } else if (direct) {
      values[name] = direct;
    } else if (path) {
      const content = fileContent(path, readFile);
      if (content.ok) values[name] = content.text;
      else mistakes.push(`${name}_FILE names a file that ${content.complaint}`);
    }
  }
  return { values, given, mistakes };
}

function fileContent(
  path: string,
  readFile: (path: string) => string,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly complaint: string } {
  try {
    // Editors and `echo` end a file with a line break that is no part of the value.
    const text = readFile(path).replace(/\r?\n$/, '');
    return text === '' ? { ok: false, complaint: 'is empty' } : { ok: true, text };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return { ok: false, complaint: `cannot be read${code}` };
  }
}

function credentialMistakes(values: Readonly<Record<string, string>>, given: ReadonlySet<string>): string[] {
  const missing = CREDENTIALS.filter((name) => !given.has(name));
  const wantsSandbox = values['MARKETO_SANDBOX'] === 'true';
  if (missing.length === 0) {
    return wantsSandbox ? [`MARKETO_SANDBOX is true, but ${CREDENTIALS.join(', ')} are set as well`] : [];
  }
  if (missing.length < CREDENTIALS.length) {
    return missing.map((name) => `${name} is missing; ${CREDENTIALS.join(', ')} go together`);
  }
  if (values['NODE_ENV'] !== 'production' || wantsSandbox) return [];
  return missing.map(
    (name) => `${name} is missing (in production the sandbox is used only with MARKETO_SANDBOX=true)`,
  );
}

/** How callers are known, if they are; and what stands in the file of keys. */
function accessMistakes(
  values: Readonly<Record<string, string>>,
  given: ReadonlySet<string>,
  readFile: (path: string) => string,
): string[] {
  const mistakes: string[] = [];
  const missing = TOKENS.filter((name) => !given.has(name));
  if (missing.length > 0 && missing.length < TOKENS.length) {
    mistakes.push(...missing.map((name) => `${name} is missing; ${TOKENS.join(', ')} go together`));
  }
  mistakes.push(...tokenLimitMistakes(values, given));
  const path = values['API_KEYS_FILE'];
  if (path !== undefined) {
    const content = fileContent(path, readFile);
    const read = content.ok ? readKeyFile(content.text) : undefined;
    if (!content.ok) mistakes.push(`API_KEYS_FILE names a file that ${content.complaint}`);
    if (read?.ok === false) mistakes.push(...read.mistakes.map((mistake) => `API_KEYS_FILE: ${mistake}`));
  }
  if (values['ALLOW_UNAUTHENTICATED'] === 'true' && isAuthenticating(given)) {
    mistakes.push(
      'ALLOW_UNAUTHENTICATED is true, but API_KEYS_FILE or JWT_ISSUER asks for authentication; leave one of them out',
    );
  }
  return mistakes;
}

function tokenLimitMistakes(
  { JWT_REQUESTS_PER_SECOND: perSecond, JWT_BURST: burst }: Readonly<Record<string, string>>,
  given: ReadonlySet<string>,
): string[] {
  const limits = TOKEN_LIMITS.filter((name) => given.has(name));
  if (limits.length > 0 && !given.has('JWT_ISSUER')) {
    return limits.map((name) => `${name} is set, but tokens are not taken without ${TOKENS.join(', ')}`);
  }
  if (burst === undefined) return [];
  if (!given.has('JWT_REQUESTS_PER_SECOND')) return ['JWT_BURST goes only with JWT_REQUESTS_PER_SECOND'];
  return Number(burst) % Number(perSecond) === 0
    ? []
    : ['JWT_BURST must be a multiple of JWT_REQUESTS_PER_SECOND: it is a count of requests in whole seconds'];
}

function isAuthenticating(given: ReadonlySet<string>): boolean {
  return given.has('API_KEYS_FILE') || given.has('JWT_ISSUER');
}

function exposureMistakes(values: Readonly<Record<string, string>>, given: ReadonlySet<string>): string[] {
  const mistakes: string[] = [];
  const host = values['HOST'];
  const isOpen = values['ALLOW_UNAUTHENTICATED'] !== 'true' && !isAuthenticating(given);
  if (host !== undefined && !isLoopback(host) && isOpen) {
    mistakes.push(
      'HOST is not a loopback address, so anybody who reaches it could write leads; set API_KEYS_FILE or JWT_ISSUER, or ALLOW_UNAUTHENTICATED=true if that is meant',
    );
  }
  const url = values['MARKETO_SOAP_ENDPOINT'];
  if (url !== undefined && URL.canParse(url) && values['MARKETO_ALLOW_INSECURE'] !== 'true') {
    const { protocol, hostname } = new URL(url);
    if (protocol === 'http:' && !isLoopback(hostname)) {
      mistakes.push(
        'MARKETO_SOAP_ENDPOINT must be an https: URL (http: only to a loopback host, or with MARKETO_ALLOW_INSECURE=true)',
      );
    }
  }
  return mistakes;
}

function portMistakes(values: Readonly<Record<string, string>>, given: ReadonlySet<string>): string[] {
  const { PORT = '8080', METRICS_PORT, SANDBOX_PORT = '8081' } = values;
  const hasSandbox = !given.has('MARKETO_SOAP_ENDPOINT');
  const taken = new Map([[PORT, 'PORT']]);
  const mistakes: string[] = [];
  for (const [name, port] of Object.entries({ METRICS_PORT, ...(hasSandbox && { SANDBOX_PORT }) })) {
    const other = port === undefined || port === '0' ? undefined : taken.get(port);
    if (other !== undefined) mistakes.push(`${name} must differ from ${other}`);
    else if (port !== undefined) taken.set(port, name);
  }
  return mistakes;
}

function replicaMistakes(values: Readonly<Record<string, string>>, given: ReadonlySet<string>): string[] {
  if (given.has('REPLICA_SHARE') && !given.has('REDIS_URL')) {
    return ['REPLICA_SHARE is set, but replicas share nothing without REDIS_URL'];
  }
  if (!given.has('REDIS_URL')) return [];
  const { REPLICA_SHARE: share = String(DEFAULT_SHARE), MARKETO_MAX_CALLS_PER_20S: calls = '100' } = values;
  const read = replicaShare.safeParse(share);
  return read.success && read.data * Number(calls) < 1
    ? ['REPLICA_SHARE leaves a replica none of the MARKETO_MAX_CALLS_PER_20S while Redis is away; raise it']
    : [];
}

function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

function toConfig(values: z.infer<typeof environment>, tracing: TracingSettings | null): Config {
  const key = values.MARKETO_ENCRYPTION_KEY;
  const upstream =
    values.MARKETO_SOAP_ENDPOINT !== undefined && values.MARKETO_USER_ID !== undefined && key !== undefined
      ? {
          endpoint: values.MARKETO_SOAP_ENDPOINT,
          userId: values.MARKETO_USER_ID,
          encryptionKey: { reveal: () => key },
        }
      : null;
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_URL: jwks, REDIS_URL: redis } = values;
  return Object.freeze({
    host: values.HOST,
    port: values.PORT,
    metricsPort: values.METRICS_PORT ?? null,
    publicUrl: values.PUBLIC_URL,
    upstream,
    access: {
      keysFile: values.API_KEYS_FILE,
      token:
        issuer !== undefined && audience !== undefined && jwks !== undefined
          ? { issuer, audience, jwksUrl: jwks, rateLimit: tokenLimit(values) }
          : null,
      corsOrigins: values.CORS_ORIGINS ?? [],
      authFailuresPerMinute: values.AUTH_FAILURES_PER_MINUTE,
      trustedProxies: values.TRUSTED_PROXIES,
    },
    replicas:
      redis === undefined
        ? null
        : { redisUrl: { reveal: () => redis }, share: values.REPLICA_SHARE ?? DEFAULT_SHARE },
    sandboxPort: values.SANDBOX_PORT,
    sandboxStateFile: values.SANDBOX_STATE_FILE,
    defaultWorkspace: values.MARKETO_DEFAULT_WORKSPACE,
    maxCallsPer20s: values.MARKETO_MAX_CALLS_PER_20S,
    maxConcurrentCalls: values.MARKETO_MAX_CONCURRENT,
    dailyCalls: values.MARKETO_DAILY_CALLS,
    maxBatch: values.MARKETO_MAX_BATCH,
    maxQueued: values.DISPATCH_MAX_QUEUED,
    maxHeldBytes: values.MAX_HELD_BYTES,
    maxResponseBytes: values.MARKETO_MAX_RESPONSE_BYTES,
    requestDeadlineMs: values.REQUEST_DEADLINE_MS,
    upstreamTimeoutMs: values.UPSTREAM_TIMEOUT_MS,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS,
    shutdownSettleMs: values.SHUTDOWN_SETTLE_MS,
    logLevel: values.LOG_LEVEL,
    logPretty: values.LOG_PRETTY,
    tracing,
  });
}

function tokenLimit({
  JWT_REQUESTS_PER_SECOND: requestsPerSecond,
  JWT_BURST: burst,
  JWT_REQUESTS_PER_DAY: requestsPerDay,
}: z.infer<typeof environment>): RateLimit | undefined {
  const isLimited = requestsPerSecond !== undefined || requestsPerDay !== undefined;
  return isLimited ? rateLimitOf({ requestsPerSecond, burst, requestsPerDay }) : undefined;
}
