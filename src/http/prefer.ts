import type { IncomingMessage } from 'node:http';

/** The one preference the gateway knows, as the answer confirms it. */
export const ATTRIBUTES_AS_LIST = 'attributes=list';

/** Nobody has so many preferences; more would take long to read. */
const MAX_LENGTH = 500;

/** Whether the caller prefers the attributes of the answer as a list, too (RFC 7240, 2); the first word counts. */
export function prefersList({ headers: { prefer } }: IncomingMessage): boolean {
  if (prefer === undefined) return false;
  // Node joins several headers of the name with commas.
  const given = Array.isArray(prefer) ? prefer.join(',') : prefer;
  if (given.length > MAX_LENGTH) return false;
  // A value may be quoted, and a quoted one may hold anything.
  const bare = given.replaceAll(/"(?:[^"\\]|\\.)*"/g, (quoted) => (quoted === '"list"' ? 'list' : '-'));
  const first = bare.split(',').find((preference) => /^\s*attributes\s*(?:[=;]|$)/i.test(preference));
  return first !== undefined && /^\s*attributes\s*=\s*list\s*(?:;|$)/i.test(first);
}
