import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { SoapFault } from './answer.ts';
import type { Authentication } from './request.ts';

/** How far a timestamp may lie from the server's clock, either way (contract D). */
const MAX_AGE_MS = 15 * 60_000;

/** W3C date-time with an offset; PHP's DATE_ISO8601 leaves the offset's colon out. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)$/;

export type Credentials = { readonly userId: string; readonly encryptionKey: string };

/** Checks who calls and when they signed. */
export type Authenticator = {
  /**
   * @throws {SoapFault} 20014 for a missing header, another user or a wrong signature; 20016 for a timestamp that
   *   is no date-time with offset, or more than 15 minutes from `nowMs`. A wrong signature is told first.
   */
  check(authentication: Authentication | null, nowMs: number): void;
};

export function createAuthenticator(credentials: Credentials): Authenticator {
  const key = createSecretKey(credentials.encryptionKey, 'utf8');
  return {
    check(authentication, nowMs) {
      if (!authentication || authentication.userId !== credentials.userId || !isSigned(authentication, key)) {
        throw new SoapFault(20014);
      }
      const signedAt = timestampMs(authentication.timestamp);
      if (signedAt === null || Math.abs(nowMs - signedAt) > MAX_AGE_MS) throw new SoapFault(20016);
    },
  };
}

/** Contract A, "Authentication": HMAC-SHA1 over timestamp and user id, compared as lower-case hex. */
function isSigned({ timestamp, userId, signature }: Authentication, key: KeyObject): boolean {
  const expected = createHmac('sha1', key)
    .update(timestamp + userId)
    .digest('hex');
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}

/** Epoch milliseconds of a W3C date-time with offset, or null when it is none. */
function timestampMs(text: string): number | null {
  const [, dateTime, offset] = TIMESTAMP.exec(text) ?? [];
  if (dateTime === undefined || offset === undefined) return null;
  const ms = Date.parse(
    dateTime + (offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset),
  );
  return Number.isNaN(ms) ? null : ms;
}
