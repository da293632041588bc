import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { SoapFault } from './fault.ts';
import type { Authentication } from './request.ts';

/** How far a timestamp may be from the server's clock, in both directions (docs/sandbox.md#authentication). */
const MAX_AGE_MS = 15 * 60_000;

/** W3C date-time with an offset; PHP's DATE_ISO8601 omits the colon in the offset. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)$/;

export type Credentials = { readonly userId: string; readonly encryptionKey: string };

/** Checks the caller's signature and its age. */
export type Authenticator = {
  /**
   * @throws {SoapFault} 20014 for a missing header, another user or a wrong signature; else 20016 for a timestamp
   *   that is not a date-time with an offset, or is more than 15 minutes from `nowMs`
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

/** HMAC-SHA1 over timestamp and user id, as lower-case hex (docs/marketo-soap.md#authentication). */
function isSigned({ timestamp, userId, signature }: Authentication, key: KeyObject): boolean {
  const expected = createHmac('sha1', key)
    .update(timestamp + userId)
    .digest('hex');
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}

/** Epoch milliseconds of a W3C date-time with an offset; null for any other text. */
function timestampMs(text: string): number | null {
  const [, dateTime, offset] = TIMESTAMP.exec(text) ?? [];
  if (dateTime === undefined || offset === undefined) return null;
  const ms = Date.parse(
    dateTime + (offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset),
  );
  return Number.isNaN(ms) ? null : ms;
}
