import type { PostResponse } from '../transport/http-post.ts';

/** Shorter ones would be found in words that are none. */
const LEAST_LENGTH = 8;

/** The spellings in which a server may quote secrets: as they are, and as they stand in an address or a form. */
export function spellingsOf(secrets: readonly string[]): readonly string[] {
  const spellings = secrets
    .filter(({ length }) => length >= LEAST_LENGTH)
    .flatMap((secret) => [secret, encodeURIComponent(secret)]);
  return [...new Set(spellings)];
}

/** A response without the secrets of its request, in case a server quotes that: its words go on to callers. */
export function withoutSecrets(response: PostResponse, spellings: readonly string[]): PostResponse {
  const { body, redirectsTo } = response;
  const target = redirectsTo === undefined ? undefined : redact(redirectsTo, spellings);
  const isQuoted = spellings.some((secret) => body.includes(secret));
  if (!isQuoted && target === redirectsTo) return response;
  // Latin-1 keeps every byte, also those of another encoding.
  const clean = isQuoted ? Buffer.from(redact(body.toString('latin1'), spellings), 'latin1') : body;
  return { ...response, body: clean, redirectsTo: target };
}

function redact(text: string, spellings: readonly string[]): string {
  return spellings.reduce((clean, secret) => clean.replaceAll(secret, '(secret)'), text);
}
