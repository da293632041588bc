/** Finds the name that was meant by a misspelt one, for refusals that help. */

/** Longer names are not typing mistakes, and comparing takes quadratic time. */
const MAX_LENGTH = 40;

/** A name without what its spellings differ in: case, `_`, `-`, `.` and white space. */
export function spellingFree(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_.-]/g, '');
}

/**
 * The name in `known` that was probably meant: the same in another spelling, or a few typing mistakes away. Undefined if
 * none is near.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const wanted = spellingFree(name);
  let found: string | undefined;
  // A mistake in a short word makes another word of it.
  let best = wanted.length < 4 ? 0.5 : wanted.length < 8 ? 1.5 : wanted.length < 16 ? 2.5 : 3.5;
  for (const candidate of known) {
    const free = spellingFree(candidate);
    if (Math.abs(free.length - wanted.length) >= best) continue;
    const mistakes = editDistance(wanted, free);
    // Short names must match exactly: Size is not Site.
    if (mistakes >= best || (mistakes > 0 && free.length < 5)) continue;
    found = candidate;
    best = mistakes;
  }
  return found;
}

/** The name in `known` that is nearest to `name`, at most `most` typing mistakes away; undefined if there is none. */
export function nearest(name: string, known: readonly string[], most: number): string | undefined {
  let found: string | undefined;
  let least = most + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(name, candidate, most);
    if (distance >= least) continue;
    found = candidate;
    least = distance;
  }
  return found;
}

/**
 * How many typing mistakes two names are apart: a letter too many, missing or wrong, or two that are swapped (optimal
 * string alignment distance). Infinity for clearly more than `most`, which takes a fraction of the time to find out.
 */
export function editDistance(one: string, other: string, most = Infinity): number {
  if (lettersApart(one, other) > 2 * most) return Infinity;
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped && row > 1 && column > 1 ? (before[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    before = last;
    last = current;
  }
  return last[other.length] ?? 0;
}

/** How many letters only one of the two has. A mistake changes that by two at most. */
function lettersApart(one: string, other: string): number {
  let different = lettersOf(one) ^ lettersOf(other);
  let count = 0;
  for (; different !== 0; different &= different - 1) count += 1;
  return count;
}

/** A set of letters, one bit each; some letters share a bit. */
function lettersOf(text: string): number {
  let letters = 0;
  for (let at = 0; at < text.length; at += 1) letters |= 1 << (text.charCodeAt(at) & 31);
  return letters;
}
