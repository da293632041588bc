import { TRACING_VARIABLES } from '../observability/tracing.ts';
import { editDistance } from '../text/edit-distance.ts';
import type { Environment } from './files.ts';
import { PROXY_VARIABLES } from './proxies.ts';
import { CONFIG_VARIABLES } from './schema.ts';
import { quoted } from './texts.ts';

/**
 * Variables nobody reads. A misspelt one is set and has no effect, and a gateway without `API_KEYS_FILE` lets everybody
 * in; so what is close to a name of ours is a mistake. Everybody else's variables are not. What only begins like ours may
 * belong to another program that shares the environment: that is a warning.
 */

/** What begins so is probably meant for the gateway: one word more or less still counts as close. */
const FAMILIES = ['MARKETO_', 'JWT_', 'SANDBOX_'];

const KNOWN: ReadonlySet<string> = new Set([
  ...CONFIG_VARIABLES.flatMap((name) => [name, `${name}_FILE`]),
  ...TRACING_VARIABLES,
  ...PROXY_VARIABLES,
]);
/** They are read in lower case, too. */
const LOWER: ReadonlySet<string> = new Set(PROXY_VARIABLES.map((name) => name.toLowerCase()));

/** Read where they stand; no `X_FILE` counts for them. */
const NOT_FROM_FILES: ReadonlySet<string> = new Set([...TRACING_VARIABLES, ...PROXY_VARIABLES]);

const NAMES: readonly string[] = [...KNOWN];

/** What other gateways and frameworks call the same, and what people leave out of a name. */
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
  MARKETO_URL: 'MARKETO_SOAP_ENDPOINT',
  MARKETO_HOST: 'MARKETO_SOAP_ENDPOINT',
  MARKETO_KEY: 'MARKETO_ENCRYPTION_KEY',
  MARKETO_SECRET: 'MARKETO_ENCRYPTION_KEY',
  MARKETO_SECRET_KEY: 'MARKETO_ENCRYPTION_KEY',
  MARKETO_USER: 'MARKETO_USER_ID',
  MARKETO_ACCESS_KEY: 'MARKETO_USER_ID',
  // Names of earlier versions.
  MAX_HELD_BYTES: 'MAX_BUFFERED_BODY_BYTES',
  SHUTDOWN_SETTLE_MS: 'SHUTDOWN_DELAY_MS',
  DISPATCH_MAX_QUEUED: 'MAX_QUEUED_LEADS',
};

/** Of Marketo's REST API, which has other credentials. */
const REST = /^MARKETO_(?:REST_\w+|CLIENT_ID|CLIENT_SECRET|IDENTITY_\w+|MUNCHKIN_ID)$/;

/** Other protocols' and other programs', and close to ours. */
const OTHER_PROXIES =
  /^(?:[ts]?ftps?|rsync|socks\d?[ah]?|gopher|wss?|git|dns|go|auto|mail|smtp|imap|ssh)_?proxy$/i;

/** Node reads them before the program does, so that a file of ours is too late for them. */
const OF_NODE = /^(?:NODE_(?!ENV$)\w+|UV_THREADPOOL_SIZE|SSL_CERT_(?:FILE|DIR))$/;
/** Read by what the gateway is made of, wherever they stand. */
const OF_OTHERS = /^(?:OTEL_\w+|NO_COLOR|FORCE_COLOR|TZ)$/;

export type Unknown = { readonly mistakes: readonly string[]; readonly warnings: readonly string[] };

/**
 * @param origins the files that variables of `env` were read from: whatever stands there was meant for the gateway
 */
export function findUnknown(env: Environment, origins: ReadonlyMap<string, string>): Unknown {
  const mistakes: string[] = [];
  const warnings: string[] = [];
  for (const [name, value = ''] of Object.entries(env)) {
    if (value === '' || isKnown(name) || OTHER_PROXIES.test(name) || isLink(name, value, env)) continue;
    const file = origins.get(name);
    const subject = `${quoted(name).slice(1, -1)}${file === undefined ? '' : ` (in ${file})`}`;
    if (file !== undefined && OF_NODE.test(name)) {
      mistakes.push(`${subject} is read by Node before this file is; set it in the environment`);
      continue;
    }
    const bare = name.toUpperCase().replace(/_FILE$/, '');
    if (bare.length < name.length && NOT_FROM_FILES.has(bare)) {
      mistakes.push(`${subject} is not read by the gateway: ${bare} is not read from a file`);
      continue;
    }
    const meant = nameMeantBy(name, file === undefined ? OWN : STRICT, env);
    if (meant !== undefined) mistakes.push(`${subject} is not read by the gateway; did you mean ${meant}?`);
    else if (REST.test(name)) mistakes.push(`${subject} is not read by the gateway: ${SOAP_WORDS}`);
    else if (isOfFamily(name) || (file !== undefined && !OF_OTHERS.test(name))) {
      warnings.push(`${subject} is not read by the gateway`);
    }
  }
  return { mistakes, warnings };
}

