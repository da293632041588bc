import { createHmac } from 'node:crypto';

export type MarketoCredentials = { readonly userId: string; readonly encryptionKey: string };

/** The content of the AuthenticationHeader. */
export type Signature = {
  readonly userId: string;
  readonly requestTimestamp: string;
  readonly requestSignature: string;
};

/**
 * Signs one attempt (docs/marketo-soap.md#authentication).
 *
 * @param nowMs the time on the upstream's clock, in ms since 1970
 */
export function sign(credentials: MarketoCredentials, nowMs: number): Signature {
  const { userId, encryptionKey } = credentials;
  const requestTimestamp = w3cDateTime(nowMs);
  return { userId, requestTimestamp, requestSignature: signatureOf(requestTimestamp, userId, encryptionKey) };
}

/** Signs; attempts within one second share their timestamp and their signature. */
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

/** The HMAC-SHA1 of timestamp and user id in lower-case hexadecimal digits (docs/marketo-soap.md#authentication). */
export function signatureOf(requestTimestamp: string, userId: string, encryptionKey: string): string {
  return createHmac('sha1', encryptionKey)
    .update(requestTimestamp + userId)
    .digest('hex');
}

/** A W3C date-time with an offset and without fractions, as in the vendor's samples: `2013-08-02T01:22:30+00:00`. */
function w3cDateTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}+00:00`;
}

/** The upstream's time: our clock, corrected by what the upstream last said. */
export type UpstreamClock = {
  /** In ms since 1970. */
  now(): number;
  /** Sets the clock by a `Date` header, which has whole seconds. Ignores a header that is not a date. */
  correct(dateHeader: string): void;
};

/** `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). `Date.parse` alone accepts almost anything that has a digit. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** A smaller difference comes from the header's whole seconds and the time the answer took. */
const TOLERANCE_MS = 2000;

/**
 * Creates the clock that attempts are signed by. Fault 20016 says that our clock and the upstream's differ by more than 15
 * minutes; signing with the upstream's time cures that (docs/dispatching.md#retries).
 *
 * @param onCorrection called whenever the correction changes, with the ms that are added to our clock
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
