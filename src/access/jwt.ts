import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import { matchNames, type Permissions, type RateLimit } from './principal.ts';
import { matchWorkspaces, type TokenRefusal, type Verdict } from './keyring.ts';
import { GatewayError } from '../leads/errors.ts';

const ATTRIBUTE = 'leads:attribute:';
const WORKSPACE = 'leads:workspace:';
const DEFAULT_WORKSPACE = 'leads:default-workspace:';

/**
 * The permissions a token's scopes give. Names in scopes are percent-encoded where OAuth allows a character in no
 * scope (RFC 6749, 3.3), such as a blank.
 */
function permissionsOf(scopes: ReadonlySet<string>): Permissions {
  const attributes = namesIn(scopes, ATTRIBUTE);
  const workspaces = namesIn(scopes, WORKSPACE);
  const [defaultWorkspace] = namesIn(scopes, DEFAULT_WORKSPACE);
  return {
    writeLeads: scopes.has('leads:write'),
    byId: scopes.has('leads:id'),
    byForeignId: scopes.has('leads:foreign-id'),
    returnLead: scopes.has('leads:return'),
    metrics: scopes.has('metrics:read'),
    mayWriteAttribute: matchNames(attributes),
    mayUseWorkspace: matchWorkspaces(workspaces, defaultWorkspace),
    defaultWorkspace,
  };
}

/** How every scope of the gateway's own begins. */
const OWN = /^(?:leads|metrics):/;

/**
 * The scopes of a token, without the prefix; one that lacks it is not for the gateway. Only one claim counts, so that
 * none widens what another one grants:
 *
 * 1. `scope` (RFC 9068, 2.2.3) or `scp`, what was granted to the application, when it names a scope of the gateway;
 * 2. else `permissions`, which Auth0 adds to tokens of an API with RBAC: there `scope` may name just `openid`;
 * 3. else `roles`, but only in an access token without `scope` and `scp`: Entra ID has there what an application may do
 *    by itself, and beside `scp` what the person may do, which is more than was granted to the application.
 */
function scopesIn(claims: Claims, prefix: string): ReadonlySet<string> {
  const { scope, scp, permissions, roles } = claims;
  for (const claim of [scope, scp, permissions]) {
    const scopes = ownScopes(claim, prefix);
    if (scopes.size > 0) return scopes;
  }
  const countsRoles = scope === undefined && scp === undefined && !looksLikeIdToken(claims);
  return ownScopes(countsRoles ? roles : [], prefix);
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * ID tokens have roles too, and the same audience where a page and its API are one application. They are told by their
 * own claims (OpenID Connect Core, 2 and 3.3.2.11), by Keycloak's `typ`, and from Entra ID, which has `tid` in all its
 * tokens, by the lack of the application that an access token was given to.
 */
function looksLikeIdToken(claims: Claims): boolean {
  const { typ, idtyp, tid, azp = claims['appid'] } = claims;
  const isAboutLogin = ['nonce', 'at_hash', 'c_hash'].some((name) => claims[name] !== undefined);
  return isAboutLogin || typ === 'ID' || idtyp === 'user' || (tid !== undefined && azp === undefined);
}

/** A list of names, or a text with blanks between them. */
function ownScopes(claim: unknown, prefix: string): ReadonlySet<string> {
  const names: readonly unknown[] = Array.isArray(claim)
    ? claim
    : typeof claim === 'string'
      ? claim.split(' ')
      : [];
  return new Set(
    names
      .filter((name) => typeof name === 'string' && name.startsWith(prefix))
      .map((name) => String(name).slice(prefix.length))
      .filter((name) => OWN.test(name)),
  );
}

function namesIn(scopes: ReadonlySet<string>, prefix: string): string[] {
  return [...scopes]
    .filter((scope) => scope.startsWith(prefix))
    .map((scope) => decode(scope.slice(prefix.length)))
    .filter((name) => name !== '');
}

/** A scope that does not decode gives nothing. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

export type TokenSettings = {
  readonly issuer: string;
  /** One of them must be the token's. */
  readonly audiences: readonly string[];
  /** Where a token names its audience: with `client_id`, there when it has no `aud`. */
  readonly audienceClaim: 'aud' | 'client_id';
  /** In front of each scope that is meant for the gateway. */
  readonly scopePrefix: string;
  readonly jwksUrl: URL;
  /** For each application that has tokens. */
  readonly rateLimit?: RateLimit | undefined;
};

export type TokenVerifier = (token: string) => Promise<Verdict>;

/**
 * Signatures a token may have: public-key algorithms alone. With HS256 the issuer's public key would pass for the
 * secret, and `none` for a signature (RFC 8725, 3.1 and 3.2).
 */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

