import { createHmac } from 'node:crypto';

export type MarketoCredentials = { readonly userId: string; readonly encryptionKey: string };

/** What the AuthenticationHeader carries. */
export type Signature = {
  readonly userId: string;
  readonly requestTimestamp: string;
  readonly requestSignature: string;
};

/**
 * Signs one attempt with the time it is made at (contract A, Authentication).
 *
 * @param nowMs the time the upstream's clock shows, in ms since 1970
 */
export function sign(credentials: MarketoCredentials, nowMs: number): Signature {
  const { userId, encryptionKey } = credentials;
  const requestTimestamp = w3cDateTime(nowMs);
  return { userId, requestTimestamp, requestSignature: signatureOf(requestTimestamp, userId, encryptionKey) };
}

/** Signs; attempts within a second share a timestamp, and so the signature, which costs more than the rest of it. */
export function createSigner(credentials: MarketoCredentials): (nowMs: number) => Signature {
  let second = Number.NaN;
  let signature: Signature | undefined;
  return (nowMs) => {
    const current = Math.floor(nowMs / 1000);
    if (signature === undefined || current !== second) {
      second = current;
      signature = sign(credentials, nowMs);
    }
    return signature;
  };
}

/**
 * Lower-case hex of HMAC-SHA1 over the timestamp, as it is written, followed by the user id; the encryption key is the
 * key (contract A, Authentication).
 */
export function signatureOf(requestTimestamp: string, userId: string, encryptionKey: string): string {
  return createHmac('sha1', encryptionKey)
    .update(requestTimestamp + userId)
    .digest('hex');
}

/** A W3C date-time with an offset and without fractions, as the vendor's samples have it: `2013-08-02T01:22:30+00:00`. */
function w3cDateTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}+00:00`;
}

/** The time as the upstream sees it, in ms since 1970: ours, corrected by what the upstream last told us. */
export type UpstreamClock = {
  now(): number;
  /** Takes over the time of a `Date` header (one second resolution); a header that is no date changes nothing. */
  correct(dateHeader: string): void;
};

/** `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). `Date.parse` alone makes a date of almost anything with a digit. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** A correction smaller than this is the resolution of the header and the way of the answer, not skew. */
const TOLERANCE_MS = 2000;

/**
 * Fault 20016 says that our clock and the upstream's differ by more than 15 minutes; signing with the upstream's time
 * mends it (contract B, "Errors"). The correction is remembered, and told once, when it changes.
 *
 * @param onCorrection gets the ms to add to our clock
 */
export function createUpstreamClock(
  now: () => number,
  onCorrection: (correctionMs: number) => void,
): UpstreamClock {
  let correctionMs = 0;
  return {
    now: () => now() + correctionMs,
    correct(dateHeader) {
      const upstreamMs = HTTP_DATE.test(dateHeader) ? Date.parse(dateHeader) : Number.NaN;
      const measuredMs = upstreamMs - now();
      if (Number.isNaN(upstreamMs) || Math.abs(measuredMs - correctionMs) <= TOLERANCE_MS) return;
      correctionMs = measuredMs;
      onCorrection(correctionMs);
    },
  };
}
