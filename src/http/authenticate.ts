import { isIP, isIPv6 } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { isHostAndPort } from './base-url.ts';
import { GatewayError } from '../leads/errors.ts';
import { subjectOf } from '../access/authorize.ts';
import { ANONYMOUS, type Principal, type RateLimit } from '../access/principal.ts';
import { type CorsFields, createCorsFields } from './cors.ts';
import { credentialsIn, looksLikeKey } from '../access/api-key.ts';
import { isOrigin } from '../access/key-file.ts';
import type { KeySource } from '../access/watch-key-file.ts';
import type { Refusal, Verdict } from '../access/keyring.ts';
import { type Limiter, type Policy, rateLimitHeaders } from '../access/rate-limiter.ts';
import type { TokenVerifier } from '../access/jwt.ts';
import { contextOf } from './request-context.ts';
import { setField } from './respond.ts';

/**
 * The address a limit counts by: an IPv4 address, or the first 64 bits of an IPv6 address, since whoever has one of
 * those usually has them all (RFC 4291, 2.5.4).
 */
export function addressGroup(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  // The parser of URLs writes an address in the one way of RFC 5952.
  const [head = '', tail] = new URL(`http://[${address.split('%', 1)[0]}]`).hostname.slice(1, -1).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}

/**
 * Whose page sends a request that has an `Origin`: the gateway's `own`, that of a `foreign` origin, or `unproven`: one
 * that looks like the gateway's own under a name that is not the one of PUBLIC_URL, or that a proxy has replaced.
 *
 * Pages can set none of these headers themselves (Fetch standard, forbidden request-headers), which is not so for
 * X-Forwarded-Host. Sec-Fetch-Site is missing in older browsers and where a plain http: address is asked.
 *
 * @param publicOrigin where browsers reach the gateway, if that is configured
 */
function pageOf(
  headers: IncomingHttpHeaders,
  publicOrigin: string | undefined,
): 'own' | 'unproven' | 'foreign' {
  const { origin, host = '' } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined || (site !== undefined && site !== 'same-origin')) return 'foreign';
  if (origin === publicOrigin) return 'own';
  const page = webOrigin(origin);
  if (page === undefined) return 'foreign';
  if (!isAt(page, host)) return site === undefined ? 'foreign' : 'unproven';
  return publicOrigin === undefined || isFixedAddress(page.hostname) ? 'own' : 'unproven';
}

/** An origin as browsers write it (RFC 6454, 6.2); `null` and everything else is none. */
function webOrigin(text: string): URL | undefined {
  if (!/^https?:/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.origin === text ? url : undefined;
}

function isAt({ protocol, origin }: URL, host: string): boolean {
  const address = `${protocol}//${host}`;
  return isHostAndPort(host) && URL.canParse(address) && new URL(address).origin === origin;
}

/** Whether no DNS server decides where the host is (RFC 6761, 6.3). */
function isFixedAddress(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  );
}

/** Who is calling and what may they do: the steps in front of everything that needs a caller. */
export type Access = {
  /** CORS headers for the origins that may call. */
  readonly corsFields: CorsFields;
  /** Finds out who is calling, refuses who must not, and leaves the caller with the context. */
  readonly identify: RequestHandler;
  /** Only for callers who may read figures. */
  readonly forMetrics: RequestHandler;
  /** False when everybody may do everything. */
  readonly needsCredentials: boolean;
};

export type AccessDeps = {
  /** Null, both of them: callers are not authenticated. */
  readonly keys: Pick<KeySource, 'keyring'> | null;
  readonly verifyToken: TokenVerifier | null;
  readonly corsOrigins: readonly string[];
  /** Where callers reach the gateway, if that is configured. */
  readonly publicUrl?: string | undefined;
  readonly authFailuresPerMinute: number;
  readonly limiter: Limiter;
  readonly now: () => number;
};

/** Builds the steps; without keys and tokens everybody may do everything. */
export function createAccess(deps: AccessDeps): Access {
  const { keys, limiter } = deps;
  const fixedOrigins = new Set(deps.corsOrigins);
  const publicOrigin = deps.publicUrl === undefined ? undefined : new URL(deps.publicUrl).origin;
  const verify = verifierOf(deps);
  const failures: Policy = {
    name: 'failures',
    requests: deps.authFailuresPerMinute,
    windowSeconds: 60,
  };

  /** Without waiting where nothing has to be waited for: a key needs one hash and one look-up. */
  const guard = (permission: Permission): RequestHandler => {
    return (req, res, next) => {
      const verdict = verify(req.headers);
      const admitted = (later: Verdict) => admit(later, req, res, permission);
      const admission = verdict instanceof Promise ? verdict.then(admitted) : admitted(verdict);
      return admission === undefined ? next() : passOn(admission, next);
    };
  };

  const admit = (
    verdict: Verdict,
    req: Request,
    res: Response,
    permission: Permission,
  ): Promise<void> | undefined => {
    const context = contextOf(res);
    if (!verdict.ok) {
      context.refusal = verdict.refusal;
      if (verdict.name !== undefined) context.keyName = verdict.name;
      return refuse(verdict.refusal, addressGroup(req.ip));
    }
    context.caller = verdict.caller;
    checkOrigin(verdict, req.headers, publicOrigin);
    demand(verdict.caller, permission);
    return limit(verdict.caller, res);
  };

  const refuse = async (refusal: Refusal, address: string): Promise<never> => {
    const { allowed, resetSeconds } = await limiter.take(failures, address);
    if (!allowed) {
      throw new GatewayError('rate-limited', {
        detail: 'Too many requests without valid credentials came from this address; check the key and wait.',
        retryAfterSeconds: resetSeconds,
      });
    }
    throw unauthorized(refusal);
  };

  const limit = ({ kind, name, rateLimit }: Principal, res: Response): Promise<void> | undefined => {
    if (rateLimit === undefined) return undefined;
    return takeAll(limiter, policiesOf(rateLimit), { kind, name }, res);
  };

  return {
    corsFields: createCorsFields(
      (origin) => fixedOrigins.has(origin) || (keys?.keyring().origins.has(origin) ?? false),
    ),
    identify: guard('writeLeads'),
    forMetrics: guard('metrics'),
    needsCredentials: keys !== null || deps.verifyToken !== null,
  };
}

