/**
 * Whether a header that may occur once (RFC 9110, 5.3) has several lines. Node keeps the first line of some headers and
 * joins those of others, so `headers` cannot tell.
 *
 * @param rawHeaders name before value
 * @param name in lower case
 */
export function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] ?? '';
    // Hot path: lengths are cheaper to compare than names.
    if (given.length === name.length && given.toLowerCase() === name) count += 1;
  }
  return count > 1;
}
