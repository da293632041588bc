import { TRACING_VARIABLES } from '../observability/tracing.ts';
import { editDistance } from '../text/nearest-name.ts';
import type { Environment } from './files.ts';
import { PROXY_VARIABLES } from './proxies.ts';
import { CONFIG_VARIABLES, type Described } from './schema.ts';
import { quoted } from './texts.ts';

/**
 * Variables that are set but that nothing reads. A misspelt one has no effect, and without `API_KEYS_FILE` anyone can
 * write leads: so a name close to one of ours is a mistake. A name that only begins like ours may belong to another
 * program in the same environment: that is a warning. Any other name is not our concern.
 */

/** Names that begin so are probably meant for the gateway: one word more or less still counts as close. */
const FAMILIES = ['MARKETO_', 'JWT_', 'OUTBOX_', 'SANDBOX_'];

const KNOWN: ReadonlySet<string> = new Set([
  ...CONFIG_VARIABLES.flatMap((name) => [name, `${name}_FILE`]),
  ...TRACING_VARIABLES,
  ...PROXY_VARIABLES,
]);
/** These are read in lower case, too. */
const LOWER: ReadonlySet<string> = new Set(PROXY_VARIABLES.map((name) => name.toLowerCase()));

/** Read as they are; they have no `X_FILE`. */
const NOT_FROM_FILES: ReadonlySet<string> = new Set([...TRACING_VARIABLES, ...PROXY_VARIABLES]);

const NAMES: readonly string[] = [...KNOWN];

/** What other software calls the same, and names with a word left out. */
const ALIASES: Readonly<Record<string, string>> = {
  API_KEY: 'API_KEYS_FILE',
  API_KEYS: 'API_KEYS_FILE',
  API_KEYS_PATH: 'API_KEYS_FILE',
  KEYS_FILE: 'API_KEYS_FILE',
  CORS_ALLOWED_ORIGINS: 'CORS_ORIGINS',
  CORS_ALLOW_ORIGINS: 'CORS_ORIGINS',
  CORS_ALLOW_ORIGIN: 'CORS_ORIGINS',
  CORS_WHITELIST: 'CORS_ORIGINS',
  ALLOWED_ORIGINS: 'CORS_ORIGINS',
  JWKS_URL: 'JWT_JWKS_URL',
  JWKS_URI: 'JWT_JWKS_URL',
  JWT_AUD: 'JWT_AUDIENCE',
  JWT_ISS: 'JWT_ISSUER',
  TRUST_PROXY: 'TRUSTED_PROXIES',
  SOAP_URL: 'MARKETO_SOAP_ENDPOINT',
  MARKETO_URL: 'MARKETO_REST_ENDPOINT',
  MARKETO_ENDPOINT: 'MARKETO_REST_ENDPOINT',
  MARKETO_HOST: 'MARKETO_REST_ENDPOINT',
  MARKETO_KEY: 'MARKETO_ENCRYPTION_KEY',
  MARKETO_SECRET: 'MARKETO_CLIENT_SECRET',
  MARKETO_SECRET_KEY: 'MARKETO_ENCRYPTION_KEY',
  MARKETO_USER: 'MARKETO_USER_ID',
  MARKETO_ACCESS_KEY: 'MARKETO_USER_ID',
  // Names in earlier versions.
  MAX_HELD_BYTES: 'MAX_BUFFERED_BODY_BYTES',
  SHUTDOWN_SETTLE_MS: 'SHUTDOWN_DELAY_MS',
  DISPATCH_MAX_QUEUED: 'MAX_QUEUED_LEADS',
};

/** Variables of earlier versions, and what to do instead. */
const REMOVED: Readonly<Record<string, string>> = {
  LOG_PRETTY: 'pipe the log through npx pino-pretty',
};

/** The id is part of the endpoint. */
const MUNCHKIN_ID = /^MARKETO_MUNCHKIN_ID$/;

/** Close to ours, but for other protocols and other programs. */
const OTHER_PROXIES =
  /^(?:[ts]?ftps?|rsync|socks\d?[ah]?|gopher|wss?|git|dns|go|auto|mail|smtp|imap|ssh)_?proxy$/i;

