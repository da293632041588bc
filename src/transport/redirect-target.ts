/** Longer ones are cut: they are told to people. */
const MAX_LENGTH = 200;

/**
 * Where a Location header sends whoever asked `endpoint` (RFC 9110, 10.2.2), for a person to read: without user,
 * query, fragment, path parameters and long runs of hexadecimal digits, which may be secrets. Undefined for what is no
 * web address.
 */
export function redirectTarget(location: string | undefined, endpoint: URL): string | undefined {
  if (location === undefined || location.trim() === '' || !URL.canParse(location, endpoint.href))
    return undefined;
  const { protocol, origin, pathname } = new URL(location, endpoint);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const where = origin + pathname.replaceAll(/;[^/]*/g, '').replaceAll(/[\da-f]{32,}/gi, '…');
  return where.length <= MAX_LENGTH ? where : `${where.slice(0, MAX_LENGTH)}…`;
}
