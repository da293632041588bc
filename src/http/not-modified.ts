import type { IncomingMessage } from 'node:http';

/** Whether a client already has the representation with this ETag: If-None-Match, compared weakly (RFC 9110, 13.1.2). */
export function isNotModified({ headers }: Pick<IncomingMessage, 'headers'>, etag: string): boolean {
  const condition = headers['if-none-match'];
  if (condition === undefined) return false;
  if (condition.trim() === '*') return true;
  const opaque = etag.replace(/^W\//, '');
  return [...condition.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, one]) => one === opaque);
}
