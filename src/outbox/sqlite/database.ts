import { lstatSync, readlinkSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
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
 * The one path of a file that links may name in many ways, so that all of them share its lock; a file that is not there yet
 * is where the links lead.
 */
export function realPathOf(path: string): string {
  const real = realpathIfThere(path);
  if (real !== undefined) return real;
  const place = join(realpathSync(dirname(path)), basename(path));
  const isLink = lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink ? realPathOf(resolve(dirname(place), readlinkSync(place))) : place;
}

/** A circle of links is an error. */
function realpathIfThere(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * How many names the file has; 1 if it is not there yet. With another name it has other files beside it: a lock that keeps
 * no one out, and a log of writes that SQLite does not find.
 *
 * @see https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file
 * @throws {Error} if it is a pipe or a device, before anything opens it
 */
export function namesOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 1;
  if (stats.isFile()) return stats.nlink;
  // SQLite says so of a folder.
  if (stats.isDirectory()) return 1;
  throw new Error('it is no regular file');
}

/** Why a file with several names cannot be used. */
export function linkedComplaint(path: string, names: number): string {
  return `${path} has ${names} names (hard links), and its lock keeps no one from the others; remove all but one`;
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
