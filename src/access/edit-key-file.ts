import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { decodeText, describeFileError } from '../text/text-file.ts';
import { readKeyFile } from './key-file.ts';
import { readRegularSync } from './regular-file.ts';

/** An entry as it stands in the file. */
export type RawEntry = { name: string; [member: string]: unknown };

export type EditResult =
  | { readonly ok: true }
  /** `file`: the file cannot be read, is invalid or is being edited; `entry`: the change would make it invalid. */
  | { readonly ok: false; readonly fault: 'file' | 'entry'; readonly mistakes: readonly string[] };

/** What `keys create` starts a new file with. */
const EMPTY = '{\n  "keys": []\n}\n';

/**
 * Lets `change` edit the entries of a key file and replaces the file atomically. Its owner, group and mode stay, so that
 * a gateway that runs as another user can still read it; a new file is readable by its owner only. The temporary file
 * beside it also keeps concurrent edits out. Never throws; without `ok` nothing has changed.
 *
 * @param change edits the list in place; returns a sentence if it cannot
 */
export function editKeyFile(
  path: string,
  { mayCreate }: { readonly mayCreate: boolean },
  change: (entries: RawEntry[]) => string | undefined,
): EditResult {
  const target = resolvePath(path);
  if (target === undefined) return failure('file', [`"${path}" is a link to a file that does not exist`]);
  const temporary = `${target}.tmp`;
  let descriptor: number;
  try {
    descriptor = openSync(temporary, 'wx', 0o600);
  } catch (error) {
    return failure('file', [
      codeOf(error) === 'EEXIST'
        ? `${temporary} exists: another edit is in progress, or one was interrupted (then delete it)`
        : `the folder "${dirname(target)}" ${describeFileError(error, 'written')}`,
    ]);
  }
  let isReplaced = false;
  try {
    const text = textOf(target, mayCreate);
    const before = readKeyFile(text);
    if (!before.ok) return failure('file', before.mistakes);
    const content = JSON.parse(text) as { keys: RawEntry[] };
    const complaint = change(content.keys);
    if (complaint !== undefined) return failure('entry', [complaint]);
    const changed = `${JSON.stringify(content, null, indentOf(text))}\n`;
    const after = readKeyFile(changed);
    if (!after.ok)
      return failure(
        'entry',
        after.mistakes.map((mistake) => mistake.replace(/^keys\[\d+\]\.?/, '')),
      );
    writeSync(descriptor, changed);
    const refusal = keepAccess(target, descriptor);
    if (refusal !== undefined) return failure('file', [`"${path}" ${refusal}`]);
    fsyncSync(descriptor);
    renameSync(temporary, target);
    isReplaced = true;
    return { ok: true };
  } catch (error) {
    return failure('file', [`"${path}" ${complaintOf(error)}`]);
  } finally {
    closeSync(descriptor);
    if (!isReplaced) rmSync(temporary, { force: true });
  }
}

function failure(fault: 'file' | 'entry', mistakes: readonly string[]): EditResult {
  return { ok: false, fault, mistakes };
}

/** Follows symbolic links, so that their target is replaced and not a link; undefined if there is no target. */
function resolvePath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? undefined : path;
  }
}

function textOf(path: string, mayCreate: boolean): string {
  try {
    return decodeText(readRegularSync(path));
  } catch (error) {
    if (mayCreate && codeOf(error) === 'ENOENT') return EMPTY;
    throw error;
  }
}

/**
 * Gives the new file the owner, group and mode of the one it replaces; a sentence without its subject if this user may
 * not. A change of the owner clears bits of the mode, so that comes second.
 */
function keepAccess(target: string, descriptor: number): string | undefined {
  const old = statSync(target, { throwIfNoEntry: false });
  if (old === undefined) return undefined;
  const { uid, gid } = fstatSync(descriptor);
  try {
    if (uid !== old.uid || gid !== old.gid) fchownSync(descriptor, old.uid, old.gid);
    fchmodSync(descriptor, old.mode & PERMISSION_BITS);
    return undefined;
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error;
    return `belongs to user ${old.uid} and group ${old.gid}, and this user may not replace it by a file of theirs: run the command as that user or as root`;
  }
}

const PERMISSION_BITS = 0o7777;

function complaintOf(error: unknown): string {
  // A file that is mounted by itself, as containers do, cannot be replaced.
  if (codeOf(error) !== 'EBUSY') return describeFileError(error);
  return 'is a mount of its own, which cannot be replaced (EBUSY): edit the file that is mounted there, or mount its folder';
}

/** The indentation of the file's first indented line. */
function indentOf(text: string): string {
  return /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
