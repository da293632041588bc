import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import { isOrigin, originHint } from '../access/key-file.ts';
import { isXmlText } from '../text/xml-characters.ts';
import { credentialComplaint, textComplaint } from './texts.ts';

/** True for a name or an address that only this machine itself reaches, also in the brackets of a URL. */
export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host).toLowerCase();
  if (name === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(name)) return true;
  if (!isIPv6(name) || name.includes('%')) return false;
  // As URLs write it: one spelling for each address (RFC 5952), also for IPv4 in IPv6.
  const { hostname } = new URL(`http://[${name}]`);
  return hostname === '[::1]' || /^\[::ffff:7f[0-9a-f]{2}:/.test(hostname);
}

/** The form in which a server listens on `host`: `[::1]` is `::1`. */
function withoutBrackets(host: string): string {
  return /^\[(.*)\]$/.exec(host)?.[1] ?? host;
}

/** RFC 1123, 2.1; names that end in a number are for addresses (URL Standard, "ends in a number"). */
const NAME =
  /^(?=.{1,254}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i;
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i;
/** A compiler's target: processor, vendor, system. */
const TARGET_TRIPLE =
  /^(?:x86_64|amd64|i[3-6]86|arm64|aarch64|armv\w+|ppc64(?:le)?|powerpc\w*|s390x|riscv64)-.*(?:linux|darwin|apple|gnu|musl|mingw|windows|conda)/i;

const SETTERS = 'conda, csh and tcsh set HOST on their own';
const ADVICE = 'unset HOST, or set it to the address to listen on, such as 127.0.0.1 or 0.0.0.0';

/** Why `host` is not an address to listen on, as a sentence without its subject; undefined if it is one. */
function hostComplaint(host: string): string | undefined {
  const bare = withoutBrackets(host);
  if (isIP(bare) !== 0) {
    return host === bare || isIPv6(bare) ? undefined : 'must not have brackets, which are for IPv6';
  }
  if (host === '*' || host === '+') return 'must be 0.0.0.0 for every IPv4 address, or :: for every address';
  if (host.includes('://') || host.includes('/')) {
    return 'must be an address or a host name only, without http:// or a path';
  }
  if (/^(?:[^:]+|\[.*\]):\d*$/.test(host)) return 'must be an address only; the port goes in PORT';
  if (TARGET_TRIPLE.test(host)) return `is the name of a platform, not an address: ${SETTERS}; ${ADVICE}`;
  if (ENDS_IN_NUMBER.test(host)) return 'must be an IPv4 address with four numbers, such as 127.0.0.1';
  return NAME.test(host) ? undefined : `is neither an address nor a host name: ${SETTERS}; ${ADVICE}`;
}

/** Where a host name may come from if the operator did not set it; empty for an address, which no shell sets. */
export function hostOrigin(host: string): string {
  return isIP(withoutBrackets(host)) !== 0 ? '' : ` (${SETTERS}; unset it if you did not mean it)`;
}

/**
 * The kinds of values that variables have: what a text must be, and what it is parsed into. A message is a sentence
 * without its subject: the variable's name and, unless it is secret, the value go in front.
 */

/** A value without blanks inside; those around it mean nothing (`set PORT=8080 && …` in cmd leaves one). */
const word = z.string().trim();

type Checked = (value: string) => string | undefined;

const checked = (complaintOf: Checked) => (value: string, context: z.RefinementCtx) => {
  const message = complaintOf(value);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
};

/** A text in which every character counts. */
export const text = z.string().superRefine(checked(textComplaint));

/** A value that is copied from Marketo's pages. */
export const credential = z.string().superRefine(checked(credentialComplaint));

/** A text that goes into an envelope. */
export const xmlText = <T extends z.ZodString>(kind: T) =>
  kind.refine(isXmlText, { error: 'contains a character that XML does not allow' });

export const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return word
    .regex(/^\d{1,10}$/, { error: ({ input }) => error + numberHint(String(input)) })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error });
};

