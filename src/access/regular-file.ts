import { constants, readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { FileKindError } from '../text/text-file.ts';

// Files that are read again and again, or written. A pipe would do once, if at all: opening one without a writer blocks,
// in a thread that nothing can end, the end of the process included.

type Kind = Readonly<Record<'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket', () => boolean>>;

/** Lets folders through, which fail with a code of their own. @throws {FileKindError} for a pipe, a socket or a device */
function checkRegular(stats: Kind): void {
  if (stats.isFile() || stats.isDirectory()) return;
  const kind = stats.isFIFO() ? 'a pipe' : stats.isSocket() ? 'a socket' : 'a device';
  throw new FileKindError(`is ${kind}, not a regular file`);
}

/** Links are followed. @throws {FileKindError} instead of opening what is no regular file */
export function readRegularSync(path: string): Buffer {
  checkRegular(statSync(path));
  return readFileSync(path);
}

/** The same without blocking; rejects. */
export async function readRegular(path: string): Promise<Buffer> {
  checkRegular(await stat(path));
  // What has become a pipe since then does not block either. Windows has no such flag, and no such pipes.
  return readFile(path, { flag: constants.O_RDONLY | constants.O_NONBLOCK });
}
