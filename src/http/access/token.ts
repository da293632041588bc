import { createRemoteJWKSet, customFetch, errors, jwtVerify, type FetchImplementation } from 'jose';
import { GatewayError } from '../../leads/errors.ts';
import type { RateLimit } from './caller.ts';
import { permissionsOf, scopesIn } from './scopes.ts';
import type { Verdict } from './keyring.ts';

export type TokenSettings = {
  readonly issuer: string;
  readonly audience: string;
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

/** Codes of jose that say the token is at fault; every other error is about getting the issuer's keys. */
const TOKEN_FAULTS = new Set<string>([
  errors.JWTInvalid.code,
  errors.JWTClaimValidationFailed.code,
  errors.JWSInvalid.code,
  errors.JWSSignatureVerificationFailed.code,
  errors.JWKSNoMatchingKey.code,
  errors.JWKSMultipleMatchingKeys.code,
  errors.JOSEAlgNotAllowed.code,
  errors.JOSENotSupported.code,
]);

/**
 * Checks JWT bearer tokens (RFC 9068, 4) by the keys at the issuer's JWKS address, which are fetched when first needed.
 * Rejects with `unavailable` when they cannot be had.
 */
export function createTokenVerifier(
  { issuer, audience, jwksUrl, rateLimit }: TokenSettings,
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
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(now()),
      });
      const permissions = permissionsOf(scopesIn(payload));
      const caller = { name: clientIn(payload), kind: 'token', permissions } as const;
      return { ok: true, caller: rateLimit === undefined ? caller : { ...caller, rateLimit } };
    } catch (error) {
      return refuse(error);
    }
  };
}

function refuse(error: unknown): Verdict {
  const code = error instanceof errors.JOSEError ? error.code : '';
  if (code === errors.JWTExpired.code) return { ok: false, refusal: 'token-expired' };
  if (TOKEN_FAULTS.has(code)) return { ok: false, refusal: 'token-invalid' };
  throw new GatewayError('unavailable', {
    detail: 'The keys of the identity provider cannot be had at the moment; try again in a few seconds.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: error,
  });
}

/** The application the token was given to (RFC 9068, 2.2; OpenID Connect Core, 2). The subject may be a person. */
function clientIn(claims: Readonly<Record<string, unknown>>): string {
  const client = claims['client_id'] ?? claims['azp'];
  return typeof client === 'string' && /^[\w.:@/-]{1,100}$/.test(client) ? `jwt:${client}` : 'jwt';
}