function numberHint(value: string): string {
  if (/^\d+\s*[a-z]+$/i.test(value)) return ', without a unit';
  return /^\d+(?:[_,.' ]\d+)+$/.test(value) ? ', in digits only' : '';
}

/** A number of proxies; other software takes addresses or a flag there. */
export const proxyCount = (max: number) => {
  const error = `must be the number of proxies in front of the gateway, from 0 to ${max}, not their addresses`;
  return word
    .regex(/^\d{1,3}$/, { error })
    .transform(Number)
    .refine((value) => value <= max, { error });
};

/** A TCP port; 0 means a free one. */
export const port = word
  .superRefine(checked(portComplaint))
  .transform(Number)
  .refine((value) => value <= 65_535, { error: 'must be a whole number from 0 to 65535' });

function portComplaint(value: string): string | undefined {
  if (/^\d{1,5}$/.test(value)) return undefined;
  if (/^(?:tcp|udp|sctp):\/\//i.test(value)) {
    return 'must be a number. Kubernetes sets variables like this one for a Service of that name (service links): set enableServiceLinks: false in the pod, or rename the Service';
  }
  if (/^\\\\[.?]\\pipe\\/i.test(value) || value.startsWith('/')) {
    return 'must be a number: the gateway listens on TCP, not on a named pipe (iisnode sets one; use HttpPlatformHandler) or a Unix socket';
  }
  if (/:\d+$/.test(value)) return 'must be the port number only; the address goes in HOST';
  return `must be a whole number from 0 to 65535${numberHint(value)}`;
}

/** An address or a name to listen on. */
export const host = word.superRefine(checked(hostComplaint)).transform(withoutBrackets);

const MEANINGS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

/** Every usual spelling of true and false. */
export const flag = word
  .toLowerCase()
  .refine((value) => Object.hasOwn(MEANINGS, value), { error: 'must be true or false' })
  .transform((value) => MEANINGS[value] === true);

export const logLevel = word.toLowerCase().pipe(
  z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    error: 'must be one of trace, debug, info, warn, error, fatal, silent',
  }),
);

/** Decides whether the sandbox may stand in for Marketo, so a near miss of `production` is a mistake. */
export const nodeEnv = word.refine((value) => value === 'production' || !/^prod/i.test(value), {
  error: 'must be production, in full and in lower case, if you mean that',
});

export const endpoint = word.transform((value, context) => {
  const complain = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(value)) return complain('must be a URL');
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return complain('must be an https: URL');
  if (url.username !== '' || url.password !== '')
    return complain('must not contain a user name or a password');
  if (/^\?wsdl$/i.test(url.search)) return complain('must be the endpoint itself, without ?WSDL');
  if (/munchkin/.test(url.hostname)) {
    return complain('has a placeholder in it; put the id of your subscription there');
  }
  const misplaced = vendorComplaint(url);
  if (misplaced !== undefined) return complain(misplaced);
  url.hash = '';
  return url;
});

const SOAP_PATH = /^\/soap\/mktows\/\d+_\d+\/?$/i;

/** What is wrong with a URL on Marketo's own hosts; on any other host every path is fine. */
function vendorComplaint({ hostname, pathname }: URL): string | undefined {
  const [, id = '<munchkin id>', domain] =
    /^(?:(.+)\.)?(mktorest\.com|mktoapi\.com|marketo\.com)\.?$/.exec(hostname) ?? [];
  if (domain === undefined) return undefined;
  const where = domain === 'marketo.com' ? '<munchkin id>.mktoapi.com' : `${id}.mktoapi.com`;
  const advice = `the SOAP endpoint is https://${where}/soap/mktows/2_9`;
  if (domain === 'mktorest.com' || /^\/(?:rest|identity)(?:\/|$)/i.test(pathname)) {
    return `is the endpoint of the REST API; ${advice}`;
  }
  if (SOAP_PATH.test(pathname)) return undefined;
  return pathname === '/' ? `has no path; ${advice}` : `does not have the path of the SOAP API; ${advice}`;
}

export const publicUrl = word.transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (isWeb && url.href === url.origin + url.pathname) return url.href.replace(/\/+$/, '');
  context.addIssue({
    code: 'custom',
    message: 'must be a URL such as https://leads.example.com, without a user, a query or a fragment',
  });
  return z.NEVER;
});

export const jwksUrl = word.transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  const hasUser = url !== undefined && (url.username !== '' || url.password !== '');
  if (isSafe && !hasUser && unfilledComplaint(value) === undefined) return url;
  const rule = hasUser
    ? 'must not contain a user name or a password'
    : 'must be an https: URL (http: only to a loopback host)';
  context.addIssue({ code: 'custom', message: unfilledComplaint(value) ?? rule });
  return z.NEVER;
});

