import { MAX_MEMBER_ERRORS, type MemberError } from '../../leads/errors.ts';
import { type JsonSize, MEMBER_NUMBERS } from '../../text/json.ts';
import { MAX_ATTRIBUTES } from './attribute-list.ts';
import { MEMBERS, toUpsertLead, UNLISTED } from './mapping.ts';

/** A list of 1000 attributes has 3000 values. With more, a body is no lead and would take long to parse and to check. */
export const MAX_VALUES = 5000;

/** Stand in for what is too large to be parsed; the rules refuse them for the same reason. */
const LARGE_LIST: readonly unknown[] = Array.from({ length: MAX_ATTRIBUTES + 1 }, () => null);
const LARGE_OBJECT = Object.fromEntries(LARGE_LIST.map((value, at) => [`a${at}`, value]));

/** Members of the body that are parsed; further ones are counted. */
export const MAX_PARSED = MAX_MEMBER_ERRORS + MEMBERS.length;

/**
 * What is wrong with a lead that has more than `MAX_VALUES` values, without parsing those.
 *
 * @param text the JSON text of an object
 * @param size as `measureJson` gives it
 */
export function violationsOf(text: string, { members, memberCount }: JsonSize): readonly MemberError[] {
  const body: Record<string, unknown> = {};
  let values = 0;
  for (let at = 0; at < members.length; at += MEMBER_NUMBERS) {
    const [nameFrom = 0, nameTo = 0, from = 0, to = 0, count = 0] = [
      members[at],
      members[at + 1],
      members[at + 2],
      members[at + 3],
      members[at + 4],
    ];
    const value = text.slice(from, to);
    const fits = values + count <= MAX_VALUES;
    if (fits) values += count;
    // Defined, since the name may be __proto__.
    Object.defineProperty(body, JSON.parse(text.slice(nameFrom, nameTo)) as string, {
      value: fits ? JSON.parse(value) : standIn(value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  const parsed = toUpsertLead(body);
  const errors: MemberError[] = parsed.ok ? [] : [...parsed.errors];
  for (let more = memberCount - members.length / MEMBER_NUMBERS; more > 0; more -= 1) errors.push(UNLISTED);
  return errors.length > 0 ? errors : [{ pointer: '#', detail: `must have at most ${MAX_VALUES} values` }];
}

function standIn(value: string): unknown {
  return value.trimStart().startsWith('[') ? LARGE_LIST : LARGE_OBJECT;
}
