import { memberPointer } from '../text/json.ts';
import { nearestName, spellingFree } from '../text/nearest-name.ts';
import { excerpt, type MemberError } from './errors.ts';

/** How many names are compared with those that are known: comparing takes long. */
const MAX_SUGGESTIONS = 20;
/** A sentence lists the first of many names; `errors` has them all. */
const MAX_NAMES_LISTED = 10;
const MAX_WORD_LENGTH = 80;
/** Characters of pointers to single names: to encode and decode all those of a body of 1 MiB takes 80 ms. */
const MAX_POINTED = 65_536;

/** What is wrong with an attribute of that kind, for its member. */
export const UNKNOWN_ATTRIBUTE = 'is not the name of a field in Marketo';

/**
 * The words about attributes that Marketo does not have, with the fields that were probably meant.
 *
 * @param known the names that may be suggested
 */
export function unknownAttributesProblem(
  names: readonly string[],
  known: readonly string[],
): { readonly detail: string; readonly errors: readonly MemberError[] } {
  const meant = names.slice(0, MAX_SUGGESTIONS).map((name) => suggestion(name, known));
  const all = memberPointer('attributes');
  let left = MAX_POINTED;
  const pointTo = (name: string) => {
    if (left <= 0) return all;
    const pointer = memberPointer('attributes', name);
    left -= pointer.length;
    return pointer;
  };
  return {
    detail: `${noFields(names, meant)} Check the spelling; names are case-sensitive.`,
    errors: names.map((name, at) => ({
      pointer: pointTo(name),
      detail: `${UNKNOWN_ATTRIBUTE}${orMeant(meant[at])}`,
    })),
  };
}

/** What is wrong with a name in the parameter `fields` of a lookup, before the name. */
export const UNKNOWN_FIELD = 'has a name that no field in Marketo has: ';

/** The same words about names in the parameter `fields` of a lookup. */
export function unknownFieldsProblem(
  names: readonly string[],
  known: readonly string[],
): { readonly detail: string; readonly errors: readonly MemberError[] } {
  const meant = names.slice(0, MAX_SUGGESTIONS).map((name) => nearestName(name, known));
  return {
    detail: `${noFields(names, meant)} Check the names in fields; they are case-sensitive.`,
    errors: names.map((name, at) => ({
      pointer: memberPointer('fields'),
      detail: `${UNKNOWN_FIELD}${excerpt(name, MAX_WORD_LENGTH)}${orMeant(meant[at])}`,
    })),
  };
}

function orMeant(name: string | undefined): string {
  return name === undefined ? '' : `; did you mean ${name}?`;
}

/** @param meant what was meant by each of the first */
function noFields(names: readonly string[], meant: readonly (string | undefined)[]): string {
  const first = meant
    .slice(0, MAX_NAMES_LISTED)
    .flatMap((name, at) =>
      name === undefined
        ? []
        : [names.length === 1 ? name : `${name} for ${excerpt(names[at] ?? '', MAX_WORD_LENGTH)}`],
    );
  const question = first.length > 0 ? ` Did you mean ${first.join(', ')}?` : '';
  return `Marketo has no field${names.length === 1 ? '' : 's'} named ${listNames(names)}.${question}`;
}

/** Spellings of the keys, which are members of their own in the gateway's API. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['id', 'id'],
  ['leadid', 'id'],
  ['email', 'email'],
  ['emailaddress', 'email'],
  ['foreignsyspersonid', 'foreignSysPersonId'],
  ['foreignsystype', 'foreignSysType'],
]);

function suggestion(name: string, known: readonly string[]): string | undefined {
  const key = KEYS.get(spellingFree(name));
  if (key !== undefined) return `the member ${key} beside attributes`;
  const nearest = nearestName(name, known);
  return nearest === name ? undefined : nearest;
}

/** Names in a sentence: the first few, and how many more. */
export function listNames(names: readonly string[]): string {
  const listed = names
    .slice(0, MAX_NAMES_LISTED)
    .map((name) => excerpt(name, MAX_WORD_LENGTH))
    .join(', ');
  const unlisted = names.length - MAX_NAMES_LISTED;
  return unlisted > 0 ? `${listed} and ${unlisted} more` : listed;
}
