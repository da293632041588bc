import { atOnce, type Sliced } from './sliced.ts';

/**
 * A JSON pointer to a member of the request, as a URI fragment (RFC 6901, 3 and 6): `#/attributes/Lead%20Score`.
 * Characters that a URI cannot contain are percent-encoded as UTF-8, a lone surrogate as U+FFFD.
 */
export function memberPointer(...path: readonly string[]): string {
  return `#${path.map((token) => `/${encodeToken(token)}`).join('')}`;
}

/** The path of a pointer that `memberPointer` has made; a lone surrogate in it is U+FFFD. */
export function pathOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~'));
}

function encodeToken(token: string): string {
  if (PLAIN.test(token)) return token;
  const escaped = token.replaceAll('~', '~0').replaceAll('/', '~1');
  return encodeURI(escaped.toWellFormed()).replaceAll('#', '%23');
}

const PLAIN = /^[\w.-]*$/;

/** The first place where a text is not JSON. */
export type JsonSyntaxError = {
  /** Lines and columns count from 1, columns in characters. */
  readonly line: number;
  readonly column: number;
  /** What was expected and what was found: `expected a value, found "}"`. */
  readonly complaint: string;
};

/** By the constants below. */
const EXPECTATIONS = [
  'expected a value',
  'expected a value or "]"',
  'expected a member name in double quotes',
  'expected a member name in double quotes or "}"',
  'expected ":"',
  'expected "," or the end of the list or object',
  'expected nothing more',
  'a line break, tab or other control character in a string must be written as an escape',
  'a backslash must be followed by one of " \\ / b f n r t or u and four hexadecimal digits',
] as const;

const VALUE = 0;
const VALUE_OR_END = 1;
const NAME = 2;
const NAME_OR_END = 3;
const COLON = 4;
const COMMA_OR_END = 5;
const END = 6;
const TEXT = 7;
const ESCAPE = 8;

/** What a JSON text holds, as far as it bears on what its reader has to do. */
export type JsonSize = {
  /** Objects, lists, strings, numbers and words. */
  readonly values: number;
  /** Whether the outermost value is a list. */
  readonly isList: boolean;
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
  const size = atOnce(measureJson(Buffer.from(text), 0));
  return 'complaint' in size ? size : undefined;
}

/**
 * Measures a text without building what it holds: a mebibyte takes a few milliseconds, whatever is in it, where JSON.parse
 * may take hundreds. Yields every `PAUSE_EVERY` bytes.
 *
 * @param bytes valid UTF-8 without a byte order mark
 * @param maxMembers the places of no more members than this are told
 * @returns the syntax error if it is not JSON
 */
export function* measureJson(bytes: Buffer, maxMembers: number): Sliced<JsonSize | JsonSyntaxError> {
  const scan = yield* scanJson(bytes, maxMembers);
  return 'at' in scan ? yield* faultAt(bytes, scan) : scan;
}

/** Bytes to look at before other work may run: a millisecond or two where each of them is a value. */
export const PAUSE_EVERY = 131_072;

/** At which bytes a member's name begins and ends, quotes included, and its value does; and how many values are in that. */
export const MEMBER_NUMBERS = 5;

type Fault = { readonly at: number; readonly expected: number };

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA_SIGN = 0x2c;
const COLON_SIGN = 0x3a;
const BACKSLASH = 0x5c;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** By bytes and numbers: strings and regular expressions take several times as long for each value. */
// oxlint-disable-next-line max-lines-per-function -- one state machine
function* scanJson(bytes: Buffer, maxMembers: number): Sliced<Fault | JsonSize> {
  const size = bytes.length;
  let open = new Uint8Array(64);
  const members: number[] = [];
  let depth = 0;
  let memberCount = 0;
  let expected = VALUE;
  let values = 0;
  let at = 0;
  let pauseAt = PAUSE_EVERY;
  // Of the outermost object's current member.
  let nameFrom = 0;
  let nameTo = 0;
  let valueFrom = 0;
  let before = 0;

  for (;;) {
    if ((bytes[at] ?? 0) <= SPACE) at = skipSpace(bytes, at, pauseAt);
    if (at >= pauseAt) {
      pauseAt = at + PAUSE_EVERY;
      yield;
      continue;
    }
    if (at >= size)
      return expected === END ? { values, isList: open[1] === LIST, memberCount, members } : { at, expected };
    const found = bytes[at] ?? 0;

    if (found === QUOTE && expected <= NAME_OR_END) {
      const end = endOfString(bytes, at + 1);
      if (end < 0) return { at: ~end, expected: bytes[~end] === BACKSLASH ? ESCAPE : TEXT };
      if (expected >= NAME) {
        if (depth === 1) {
          nameFrom = at;
          nameTo = end;
        }
        expected = COLON;
      } else {
        values += 1;
        expected = depth > 0 ? COMMA_OR_END : END;
      }
      at = end;
    } else if ((found === OBJECT || found === LIST) && expected <= VALUE_OR_END) {
      values += 1;
      depth += 1;
      if (depth === open.length) open = larger(open);
      open[depth] = found;
      at += 1;
      expected = found === OBJECT ? NAME_OR_END : VALUE_OR_END;
    } else if (found === COLON_SIGN && expected === COLON) {
      at += 1;
      expected = VALUE;
      if (depth === 1) {
        valueFrom = at;
        before = values;
      }
    } else if (found === COMMA_SIGN && expected === COMMA_OR_END) {
      const isMember = open[depth] === OBJECT;
      if (depth === 1 && isMember) {
        memberCount += 1;
        if (memberCount <= maxMembers) members.push(nameFrom, nameTo, valueFrom, at, values - before);
      }
      at += 1;
      expected = isMember ? NAME : VALUE;
    } else if (
      (found === OBJECT_END &&
        open[depth] === OBJECT &&
        (expected === COMMA_OR_END || expected === NAME_OR_END)) ||
      (found === LIST_END && open[depth] === LIST && (expected === COMMA_OR_END || expected === VALUE_OR_END))
    ) {
      if (depth === 1 && expected === COMMA_OR_END && found === OBJECT_END) {
        memberCount += 1;
        if (memberCount <= maxMembers) members.push(nameFrom, nameTo, valueFrom, at, values - before);
      }
      depth -= 1;
      at += 1;
      expected = depth > 0 ? COMMA_OR_END : END;
    } else {
      const end = expected <= VALUE_OR_END ? endOfWord(bytes, at) : at;
      if (end === at) return { at, expected };
      values += 1;
      at = end;
      expected = depth > 0 ? COMMA_OR_END : END;
    }
  }
}

