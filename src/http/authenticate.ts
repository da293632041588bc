import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { credentialsIn, looksLikeKey, looksSecret } from '../access/api-key.ts';
import { ANONYMOUS, type Principal, type RateLimit, subjectOf } from '../access/principal.ts';
import type { VerifyToken } from '../access/jwt.ts';
import { isOrigin } from '../access/key-file.ts';
import type { Accepted, Refusal, Verdict } from '../access/keyring.ts';
import { type Limiter, type Policy, rateLimitHeaders } from '../access/rate-limiter.ts';
import type { KeySource } from '../access/watch-key-file.ts';
import { GatewayError } from '../leads/errors.ts';
import { type CorsFields, createCorsFields } from './cors.ts';
import { refuseForeignPages } from './own-address.ts';
import { pageOf } from './own-page.ts';
import { type PresentCaller, presentCallerOf } from './present-caller.ts';
import { searchOf } from './query.ts';
import { contextOf } from './request-context.ts';
import { isRepeated } from './repeated-header.ts';
import { setHeader } from './respond.ts';
import { type CheckSignature, createSignatureCheck, type ReadSecret } from './webhook-signatures.ts';
import { counted } from '../text/counted.ts';

/**
 * What a limit by address counts: an IPv4 address, or the first 64 bits of an IPv6 address, because a client usually has
 * a whole /64 (RFC 4291, 2.5.4).
 */
export function addressGroup(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  // The URL parser normalises the address (RFC 5952).
  const [head = '', tail] = new URL(`http://[${address.split('%', 1)[0]}]`).hostname.slice(1, -1).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}

/** Authentication, and the permissions that whole operations need. */
export type Access = {
  /** CORS headers for the origins that may call. */
  readonly corsFields: CorsFields;
  /** Stands in for credentials where callers have none. */
  readonly refuseForeignPages: RequestHandler;
  /** Authenticates callers that write leads, and leaves the caller in the request context. */
  readonly identify: RequestHandler;
  /** The same for leads that are posted: a publishable key, or that of a webhook, may be in the address. */
  readonly identifyPoster: RequestHandler;
  /** The caller of a request that `identify` let in, while it lasts. */
  readonly presentCaller: (res: Response) => PresentCaller;
  /** Checks the signature of a webhook. */
  readonly checkSignature: CheckSignature;
  /** The same for callers that read metrics. */
  readonly forMetrics: RequestHandler;
  /** For callers that ask what became of a lead. */
  readonly forReceipts: RequestHandler;
  /** For callers that see and change what the outbox holds. */
  readonly forOutbox: RequestHandler;
  /** False if every caller may do everything. */
  readonly needsCredentials: boolean;
};

export type AccessDeps = {
  /** If this and `verifyToken` are null, callers are not authenticated. */
  readonly keys: Pick<KeySource, 'keyring'> | null;
  readonly verifyToken: VerifyToken | null;
  readonly corsOrigins: readonly string[];
  /** Where callers reach the gateway, if that is configured. */
  readonly publicUrl?: string | undefined;
  readonly authFailuresPerMinute: number;
  /** Of one address, with publishable keys; unlimited when left out. */
  readonly publishablePerMinute?: number;
  readonly limiter: Limiter;
  readonly now: () => number;
  /** The secrets of webhooks; none can be read when left out. */
  readonly readSecret?: ReadSecret;
};

