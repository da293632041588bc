import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * How a key is written: prefix, 256 random bits, checksum. All of it is base62, so that a double click selects the
 * whole key, and URLs, shells and JSON need no escaping for it.
 *
 *   lgs_, lgp_ or lgw_ + 43 characters (the bits as one number, most significant digit first) + 6 characters (CRC-32)
 *
 * The checksum covers everything before it, in ASCII. With it a secret scanner can tell a key from text that merely
 * looks like one, and the log can say that a key was mistyped. It is not part of the secret and grants nothing.
 */

/** `webhook`: for a sender that can only be told an address. */
export type KeyKind = 'secret' | 'publishable' | 'webhook';

export const KEY_BYTES = 32;

const PREFIXES = { secret: 'lgs_', publishable: 'lgp_', webhook: 'lgw_' } as const satisfies Record<
  KeyKind,
  string
>;

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 62^43 is the first power of 62 above 2^256; 62^6 the first above 2^32. */
const RANDOM_LENGTH = 43;
const CHECKSUM_LENGTH = 6;

const KEY = new RegExp(`^lg[spw]_[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

/** Writes a key from `KEY_BYTES` random bytes; throws a RangeError for any other number of them. */
export function writeKey(kind: KeyKind, random: Uint8Array): string {
  if (random.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} random bytes`);
  const number = BigInt(`0x${Buffer.from(random).toString('hex')}`);
  const text = PREFIXES[kind] + toBase62(number, RANDOM_LENGTH);
  return text + checksumOf(text);
}

/** True when the text starts with a key's prefix and so is meant to be a key. */
export function looksLikeKey(text: string): boolean {
  return /^lg[spw]_/.test(text);
}

/** True when the text is meant to be a secret key, which must not be where others can read it. */
export function looksSecret(text: string): boolean {
  return text.startsWith(PREFIXES.secret);
}

/**
 * True when the text has the form and the checksum of a key. Takes the same time for every text of a given length, so
 * that timing does not reveal how close a guess came.
 */
export function isKey(text: string): boolean {
  const isSumRight = checksumOf(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
  return KEY.test(text) && isSumRight;
}

/** The form in which a key is stored: its SHA-256 as 64 lower-case hexadecimal digits. */
export function hashKey(text: string): string {
  return hash('sha256', text, 'hex');
}

function checksumOf(text: string): string {
  return toBase62(BigInt(crc32(text)), CHECKSUM_LENGTH);
}

function toBase62(number: bigint, length: number): string {
  let text = '';
  for (let rest = number; text.length < length; rest /= 62n) text = (DIGITS[Number(rest % 62n)] ?? '') + text;
  return text;
}

/** `contradictory`: the request carries two different ones, and the gateway does not choose between them. */
export type Credentials = { readonly text: string } | 'missing' | 'malformed' | 'contradictory';

const BEARER = /^Bearer +([^\s,]+) *$/i;

/** Reads `Authorization: Bearer` (RFC 6750, section 2.1) or `X-API-Key`; both may be present if they are equal. */
export function credentialsIn(headers: IncomingHttpHeaders): Credentials {
  const { authorization, 'x-api-key': raw } = headers;
  const apiKey = typeof raw === 'string' ? raw.trim() : undefined;
  if (authorization === undefined) return apiKey === undefined ? 'missing' : { text: apiKey };
  const bearer = BEARER.exec(authorization)?.[1];
  if (apiKey !== undefined && apiKey !== bearer) return 'contradictory';
  return bearer === undefined ? 'malformed' : { text: bearer };
}
