import { readKeyFile } from '../http/access/key-file.ts';
import { fileContent, type Given } from './files.ts';
import { isLoopback } from './hosts.ts';
import { replicaShare } from './kinds.ts';

const CREDENTIALS = ['MARKETO_SOAP_ENDPOINT', 'MARKETO_USER_ID', 'MARKETO_ENCRYPTION_KEY'] as const;
const TOKENS = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'] as const;
const TOKEN_LIMITS = ['JWT_REQUESTS_PER_SECOND', 'JWT_BURST', 'JWT_REQUESTS_PER_DAY'] as const;

/** Safe for up to four replicas; more of them make the gateway warn. */
export const DEFAULT_SHARE = 0.25;

/** What the variables must be together; one sentence a mistake. */
export function ruleMistakes({ values, given }: Given, readFile: (path: string) => string): string[] {
  return [
    ...credentialMistakes(values, given),
    ...accessMistakes(values, given, readFile),
    ...exposureMistakes(values, given),
    ...portMistakes(values, given),
    ...replicaMistakes(values, given),
  ];
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