/** What is wrong with an address copied from a guide with its placeholders. */
function unfilledComplaint(value: string): string | undefined {
  return /[<{]\w[^<>{}]*[>}]/.test(value) ? 'has a placeholder in it; put your own value there' : undefined;
}

/** The `iss` of tokens. */
export const issuer = text.superRefine(checked(unfilledComplaint));

/** Names separated by commas. */
export const audiences = text.transform((value, context) => {
  const list = value.split(',').map((name) => name.trim());
  if (!list.includes('')) return list;
  context.addIssue({ code: 'custom', message: 'must be one audience, or several separated by commas' });
  return z.NEVER;
});

/** Without the separator at its end it would not leave a scope when it is cut off. */
export const scopePrefix = word.regex(/^[!#-[\]-~]*[!#-/:-@[\]-`{-~]$/, {
  error:
    'must be the prefix of the scopes with the separator at its end, such as lead-gateway/ or https://leads.example.com/',
});

export const audienceClaim = word
  .toLowerCase()
  .pipe(z.enum(['aud', 'client_id'], { error: 'must be aud or client_id' }));

export const redisUrl = text.refine(isRedisUrl, {
  error: 'must be a URL such as redis://host:6379',
});

function isRedisUrl(value: string): boolean {
  if (!/^rediss?:\/\/./.test(value) || !URL.canParse(value)) return false;
  const { pathname, username, password } = new URL(value);
  try {
    decodeURIComponent(username + password);
  } catch {
    return false;
  }
  // The path is the number of a database.
  return /^\/?\d*$/.test(pathname);
}

/** Where accepted leads are kept: the path of a file, which is made if it is not there, or a database. */
export const outboxUrl = text.transform((value, context) => {
  // A URL of a file has an empty host (RFC 8089); a path may follow the scheme directly, too.
  const path = /^file:(?:\/\/(?=\/))?(?!\/\/)(.+)$/.exec(value)?.[1];
  if (path !== undefined) return { kind: 'file', path } as const;
  if (isPostgresUrl(value)) return { kind: 'postgres', url: value } as const;
  context.addIssue({
    code: 'custom',
    message:
      'must be file: and the path of a file, such as file:outbox.db, or a URL such as postgres://user:password@host:5432/database',
  });
  return z.NEVER;
});

function isPostgresUrl(value: string): boolean {
  if (!/^postgres(?:ql)?:\/\/./.test(value) || !URL.canParse(value)) return false;
  const { hostname, pathname, username, password } = new URL(value);
  try {
    decodeURIComponent(username + password);
  } catch {
    return false;
  }
  return hostname !== '' && /^\/[^/]+$/.test(pathname);
}

/** An identifier that needs no quotes in SQL. */
export const schemaName = word.regex(/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/, {
  error: 'must be a name of lower-case letters, digits and _, such as lead_gateway',
});

const ENCRYPTION_KEY_BYTES = 32;

/** Each as bytes; the order counts. */
export const encryptionKeys = text.transform((value, context) => {
  const keys = value.split(',').map((key) => key.trim());
  // In either alphabet (RFC 4648), with or without padding.
  if (keys.every((key) => /^[A-Za-z0-9+/_-]{43}=?$/.test(key))) {
    const secrets = keys.map((key) => Buffer.from(key, 'base64'));
    if (secrets.every(({ length }) => length === ENCRYPTION_KEY_BYTES)) return secrets;
  }
  context.addIssue({
    code: 'custom',
    message: 'must be keys of 32 bytes in base64, separated by commas; `openssl rand -base64 32` makes one',
  });
  return z.NEVER;
});

const SHARE_ERROR = 'must be a number above 0 and at most 1, such as 0.25';

export const replicaShare = word
  .regex(/^(?:0?\.\d{1,6}|1(?:\.0{1,6})?)$/, { error: SHARE_ERROR })
  .transform(Number)
  .refine((value) => value > 0, { error: SHARE_ERROR });

export const origins = word.transform((value, context) => {
  const list = value.split(',').map((origin) => origin.trim());
  const wrong = list.find((origin) => !isOrigin(origin));
  if (wrong === undefined) return list;
  context.addIssue({
    code: 'custom',
    message: `must be origins separated by commas, each such as https://www.example.com${originHint(wrong)}`,
  });
  return z.NEVER;
});
