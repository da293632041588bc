/**
 * A JSON pointer to a member of the request, as a URI fragment (RFC 6901, 3 and 6): `#/attributes/Lead%20Score`.
 * Characters that a URI cannot contain are percent-encoded as UTF-8, a lone surrogate as U+FFFD.
 */
export function memberPointer(...path: readonly string[]): string {
  return `#${path.map((token) => `/${encodeToken(token)}`).join('')}`;
}

function encodeToken(token: string): string {
  const escaped = token.replaceAll('~', '~0').replaceAll('/', '~1');
  const wellFormed = escaped.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
  return encodeURI(wellFormed).replaceAll('#', '%23');
}

/** The first place where a text is not JSON. */
export type JsonSyntaxError = {
  /** Lines and columns count from 1, columns in characters. */
  readonly line: number;
  readonly column: number;
  /** What was expected and what was found: `expected a value, found "}"`. */
  readonly complaint: string;
};

const EXPECTATIONS = {
  value: 'expected a value',
  valueOrEnd: 'expected a value or "]"',
  name: 'expected a member name in double quotes',
  nameOrEnd: 'expected a member name in double quotes or "}"',
  colon: 'expected ":"',
  commaOrEnd: 'expected "," or the end of the list or object',
  end: 'expected nothing more',
  text: 'a line break, tab or other control character in a string must be written as an escape',
  escape: 'a backslash must be followed by one of " \\ / b f n r t or u and four hexadecimal digits',
} as const;

type Expectation = keyof typeof EXPECTATIONS;

const SPACE = /[ \t\n\r]*/y;
const WORD = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const PLAIN_TEXT = /[^"\\\u0000-\u001F]*/y; // oxlint-disable-line no-control-regex -- JSON forbids them
const ESCAPE = /\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/y;

/**
 * Finds the first place where `text` breaks the grammar of JSON (RFC 8259); undefined if it is JSON. The errors of
 * JSON.parse differ between versions of Node and quote the caller's data.
 */
export function findJsonSyntaxError(text: string): JsonSyntaxError | undefined {
  const open: ('{' | '[')[] = [];
  let expected: Expectation = 'value';
  let at = 0;

  /** The end of what `pattern` matches here; `at` without a match. */
  const match = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : at;
  };
  const afterValue = (): Expectation => (open.length > 0 ? 'commaOrEnd' : 'end');

  for (;;) {
    at = match(SPACE);
    const found = text[at];
    if (found === undefined) return expected === 'end' ? undefined : faultAt(text, at, expected);
    const inObject = open.at(-1) === '{';
    const takesValue: boolean = expected === 'value' || expected === 'valueOrEnd';
    const takesName: boolean = expected === 'name' || expected === 'nameOrEnd';

    if (found === '"' && (takesValue || takesName)) {
      at += 1;
      for (at = match(PLAIN_TEXT); text[at] === '\\'; at = match(PLAIN_TEXT)) {
        const escapeEnd = match(ESCAPE);
        if (escapeEnd === at) return faultAt(text, at, 'escape');
        at = escapeEnd;
      }
      if (text[at] !== '"') return faultAt(text, at, 'text');
      at += 1;
      expected = takesName ? 'colon' : afterValue();
    } else if ((found === '{' || found === '[') && takesValue) {
      open.push(found);
      at += 1;
      expected = found === '{' ? 'nameOrEnd' : 'valueOrEnd';
    } else if (found === ':' && expected === 'colon') {
      at += 1;
      expected = 'value';
    } else if (found === ',' && expected === 'commaOrEnd') {
      at += 1;
      expected = inObject ? 'name' : 'value';
    } else if (
      (found === '}' && inObject && (expected === 'commaOrEnd' || expected === 'nameOrEnd')) ||
      (found === ']' && !inObject && (expected === 'commaOrEnd' || expected === 'valueOrEnd'))
    ) {
      open.pop();
      at += 1;
      expected = afterValue();
    } else {
      const wordEnd = takesValue ? match(WORD) : at;
      if (wordEnd === at) return faultAt(text, at, expected);
      at = wordEnd;
      expected = afterValue();
    }
  }
}

function faultAt(text: string, at: number, expected: Expectation): JsonSyntaxError {
  const before = text.slice(0, at).split(/\r\n|\r|\n/);
  // Array.from counts code points, as editors do; `length` counts both halves of a surrogate pair.
  const column = Array.from(before.at(-1) ?? '').length + 1;
  return { line: before.length, column, complaint: complain(text, at, expected) };
}

function complain(text: string, at: number, expected: Expectation): string {
  const found = text.codePointAt(at);
  if (found === undefined)
    return `${expected === 'text' ? 'a string is not closed' : EXPECTATIONS[expected]}, found the end of the text`;
  if (expected === 'text' || expected === 'escape') return EXPECTATIONS[expected];
  return `${EXPECTATIONS[expected]}, found ${describeCharacter(found)}`;
}

function describeCharacter(codePoint: number): string {
  const visible = codePoint > 0x20 && codePoint < 0x7f;
  if (visible) return `"${String.fromCodePoint(codePoint)}"`;
  return `the character U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A finite number without an exponent, with the fewest digits that give the same number again. */
export function plainDecimal(value: number): string {
  const shortest = String(value);
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(shortest) ?? [];
  if (exponent === undefined) return shortest;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, '0');
}
