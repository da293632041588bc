import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import { GatewayError } from '../../leads/errors.ts';
import type { RateLimit } from './caller.ts';
import { permissionsOf, scopesIn } from './scopes.ts';
import type { TokenRefusal, Verdict } from './keyring.ts';

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
