import { TextEncodingError } from './decode-text.ts';

/** What the usual codes mean (errno(3)), behind the path of the file. */
const WORDS: Readonly<Record<string, (purpose: string) => string>> = {
  ENOENT: () => 'does not exist',
  EISDIR: () => 'is a folder',
  ENOTDIR: () => 'goes through something that is no folder',
  EACCES: (purpose) => `may not be ${purpose} by this user`,
  EPERM: (purpose) => `may not be ${purpose} by this user`,
  EROFS: () => 'is on a file system that is read-only',
  ENOSPC: () => 'does not fit on the disk, which is full',
  ELOOP: () => 'is a link that leads in a circle',
  ENAMETOOLONG: () => 'is too long to be a path',
};

/** Why a file cannot be used, as a sentence without its subject: words beside the code, or what encoding it has. */
export function describeFileError(error: unknown, purpose: 'read' | 'written' = 'read'): string {
  if (error instanceof TextEncodingError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const words = WORDS[code ?? '']?.(purpose) ?? `cannot be ${purpose}`;
  return code === undefined ? words : `${words} (${code})`;
}
