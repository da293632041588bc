import { isUtf8 } from 'node:buffer';
import { UnreadableReply } from './unreadable-reply.ts';

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'iso-8859-1' | 'us-ascii';

/** The names of the encodings we read, as XML declarations and Content-Type headers spell them (IANA, with aliases). */
const ENCODING_NAMES: Readonly<Record<string, Encoding | 'utf-16'>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'utf-16': 'utf-16',
  'utf-16le': 'utf-16le',
  'utf-16be': 'utf-16be',
  'iso-8859-1': 'iso-8859-1',
  iso8859_1: 'iso-8859-1',
  'iso_8859-1': 'iso-8859-1',
  'iso8859-1': 'iso-8859-1',
  latin1: 'iso-8859-1',
  'us-ascii': 'us-ascii',
  ascii: 'us-ascii',
};

/**
 * Turns the bytes of an XML entity into text. What says the encoding, in this order: the byte order mark, the XML
 * declaration (with the pattern of its first bytes, XML 1.0, appendix F), the Content-Type, and else it is UTF-8.
 *
 * @throws UnreadableReply when the encoding is none we know, or the bytes do not fit it
 */
export function decodeXml(bytes: Buffer, contentType: string | undefined): string {
  const { encoding, skip } = detectEncoding(bytes, contentType);
  const content = skip === 0 ? bytes : bytes.subarray(skip);
  if (encoding === 'utf-8') {
    if (!isUtf8(content)) throw new UnreadableReply('is not the UTF-8 it should be');
    return content.toString('utf8');
  }
  if (encoding === 'iso-8859-1') return content.toString('latin1');
  if (encoding === 'us-ascii') {
    if (content.some((byte) => byte > 0x7f)) throw new UnreadableReply('is not the US-ASCII it says it is');
    return content.toString('latin1');
  }
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw new UnreadableReply('is not the UTF-16 it says it is', { cause });
  }
}

function detectEncoding(
  bytes: Buffer,
  contentType: string | undefined,
): { encoding: Encoding; skip: number } {
  const [first, second, third, fourth] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return { encoding: 'utf-8', skip: 3 };
  if (first === 0xff && second === 0xfe) return { encoding: 'utf-16le', skip: 2 };
  if (first === 0xfe && second === 0xff) return { encoding: 'utf-16be', skip: 2 };
  if (first === 0x3c && second === 0 && fourth === 0) return { encoding: 'utf-16le', skip: 0 };
  if (first === 0 && second === 0x3c && third === 0) return { encoding: 'utf-16be', skip: 0 };
  // Whatever is said: bytes like these are ASCII and its relatives, not UTF-16 (XML 1.0, appendix F).
  const isUtf16Possible = first !== 0x3c;
  return {
    encoding: declaredEncoding(bytes) ?? headerEncoding(contentType, isUtf16Possible) ?? 'utf-8',
    skip: 0,
  };
}

const DECLARATION = /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']/;

function declaredEncoding(bytes: Buffer): Encoding | undefined {
  const start = bytes.subarray(0, 200).toString('latin1');
  const [, name] = DECLARATION.exec(start) ?? [];
  if (name === undefined) return undefined;
  const encoding = knownEncoding(name);
  // A declaration that reads as ASCII cannot be UTF-16: it was re-encoded on the way and says nothing any more.
  return isUtf16(encoding) ? undefined : encoding;
}

function headerEncoding(contentType: string | undefined, isUtf16Possible: boolean): Encoding | undefined {
  const [, name] = /;\s*charset\s*=\s*["']?([^\s"';]+)/i.exec(contentType ?? '') ?? [];
  if (name === undefined) return undefined;
  const encoding = knownEncoding(name);
  if (isUtf16(encoding) && !isUtf16Possible) return undefined;
  // Without a byte order mark, UTF-16 is big-endian (RFC 2781, 4.3).
  return encoding === 'utf-16' ? 'utf-16be' : encoding;
}

function isUtf16(encoding: Encoding | 'utf-16'): encoding is 'utf-16' | 'utf-16le' | 'utf-16be' {
  return encoding.startsWith('utf-16');
}

function knownEncoding(name: string): Encoding | 'utf-16' {
  const key = name.toLowerCase();
  const encoding = Object.hasOwn(ENCODING_NAMES, key) ? ENCODING_NAMES[key] : undefined;
  if (encoding === undefined)
    throw new UnreadableReply('is in an encoding this gateway does not read', { said: name });
  return encoding;
}
