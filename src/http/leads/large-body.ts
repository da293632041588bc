import { MAX_MEMBER_ERRORS } from '../../leads/errors.ts';
import { type JsonSize, MEMBER_NUMBERS, skipSpace } from '../../text/json.ts';
import { decodeUtf8 } from '../utf-8.ts';
import { MAX_ATTRIBUTES } from './attribute-list.ts';
import { MEMBERS, toUpsertLead, UNLISTED, type Violations } from './mapping.ts';

/** A list of 1000 attributes has 3000 values. A body with more is not a lead and would take long to parse and check. */
export const MAX_VALUES = 5000;

/** Stand in for what is too large to be parsed; the rules refuse them for the same reason. */
const LARGE_LIST: readonly unknown[] = Array.from({ length: MAX_ATTRIBUTES + 1 }, () => null);
const LARGE_OBJECT = Object.fromEntries(LARGE_LIST.map((value, at) => [`a${at}`, value]));

/** Members of the body that are parsed; further ones are counted. */
export const MAX_PARSED = MAX_MEMBER_ERRORS + MEMBERS.length;

/**
 * What is wrong with a lead that has more than `MAX_VALUES` values, without parsing those.
 *
 * @param bytes the JSON text of an object, in UTF-8
 * @param size as `measureJson` gives it
 */
export function violationsOf(bytes: Buffer, { members, memberCount }: JsonSize): Violations {
  const textOf = (from: number | undefined, to: number | undefined) => decodeUtf8(bytes.subarray(from, to));
  const body: Record<string, unknown> = {};
  let values = 0;
  for (let at = 0; at < members.length; at += MEMBER_NUMBERS) {
    const from = members[at + 2] ?? 0;
    const count = members[at + 4] ?? 0;
    const fits = count === 1 || values + count <= MAX_VALUES;
    if (fits) values += count;
    const name = JSON.parse(textOf(members[at], members[at + 1])) as string;
    const value: unknown = fits
      ? JSON.parse(textOf(from, members[at + 3]))
      : bytes[skipSpace(bytes, from)] === LIST
        ? LARGE_LIST
        : LARGE_OBJECT;
    if (name === '__proto__') Object.defineProperty(body, name, { ...OWN, value });
    else body[name] = value;
  }
  const parsed = toUpsertLead(body);
  const unlisted = memberCount - members.length / MEMBER_NUMBERS;
  if (!parsed.ok) return { errors: parsed.errors, count: parsed.count + unlisted };
  if (unlisted > 0) return { errors: [UNLISTED], count: unlisted };
  return { errors: [{ pointer: '#', detail: `must have at most ${MAX_VALUES} values` }], count: 1 };
}

const LIST = 0x5b;

const OWN = { enumerable: true, configurable: true, writable: true };
