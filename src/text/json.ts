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

/** What a JSON text holds, as far as it bears on what its reader has to do. */
export type JsonSize = {
  /** Objects, lists, strings, numbers and words. */
  readonly values: number;
  /** How many members the outermost object has. */
  readonly memberCount: number;
  /** Of the first of them, in their order, five numbers each; see `MEMBER_NUMBERS`. */
  readonly members: readonly number[];
};

/**
 * Finds the first place where `text` breaks the grammar of JSON (RFC 8259); undefined if it is JSON. The errors of
 * JSON.parse differ between versions of Node and quote the caller's data.
 */
export function findJsonSyntaxError(text: string): JsonSyntaxError | undefined {
  const scan = scanJson(text, 0);
  return 'at' in scan ? faultAt(text, scan) : undefined;
}

/**
 * Measures a text without building what it holds: a mebibyte takes some milliseconds, whatever is in it, where JSON.parse
 * may take hundreds.
 *
 * @param maxMembers the places of no more members than this are told
 * @returns the syntax error if it is not JSON
 */
export function measureJson(text: string, maxMembers: number): JsonSize | JsonSyntaxError {
  const scan = scanJson(text, maxMembers);
  return 'at' in scan ? faultAt(text, scan) : scan;
}

/** Where a member's name begins and ends in the text, quotes included, where its value does, and how many values are in that. */
export const MEMBER_NUMBERS = 5;

type Fault = { readonly at: number; readonly expected: Expectation };

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** By codes of characters and without regular expressions, which take ten times as long for each value. */
// oxlint-disable-next-line max-lines-per-function -- one state machine
function scanJson(text: string, maxMembers: number): Fault | JsonSize {
  const open = new Uint8Array(text.length + 1);
  const members: number[] = [];
  let depth = 0;
  let memberCount = 0;
  let expected: Expectation = 'value';
  let values = 0;
  let at = 0;
  // Of the outermost object's current member.
  let nameFrom = 0;
  let nameTo = 0;
  let valueFrom = 0;
  let before = 0;

  for (;;) {
    at = skipSpace(text, at);
    if (at >= text.length) return expected === 'end' ? { values, memberCount, members } : { at, expected };
    const found = text.charCodeAt(at);
    const takesValue: boolean = expected === 'value' || expected === 'valueOrEnd';
    const takesName: boolean = expected === 'name' || expected === 'nameOrEnd';

    if (found === QUOTE && (takesValue || takesName)) {
      const end = endOfString(text, at + 1);
      if (end < 0) return { at: ~end, expected: text.charCodeAt(~end) === BACKSLASH ? 'escape' : 'text' };
      if (takesName && depth === 1) {
        nameFrom = at;
        nameTo = end;
      }
      at = end;
      if (takesValue) values += 1;
      expected = takesName ? 'colon' : depth > 0 ? 'commaOrEnd' : 'end';
    } else if ((found === OBJECT || found === LIST) && takesValue) {
      values += 1;
      depth += 1;
      open[depth] = found;
      at += 1;
      expected = found === OBJECT ? 'nameOrEnd' : 'valueOrEnd';
    } else if (found === COLON && expected === 'colon') {
      at += 1;
      expected = 'value';
      if (depth === 1) {
        valueFrom = at;
        before = values;
      }
    } else if (found === COMMA && expected === 'commaOrEnd') {
      if (depth === 1 && open[1] === OBJECT) {
        memberCount += 1;
        if (memberCount <= maxMembers) members.push(nameFrom, nameTo, valueFrom, at, values - before);
      }
      at += 1;
      expected = open[depth] === OBJECT ? 'name' : 'value';
    } else if (
      (found === OBJECT_END &&
        open[depth] === OBJECT &&
        (expected === 'commaOrEnd' || expected === 'nameOrEnd')) ||
      (found === LIST_END && open[depth] === LIST && (expected === 'commaOrEnd' || expected === 'valueOrEnd'))
    ) {
      if (depth === 1 && expected === 'commaOrEnd' && found === OBJECT_END) {
        memberCount += 1;
        if (memberCount <= maxMembers) members.push(nameFrom, nameTo, valueFrom, at, values - before);
      }
      depth -= 1;
      at += 1;
      expected = depth > 0 ? 'commaOrEnd' : 'end';
    } else {
      const end = takesValue ? endOfWord(text, at) : at;
      if (end === at) return { at, expected };
      values += 1;
      at = end;
      expected = depth > 0 ? 'commaOrEnd' : 'end';
    }
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== SPACE && code !== LINE_FEED && code !== RETURN && code !== TAB) break;
  }
  return at;
}

/** Behind the closing quotes; the complement of the place of a fault. @param from behind the opening quotes */
function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code < SPACE) return ~at;
    if (code !== BACKSLASH) continue;
    const escape = text.charCodeAt(at + 1);
    if (escape === U) {
      for (let digit = at + 2; digit < at + 6; digit += 1)
        if (!isHexDigit(text.charCodeAt(digit))) return ~at;
      at += 5;
    } else if (ESCAPES.has(escape)) {
      at += 1;
    } else {
      return ~at;
    }
  }
  return ~text.length;
}

const U = 0x75;
const ESCAPES: ReadonlySet<number> = new Set(Array.from('"\\/bfnrt', (character) => character.charCodeAt(0)));

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;

/** Behind the longest number, `true`, `false` or `null` that begins here; `from` if none does. */
function endOfWord(text: string, from: number): number {
  const first = text.charCodeAt(from);
  let at = from;
  if (first === MINUS) at += 1;
  if (!isDigit(text.charCodeAt(at))) {
    const word = WORDS.find((one) => text.startsWith(one, from));
    return from + (word?.length ?? 0);
  }
  at = text.charCodeAt(at) === ZERO ? at + 1 : endOfDigits(text, at);
  if (text.charCodeAt(at) === DOT && isDigit(text.charCodeAt(at + 1))) at = endOfDigits(text, at + 1);
  if ((text.charCodeAt(at) | 0x20) !== 0x65) return at;
  const sign = text.charCodeAt(at + 1);
  const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
  return isDigit(text.charCodeAt(exponent)) ? endOfDigits(text, exponent) : at;
}

const WORDS = ['true', 'false', 'null'];

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at += 1;
  return at;
}

function faultAt(text: string, { at, expected }: Fault): JsonSyntaxError {
  let line = 1;
  let lineFrom = 0;
  // Editors count code points; `length` counts both halves of a surrogate pair.
  let pairs = 0;
  for (let index = 0; index < at; index += 1) {
    const code = text.charCodeAt(index);
    if (code === LINE_FEED || code === RETURN) {
      if (code === RETURN && index + 1 < at && text.charCodeAt(index + 1) === LINE_FEED) index += 1;
      line += 1;
      lineFrom = index + 1;
      pairs = 0;
    } else if (code >= 0xd800 && code <= 0xdbff && (text.codePointAt(index) ?? 0) > 0xffff) {
      pairs += 1;
    }
  }
  return { line, column: at - lineFrom - pairs + 1, complaint: complain(text, at, expected) };
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
