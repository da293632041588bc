import type { IncomingHttpHeaders } from 'node:http';

/** What a caller that needs no answer now asks for (RFC 7240, 4.1 and 4.3). */
export type AsyncPreference = {
  /** How many seconds it waits for the answer, if it says so. */
  readonly waitSeconds: number | undefined;
};

/** A longer header is ignored; it would take long to read. */
const MAX_LENGTH = 500;

/** A preference: a name, a value if it has one, and parameters, which none here has (RFC 7240, 2). */
const PREFERENCE =
  /\s*([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*)\s*)?(?:;(?:[^,"]|"(?:[^"\\]|\\.)*")*)?(?:,|$)/y;

/** Undefined if the caller waits for the answer. Of two preferences with one name the first counts; others are ignored. */
export function asyncPreference({ prefer }: IncomingHttpHeaders): AsyncPreference | undefined {
  if (prefer === undefined) return undefined;
  // Node joins repeated headers with commas.
  const given = readPreferences(Array.isArray(prefer) ? prefer.join(',') : prefer);
  const value = given.get('respond-async');
  if (value !== '') return undefined;
  const wait = given.get('wait') ?? '';
  return { waitSeconds: /^\d{1,9}$/.test(wait) ? Number(wait) : undefined };
}

/** Names in lower case; an empty value is as good as no value. */
function readPreferences(header: string): ReadonlyMap<string, string> {
  const preferences = new Map<string, string>();
  if (header.length > MAX_LENGTH) return preferences;
  PREFERENCE.lastIndex = 0;
  while (PREFERENCE.lastIndex < header.length) {
    const [, name = '', value = ''] = PREFERENCE.exec(header) ?? [];
    // What is no list of preferences is ignored from there on.
    if (name === '') break;
    const key = name.toLowerCase();
    const text = value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
    if (!preferences.has(key)) preferences.set(key, text);
  }
  return preferences;
}
