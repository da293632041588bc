import {
  closeSync,
  chownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { decodeText, describeFileError } from '../text/text-file.ts';
import { readKeyFile } from './key-file.ts';

/** An entry as it stands in the file. */
export type RawEntry = { name: string; [member: string]: unknown };

export type EditResult =
  | { readonly ok: true }
  /** `file`: the file cannot be read, is invalid or is being edited; `entry`: the change would make it invalid. */
  | { readonly ok: false; readonly fault: 'file' | 'entry'; readonly mistakes: readonly string[] };

/** What `keys create` starts a new file with. */
const EMPTY = '{\n  "keys": []\n}\n';

/**
 * Lets `change` edit the entries of a key file and replaces the file atomically, readable by its owner only. The
 * temporary file beside it also keeps concurrent edits out. Never throws.
 *
 * @param change edits the list in place; returns a sentence if it cannot
 */
export function editKeyFile(
  path: string,
  { mayCreate }: { readonly mayCreate: boolean },
  change: (entries: RawEntry[]) => string | undefined,
): EditResult {
  const target = resolvePath(path);
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
    fsyncSync(descriptor);
    keepOwner(target, temporary);
    renameSync(temporary, target);
    isReplaced = true;
    return { ok: true };
  } catch (error) {
    return failure('file', [`"${path}" ${describeFileError(error)}`]);
  } finally {
    closeSync(descriptor);
    if (!isReplaced) rmSync(temporary, { force: true });
  }
}

function failure(fault: 'file' | 'entry', mistakes: readonly string[]): EditResult {
  return { ok: false, fault, mistakes };
}

/** Follows a symbolic link, so that its target is replaced and not the link. */
function resolvePath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function textOf(path: string, mayCreate: boolean): string {
  try {
    return decodeText(readFileSync(path));
  } catch (error) {
    if (mayCreate && codeOf(error) === 'ENOENT') return EMPTY;
    throw error;
  }
}

/** Keeps the owner, so that a gateway that runs as another user can still read the file. */
function keepOwner(from: string, to: string): void {
  try {
    const { uid, gid } = statSync(from);
    if (uid !== process.getuid?.() || gid !== process.getgid?.()) chownSync(to, uid, gid);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** The indentation of the file's first indented line. */
function indentOf(text: string): string {
  return /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