function larger(open: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(open.length * 4);
  copy.set(open);
  return copy;
}

/** The first byte from `from` on that is not white space of JSON; `to` if there is none before. */
export function skipSpace(bytes: Buffer, from: number, to: number = bytes.length): number {
  const end = Math.min(to, bytes.length);
  let at = from;
  for (; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === SPACE) continue;
    if (byte !== LINE_FEED && byte !== RETURN && byte !== TAB) break;
  }
  return at;
}

const TAB = 0x09;

/** Behind the closing quotes; the complement of the place of a fault. @param from behind the opening quotes */
function endOfString(bytes: Buffer, from: number): number {
  const size = bytes.length;
  for (let at = from; at < size; at += 1) {
    const byte = bytes[at] ?? 0;
    // Most are.
    if (byte > BACKSLASH) continue;
    if (byte === QUOTE) return at + 1;
    if (byte < SPACE) return ~at;
    if (byte !== BACKSLASH) continue;
    const escape = bytes[at + 1] ?? 0;
    if (escape === U) {
      for (let digit = at + 2; digit < at + 6; digit += 1) if (!isHexDigit(bytes[digit] ?? 0)) return ~at;
      at += 5;
    } else if (isEscape(escape)) {
      at += 1;
    } else {
      return ~at;
    }
  }
  return ~size;
}

const U = 0x75;

/** One of `"`, `\`, `/`, `b`, `f`, `n`, `r`, `t`. */
function isEscape(code: number): boolean {
  switch (code) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return true;
    default:
      return false;
  }
}

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
function endOfWord(bytes: Buffer, from: number): number {
  let at = from;
  if (bytes[from] === MINUS) at += 1;
  if (!isDigit(bytes[at] ?? 0)) {
    const word = WORDS.find((one) => one.every((byte, index) => bytes[from + index] === byte));
    return from + (word?.length ?? 0);
  }
  at = bytes[at] === ZERO ? at + 1 : endOfDigits(bytes, at);
  if (bytes[at] === DOT && isDigit(bytes[at + 1] ?? 0)) at = endOfDigits(bytes, at + 1);
  if (((bytes[at] ?? 0) | 0x20) !== 0x65) return at;
  const sign = bytes[at + 1];
  const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
  return isDigit(bytes[exponent] ?? 0) ? endOfDigits(bytes, exponent) : at;
}

const WORDS = ['true', 'false', 'null'].map((word) => [...Buffer.from(word)]);

function endOfDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (isDigit(bytes[at] ?? 0)) at += 1;
  return at;
}

function* faultAt(bytes: Buffer, { at, expected }: Fault): Sliced<JsonSyntaxError> {
  let line = 1;
  // Editors count code points, so not the further bytes of one.
  let column = 1;
  let pauseAt = PAUSE_EVERY;
  for (let index = 0; index < at; index += 1) {
    if (index >= pauseAt) {
      pauseAt += PAUSE_EVERY;
      yield;
    }
    const byte = bytes[index] ?? 0;
    if (byte > RETURN) {
      if ((byte & 0xc0) !== 0x80) column += 1;
    } else if (byte === LINE_FEED || byte === RETURN) {
      if (byte === RETURN && index + 1 < at && bytes[index + 1] === LINE_FEED) index += 1;
      line += 1;
      column = 1;
    } else {
      column += 1;
    }
  }
  return { line, column, complaint: complain(bytes, at, expected) };
}

function complain(bytes: Buffer, at: number, expected: number): string {
  const found = bytes.toString('utf8', at, at + 4).codePointAt(0);
  const expectation = EXPECTATIONS[expected] ?? '';
  if (found === undefined)
    return `${expected === TEXT ? 'a string is not closed' : expectation}, found the end of the text`;
  if (expected === TEXT || expected === ESCAPE) return expectation;
  return `${expectation}, found ${describeCharacter(found)}`;
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
