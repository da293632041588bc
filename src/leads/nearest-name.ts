import { editDistance } from '../text/edit-distance.ts';

/**
 * Finds the name that was meant by one nobody knows, for refusals that help.
 */

/** Names longer than this are no slips of a finger; and comparing takes the square of the length. */
const MAX_LENGTH = 40;

/** A name without what spellings differ in: case, `_`, `-`, `.` and blanks. */
export function spellingFree(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_.-]/g, '');
}

/**
 * The one of `known` that was probably meant: the same but for its spelling, or a few slips away (a letter missing,
 * added, wrong, or two in the wrong order); `undefined` when none is near.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const wanted = spellingFree(name);
  let nearest: string | undefined;
  // A slip in a short word makes another word of it.
  let best = wanted.length < 4 ? 0.5 : wanted.length < 8 ? 1.5 : wanted.length < 16 ? 2.5 : 3.5;
  for (const candidate of known) {
    const free = spellingFree(candidate);
    if (Math.abs(free.length - wanted.length) >= best) continue;
    const slips = editDistance(wanted, free);
    // What is short has to be matched closely as well: Size is not Site.
    if (slips >= best || (slips > 0 && free.length < 5)) continue;
    nearest = candidate;
    best = slips;
  }
  return nearest;
}
