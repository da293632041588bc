import { isAscii, isUtf8 } from 'node:buffer';

/**
 * The text of an XML document from its bytes: by byte order mark, else XML declaration, else the charset of the
 * Content-Type, else UTF-8. The declaration goes before the header because libxml2, behind the vendor's server,
 * never saw the header. Returns undefined for bytes that are not what they say, or say what nobody here reads.
 */
export function decodeXmlText(bytes: Buffer, contentType: string | undefined): string | undefined {
  if (startsWith(bytes, 0xef, 0xbb, 0xbf)) return utf8(bytes.subarray(3));
  if (startsWith(bytes, 0xff, 0xfe)) return utf16(bytes.subarray(2), 'le');
  if (startsWith(bytes, 0xfe, 0xff)) return utf16(bytes.subarray(2), 'be');
  // XML 1.0, appendix F: without a mark, the zero bytes around the first "<" tell.
  if (startsWith(bytes, 0x3c, 0x00)) return utf16(bytes, 'le');
  if (startsWith(bytes, 0x00, 0x3c)) return utf16(bytes, 'be');

  const declared = declaredEncoding(bytes);
  // .NET strings declare UTF-16 and are sent as UTF-8: the bytes are right, as libxml2 has it.
  if (declared !== undefined) return decodeAs(isUtf16Name(declared) ? 'utf-8' : declared, bytes);
  return decodeAs(charsetOf(contentType) ?? 'utf-8', bytes);
}

function decodeAs(name: string, bytes: Buffer): string | undefined {
  switch (name.toLowerCase()) {
    case 'utf-8':
    case 'utf8':
      return utf8(bytes);
    case 'iso-8859-1':
    case 'latin1':
    case 'iso_8859-1':
      return bytes.toString('latin1');
    case 'us-ascii':
    case 'ascii':
      return isAscii(bytes) ? bytes.toString('latin1') : undefined;
    default:
      return undefined;
  }
}

function utf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

function utf16(bytes: Buffer, order: 'le' | 'be'): string | undefined {
  if (bytes.length % 2 !== 0) return undefined;
  return order === 'le' ? bytes.toString('utf16le') : Buffer.from(bytes).swap16().toString('utf16le');
}

function declaredEncoding(bytes: Buffer): string | undefined {
  if (!startsWith(bytes, 0x3c, 0x3f)) return undefined;
  const head = bytes.subarray(0, 200).toString('latin1');
  return /^<\?xml[^>]*?\sencoding\s*=\s*["']([\w.-]+)["']/.exec(head)?.[1];
}

function charsetOf(contentType: string | undefined): string | undefined {
  return contentType === undefined ? undefined : /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1];
}

function isUtf16Name(name: string): boolean {
  return /^utf-?16/i.test(name);
}

function startsWith(bytes: Buffer, ...head: readonly number[]): boolean {
  return head.every((byte, index) => bytes[index] === byte);
}
