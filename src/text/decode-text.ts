/** A file that is no text in UTF-8. The message goes behind "a file that". */
export class TextEncodingError extends Error {
  constructor(complaint: string) {
    super(complaint);
    this.name = 'TextEncodingError';
  }
}

/**
 * The text of a file in UTF-8, without the byte order mark that editors of Windows put in front.
 * @throws {TextEncodingError} what other encoding it has
 */
export function decodeText(bytes: Uint8Array): string {
  const encoding = wideEncoding(bytes);
  if (encoding !== undefined) throw new TextEncodingError(`is in ${encoding}; save it as UTF-8`);
  try {
    // Leaves the byte order mark out (Encoding Standard, "UTF-8 decode").
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new TextEncodingError('is not in UTF-8; save it as UTF-8');
  }
}

/** UTF-16 and UTF-32 by their marks; UTF-16 without one by the NUL in every second byte, which text has none of. */
function wideEncoding(bytes: Uint8Array): string | undefined {
  const [first, second, third, fourth] = bytes;
  if (first === 0xff && second === 0xfe) return third === 0 && fourth === 0 ? 'UTF-32' : 'UTF-16';
  if (first === 0xfe && second === 0xff) return 'UTF-16';
  if (bytes.length < 2 || !bytes.includes(0)) return undefined;
  const isWide = (parity: number) =>
    bytes.every((byte, index) => index % 2 !== parity || byte === 0 || bytes.length - index < 2);
  return isWide(0) || isWide(1) ? 'UTF-16' : undefined;
}
