/**
 * The characters of XML 1.0 (section 2.2, production Char), of which the texts of a lead are made. Others are refused,
 * never dropped (docs/rest-api.md#attribute-values).
 */

// Matches a control character, U+FFFE or U+FFFF. isWellFormed finds surrogates several times as fast.
// oxlint-disable-next-line no-control-regex -- it looks for control characters
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/;

/** True if an XML 1.0 document can contain every character of `text`. */
export function isXmlText(text: string): boolean {
  return !CONTROL.test(text) && text.isWellFormed();
}

/** Names the first character that XML 1.0 cannot contain, for people; undefined if there is none. Counts from 1. */
export function describeInvalidCharacter(text: string): string | undefined {
  if (isXmlText(text)) return undefined;
  const control = text.search(CONTROL);
  let position = 1;
  for (let at = 0; at < text.length; position += 1) {
    const code = text.codePointAt(at) ?? 0;
    if (at === control || isSurrogate(code)) {
      const hex = code.toString(16).toUpperCase().padStart(4, '0');
      const kind = isSurrogate(code) ? 'half of a surrogate pair' : 'a character';
      return `character ${position} is U+${hex}, ${kind} that XML cannot carry; remove it`;
    }
    at += code > 0xffff ? 2 : 1;
  }
  return undefined;
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
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
