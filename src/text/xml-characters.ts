/**
 * What text a lead can be made of: the characters XML 1.0 can carry (XML 1.0, 2.2, production Char).
 * Refused at the door, never dropped (contract B).
 */

// Matches a control character, U+FFFE, U+FFFF or a surrogate without its partner.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNCARRIABLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u;

/** True when every character of `text` can stand in an XML 1.0 document. */
export function isXmlText(text: string): boolean {
  return !UNCARRIABLE.test(text);
}

/**
 * Says which character of `text` XML 1.0 cannot carry, for a person to find it; `undefined` when there is none.
 * The position counts characters from 1.
 */
export function describeInvalidCharacter(text: string): string | undefined {
  const match = UNCARRIABLE.exec(text);
  if (match === null) return undefined;
  const code = match[0].charCodeAt(0);
  const hex = code.toString(16).toUpperCase().padStart(4, '0');
  const kind = code >= 0xd800 && code <= 0xdfff ? 'half of a surrogate pair' : 'a character';
  const position = countCharacters(text.slice(0, match.index)) + 1;
  return `character ${position} is U+${hex}, ${kind} that XML cannot carry; remove it`;
}

/** True when `text` has more than `max` characters (code points, as JSON Schema counts them). */
export function isLongerThan(text: string, max: number): boolean {
  if (text.length <= max) return false;
  if (text.length > max * 2) return true;
  return countCharacters(text) > max;
}

function countCharacters(text: string): number {
  return Array.from(text).length;
}