function isKnown(name: string): boolean {
  return KNOWN.has(name) || LOWER.has(name);
}

const SOAP_WORDS =
  'it speaks to the SOAP API, with MARKETO_SOAP_ENDPOINT, MARKETO_USER_ID and MARKETO_ENCRYPTION_KEY';

/** How close counts as meant: in the environment, which everybody writes to, and in a file for the gateway. */
type Strictness = { readonly slipsIn: (length: number) => number; readonly minTail: number };

const OWN: Strictness = { slipsIn: (length) => (length < 8 ? 0 : length < 10 ? 1 : 2), minTail: 11 };
const STRICT: Strictness = { slipsIn: (length) => (length < 8 ? 1 : 2), minTail: 6 };

function nameMeantBy(name: string, strictness: Strictness, env: Environment): string | undefined {
  const meant = nearestName(name, strictness);
  if (meant === undefined || isOfFamily(name)) return meant;
  // Whoever set the right one as well has the other one for somebody else.
  const isSet = env[meant] || (LOWER.has(meant.toLowerCase()) && env[meant.toLowerCase()]);
  return isSet ? undefined : meant;
}

function nearestName(name: string, { slipsIn, minTail }: Strictness): string | undefined {
  const upper = name.toUpperCase();
  const isOurs = isOfFamily(name);
  const alias = ALIASES[upper] ?? ALIASES[upper.replace(/_FILE$/, '')];
  if (alias !== undefined) return alias;
  const candidates = NAMES;
  const spelling = squeeze(name);
  // PORTS is no PORT: in a short name every letter counts.
  const same = candidates.find((known) =>
    known.length < 8 ? known === upper : SQUEEZED.get(known) === spelling,
  );
  if (same !== undefined) return same;
  const close = closest(upper, candidates, slipsIn) ?? sameButUnit(upper, slipsIn);
  if (close !== undefined) return close;
  const parts = partsOf(upper);
  return candidates.find((known) => {
    // A prefix that was left out: SOAP_ENDPOINT; in a family, anything left out: MARKETO_ENDPOINT.
    if (upper.length >= minTail && known.endsWith(`_${upper}`)) return true;
    return isOurs && parts.length > 1 && isWithin(parts, partsOf(known));
  });
}

function closest(
  upper: string,
  candidates: readonly string[],
  slipsIn: Strictness['slipsIn'],
  spelling = (known: string) => known,
): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    const known = spelling(candidate);
    const most = Math.min(slipsIn(known.length), least - 1);
    if (Math.abs(known.length - upper.length) > most) continue;
    const slips = editDistance(upper, known, most);
    if (slips > most) continue;
    best = candidate;
    least = slips;
  }
  return best;
}

/** What a value is counted in, at the end of a name. */
const UNIT =
  /_(?:MS|MSECS?|MILLIS|MILLI_?SECONDS?|S|SECS?|SECONDS?|MINS?|MINUTES?|BYTES|KB|MB|[KM]IB|PER_(?:SECOND|MINUTE|HOUR|DAY|20S))(?=(?:_FILE)?$)/;

const withoutUnit = (name: string) => name.replace(UNIT, '').replaceAll('_', '');

const COUNTED = NAMES.filter((known) => UNIT.test(known));
const UNITLESS: ReadonlyMap<string, string> = new Map(COUNTED.map((known) => [known, withoutUnit(known)]));

/** KEEP_ALIVE_TIMEOUT and KEEP_ALIVE_TIMEOUT_SECONDS mean KEEP_ALIVE_TIMEOUT_MS. */
function sameButUnit(upper: string, slipsIn: Strictness['slipsIn']): string | undefined {
  return closest(withoutUnit(upper), COUNTED, slipsIn, (known) => UNITLESS.get(known) ?? known);
}

function isOfFamily(name: string): boolean {
  const upper = name.toUpperCase();
  return FAMILIES.some((family) => upper.startsWith(family));
}

const SQUEEZED: ReadonlyMap<string, string> = new Map([...KNOWN].map((name) => [name, squeeze(name)]));

/** A name without what spellings differ in: case, `_`, `-`, `.`, and the plural. */
function squeeze(name: string): string {
  return partsOf(name.toUpperCase()).join('');
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

/** What Kubernetes sets for each Service of the namespace, and Docker for linked containers; not by anybody's mistake. */
function isLink(name: string, value: string, env: Environment): boolean {
  if (LINK_SUFFIX.test(name)) return true;
  if (name.endsWith('_PORT') && LINK_VALUE.test(value)) return true;
  const service = /^([A-Z0-9_]+?)_(?:NAME|ENV_\w+)$/.exec(name)?.[1];
  return service !== undefined && LINK_VALUE.test(env[`${service}_PORT`] ?? '');
}
