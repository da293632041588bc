import { isRecord, parseJson } from './answer.ts';

/** A token, and until when it is valid, in monotonic ms. */
export type Token = { readonly value: string; readonly endsAtMs: number };

/** What identity answered: a token with its remaining life, a refusal, or something that is neither. */
export type TokenAnswer =
  | { readonly kind: 'token'; readonly value: string; readonly expiresInMs: number }
  | { readonly kind: 'denied'; readonly message: string }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** A token goes in a header, so it has no other characters (RFC 6750, 2.1, and the colon that Marketo's tokens have). */
const TOKEN = /^[\x21-\x7e]{1,4096}$/;

const SECONDS = /^\s*[+-]?\d{1,9}(?:\.\d{1,9})?\s*$/;

/** A token with less to live than this ends before a call with it would arrive. */
const TOO_SHORT_MS = 2000;

/** Identity answers an early request with the same token, so a new one comes only after the old one has ended. */
const MAX_FETCHES = 3;

/**
 * The form of a token request. In the body: the same in the query would put the secret into logs of servers on the way.
 */
export function writeTokenRequest(clientId: string, clientSecret: string): string {
  return `grant_type=client_credentials&client_id=${encodeURIComponent(clientId)}&client_secret=${encodeURIComponent(clientSecret)}`;
}

/** Reads identity's answer with HTTP 200, 400 or 401 (docs/marketo-rest.md#token). */
export function readTokenAnswer(status: number, text: string): TokenAnswer {
  const json = parseJson(text);
  if (status !== 200) {
    const said = isRecord(json) ? (json['error_description'] ?? json['error']) : undefined;
    return { kind: 'denied', message: typeof said === 'string' ? said : '' };
  }
  if (!isRecord(json))
    return { kind: 'unreadable', reason: 'to the request for a token is not a JSON object' };
  const { access_token: value, expires_in: expiresIn } = json;
  if (typeof value !== 'string' || !TOKEN.test(value)) {
    return { kind: 'unreadable', reason: 'to the request for a token has no token' };
  }
  const seconds = typeof expiresIn === 'string' && SECONDS.test(expiresIn) ? Number(expiresIn) : expiresIn;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) {
    return { kind: 'unreadable', reason: 'to the request for a token does not say how long the token lives' };
  }
  return { kind: 'token', value, expiresInMs: Math.max(0, seconds) * 1000 };
}

/** What to do with a fetched token: use it, wait for the next one, or give up. */
export type TokenMove =
  | { readonly kind: 'use'; readonly token: Token }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'deny' };

/**
 * Decides what becomes of a fetched token.
 *
 * @param sentAtMs when the request was sent: the token's life counts from there
 * @param fetches how many were made in a row, this one included
 */
export function afterFetch(
  answer: Extract<TokenAnswer, { kind: 'token' }>,
  sentAtMs: number,
  fetches: number,
): TokenMove {
  const { value, expiresInMs } = answer;
  if (expiresInMs <= TOO_SHORT_MS) {
    return fetches >= MAX_FETCHES ? { kind: 'deny' } : { kind: 'wait', ms: expiresInMs + 1000 };
  }
  return { kind: 'use', token: { value, endsAtMs: sentAtMs + expiresInMs } };
}
