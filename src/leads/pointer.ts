/**
 * A JSON pointer to a member of the request, as a URI fragment (RFC 6901, 3 and 6): `#/attributes/Lead%20Score`.
 * Characters no URI can carry are percent-encoded as UTF-8, a lone surrogate as U+FFFD.
 */
export function memberPointer(...path: readonly string[]): string {
  return `#${path.map((token) => `/${encodeToken(token)}`).join('')}`;
}

function encodeToken(token: string): string {
  const escaped = token.replaceAll('~', '~0').replaceAll('/', '~1');
  const wellFormed = escaped.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
  return encodeURI(wellFormed).replaceAll('#', '%23');
}
