/** The characters of XML 1.0: which are allowed, how they are referred to, and how text is written. */

const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/** Whether every character may stand in an XML 1.0 document (production 2, Char); lone surrogates may not. */
export function isXmlText(text: string): boolean {
  return !FORBIDDEN.test(text);
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };
const REFERENCE = /&(?:#(\d+);|#x([\dA-Fa-f]+);|(lt|gt|amp|apos|quot);)?/g;

/**
 * Replaces the five named and all numeric references by their characters.
 * Returns undefined for any other use of `&` and for references to characters XML 1.0 forbids, such as the two
 * halves of a surrogate pair that Axis writes for an emoji.
 */
export function decodeReferences(raw: string): string | undefined {
  let valid = true;
  const decoded = raw.replaceAll(REFERENCE, (_match, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name] ?? '';
    const code =
      decimal === undefined ? (hex === undefined ? Number.NaN : parseInt(hex, 16)) : Number(decimal);
    if (isXmlCodePoint(code)) return String.fromCodePoint(code);
    valid = false;
    return '';
  });
  return valid ? decoded : undefined;
}

function isXmlCodePoint(code: number): boolean {
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}

const NAME_START =
  ':A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}-\\u{200D}' +
  '\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}';
const NAME = new RegExp(
  `[${NAME_START}][${NAME_START}\\-.0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}-\\u{2040}]*`,
  'uy',
);

/** Where the name that begins at `start` ends (XML 1.0, production 5); `start` itself when there is none. */
export function nameEnd(text: string, start: number): number {
  NAME.lastIndex = start;
  return NAME.test(text) ? NAME.lastIndex : start;
}