export function createAccess(deps: AccessDeps): Access {
  const { keys, limiter } = deps;
  const fixedOrigins = new Set(deps.corsOrigins);
  const publicOrigin = deps.publicUrl === undefined ? undefined : new URL(deps.publicUrl).origin;
  const verify = verifierOf(deps);
  const verifyPoster = posterVerifierOf(deps, verify);
  const countFailure = (req: Request) => takeFailure(limiter, failures, addressGroup(req.ip));
  const failures: Policy = {
    name: 'failures',
    requests: deps.authFailuresPerMinute,
    windowSeconds: 60,
  };

  // Synchronous where possible: a key needs one hash and one look-up.
  const guard = (anyOf: readonly [Permission, ...Permission[]], verifyCaller = verify): RequestHandler => {
    return (req, res, next) => {
      const admit = (verdict: Verdict): Promise<void> | undefined => {
        const context = contextOf(res);
        if (!verdict.ok) {
          context.refusal = verdict.refusal;
          if (verdict.name !== undefined) context.keyName = verdict.name;
          return refuse(verdict, () => countFailure(req));
        }
        const { caller } = verdict;
        context.caller = caller;
        context.admitted = verdict;
        checkOrigin(verdict, req.headers, publicOrigin);
        if (caller.kind === 'webhook' && verifyCaller !== verifyPoster) throw onlyForPosts();
        checkPermission(caller, anyOf);
        const limits = limitsOf(caller, deps.publishablePerMinute, req);
        return limits.length === 0 ? undefined : takeAll(limiter, limits, caller, res);
      };
      const verdict = verifyCaller(req, () => countFailure(req));
      const admission = verdict instanceof Promise ? verdict.then(admit) : admit(verdict);
      return admission === undefined ? next() : passOn(admission, next);
    };
  };

  return {
    corsFields: createCorsFields(
      (origin) => fixedOrigins.has(origin) || (keys?.keyring().origins.has(origin) ?? false),
    ),
    refuseForeignPages: refuseForeignPages(deps.publicUrl, (origin) => fixedOrigins.has(origin)),
    identify: guard(['writeLeads']),
    presentCaller: (res) => presentCallerOf(deps, contextOf(res)),
    identifyPoster: guard(['writeLeads'], verifyPoster),
    checkSignature: createSignatureCheck(deps.readSecret ?? noSecret, deps.now, countFailure),
    forMetrics: guard(['metrics']),
    forReceipts: guard(['writeLeads', 'outbox']),
    forOutbox: guard(['outbox']),
    needsCredentials: keys !== null || deps.verifyToken !== null,
  };
}

const noSecret: ReadSecret = async () => '';

/** Express handles the rejection. */
async function passOn(admission: Promise<void>, next: () => void): Promise<void> {
  await admission;
  next();
}

type Verifier = (request: IncomingMessage, countGuess: () => Promise<void>) => Verdict | Promise<Verdict>;

function verifierOf({ keys, verifyToken, now }: AccessDeps): Verifier {
  if (keys === null && verifyToken === null) return () => ({ ok: true, caller: ANONYMOUS });
  return ({ headers, rawHeaders }, countGuess) => {
    // Node drops all lines of Authorization but the first, and joins those of X-API-Key.
    if (isRepeated(rawHeaders, 'authorization') || isRepeated(rawHeaders, 'x-api-key')) {
      return { ok: false, refusal: 'repeated' };
    }
    const credentials = credentialsIn(headers);
    if (typeof credentials === 'string') return { ok: false, refusal: credentials };
    const { text } = credentials;
    if (verifyToken !== null && !looksLikeKey(text)) return verifyToken(text, countGuess);
    if (keys === null) return { ok: false, refusal: 'unknown' };
    return keys.keyring().identify(text, now());
  };
}

/**
 * Also takes a key in the address, `?key=`, for senders that cannot set a header: forms, beacons, webhooks. A secret key
 * there is refused whether or not it is valid, since logs and histories keep addresses.
 */
function posterVerifierOf({ keys, now }: AccessDeps, verify: Verifier): Verifier {
  return (request, countGuess) => {
    const given = keysInAddress(request);
    const [text] = given;
    if (text === undefined || keys === null) return verify(request, countGuess);
    const { authorization, 'x-api-key': apiKey } = request.headers;
    const verdict = keys.keyring().identify(text, now());
    const name = verdict.ok ? verdict.caller.name : verdict.name;
    const refuseFor = (refusal: Refusal): Verdict => ({
      ok: false,
      refusal,
      ...(name !== undefined && { name }),
    });
    if (given.some(looksSecret) || (verdict.ok && verdict.caller.kind === 'secret')) {
      return refuseFor('secret-in-address');
    }
    if (given.length > 1 || authorization !== undefined || apiKey !== undefined) return refuseFor('several');
    return verdict;
  };
}

