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
 * The permissions that scopes grant. Names in scopes are percent-encoded where OAuth does not allow a character, such as
 * a space (RFC 6749, section 3.3).
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

/** The start of every scope that the gateway defines. */
const OWN = /^(?:leads|metrics):/;

/**
 * The scopes of a token, without the prefix; scopes without the prefix are meant for others. Only one claim counts, so
 * that none widens what another grants:
 *
 * 1. `scope` (RFC 9068, section 2.2.3) or `scp`, granted to the application, if it names a scope of the gateway;
 * 2. else `permissions`, which Auth0 adds to tokens of an API with RBAC, where `scope` may name just `openid`;
 * 3. else `roles`, but only in an access token without `scope` and `scp`: there Entra ID lists what the application
 *    itself may do. Beside `scp` they are the user's roles, which exceed what the application was granted.
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
 * ID tokens have roles too, and the same audience if a page and its API are one application. Their own claims give them
 * away (OpenID Connect Core, sections 2 and 3.3.2.11), as does Keycloak's `typ`. Those of Entra ID, which puts `tid` in
 * every token, lack the application that an access token was issued to.
 */
function looksLikeIdToken(claims: Claims): boolean {
  const { typ, idtyp, tid, azp = claims['appid'] } = claims;
  const isAboutLogin = ['nonce', 'at_hash', 'c_hash'].some((name) => claims[name] !== undefined);
  return isAboutLogin || typ === 'ID' || idtyp === 'user' || (tid !== undefined && azp === undefined);
}

/** A claim is a list of names, or one string with spaces between them. */
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

/** A scope that cannot be decoded grants nothing. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

export type TokenSettings = {
  readonly issuer: string;
  /** The token must name one of them. */
  readonly audiences: readonly string[];
  /** The claim that names the audience; `client_id` counts only in a token without `aud`. */
  readonly audienceClaim: 'aud' | 'client_id';
  /** Precedes each scope that is meant for the gateway. */
  readonly scopePrefix: string;
  readonly jwksUrl: URL;
  /** Applies to each application separately. */
  readonly rateLimit?: RateLimit | undefined;
};

export type TokenVerifier = (token: string) => Promise<Verdict>;

/**
 * Public-key signature algorithms only. With HS256 an attacker could sign with the issuer's public key as the secret,
 * and with `none` not sign at all (RFC 8725, sections 3.1 and 3.2).
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
/** After a fetch, an unknown key id causes no other fetch for this long. */
const COOLDOWN_MS = 30_000;
const FETCH_TIMEOUT_MS = 5000;
const RETRY_AFTER_SECONDS = 5;

/** The refusal for each error code of jose. Any other code means that the issuer's keys are unavailable. */
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
 * Verifies JWT bearer tokens (RFC 9068, section 4) with the keys at the issuer's JWKS address, fetched on first use.
 * Rejects with `unavailable` while the keys cannot be fetched.
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
 * RFC 7519, section 4.1.3. Access tokens of Amazon Cognito have no `aud` unless they are bound to a resource; their
 * `client_id` names the application. If there is an `aud`, it alone decides.
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
 * Cognito states a token's purpose in `token_use`. Its ID tokens identify a user to an application, have the same client
 * as audience, and must not grant access (RFC 8725, section 3.12).
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
    detail:
      'The signing keys of the identity provider are unavailable at the moment; try again in a few seconds.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: error,
  });
}

/**
 * The application that the token was issued to: `client_id` (RFC 9068, section 2.2), `azp` (OpenID Connect Core, section
 * 2), `appid` (Entra ID v1) or `cid` (Okta). The subject may be a person, so it is never used as a name.
 */
function clientIn(claims: Readonly<Record<string, unknown>>): string {
  const client = claims['client_id'] ?? claims['azp'] ?? claims['appid'] ?? claims['cid'];
  return typeof client === 'string' && /^[\w.:@/-]{1,100}$/.test(client) ? `jwt:${client}` : 'jwt';
}
