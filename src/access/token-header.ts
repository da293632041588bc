import { findRepeatedMember } from '../text/repeated-member.ts';
import type { TokenRefusal } from './keyring.ts';

/**
 * Public-key signature algorithms only. With HS256 an attacker could sign with the issuer's public key as the secret,
 * and with `none` not sign at all (RFC 8725, sections 3.1 and 3.2).
 */
export const ALGORITHMS = [
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

/**
 * The media types of an access token, without `application/` (RFC 7515, section 4.1.9; RFC 9068, section 4). Tokens for
 * other purposes, such as `logout+jwt`, are signed with the same keys (RFC 8725, section 3.11).
 */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);

/**
 * Header parameters that change what the rest means: extensions that must be understood (`crit`; RFC 7515, section
 * 4.1.11), a payload that is not encoded (`b64`, which a JWT must not have; RFC 7797, section 7), encryption.
 */
const NOT_UNDERSTOOD = ['crit', 'b64', 'enc', 'zip'];

/** Longer than all the headers of a request may be. */
const MAX_TOKEN_LENGTH = 16_384;

const JWS = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/;

/** What finds the key of a token. */
export type TokenHeader = { readonly alg: string; readonly kid: string | undefined };

/**
 * Checks the form and the header of a token (RFC 7515, section 5.2; RFC 8725, section 3), without any key. `jku`, `x5u`,
 * `jwk` and `x5c`, by which a token could bring its own key, do not count.
 */
export function readTokenHeader(token: string): TokenHeader | TokenRefusal {
  const [, head = '', , signature = ''] = token.length <= MAX_TOKEN_LENGTH ? (JWS.exec(token) ?? []) : [];
  const header = decodeJson(head);
  if (header === undefined) return 'token-malformed';
  const { alg, kid, typ, cty } = header;
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) return 'token-malformed';
  if (!ALGORITHMS.includes(alg)) return 'token-algorithm';
  if (typ !== undefined && !isAccessToken(typ)) return 'token-type';
  // A JWT in a JWT (RFC 7519, section 5.2).
  if (NOT_UNDERSTOOD.some((name) => Object.hasOwn(header, name)) || mediaType(cty) === 'jwt') {
    return 'token-header';
  }
  return signature === '' ? 'token-signature' : { alg, kid };
}

function isAccessToken(typ: unknown): boolean {
  const type = mediaType(typ);
  return type !== undefined && TYPES.has(type);
}

/** Media types are compared without case (RFC 2045, section 5.1). */
function mediaType(value: unknown): string | undefined {
  return typeof value === 'string' ? value.toLowerCase().replace(/^application\//, '') : undefined;
}

/** Whether a claim is there twice (RFC 7519, section 4), in a token whose claims are JSON. */
export function hasRepeatedClaim(token: string): boolean {
  return decodeJson(token.split('.')[1] ?? '') === undefined;
}

/** An object in base64url; undefined if it is something else, not in UTF-8, or has two members of one name. */
function decodeJson(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(part, 'base64url'),
    );
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return findRepeatedMember(text) === undefined ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
