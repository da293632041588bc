import { counted } from '../text/counted.ts';

/**
 * `9 leads, 3 of them would be refused, 1 has values that may not fit`: what is refused for certain, and apart from it
 * what only Marketo can decide.
 *
 * @param doubtful those that are not refused but have values that may not fit their fields
 */
export function verdict(
  noun: 'lead' | 'row',
  {
    total,
    refused,
    doubtful,
  }: { readonly total: number; readonly refused: number; readonly doubtful: number },
): string {
  const certain = `${counted(total, noun)}, ${refused === 0 ? 'none' : refused} of them would be refused`;
  return doubtful === 0
    ? certain
    : `${certain}, ${doubtful} ${doubtful === 1 ? 'has' : 'have'} values that may not fit`;
}
