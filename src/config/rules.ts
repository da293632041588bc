import { type KeyEntry, readKeyFile } from '../access/key-file.ts';
import { fileContent, type Given, type ReadFile } from './files.ts';
import { hostOrigin, isLoopback } from './kinds.ts';
import { dependentsOf, type Name, type Values } from './schema.ts';
import { quoted } from './texts.ts';
import { upstreamMistakes } from './upstream.ts';

const TOKENS = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'] as const;

type Names = ReadonlySet<Name>;

/**
 * The rules across variables; one sentence for each mistake.
 *
 * @param values with the default where a value is a mistake itself, so that it is reported once
 * @param broken the names of those
 */
export function ruleMistakes(values: Values, broken: Names, { given }: Given, readFile: ReadFile): string[] {
  return [
    ...upstreamMistakes(values, given),
    ...accessMistakes(values, given, readFile),
    ...exposureMistakes(values, given),
    ...portMistakes(values, broken, given),
    ...replicaMistakes(values, given),
    ...outboxMistakes(given),
  ];
}

/** What is allowed, but probably not what the operator wants. */
export function configWarnings(values: Values, given: Names, readFile: ReadFile): string[] {
  return [
    ...keyWarnings(values, readFile),
    ...sandboxWarnings(values, given),
    ...publicUrlWarnings(values.PUBLIC_URL),
    ...timeWarnings(values, given),
    ...outboxWarnings(given),
    ...replicaWarnings(values),
  ];
}

/** Publishable keys without a limit of their own, or whose visitors would all count as one address. */
function keyWarnings(
  { API_KEYS_FILE: path, PUBLIC_URL: url, TRUSTED_PROXIES: proxies }: Values,
  readFile: ReadFile,
): string[] {
  const content = path === undefined ? undefined : fileContent(path, readFile, 'again');
  const read = content?.ok === true ? readKeyFile(content.text) : undefined;
  if (read?.ok !== true) return [];
  const usable = read.entries.filter(
    ({ kind, enabled, revokedAt }) => kind === 'publishable' && enabled && revokedAt === undefined,
  );
  const warnings = usable
    .filter(({ rateLimit }) => rateLimit === undefined)
    .map(
      ({ name }) =>
        `API_KEYS_FILE: the publishable key ${name} has no rateLimit: many addresses together can use up the calls of all callers`,
    );
  // The gateway itself speaks plain HTTP.
  if (usable.length > 0 && proxies === 0 && url?.startsWith('https:') === true) {
    warnings.push(
      'TRUSTED_PROXIES is 0, but PUBLIC_URL is https:, so a proxy is in front: all visitors with publishable keys count as one address',
    );
  }
  return [...warnings, ...secretWarnings(read.entries, readFile)];
}

/** Keys of webhooks whose secret cannot be read: each of their deliveries is `503 unavailable`. */
function secretWarnings(entries: readonly KeyEntry[], readFile: ReadFile): string[] {
  return entries.flatMap(({ name, signature, enabled, revokedAt }) => {
    const path = signature?.secretFile;
    if (path === undefined || !enabled || revokedAt !== undefined) return [];
    const content = fileContent(path, readFile, 'again');
    return content.ok
      ? []
      : [
          `API_KEYS_FILE: the secret of the key ${name}, ${quoted(path)}, ${content.complaint}: its webhooks are answered with 503`,
        ];
  });
}

/** One of the gateway's own paths, at the end of an address. */
const OWN_PATH =
  /\/(?:leads|receipts|outbox|status|healthz|readyz|metrics|docs|problems|client\.js|(?:openapi[\w.-]*|swagger)\.json)$/i;

function publicUrlWarnings(url: string | undefined): string[] {
  if (url === undefined) return [];
  const path = OWN_PATH.exec(url)?.[0];
  if (path === undefined) return [];
  return [
    `PUBLIC_URL ${quoted(url)} ends with one of the gateway's own paths, so leads would go to ${url}/leads; leave ${path} out unless a proxy in front removes it`,
  ];
}

/** Each replica has a file of its own, and does not know what the others keep. */
function replicaWarnings({ REDIS_URL: redis, OUTBOX_URL: outbox }: Values): string[] {
  if (redis === undefined || outbox?.kind !== 'file') return [];
  return [
    'OUTBOX_URL is a file, and REDIS_URL means that there are replicas: each needs a file of its own, and the order of leads, receipts and Idempotency-Key hold within one replica; OUTBOX_URL=postgres://… is for replicas',
  ];
}

/** Leads of real people on a disk, readable to all who get hold of it. */
function outboxWarnings(given: Names): string[] {
  if (!given.has('OUTBOX_URL') || given.has('OUTBOX_ENCRYPTION_KEYS') || !hasUpstream(given)) return [];
  return [
    'OUTBOX_ENCRYPTION_KEYS is not set, so the outbox keeps leads as plain text; `openssl rand -base64 32` makes a key',
  ];
}