/** The values of `key` in a query. */
function keysInAddress(request: IncomingMessage): readonly string[] {
  const search = searchOf(request);
  if (search === '') return NO_KEYS;
  // However it is spelt: a secret key must not be there.
  return [...new URLSearchParams(search)].flatMap(([name, value]) =>
    name.toLowerCase() === 'key' ? [value] : [],
  );
}

const NO_KEYS: readonly string[] = [];

/** Fails with `unauthorized`, or with what `countFailure` fails with. */
async function refuse(
  { refusal, isCounted = false }: Verdict & { ok: false },
  countFailure: () => Promise<void>,
): Promise<never> {
  if (!isCounted) await countFailure();
  throw unauthorized(refusal);
}

/** Counts a request without valid credentials; fails with `rate-limited` after too many from one address. */
async function takeFailure(limiter: Limiter, policy: Policy, address: string): Promise<void> {
  const { allowed, resetSeconds } = await limiter.take(policy, address);
  if (allowed) return;
  throw new GatewayError('rate-limited', {
    detail: 'Too many requests without valid credentials came from this address; check the key and wait.',
    retryAfterSeconds: resetSeconds,
  });
}

/** Permissions for whole operations, and the scopes that grant them to tokens. */
const OPERATIONS = {
  writeLeads: { scope: 'leads:write', what: 'write leads' },
  metrics: { scope: 'metrics:read', what: 'read the metrics' },
  outbox: { scope: 'outbox:manage', what: 'see or change what the outbox holds' },
} as const;

type Permission = keyof typeof OPERATIONS;

/** Names the first permission where another would do, too. */
function checkPermission(caller: Principal, anyOf: readonly [Permission, ...Permission[]]): void {
  if (anyOf.some((one) => caller.permissions[one])) return;
  const [permission] = anyOf;
  const { scope, what } = OPERATIONS[permission];
  const need = caller.kind === 'token' ? `scope ${scope}` : `permission ${permission}`;
  throw new GatewayError('forbidden', {
    detail: `${subjectOf(caller)} may not ${what}: it needs the ${need}.`,
  });
}

/**
 * A secret key must not be in a published page, but may be typed into the gateway's own. A publishable key works on the
 * origins it lists only.
 */
function checkOrigin(
  { caller, origins }: Accepted,
  headers: IncomingHttpHeaders,
  publicOrigin: string | undefined,
): void {
  const { origin } = headers;
  if (caller.kind === 'secret' && origin !== undefined) refuseForeignPage(pageOf(headers, publicOrigin));
  if (caller.kind === 'webhook' && origin !== undefined) throw notForPages();
  if (caller.kind !== 'publishable' || (origin !== undefined && origins?.has(origin) === true)) return;
  if (origin === 'null') throw withoutOrigin();
  throw new GatewayError('forbidden', {
    detail:
      origin === undefined
        ? 'This key works only in pages of the origins it lists, and the request has no Origin header. Send one, as browsers do.'
        : `This key does not work in pages of ${isOrigin(origin) && origin.length <= MAX_ORIGIN_SHOWN ? origin : 'this origin'}: it needs the permission origins with the origin in its list.`,
  });
}

/** Of the HTML standard: an opaque origin. */
function withoutOrigin(): GatewayError {
  return new GatewayError('forbidden', {
    detail:
      'This key works only in pages of the origins it lists, and the page has none (Origin: null). Open it by http: or https:, not as a file, outside a sandboxed frame and without Referrer-Policy: no-referrer.',
  });
}

function onlyForPosts(): GatewayError {
  return new GatewayError('forbidden', {
    detail: 'The key of a webhook works for POST /leads only; use a secret key here.',
  });
}

function notForPages(): GatewayError {
  return new GatewayError('forbidden', {
    detail:
      'The key of a webhook does not work in pages, and this request has an Origin header. Use a publishable key there.',
  });
}

/** A longer origin is not repeated. */
const MAX_ORIGIN_SHOWN = 200;