/** Permissions that are needed for a whole operation, as a token's scopes name them. */
const OPERATIONS = {
  writeLeads: { scope: 'leads:write', what: 'write leads' },
  metrics: { scope: 'metrics:read', what: 'read the metrics' },
} as const;

type Permission = keyof typeof OPERATIONS;

function demand(caller: Principal, permission: Permission): void {
  if (caller.permissions[permission]) return;
  const { scope, what } = OPERATIONS[permission];
  const need = caller.kind === 'token' ? `scope ${scope}` : `permission ${permission}`;
  throw new GatewayError('forbidden', {
    detail: `${subjectOf(caller)} may not ${what}: it needs the ${need}.`,
  });
}

/** Express passes the error of a promise on. */
async function passOn(admission: Promise<void>, next: () => void): Promise<void> {
  await admission;
  next();
}

type Verifier = (headers: Parameters<typeof credentialsIn>[0]) => Verdict | Promise<Verdict>;

function verifierOf({ keys, verifyToken, now }: AccessDeps): Verifier {
  if (keys === null && verifyToken === null) return () => ({ ok: true, caller: ANONYMOUS });
  return (headers) => {
    const credentials = credentialsIn(headers);
    if (typeof credentials === 'string') return { ok: false, refusal: credentials };
    const { text } = credentials;
    if (verifyToken !== null && !looksLikeKey(text)) return verifyToken(text);
    if (keys === null) return { ok: false, refusal: 'unknown' };
    return keys.keyring().identify(text, now());
  };
}

/** A secret in a published page is a secret no more; whoever types one into the gateway's own pages keeps it. A publishable key is for its own pages. */
function checkOrigin(
  { caller, origins }: Verdict & { ok: true },
  headers: Request['headers'],
  publicOrigin: string | undefined,
): void {
  const { origin } = headers;
  if (caller.kind === 'secret' && origin !== undefined) refuseForeignPage(pageOf(headers, publicOrigin));
  if (caller.kind !== 'publishable' || (origin !== undefined && origins?.has(origin) === true)) return;
  throw new GatewayError('forbidden', {
    detail:
      origin === undefined
        ? 'This key may be used by pages of its origins only, and the request does not say which page it is from. Send the Origin header, as browsers do.'
        : `This key may not be used by pages of ${isOrigin(origin) && origin.length <= MAX_SHOWN ? origin : 'this origin'}: it needs the permission origins with the origin in its list.`,
  });
}

/** A longer origin is not repeated. */
const MAX_SHOWN = 200;

function refuseForeignPage(page: ReturnType<typeof pageOf>): void {
  if (page === 'own') return;
  throw new GatewayError('forbidden', {
    detail:
      page === 'unproven'
        ? "In a browser a secret key is for the gateway's own pages, and the gateway cannot tell that this page is one of them. If it is, set PUBLIC_URL to the address in the browser's address bar."
        : 'A secret key must not be in a browser, where anybody can read it, and this request has an Origin header. Use a publishable key there, and replace this key if a page was published with it.',
  });
}

/** One text for whatever is wrong with a key: who tries keys must not learn which of them exist. */
function unauthorized(refusal: Refusal): GatewayError {
  return new GatewayError('unauthorized', {
    detail:
      refusal === 'contradictory'
        ? 'Authorization and X-API-Key are both there and differ; send one of them.'
        : 'The request has no valid key or token; send one as Authorization: Bearer <key>, or as X-API-Key: <key>.',
  });
}

const SECONDS_OF_A_DAY = 86_400;

function policiesOf({ requestsPerSecond, burst, requestsPerDay }: RateLimit): Policy[] {
  const policies: Policy[] = [];
  if (requestsPerSecond !== undefined) {
    const requests = burst ?? requestsPerSecond;
    policies.push({ name: 'burst', requests, windowSeconds: requests / requestsPerSecond });
  }
  if (requestsPerDay !== undefined) {
    policies.push({ name: 'day', requests: requestsPerDay, windowSeconds: SECONDS_OF_A_DAY });
  }
  return policies;
}

/** Counts in each policy until one refuses. */
async function takeAll(
  limiter: Limiter,
  policies: readonly Policy[],
  { kind, name }: Pick<Principal, 'kind' | 'name'>,
  res: Response,
): Promise<void> {
  const standings = [];
  for (const policy of policies) {
    const standing = await limiter.take(policy, `${kind}:${name}`);
    standings.push(standing);
    if (!standing.allowed) break;
  }
  for (const [header, value] of Object.entries(rateLimitHeaders(standings))) setField(res, header, value);
  const refused = standings.find(({ allowed }) => !allowed);
  if (refused === undefined) return;
  const { requests, windowSeconds } = refused.policy;
  const window = windowSeconds === SECONDS_OF_A_DAY ? '24 hours' : `${windowSeconds} s`;
  throw new GatewayError('rate-limited', {
    detail: `This ${kind === 'token' ? 'application' : 'key'} may make ${requests} requests in ${window}; send the request again after the time in Retry-After.`,
    retryAfterSeconds: refused.resetSeconds,
  });
}
