import { type CryptoKey, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../runtime/clock.ts';
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts';
import type { KeySetDeps } from './key-set.ts';
import { matchNames, type Permissions, type RateLimit } from './principal.ts';
import { matchWorkspaces, type TokenRefusal, type Verdict } from './keyring.ts';
import { GatewayError } from '../leads/errors.ts';
import { ALGORITHMS, hasRepeatedClaim, readTokenHeader } from './token-header.ts';

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
    outbox: scopes.has('outbox:manage'),
    mayWriteAttribute: matchNames(attributes),
    mayUseWorkspace: matchWorkspaces(workspaces, defaultWorkspace),
    defaultWorkspace,
  };
}

/** The start of every scope that the gateway defines. */
const OWN = /^(?:leads|metrics|outbox):/;

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

/**
 * Verifies a token.
 *
 * @param countGuess counts a token whose key is not known against its sender; rejects after too many
 * @throws {GatewayError} `unavailable` if the key is not known and the issuer's keys cannot be fetched
 */
export type VerifyToken = (token: string, countGuess: () => Promise<void>) => Promise<Verdict>;

export type TokenVerifier = Pick<IssuerKeys, 'warnings' | 'close'> & {
  readonly verify: VerifyToken;
};

const CLOCK_TOLERANCE_SECONDS = 30;
/** The end of the year 9999, the last of RFC 3339. A claim beyond it, such as Infinity, is not a date. */
const MAX_DATE_SECONDS = 253_402_300_799;

/** The refusal for each error code of jose. */
const REFUSALS = new Map<string, TokenRefusal>([
  [errors.JWTExpired.code, 'token-expired'],
  [errors.JWTInvalid.code, 'token-malformed'],
  [errors.JWSInvalid.code, 'token-malformed'],
  [errors.JWSSignatureVerificationFailed.code, 'token-signature'],
  [errors.JOSEAlgNotAllowed.code, 'token-algorithm'],
  [errors.JOSENotSupported.code, 'token-algorithm'],
]);

const REFUSALS_BY_CLAIM: Readonly<Record<string, TokenRefusal>> = {
  iss: 'token-issuer',
  aud: 'token-audience',
  nbf: 'token-not-yet-valid',
  token_use: 'token-use',
};

/** Verifies JWT bearer tokens (RFC 9068, section 4) with the keys at the issuer's JWKS address, fetched on first use. */
export function createTokenVerifier(
  settings: TokenSettings,
  deps: KeySetDeps & { readonly clock: Pick<Clock, 'now'> },
): TokenVerifier {
  const keys = createIssuerKeys(settings.jwksUrl, deps);
  return {
    warnings: keys.warnings,
    close: keys.close,
    async verify(token, countGuess) {
      const header = readTokenHeader(token);
      if (typeof header === 'string') return { ok: false, refusal: header };
      const found = await keys.find(header, countGuess);
      if ('key' in found) return verifyWith(found.key, token, settings, deps.clock.now());
      if (found.none !== 'unavailable') {
        return { ok: false, refusal: 'token-key', isCounted: found.isCounted };
      }
      if (!found.isCounted) await countGuess();
      throw unavailable(found);
    },
  };
}

async function verifyWith(
  key: CryptoKey,
  token: string,
  { issuer, audiences, audienceClaim, scopePrefix, rateLimit }: TokenSettings,
  nowMs: number,
): Promise<Verdict> {
  try {
    const { payload } = await jwtVerify(token, key, {
      issuer,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(nowMs),
    });
    if (hasRepeatedClaim(token)) return { ok: false, refusal: 'token-malformed' };
    checkDates(payload);
    checkAudience(payload, audiences, audienceClaim);
    checkUse(payload, audienceClaim);
    const permissions = permissionsOf(scopesIn(payload, scopePrefix));
    const caller = { name: clientIn(payload), kind: 'token', permissions } as const;
    return {
      ok: true,
      caller: rateLimit === undefined ? caller : { ...caller, rateLimit },
      // As the library compares them.
      expiresAtMs: ((payload.exp ?? Infinity) + CLOCK_TOLERANCE_SECONDS) * 1000,
    };
  } catch (error) {
    return { ok: false, refusal: refusalOf(error) };
  }
}

/** Numbers at most; the library compares them with the time. */
function checkDates(payload: JWTPayload): void {
  for (const claim of ['exp', 'nbf', 'iat'] as const) {
    const { [claim]: seconds } = payload;
    if (seconds === undefined || (typeof seconds === 'number' && Math.abs(seconds) <= MAX_DATE_SECONDS))
      continue;
    throw new errors.JWTClaimValidationFailed(`"${claim}" is not a date`, payload, claim, 'invalid');
  }
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

function refusalOf(error: unknown): TokenRefusal {
  if (error instanceof errors.JWTClaimValidationFailed) {
    return (error.reason !== 'invalid' && REFUSALS_BY_CLAIM[error.claim]) || 'token-claims';
  }
  // Anything else is the key: one that is too short, or of another kind than the algorithm.
  return (error instanceof errors.JOSEError && REFUSALS.get(error.code)) || 'token-key';
}

function unavailable({ retryInMs }: { readonly retryInMs: number }): GatewayError {
  return new GatewayError('unavailable', {
    detail:
      'The signing keys of the identity provider are unavailable at the moment; try again in a few seconds.',
    retryAfterSeconds: Math.max(1, Math.ceil(retryInMs / 1000)),
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