/** Node reads them before the program starts, so an env file is too late. */
const OF_NODE = /^(?:NODE_(?!ENV$)\w+|UV_THREADPOOL_SIZE|SSL_CERT_(?:FILE|DIR))$/;
/** Read by the gateway's dependencies, from the environment or from an env file. */
const OF_OTHERS = /^(?:OTEL_\w+|NO_COLOR|FORCE_COLOR|TZ)$/;

export type Unknown = { readonly mistakes: readonly string[]; readonly warnings: readonly string[] };

/**
 * @param origins the env files that variables of `env` were read from: everything in them is meant for the gateway
 */
export function findUnknown(env: Environment, origins: ReadonlyMap<string, string>): Unknown {
  const mistakes: string[] = [];
  const warnings: string[] = [];
  for (const [name, value = ''] of Object.entries(env)) {
    if (value === '' || isKnown(name)) continue;
    const file = origins.get(name);
    const found = findingOf(name, file, env);
    // Last, because it costs more and most names are not like ours.
    if (found === undefined || OTHER_PROXIES.test(name) || isLink(name, value, env)) continue;
    const subject = `${quoted(name).slice(1, -1)}${file === undefined ? '' : ` (in ${file})`}`;
    (found.isMistake ? mistakes : warnings).push(`${subject} is not read by the gateway${found.reason}`);
  }
  return { mistakes, warnings };
}

type Finding = { readonly isMistake: boolean; readonly reason: string };

/** What to report about a name that is not ours; undefined if it is not like ours either. */
function findingOf(name: string, file: string | undefined, env: Environment): Finding | undefined {
  if (file !== undefined && OF_NODE.test(name)) {
    return mistake(': Node reads it before this file; set it in the environment');
  }
  const bare = withoutFile(name.toUpperCase());
  if (bare.length < name.length && NOT_FROM_FILES.has(bare)) {
    return mistake(`: ${bare} is not read from a file`);
  }
  const instead = REMOVED[bare];
  if (instead !== undefined) return { isMistake: false, reason: `; ${instead}` };
  const meant = nameMeantBy(name, file === undefined ? OWN : STRICT, env);
  if (meant !== undefined) return mistake(`; did you mean ${meant}?`);
  const isOurs = isOfFamily(name);
  if (MUNCHKIN_ID.test(name))
    return mistake(': the id is part of MARKETO_REST_ENDPOINT, https://<munchkin id>.mktorest.com/rest');
  return isOurs || (file !== undefined && !OF_OTHERS.test(name))
    ? { isMistake: false, reason: '' }
    : undefined;
}

function mistake(reason: string): Finding {
  return { isMistake: true, reason };
}

function isKnown(name: string): boolean {
  return KNOWN.has(name) || LOWER.has(name);
}

/** How close a name must be: in the environment, which everything writes to, and in a file for the gateway. */
type Strictness = { readonly slipsIn: (length: number) => number; readonly minTail: number };

const MOST_SLIPS = 2;
const OWN: Strictness = {
  slipsIn: (length) => (length < 8 ? 0 : length < 10 ? 1 : MOST_SLIPS),
  minTail: 11,
};
const STRICT: Strictness = { slipsIn: (length) => (length < 8 ? 1 : MOST_SLIPS), minTail: 6 };

function nameMeantBy(name: string, strictness: Strictness, env: Environment): string | undefined {
  const meant = nearestName(name, strictness);
  if (meant === undefined || isOfFamily(name)) return meant;
  // If the right one is set as well, this one is for something else.
  const isSet = env[meant] || (LOWER.has(meant.toLowerCase()) && env[meant.toLowerCase()]);
  return isSet ? undefined : meant;
}

