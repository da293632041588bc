/** A Content-Type: type and subtype in lower case, and its parameters with their names in lower case. */
export type MediaType = { readonly name: string; readonly parameters: ReadonlyMap<string, string> };

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?[ \\t]*`, 'gy');

/** No list of media types that is meant is longer; a head has room for thousands of them, or of parameters. */
export const MAX_MEDIA_TYPES = 1000;

/**
 * Reads a Content-Type (RFC 9110, 8.3.1); undefined if it is malformed or far too long. Of two parameters with one name the
 * first counts.
 */
export function parseMediaType(contentType: string): MediaType | undefined {
  if (contentType.length > MAX_MEDIA_TYPES) return undefined;
  const [name = ''] = contentType.split(';', 1);
  const rest = contentType.slice(name.length);
  const parameters = new Map<string, string>();
  let end = 0;
  for (const [all, key, token, quoted] of rest.matchAll(PARAMETER)) {
    end += all.length;
    if (key === undefined || parameters.has(key.toLowerCase())) continue;
    parameters.set(key.toLowerCase(), token ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? '');
  }
  return end === rest.length ? { name: name.trim().toLowerCase(), parameters } : undefined;
}

/** A header's value as a problem repeats it. */
export function shortenHeader(value: string): string {
  return value.length > 100 ? `${value.slice(0, 100)}…` : value;
}
