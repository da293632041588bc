import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../../leads/errors.ts';

/** What a caller that needs no answer now asks for (RFC 7240, 4.1 and 4.3). */
export type AsyncPreference = {
  /** How many seconds it waits for the answer, if it says so; any number of them. */
  readonly waitSeconds: number | undefined;
};

/** A longer header is ignored; it would take long to read. */
const MAX_LENGTH = 500;

/** A preference (RFC 7240, 2): name, value and parameters, which none here has; or anything else up to a comma. */
const PREFERENCE =
  /\s*([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*)\s*)?(?:;(?:[^,"]|"(?:[^"\\]|\\.)*")*)?(?:,|$)|[^,]*(?:,|$)/gy;

/**
 * Undefined if the caller waits for the answer. RFC 7240, section 2, lets a recipient ignore what it cannot read; a wait
 * that cannot be read is refused, or its caller would never learn why it got no answer.
 *
 * @throws {GatewayError} if `wait` has no number of seconds
 */
export function asyncPreference({ prefer }: IncomingHttpHeaders): AsyncPreference | undefined {
  if (prefer === undefined) return undefined;
  const given = readPreferences(prefer);
  if (given.get('respond-async') !== '') return undefined;
  const wait = given.get('wait');
  if (wait === undefined) return { waitSeconds: undefined };
  if (/^\d+$/.test(wait)) return { waitSeconds: Number(wait) };
  throw new GatewayError('validation-failed', {
    detail: 'The header Prefer must have a whole number of seconds, in digits only, after wait=.',
  });
}

/** How `Preference-Applied` confirms it. */
export const ATTRIBUTES_AS_LIST = 'attributes=list';

/** Whether the caller wants the attributes in the response as a list, too. */
export function prefersList({ prefer }: IncomingHttpHeaders): boolean {
  return prefer !== undefined && readPreferences(prefer).get('attributes') === 'list';
}

/** Names in lower case; an empty value is as good as no value. Of two preferences with one name the first counts. */
function readPreferences(prefer: string | readonly string[]): ReadonlyMap<string, string> {
  const preferences = new Map<string, string>();
  // Node joins repeated headers with commas.
  const header = typeof prefer === 'string' ? prefer : prefer.join(',');
  if (header.length > MAX_LENGTH) return preferences;
  for (const [, name, value = ''] of header.matchAll(PREFERENCE)) {
    const key = name?.toLowerCase();
    if (key === undefined || preferences.has(key)) continue;
    preferences.set(key, value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value);
  }
  return preferences;
}