function nearestName(name: string, { slipsIn, minTail }: Strictness): string | undefined {
  const upper = name.toUpperCase();
  const alias = ALIASES[upper] ?? ALIASES[withoutFile(upper)];
  if (alias !== undefined) return alias;
  const close =
    sameButSpelling(upper) ??
    closest(upper, BY_LENGTH, slipsIn) ??
    closest(withoutUnit(upper), UNITLESS, slipsIn);
  if (close !== undefined) return close;
  // A prefix was left out, as in SOAP_ENDPOINT; in a family any word, as in MARKETO_ENDPOINT.
  const longer = upper.length < minTail ? undefined : BY_TAIL.get(upper);
  if (longer !== undefined || !isOfFamily(name)) return longer;
  const parts = partsOf(upper);
  return parts.length > 1 ? NAMES.find((known) => isWithin(parts, partsOf(known))) : undefined;
}

function withoutFile(name: string): string {
  return name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : name;
}

/** A known name, as it is spelled where it is compared. */
type Candidate = { readonly known: string; readonly spelling: string; readonly letters: number };

/**
 * Candidates by each length that a name close to them can have. An environment has some 60 variables, which are compared
 * at each start: by length and letters most of them differ too much for `editDistance`.
 */
function byLengthOf(
  names: readonly string[],
  spellingOf = (known: string) => known,
): ReadonlyMap<number, readonly Candidate[]> {
  const byLength = new Map<number, Candidate[]>();
  for (const known of names) {
    const spelling = spellingOf(known);
    const candidate = { known, spelling, letters: lettersOf(spelling) };
    for (let slips = -MOST_SLIPS; slips <= MOST_SLIPS; slips += 1)
      append(byLength, spelling.length + slips, candidate);
  }
  return byLength;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** A bit for each letter of a name in upper case, but for those of plural endings. */
function lettersOf(name: string): number {
  let letters = 0;
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at) - 65;
    if (code >= 0 && code < 26) letters |= 1 << code;
  }
  return letters & ~PLURAL;
}

/** I, E, S and Y. */
const PLURAL = (1 << 8) | (1 << 4) | (1 << 18) | (1 << 24);

/** True if more than `most` letters are in one of the two names only. */
function differ(letters: number, others: number, most: number): boolean {
  let left = letters ^ others;
  for (let count = 0; left !== 0; count += 1) {
    if (count === most) return true;
    left &= left - 1;
  }
  return false;
}

/** The candidate with the fewest slips, the first of several. One slip changes two letters at most. */
function closest(
  upper: string,
  byLength: ReadonlyMap<number, readonly Candidate[]>,
  slipsIn: Strictness['slipsIn'],
): string | undefined {
  const letters = lettersOf(upper);
  let best: string | undefined;
  let least = Infinity;
  for (const { known, spelling, letters: others } of byLength.get(upper.length) ?? []) {
    const most = Math.min(slipsIn(spelling.length), least - 1);
    if (Math.abs(spelling.length - upper.length) > most || differ(letters, others, 2 * most)) continue;
    const slips = editDistance(upper, spelling, most);
    if (slips > most) continue;
    best = known;
    least = slips;
  }
  return best;
}

/** The name that `upper` is when case, `_`, `-`, `.` and the plural do not count. */
function sameButSpelling(upper: string): string | undefined {
  // PORTS is not PORT: in a short name every letter counts.
  if (upper.length < 8 && KNOWN.has(upper)) return upper;
  return BY_LETTERS.get(lettersOf(upper))?.find((known) => squeeze(known) === squeeze(upper));
}

/** What a value is counted in, at the end of a name: KEEP_ALIVE_TIMEOUT_SECONDS means KEEP_ALIVE_TIMEOUT_MS. */
const UNIT =
  /_(?:MS|MSECS?|MILLIS|MILLI_?SECONDS?|S|SECS?|SECONDS?|MINS?|MINUTES?|BYTES|KB|MB|[KM]IB|PER_(?:SECOND|MINUTE|HOUR|DAY|20S))(?=(?:_FILE)?$)/;

const withoutUnit = (name: string) => name.replace(UNIT, '').replaceAll('_', '');

