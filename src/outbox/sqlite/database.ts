import { writeFileSync } from 'node:fs';
import type Database from 'libsql';
import { createKeyFilter, type KeyFilter } from './key-filter.ts';

export type Connection = Database.Database & {
  /** The ordering keys of pending leads; what changes those tells it. */
  readonly waiting: KeyFilter;
};

export type LibSql = new (path: string, options?: Database.Options) => Database.Database;

/** Waits this long for the shell of an operator who writes, in ms. */
export const BUSY_MS = 5000;

/**
 * Opens the file for writing, with commits that outlive a crash of the machine.
 *
 * @see https://www.sqlite.org/pragma.html#pragma_synchronous
 */
export function openDatabase(LibSql: LibSql, path: string): Connection {
  const db = Object.assign(new LibSql(path), { waiting: createKeyFilter() });
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('PRAGMA synchronous = FULL');
  // What was delivered is not left in free pages.
  db.exec('PRAGMA secure_delete = ON');
  return db;
}

/**
 * Takes the lock of a process on the file, in a file beside it, so that the database itself stays open to readers. The
 * system drops it when the process ends, however it ends. Creates both files, readable to their owner only: leads are
 * personal data. SQLite gives its other files the mode of the database.
 *
 * @returns undefined if another process has it
 */
export function lockFile(LibSql: LibSql, path: string): Database.Database | undefined {
  for (const file of [path, `${path}.lock`]) writeFileSync(file, '', { flag: 'a', mode: 0o600 });
  const lock = new LibSql(`${path}.lock`);
  try {
    lock.exec('PRAGMA busy_timeout = 0');
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (/locked|busy/i.test(String(error))) return undefined;
    throw error;
  }
}
