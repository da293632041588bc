/**
 * The characters of XML 1.0 (section 2.2, production Char), of which the texts of a lead are made. Others are refused,
 * never dropped (docs/rest-api.md#attribute-values).
 */

// Matches a control character, U+FFFE, U+FFFF or a surrogate without its partner.
// oxlint-disable-next-line no-control-regex -- it looks for control characters
const NOT_XML = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u;

// The same without surrogates, which isWellFormed finds several times as fast.
// oxlint-disable-next-line no-control-regex -- it looks for control characters
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/;

/** True if an XML 1.0 document can contain every character of `text`. */
export function isXmlText(text: string): boolean {
  return !CONTROL.test(text) && text.isWellFormed();
}

/** Names the first character that XML 1.0 cannot contain, for people; undefined if there is none. Counts from 1. */
export function describeInvalidCharacter(text: string): string | undefined {
  if (isXmlText(text)) return undefined;
  const match = NOT_XML.exec(text);
  if (match === null) return undefined;
  const code = match[0].charCodeAt(0);
  const hex = code.toString(16).toUpperCase().padStart(4, '0');
  const kind = code >= 0xd800 && code <= 0xdfff ? 'half of a surrogate pair' : 'a character';
  const position = countCharacters(text.slice(0, match.index)) + 1;
  return `character ${position} is U+${hex}, ${kind} that XML cannot carry; remove it`;
}

/** True if `text` has more than `max` characters (code points, as in JSON Schema). */
export function isLongerThan(text: string, max: number): boolean {
  if (text.length <= max) return false;
  if (text.length > max * 2) return true;
  return countCharacters(text) > max;
}

function countCharacters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) count += 1;
  return count;
}
