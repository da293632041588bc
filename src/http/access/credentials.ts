import type { IncomingHttpHeaders } from 'node:http';

/** `contradictory`: two different ones came, and it is not for us to choose. */
export type Credentials = { readonly text: string } | 'missing' | 'malformed' | 'contradictory';

const BEARER = /^Bearer +([^\s,]+) *$/i;

/** The credentials of a request: `Authorization: Bearer` (RFC 6750, 2.1) or `X-API-Key`; both when they are the same. */
export function credentialsIn(headers: IncomingHttpHeaders): Credentials {
  const { authorization, 'x-api-key': raw } = headers;
  const apiKey = typeof raw === 'string' ? raw.trim() : undefined;
  if (authorization === undefined) return apiKey === undefined ? 'missing' : { text: apiKey };
  const bearer = BEARER.exec(authorization)?.[1];
  if (apiKey !== undefined && apiKey !== bearer) return 'contradictory';
  return bearer === undefined ? 'malformed' : { text: bearer };
}
