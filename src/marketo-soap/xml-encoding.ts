import { isUtf8 } from 'node:buffer';
import { UnreadableReply } from './xml-document.ts';

/** Names that TextDecoder reads differently: UTF-16 as little-endian, US-ASCII as windows-1252. */
const SPECIAL_NAMES: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'utf-16': 'utf-16',
  'us-ascii': 'us-ascii',
  ascii: 'us-ascii',
};

/** Turns the spellings of Java, Python and Windows into labels of the Encoding Standard. */
function usualName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^iso[_-]?8859[_-](\d+)$/, 'iso-8859-$1')
    .replace(/^utf_(8|16(?:le|be)?)$/, 'utf-$1')
    .replace(/^(?:windows[_-]?|cp[_-]?)(125\d)$/, 'windows-$1');
}

/** The encoding of a document and the position where it starts. */
type Start = { readonly encoding: string; readonly at: number };

const UTF_8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Decodes the bytes of an XML document. The encoding comes from the byte order mark, the XML declaration (with the pattern
 * of the first bytes, XML 1.0, appendix F) or the Content-Type, in this order, and is UTF-8 otherwise. Labels are those of
 * the Encoding Standard; padding around the document is skipped (docs/marketo-soap.md#leniency).
 *
 * @throws UnreadableReply for an unknown encoding and for bytes that do not fit it
 */
export function decodeXml(bytes: Buffer, contentType: string | undefined): string {
  const { encoding, at } = findStart(bytes, contentType);
  if (encoding.startsWith('utf-16')) return decodeUtf16(bytes.subarray(at), encoding);
  const content = bytes.subarray(at, endOf(bytes, at));
  switch (encoding) {
    case 'utf-8':
      if (!isUtf8(content)) throw new UnreadableReply('is not the UTF-8 it should be');
      return content.toString('utf8');
    case 'us-ascii':
      if (content.some((byte) => byte > 0x7f)) throw misfit('US-ASCII');
      return content.toString('latin1');
    case 'windows-1252':
      return decodeWindows1252(content);
    default:
      return decodeOther(content, encoding);
  }
}

function findStart(bytes: Buffer, contentType: string | undefined): Start {
  const { mark, at } = skipPadding(bytes);
  if (mark !== undefined) return { encoding: mark, at };
  if (bytes[at] === 0x3c && bytes[at + 1] === 0) {
    // The position of the zero bytes tells which UTF-16 it is: characters start at even positions.
    if (at % 2 === 0 && bytes[at + 3] === 0) return { encoding: 'utf-16le', at };
    if (at % 2 === 1 && bytes[at - 1] === 0) return { encoding: 'utf-16be', at: at - 1 };
  }
  // Such a first byte is ASCII or a relative of it, not UTF-16, whatever is declared (XML 1.0, appendix F).
  const isUtf16Possible = bytes[at] !== 0x3c;
  const declared = declaredEncoding(bytes.subarray(at));
  const encoding =
    declared === undefined
      ? (headerEncoding(contentType, isUtf16Possible) ?? 'utf-8')
      : reconciled(declared, contentType, bytes.subarray(at));
  return { encoding, at: encoding.startsWith('utf-16') ? 0 : at };
}

/**
 * The encoding of a document that declares one. A proxy that re-encodes it changes only the Content-Type, and some servers
 * send UTF-8 whatever they declare. So it is UTF-8 if either of the two says so and the bytes are valid UTF-8.
 */
function reconciled(declared: string, contentType: string | undefined, bytes: Buffer): string {
  const name = charsetOf(contentType);
  const sent = name === undefined ? undefined : encodingNamed(name);
  if (sent === undefined || sent === declared || (sent !== 'utf-8' && declared !== 'utf-8')) return declared;
  if (isUtf8(bytes)) return 'utf-8';
  const other = sent === 'utf-8' ? declared : sent;
  return other.startsWith('utf-16') ? declared : other;
}

/** Skips white space, NULs and byte order marks, the last of which counts. */
function skipPadding(bytes: Buffer): { readonly mark: string | undefined; readonly at: number } {
  let mark: string | undefined;
  for (let at = 0; ;) {
    const byte = bytes[at];
    if (byte === 0xff && bytes[at + 1] === 0xfe) return { mark: 'utf-16le', at: at + 2 };
    if (byte === 0xfe && bytes[at + 1] === 0xff) return { mark: 'utf-16be', at: at + 2 };
    if (isMark(bytes, at)) {
      mark = 'utf-8';
      at += UTF_8_MARK.length;
    } else if (byte !== undefined && isPadding(byte)) {
      at += 1;
    } else {
      return { mark, at };
    }
  }
}

/** The end of a document in an encoding that has ASCII's `>`. */
function endOf(bytes: Buffer, start: number): number {
  let end = bytes.length;
  while (end > start) {
    const last = bytes[end - 1];
    if (last !== undefined && isPadding(last)) end -= 1;
    else if (isMark(bytes, end - UTF_8_MARK.length)) end -= UTF_8_MARK.length;
    else break;
  }
  return end;
}

function isPadding(byte: number): boolean {
  return byte === 0 || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isMark(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf;
}

const PADDING = '\0\uFEFF \t\r\n';

function decodeUtf16(bytes: Buffer, encoding: string): string {
  // An odd byte is the NUL at the end of a C string.
  const isEnded = bytes.length % 2 === 1 && bytes.at(-1) === 0;
  const text = decodeFatally(isEnded ? bytes.subarray(0, -1) : bytes, encoding, 'UTF-16');
  let [start, end] = [0, text.length];
  while (start < end && PADDING.includes(text.charAt(start))) start += 1;
  while (start < end && PADDING.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/**
 * The characters of windows-1252 from 0x80 on, where ISO-8859-1 has control characters (Encoding Standard,
 * index-windows-1252). The TextDecoder of Node 20 and 22 does not decode them.
 */
const WINDOWS_1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

function decodeWindows1252(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replaceAll(/[\x80-\x9f]/g, (byte) => WINDOWS_1252.charAt(byte.charCodeAt(0) - 0x80));
}

/** The whole document is decoded before it is parsed, so that half a character cannot hide markup. */
function decodeOther(bytes: Buffer, encoding: string): string {
  // In some of IBM's encodings ICU reads this byte as another character; XML forbids it in all of them.
  if (bytes.includes(0x1c)) throw misfit(encoding);
  return decodeFatally(bytes, encoding, encoding);
}

function decodeFatally(bytes: Buffer, encoding: string, name: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw misfit(name, cause);
  }
}

function misfit(name: string, cause?: unknown): UnreadableReply {
  return new UnreadableReply(`is not the ${name} it says it is`, { cause });
}

const DECLARATION = /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']/;

function declaredEncoding(bytes: Buffer): string | undefined {
  const start = bytes.subarray(0, 200).toString('latin1');
  const [, name] = DECLARATION.exec(start) ?? [];
  if (name === undefined) return undefined;
  const encoding = knownEncoding(name);
  // A declaration in ASCII cannot be UTF-16: the document was re-encoded on the way, and the declaration is void.
  return encoding.startsWith('utf-16') ? undefined : encoding;
}

function headerEncoding(contentType: string | undefined, isUtf16Possible: boolean): string | undefined {
  const name = charsetOf(contentType);
  if (name === undefined) return undefined;
  const encoding = knownEncoding(name);
  if (encoding.startsWith('utf-16') && !isUtf16Possible) return undefined;
  // Without a byte order mark, UTF-16 is big-endian (RFC 2781, 4.3).
  return encoding === 'utf-16' ? 'utf-16be' : encoding;
}

function charsetOf(contentType: string | undefined): string | undefined {
  return /;\s*charset\s*=\s*["']?([^\s"';,]+)/i.exec(contentType ?? '')?.[1];
}

function knownEncoding(name: string): string {
  const encoding = encodingNamed(name);
  if (encoding !== undefined) return encoding;
  throw new UnreadableReply('is in an encoding this gateway does not read', { said: name });
}

/** The canonical name of an encoding, in lower case; undefined for an unknown one. */
function encodingNamed(name: string): string | undefined {
  const key = usualName(name);
  const special = Object.hasOwn(SPECIAL_NAMES, key) ? SPECIAL_NAMES[key] : undefined;
  if (special !== undefined) return special;
  try {
    const { encoding } = new TextDecoder(key);
    // Its characters are private, without a meaning to anyone else.
    return encoding === 'x-user-defined' ? undefined : encoding;
  } catch {
    return undefined;
  }
}
