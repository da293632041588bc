/** A file that is not text in UTF-8. The message goes on after "a file that". */
export class TextEncodingError extends Error {
  override readonly name = 'TextEncodingError';
}

/** What is no regular file where only such a file will do. The message goes on after the path of the file. */
export class FileKindError extends Error {
  override readonly name = 'FileKindError';
}

/**
 * Decodes a file in UTF-8, without the byte order mark that editors on Windows write.
 *
 * @throws {TextEncodingError} names the other encoding if it is recognised
 */
export function decodeText(bytes: Uint8Array): string {
  const encoding = wideEncoding(bytes);
  if (encoding !== undefined) throw new TextEncodingError(`is in ${encoding}; save it as UTF-8`);
  try {
    // Drops the byte order mark (Encoding Standard, "UTF-8 decode").
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new TextEncodingError('is not in UTF-8; save it as UTF-8');
  }
}

/** UTF-16 and UTF-32 by their byte order marks; UTF-16 without one by a NUL in every second byte. */
function wideEncoding(bytes: Uint8Array): string | undefined {
  const [first, second, third, fourth] = bytes;
  if (first === 0xff && second === 0xfe) return third === 0 && fourth === 0 ? 'UTF-32' : 'UTF-16';
  if (first === 0xfe && second === 0xff) return 'UTF-16';
  if (bytes.length < 2 || !bytes.includes(0)) return undefined;
  const isWide = (parity: number) =>
    bytes.every((byte, index) => index % 2 !== parity || byte === 0 || bytes.length - index < 2);
  return isWide(0) || isWide(1) ? 'UTF-16' : undefined;
}

/** The common error codes (errno(3)), to go on after the path of the file. */
const WORDS: Readonly<Record<string, (purpose: string) => string>> = {
  ENOENT: () => 'does not exist',
  EISDIR: () => 'is a folder',
  ENOTDIR: () => 'goes through something that is not a folder',
  EACCES: (purpose) => `may not be ${purpose} by this user`,
  EPERM: (purpose) => `may not be ${purpose} by this user`,
  EROFS: () => 'is on a read-only file system',
  ENOSPC: () => 'does not fit on the disk, which is full',
  ELOOP: () => 'is a link that leads in a circle',
  ENAMETOOLONG: () => 'is too long for a path',
};

/** Why a file cannot be used, as a sentence without its subject. */
export function describeFileError(error: unknown, purpose: 'read' | 'written' = 'read'): string {
  if (error instanceof TextEncodingError || error instanceof FileKindError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const words = WORDS[code ?? '']?.(purpose) ?? `cannot be ${purpose}`;
  return code === undefined ? words : `${words} (${code})`;
}
