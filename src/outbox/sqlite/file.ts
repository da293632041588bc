import { type LibSql, lockFile, namesOf, openDatabase, realPathOf } from './database.ts';
import { migrate, SCHEMA_VERSION } from './migrations.ts';
import { createGroupRunner, type GroupResult, type Operation } from './operations.ts';

export type FileSettings = { readonly path: string; readonly maxPending: number };

/** The file of a store is open, or why it cannot be used. */
export type Opening =
  | { readonly kind: 'open'; readonly pending: number; readonly keyCounts: Uint32Array }
  | { readonly kind: 'no-package' }
  | { readonly kind: 'locked' }
  | { readonly kind: 'linked'; readonly names: number }
  | { readonly kind: 'newer'; readonly version: number; readonly known: number }
  | { readonly kind: 'unusable'; readonly complaint: string };

export type OpenFile = {
  /** Performs operations in one transaction. */
  readonly run: (group: readonly Operation[]) => GroupResult;
  readonly close: () => void;
};

/** Opens the file of a store in this thread, or makes it, with the lock of this process on it. */
export function openFile(
  LibSql: LibSql,
  { path: given, maxPending }: FileSettings,
): { readonly opening: Opening; readonly file: OpenFile | undefined } {
  try {
    const path = realPathOf(given);
    const names = namesOf(path);
    if (names > 1) return { opening: { kind: 'linked', names }, file: undefined };
    const lock = lockFile(LibSql, path);
    if (lock === undefined) return { opening: { kind: 'locked' }, file: undefined };
    const db = openDatabase(LibSql, path);
    const close = () => {
      db.close();
      lock.close();
    };
    const version = migrate(db);
    if (version !== undefined) {
      close();
      return { opening: { kind: 'newer', version, known: SCHEMA_VERSION }, file: undefined };
    }
    const run = createGroupRunner(db, maxPending);
    const opening: Opening = { kind: 'open', pending: run([]).pending, keyCounts: db.waiting.counts };
    return { opening, file: { run, close } };
  } catch (error) {
    const complaint = error instanceof Error ? error.message : String(error);
    return { opening: { kind: 'unusable', complaint }, file: undefined };
  }
}