/** Times that have no effect. A default is never reported. */
function timeWarnings(values: Values, given: Names): string[] {
  const warnings: string[] = [];
  const { SHUTDOWN_DELAY_MS: delay, SHUTDOWN_GRACE_MS: grace } = values;
  if (given.has('SHUTDOWN_DELAY_MS') && delay > grace / 2) {
    warnings.push(
      `SHUTDOWN_DELAY_MS ${delay} is more than half of SHUTDOWN_GRACE_MS ${grace}, so ${grace / 2} is used`,
    );
  }
  const { UPSTREAM_TIMEOUT_MS: timeout, REQUEST_DEADLINE_MS: deadline } = values;
  if (given.has('UPSTREAM_TIMEOUT_MS') && timeout > deadline) {
    warnings.push(
      `UPSTREAM_TIMEOUT_MS ${timeout} is longer than REQUEST_DEADLINE_MS ${deadline}, which ends the request first`,
    );
  }
  return warnings;
}

function hasUpstream(given: Names): boolean {
  return given.has('MARKETO_SOAP_ENDPOINT') || given.has('MARKETO_REST_ENDPOINT');
}

function sandboxWarnings({ SANDBOX_HOST: host, SANDBOX_PORT: port }: Values, given: Names): string[] {
  if (isLoopback(host) || hasUpstream(given)) return [];
  return [
    `SANDBOX_HOST ${quoted(host)} is not a loopback address: anyone who can reach port ${port} can read and change the sandbox's leads, since it asks for no credentials`,
  ];
}

/** The rules for authentication, and the mistakes in the key file. */
function accessMistakes(values: Values, given: Names, readFile: ReadFile): string[] {
  const mistakes: string[] = [];
  const missing = TOKENS.filter((name) => !given.has(name));
  if (missing.length > 0 && missing.length < TOKENS.length) {
    mistakes.push(...missing.map((name) => `${name} is missing; ${TOKENS.join(', ')} must be set together`));
  }
  mistakes.push(...tokenOptionMistakes(values, given));
  const path = values.API_KEYS_FILE;
  if (path !== undefined) {
    const content = fileContent(path, readFile, 'again');
    const read = content.ok ? readKeyFile(content.text) : undefined;
    if (!content.ok) mistakes.push(`API_KEYS_FILE ${quoted(path)} ${content.complaint}`);
    if (read?.ok === false) mistakes.push(...read.mistakes.map((mistake) => `API_KEYS_FILE: ${mistake}`));
  }
  if (values.ALLOW_UNAUTHENTICATED && isAuthenticating(given)) {
    mistakes.push(
      'ALLOW_UNAUTHENTICATED is true, but API_KEYS_FILE or JWT_ISSUER asks for authentication; remove one of them',
    );
  }
  return mistakes;
}

function tokenOptionMistakes(
  { JWT_REQUESTS_PER_SECOND: perSecond, JWT_BURST: burst }: Values,
  given: Names,
): string[] {
  const options = dependentsOf('JWT_ISSUER').filter((name) => given.has(name));
  if (options.length > 0 && !given.has('JWT_ISSUER')) {
    return options.map((name) => `${name} is set, but tokens are not accepted without ${TOKENS.join(', ')}`);
  }
  if (burst === undefined) return [];
  if (!given.has('JWT_REQUESTS_PER_SECOND')) return ['JWT_BURST needs JWT_REQUESTS_PER_SECOND'];
  return perSecond === undefined || burst % perSecond === 0
    ? []
    : ['JWT_BURST must be a multiple of JWT_REQUESTS_PER_SECOND, since it covers whole seconds'];
}

function isAuthenticating(given: Names): boolean {
  return given.has('API_KEYS_FILE') || given.has('JWT_ISSUER');
}

function exposureMistakes(values: Values, given: Names): string[] {
  const mistakes: string[] = [];
  const { HOST: host } = values;
  const isOpen = !values.ALLOW_UNAUTHENTICATED && !isAuthenticating(given);
  if (!isLoopback(host) && isOpen) {
    mistakes.push(
      `HOST ${quoted(host)} is not a loopback address${hostOrigin(host)}, so anyone who can reach it could write leads; set API_KEYS_FILE or JWT_ISSUER, or ALLOW_UNAUTHENTICATED=true if you want that`,
    );
  }
  return mistakes;
}

function portMistakes(values: Values, broken: Names, given: Names): string[] {
  const hasSandbox = !hasUpstream(given);
  const taken = new Map<number, Name>();
  const mistakes: string[] = [];
  for (const name of ['PORT', 'METRICS_PORT', ...(hasSandbox ? (['SANDBOX_PORT'] as const) : [])] as const) {
    const port = values[name];
    if (port === undefined || port === 0 || broken.has(name)) continue;
    const other = taken.get(port);
    if (other === undefined) taken.set(port, name);
    else mistakes.push(`${name} must differ from ${other}`);
  }
  return mistakes;
}

function replicaMistakes(values: Values, given: Names): string[] {
  if (given.has('REPLICA_SHARE') && !given.has('REDIS_URL')) {
    return ['REPLICA_SHARE is set, but has no effect without REDIS_URL'];
  }
  if (!given.has('REDIS_URL')) return [];
  return values.REPLICA_SHARE * values.MARKETO_MAX_CALLS_PER_20S < 1
    ? [
        'REPLICA_SHARE leaves a replica less than one of MARKETO_MAX_CALLS_PER_20S while Redis is away; raise it',
      ]
    : [];
}

function outboxMistakes(given: Names): string[] {
  if (given.has('OUTBOX_URL')) return [];
  return dependentsOf('OUTBOX_URL')
    .filter((name) => given.has(name))
    .map((name) => `${name} is set, but has no effect without OUTBOX_URL`);
}
