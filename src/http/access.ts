import type { Request, RequestHandler, Response } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { addressGroup } from './access/address.ts';
import { subjectOf } from './access/authorize.ts';
import { ANONYMOUS, type Caller, type RateLimit } from './access/caller.ts';
import { type CorsFields, createCorsFields } from './access/cors.ts';
import { credentialsIn } from './access/credentials.ts';
import { isOrigin } from './access/key-file.ts';
import { looksLikeKey } from './access/key-format.ts';
import type { KeySource } from './access/key-watch.ts';
import type { Refusal, Verdict } from './access/keyring.ts';
import { pageOf } from './access/own-page.ts';
import { type Limiter, type Policy, rateLimitHeaders } from './access/rate-limit.ts';
import type { TokenVerifier } from './access/token.ts';
import { exchangeOf } from './exchange.ts';
import { setField } from './head.ts';

/** Who is calling and what may they do: the steps in front of everything that needs a caller. */
export type Access = {
  /** CORS headers for the origins that may call. */
  readonly corsFields: CorsFields;
  /** Finds out who is calling, refuses who must not, and leaves the caller with the exchange. */
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
    const exchange = exchangeOf(res);
    if (!verdict.ok) {
      exchange.refusal = verdict.refusal;
      if (verdict.name !== undefined) exchange.keyName = verdict.name;
      return refuse(verdict.refusal, addressGroup(req.ip));
    }
    exchange.caller = verdict.caller;
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

  const limit = ({ kind, name, rateLimit }: Caller, res: Response): Promise<void> | undefined => {
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

function demand(caller: Caller, permission: Permission): void {
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
  { kind, name }: Pick<Caller, 'kind' | 'name'>,
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
