/**
 * How many slips of a finger one name is away from another: a letter too many, missing, wrong, or two that changed
 * places (optimal string alignment distance). Infinity for more than `most`, which takes a fraction of the time to find.
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

/** How many letters only one of the two has; a slip changes that by two at most. */
function lettersApart(one: string, other: string): number {
  let different = lettersOf(one) ^ lettersOf(other);
  let count = 0;
  for (; different !== 0; different &= different - 1) count += 1;
  return count;
}

/** A bit for each letter, which some share. */
function lettersOf(text: string): number {
  let letters = 0;
  for (let at = 0; at < text.length; at += 1) letters |= 1 << (text.charCodeAt(at) & 31);
  return letters;
}

/** The one of `known` that is nearest to `name`, at most `slips` away; undefined when none is. */
export function nearest(name: string, known: readonly string[], slips: number): string | undefined {
  let found: string | undefined;
  let least = slips + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(name, candidate, slips);
    if (distance >= least) continue;
    found = candidate;
    least = distance;
  }
  return found;
}