const CLOCK_TOLERANCE_SECONDS = 30;
const CACHE_MS = 600_000;
/** How long after a fetch an unknown key id does not cause another. */
const COOLDOWN_MS = 30_000;
const FETCH_TIMEOUT_MS = 5000;
const RETRY_AFTER_SECONDS = 5;

/** What jose's codes say of a token; with every other one the issuer's keys cannot be had. */
const REFUSALS = new Map<string, TokenRefusal>([
  [errors.JWTExpired.code, 'token-expired'],
  [errors.JWTInvalid.code, 'token-malformed'],
  [errors.JWSInvalid.code, 'token-malformed'],
  [errors.JWSSignatureVerificationFailed.code, 'token-signature'],
  [errors.JWKSNoMatchingKey.code, 'token-key'],
  [errors.JWKSMultipleMatchingKeys.code, 'token-key'],
  [errors.JOSEAlgNotAllowed.code, 'token-algorithm'],
  [errors.JOSENotSupported.code, 'token-algorithm'],
]);

const REFUSALS_BY_CLAIM: Readonly<Record<string, TokenRefusal>> = {
  iss: 'token-issuer',
  aud: 'token-audience',
  nbf: 'token-not-yet-valid',
  token_use: 'token-use',
};

/**
 * Checks JWT bearer tokens (RFC 9068, 4) by the keys at the issuer's JWKS address, which are fetched when first needed.
 * Rejects with `unavailable` when they cannot be had.
 */
export function createTokenVerifier(
  { issuer, audiences, audienceClaim, scopePrefix, jwksUrl, rateLimit }: TokenSettings,
  { now, fetch }: { readonly now: () => number; readonly fetch?: FetchImplementation },
): TokenVerifier {
  const keys = createRemoteJWKSet(jwksUrl, {
    cacheMaxAge: CACHE_MS,
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: FETCH_TIMEOUT_MS,
    ...(fetch !== undefined && { [customFetch]: fetch }),
  });
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(now()),
      });
      checkAudience(payload, audiences, audienceClaim);
      checkUse(payload, audienceClaim);
      const permissions = permissionsOf(scopesIn(payload, scopePrefix));
      const caller = { name: clientIn(payload), kind: 'token', permissions } as const;
      return { ok: true, caller: rateLimit === undefined ? caller : { ...caller, rateLimit } };
    } catch (error) {
      return refuse(error);
    }
  };
}

/**
 * RFC 7519, 4.1.3. Access tokens of Amazon Cognito have no `aud` unless they are bound to a resource, and name who they
 * were given to in `client_id`. An `aud` that is there always decides.
 */
function checkAudience(
  payload: JWTPayload,
  audiences: readonly string[],
  claim: TokenSettings['audienceClaim'],
): void {
  const { aud, client_id: client } = payload;
  const named = aud === undefined && claim === 'client_id' ? client : aud;
  const values: readonly unknown[] = Array.isArray(named) ? named : [named];
  if (values.some((value) => typeof value === 'string' && audiences.includes(value))) return;
  throw new errors.JWTClaimValidationFailed('unexpected "aud"', payload, 'aud', 'check_failed');
}

/**
 * Cognito says in `token_use` what a token is for. Its ID tokens, which tell an application who somebody is, have the
 * same client as their audience and must not open anything (RFC 8725, 3.12).
 */
function checkUse(payload: JWTPayload, claim: TokenSettings['audienceClaim']): void {
  const { token_use: use } = payload;
  const isAccess = use === undefined ? claim === 'aud' || payload.aud !== undefined : use === 'access';
  if (!isAccess) {
    throw new errors.JWTClaimValidationFailed('unexpected "token_use"', payload, 'token_use', 'check_failed');
  }
}

function refuse(error: unknown): Verdict {
  if (error instanceof errors.JWTClaimValidationFailed) {
    return { ok: false, refusal: REFUSALS_BY_CLAIM[error.claim] ?? 'token-claims' };
  }
  const refusal = error instanceof errors.JOSEError ? REFUSALS.get(error.code) : undefined;
  if (refusal !== undefined) return { ok: false, refusal };
  throw new GatewayError('unavailable', {
    detail: 'The keys of the identity provider cannot be had at the moment; try again in a few seconds.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: error,
  });
}

/**
 * The application the token was given to: `client_id` (RFC 9068, 2.2), `azp` (OpenID Connect Core, 2), `appid` of Entra
 * ID's version 1 or `cid` of Okta. The subject may be a person.
 */
function clientIn(claims: Readonly<Record<string, unknown>>): string {
  const client = claims['client_id'] ?? claims['azp'] ?? claims['appid'] ?? claims['cid'];
  return typeof client === 'string' && /^[\w.:@/-]{1,100}$/.test(client) ? `jwt:${client}` : 'jwt';
}
