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