const BY_LENGTH = byLengthOf(NAMES);
const UNITLESS = byLengthOf(
  NAMES.filter((known) => UNIT.test(known)),
  withoutUnit,
);
const BY_LETTERS = new Map<number, string[]>();
/** The first name that ends with `_` and the key. */
const BY_TAIL = new Map<string, string>();
for (const known of NAMES) {
  if (known.length >= 8) append(BY_LETTERS, lettersOf(known), known);
  for (let at = known.indexOf('_'); at !== -1; at = known.indexOf('_', at + 1)) {
    const tail = known.slice(at + 1);
    if (!BY_TAIL.has(tail)) BY_TAIL.set(tail, known);
  }
}

function isOfFamily(name: string): boolean {
  const upper = name.toUpperCase();
  return FAMILIES.some((family) => upper.startsWith(family));
}

function squeeze(name: string): string {
  return partsOf(name).join('');
}

function partsOf(name: string): string[] {
  return name.split(/[^A-Z0-9]+/).map((part) => part.replace(/IES$/, 'Y').replace(/(?<=\w{3})S$/, ''));
}

function isWithin(parts: readonly string[], of: readonly string[]): boolean {
  let at = 0;
  for (const part of of) if (part === parts[at]) at += 1;
  return at === parts.length;
}

const LINK_SUFFIX =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const LINK_VALUE = /^(?:tcp|udp|sctp):\/\//;

/** Set by Kubernetes for each Service of the namespace, and by Docker for linked containers. */
function isLink(name: string, value: string, env: Environment): boolean {
  if (LINK_SUFFIX.test(name)) return true;
  if (name.endsWith('_PORT') && LINK_VALUE.test(value)) return true;
  const service = /^([A-Z0-9_]+?)_(?:NAME|ENV_\w+)$/.exec(name)?.[1];
  return service !== undefined && LINK_VALUE.test(env[`${service}_PORT`] ?? '');
}

/** Variables that other software has made a standard, and that the gateway follows. */
export const STANDARD_VARIABLES = {
  HTTPS_PROXY: {
    group: 'proxy',
    meaning: 'The proxy for `https:` addresses.',
    example: 'http://proxy.example.com:3128',
  },
  HTTP_PROXY: {
    group: 'proxy',
    meaning: 'The proxy for `http:` addresses.',
    example: 'http://proxy.example.com:3128',
  },
  ALL_PROXY: {
    group: 'proxy',
    meaning: 'The proxy where neither of them is set.',
    example: 'http://proxy.example.com:3128',
  },
  NO_PROXY: {
    group: 'proxy',
    meaning: 'Hosts, addresses and networks that are reached without it.',
    example: 'internal.example.com,10.0.0.0/8',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    group: 'traces',
    meaning: 'The collector.',
    example: 'http://127.0.0.1:4318',
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    group: 'traces',
    meaning: 'The same with the path for traces.',
    example: 'http://127.0.0.1:4318/v1/traces',
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    group: 'traces',
    meaning: '`http/protobuf` or `http/json`.',
    example: 'http/protobuf',
  },
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: {
    group: 'traces',
    meaning: 'The same for traces alone.',
    example: 'http/protobuf',
  },
  OTEL_TRACES_EXPORTER: {
    group: 'traces',
    meaning: '`otlp`, `console` or `none`.',
    example: 'otlp',
  },
  OTEL_TRACES_SAMPLER: {
    group: 'traces',
    meaning: 'Which requests are traced.',
    example: 'parentbased_always_on',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    group: 'traces',
    meaning: 'The part of them, from 0 to 1, for a sampler by ratio.',
    example: '1',
  },
  OTEL_SPAN_LINK_COUNT_LIMIT: {
    group: 'traces',
    meaning: '1000 unless set, so that a full batch is linked to all of its requests.',
    example: '1000',
  },
  OTEL_SDK_DISABLED: {
    group: 'traces',
    meaning: '`true` switches traces off.',
    example: 'false',
  },
} as const satisfies Readonly<
  Record<(typeof PROXY_VARIABLES)[number] | (typeof TRACING_VARIABLES)[number], Described>
>;
