import type { KeyPairKeyObjectResult } from 'node:crypto';

/** What it is · makes the token · what the log calls the refusal. */
export const REFUSED_TOKENS: readonly (readonly [string, () => string, string])[];
/** The claims of a good token. */
export function claims(): Readonly<Record<string, unknown>>;
/** A good token but for these parameters of its header. */
export function withHeader(header: object): string;
/** A good token but for these claims. */
export function withClaims(claims: object): string;
/** The same signed by `OTHER`, which the issuer does not know. */
export function byOther(header: object): string;
export const OTHER: KeyPairKeyObjectResult;
/** The header of a token signed with ES256. */
export const EC_HEADER: Readonly<Record<string, unknown>>;
