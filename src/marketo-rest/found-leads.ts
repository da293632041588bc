import { isRecord, readId } from './answer.ts';
import type { FoundLead } from './step.ts';

/**
 * Which of the values of a find each lead of its answer has. Leads that were not asked for, or come twice, are ignored.
 *
 * @returns for each value, in order, its leads, and whether a lead could not be matched with any
 */
export function matchFound(
  result: readonly unknown[],
  filterType: string,
  values: readonly string[],
): { readonly found: readonly (readonly FoundLead[])[]; readonly isUnclear: boolean } | undefined {
  const found: FoundLead[][] = values.map(() => []);
  const places = placesOf(filterType, values);
  const seen = new Set<number>();
  let isUnclear = false;
  for (const lead of result) {
    if (!isRecord(lead)) return undefined;
    const id = readId(lead['id']);
    if (id === undefined) return undefined;
    if (seen.has(id)) continue;
    seen.add(id);
    const value = lead[filterType];
    if (value === null || value === undefined) {
      // It can only be the one that was asked for.
      if (values.length === 1) found[0]?.push(lead);
      else isUnclear = true;
      continue;
    }
    if (typeof value !== 'string' && typeof value !== 'number') return undefined;
    for (const place of places(String(value))) found[place]?.push(lead);
  }
  return { found, isUnclear };
}

/** The places of the values that a field's value in an answer means. */
function placesOf(filterType: string, values: readonly string[]): (value: string) => readonly number[] {
  if (filterType === 'cookies') {
    const tokens = values.map(tokenOf);
    return (value) => tokens.flatMap((token, place) => (hasToken(value, token) ? [place] : []));
  }
  const exact = new Map<string, number[]>();
  const folded = new Map<string, number[]>();
  for (const [place, value] of values.entries()) {
    push(exact, value, place);
    push(folded, value.toLowerCase(), place);
  }
  return (value) => exact.get(value) ?? folded.get(value.toLowerCase()) ?? [];
}

function push(map: Map<string, number[]>, key: string, place: number): void {
  const places = map.get(key);
  if (places === undefined) map.set(key, [place]);
  else places.push(place);
}

/** The field `cookies` shows this part of a cookie. */
function tokenOf(cookie: string): string {
  return /(?:^|&)token:([^&]+)/.exec(cookie)?.[1] ?? cookie;
}

/** Whether a field's value is a token or has it among others: one that is only the beginning of another is someone else's. */
function hasToken(value: string, token: string): boolean {
  for (let at = value.indexOf(token); at >= 0; at = value.indexOf(token, at + 1)) {
    if (isApart(value[at - 1]) && isApart(value[at + token.length])) return true;
  }
  return false;
}

const isApart = (character: string | undefined) => character === undefined || /[\s,;|&:"[\]]/.test(character);
