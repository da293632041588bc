import type { IncomingHttpHeaders } from 'node:http';

/** What a caller that needs no answer now asks for (RFC 7240, 4.1 and 4.3). */
export type AsyncPreference = {
  /** How many seconds it waits for the answer, if it says so. */
  readonly waitSeconds: number | undefined;
};

/** A longer header is ignored; it would take long to read. */
const MAX_LENGTH = 500;

/** A preference (RFC 7240, 2): name, value and parameters, which none here has; or anything else up to a comma. */
const PREFERENCE =
  /\s*([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*)\s*)?(?:;(?:[^,"]|"(?:[^"\\]|\\.)*")*)?(?:,|$)|[^,]*(?:,|$)/gy;

/** Undefined if the caller waits for the answer. */
export function asyncPreference({ prefer }: IncomingHttpHeaders): AsyncPreference | undefined {
  if (prefer === undefined) return undefined;
  const given = readPreferences(prefer);
  if (given.get('respond-async') !== '') return undefined;
  const wait = given.get('wait') ?? '';
  return { waitSeconds: /^\d{1,9}$/.test(wait) ? Number(wait) : undefined };
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