function refuseForeignPage(page: ReturnType<typeof pageOf>): void {
  if (page === 'own') return;
  throw new GatewayError('forbidden', {
    detail:
      page === 'unproven'
        ? "In a browser a secret key is for the gateway's own pages, and the gateway cannot tell that this page is one of them. If it is, set PUBLIC_URL to the address in the browser's address bar."
        : 'A secret key must not be in a browser, where anyone can read it, and this request has an Origin header. Use a publishable key there, and replace this key if a page was published with it.',
  });
}

/** The same text whatever is wrong with a key, so that guessing does not reveal which keys exist. */
function unauthorized(refusal: Refusal): GatewayError {
  return new GatewayError('unauthorized', { detail: TOLD[refusal] ?? NONE });
}

/** What tells nothing about which keys exist. */
const TOLD: { readonly [Reason in Refusal]?: string } = {
  contradictory: 'Authorization and X-API-Key are both set and differ; send one of them.',
  repeated: 'The request has two lines of Authorization or of X-API-Key; send one.',
  several: 'The request has a key in its address and another one; send one of them.',
  'secret-in-address':
    'A secret key must not be in an address, where logs and histories keep it: have this key revoked, and send a new one as Authorization: Bearer <key>. Only a publishable key, or that of a webhook, may be in ?key=.',
};

const NONE =
  'The request has no valid key or token; send one as Authorization: Bearer <key>, or as X-API-Key: <key>.';

const SECONDS_PER_DAY = 86_400;

function policiesOf({ requestsPerSecond, burst, requestsPerDay }: RateLimit): Policy[] {
  const policies: Policy[] = [];
  if (requestsPerSecond !== undefined) {
    const requests = burst ?? requestsPerSecond;
    policies.push({ name: 'burst', requests, windowSeconds: requests / requestsPerSecond });
  }
  if (requestsPerDay !== undefined) {
    policies.push({ name: 'day', requests: requestsPerDay, windowSeconds: SECONDS_PER_DAY });
  }
  return policies;
}

/** A policy, and in whose name a request counts under it. */
type Limit = { readonly policy: Policy; readonly who: string };

const NO_LIMITS: readonly Limit[] = [];

/**
 * The address first, so that a visitor of a page who is refused does not use up the key of all others. It counts for all
 * publishable keys together: everyone can read them all.
 */
function limitsOf(caller: Principal, perMinute: number | undefined, req: Request): readonly Limit[] {
  const { kind, name, rateLimit } = caller;
  const isShared = kind === 'publishable' && perMinute !== undefined;
  if (rateLimit === undefined && !isShared) return NO_LIMITS;
  const own = policiesOf(rateLimit ?? {}).map((policy) => ({ policy, who: `${kind}:${name}` }));
  if (!isShared) return own;
  const policy: Policy = { name: ADDRESS, requests: perMinute, windowSeconds: 60 };
  return [{ policy, who: addressGroup(req.ip) }, ...own];
}

const ADDRESS = 'address';

/** Counts the request under each limit until one refuses; fails with `rate-limited` then. */
async function takeAll(
  limiter: Limiter,
  limits: readonly Limit[],
  { kind }: Pick<Principal, 'kind'>,
  res: Response,
): Promise<void> {
  const standings = [];
  for (const { policy, who } of limits) {
    const standing = await limiter.take(policy, who);
    standings.push(standing);
    if (!standing.allowed) break;
  }
  for (const [header, value] of Object.entries(rateLimitHeaders(standings))) setHeader(res, header, value);
  const refused = standings.find(({ allowed }) => !allowed);
  if (refused === undefined) return;
  const { name, requests, windowSeconds } = refused.policy;
  const subject = name === ADDRESS ? 'address' : kind === 'token' ? 'application' : 'key';
  const window = windowSeconds === SECONDS_PER_DAY ? '24 hours' : `${windowSeconds} s`;
  throw new GatewayError('rate-limited', {
    detail: `This ${subject} may make ${counted(requests, 'request')} in ${window}; send the request again after the time in Retry-After.`,
    retryAfterSeconds: refused.resetSeconds,
  });
}
