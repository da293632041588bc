import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../config/config.ts';
import { linkedComplaint, realPathOf } from '../../outbox/sqlite/database.ts';
import { describeFileError } from '../../text/text-file.ts';

/**
 * Why the file of the outbox cannot be used, as far as that can be told while a gateway may have it: it is neither opened
 * nor locked, and not made.
 */
export function outboxComplaints({ outbox }: Pick<Config, 'outbox'>): string[] {
  if (outbox?.store.kind !== 'file') return [];
  const { path } = outbox.store;
  const complaint = complaintOf(path);
  return complaint === undefined ? [] : [`OUTBOX_URL: ${complaint}`];
}

function complaintOf(path: string): string | undefined {
  let real: string;
  try {
    // Throws unless the folder is there, also that of a file which links lead to.
    real = realPathOf(path);
  } catch (error) {
    const folder = error instanceof Error && 'path' in error ? String(error.path) : dirname(path);
    return hasCode(error, 'ENOENT')
      ? `the folder ${folder} does not exist; make it, or name another file`
      : `${path} ${describeFileError(error)}`;
  }
  const stats = statSync(real, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) return `${path} is a folder; name a file in it, such as ${path}/outbox.db`;
  if (!stats.isFile()) return `${path} is no regular file`;
  return stats.nlink > 1 ? linkedComplaint(path, stats.nlink) : undefined;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
