import fc from 'fast-check';

/** How much random input a property gets, and its seed: the same each time, but for `npm run fuzz`. */
export const FUZZ_ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 100);
export const FUZZ_SEED = Number(process.env['FUZZ_SEED'] ?? 1);

/** The same for fast-check, where one input costs as much as `weight` usual ones; seven inputs at least. */
export function fuzz(weight = 1): { readonly seed: number; readonly numRuns: number } {
  return { seed: FUZZ_SEED, numRuns: Math.max(7, Math.ceil(FUZZ_ROUNDS / weight)) };
}

/** Whether this run looks longer than `npm test` has time for. */
export const IS_THOROUGH = FUZZ_ROUNDS > 2000;

/**
 * A character of all that Unicode has, as a unit of texts. The unit `binary` of fast-check means the same, but makes a table
 * of a million entries first, which takes a second and stays.
 */
export const anyCharacter = fc
  .oneof(
    { weight: 0xd8, arbitrary: fc.integer({ min: 0, max: 0xd7ff }) },
    { weight: 0x1020, arbitrary: fc.integer({ min: 0xe000, max: 0x10ffff }) },
  )
  .map((code) => String.fromCodePoint(code));
