import { statSync, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../observability/logger.ts';
import { decodeText, FileKindError, TextEncodingError } from '../text/text-file.ts';
import { readKeyFile } from './key-file.ts';
import type { Keyring } from './keyring.ts';
import { readRegular, readRegularSync } from './regular-file.ts';

/** Polling covers file systems that report no changes, such as network mounts. */
const POLL_MS = 2000;
/** Gives a writer that does not replace the file atomically time to finish. */
const SETTLE_MS = 20;

export type KeySource = {
  readonly keyring: () => Keyring;
  /** What is wrong with the file on disk, one sentence each, without its contents. */
  readonly warnings: () => readonly string[];
  close(): void;
};

/**
 * Loads a key file and reloads it whenever it changes. If a changed file cannot be read or is invalid, the keys before
 * it stay in use and `warnings` says so. Throws if the first read fails.
 */
export function watchKeyFile(path: string, logger: Logger): KeySource {
  let seen = signatureOf(statSync(path, { bigint: true }));
  let keyring = keysOrThrow(decodeText(readRegularSync(path)));
  let warning: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  logger.info({ keys: keyring.size }, 'keys loaded');

  const refuse = (fields: object, complaint: string) => {
    logger.error(fields, 'the changed key file cannot be used; the previous keys stay in use');
    warning = warningOf(complaint);
  };
  const look = async () => {
    try {
      // Taken before the read, so that a change during the read is noticed next time.
      const signature = signatureOf(await stat(path, { bigint: true }));
      if (signature === seen) return;
      const read = readKeyFile(decodeText(await readRegular(path)));
      if (isClosed) return;
      seen = signature;
      if (!read.ok) {
        refuse({ mistakes: read.mistakes.slice(0, 20) }, 'is not valid (the log says why)');
        return;
      }
      keyring = read.keyring;
      warning = undefined;
      logger.info({ keys: keyring.size }, 'keys loaded');
    } catch (error) {
      const complaint = unreadable(error);
      // It is read again every time; what has been said is not said again.
      if (!isClosed && (seen !== UNREADABLE || warningOf(complaint) !== warning))
        refuse({ err: error }, complaint);
      seen = UNREADABLE;
    }
  };
  // Serialised, so that an older read never replaces a newer one.
  let looking = Promise.resolve();
  const lookNow = () => {
    timer = undefined;
    looking = looking.then(look);
  };
  const poll = setInterval(lookNow, POLL_MS).unref();
  // Watches the folder: a file that is replaced takes its own watcher with it.
  const watcher = watchFolder(dirname(path), () => {
    timer ??= setTimeout(lookNow, SETTLE_MS).unref();
  });
  return {
    keyring: () => keyring,
    warnings: () => (warning === undefined ? [] : [warning]),
    close() {
      isClosed = true;
      clearInterval(poll);
      clearTimeout(timer);
      watcher?.close();
    },
  };
}

function warningOf(complaint: string): string {
  return `API_KEYS_FILE ${complaint}; the previous keys stay in use, also those that were revoked since`;
}

const UNREADABLE = 'unreadable';

function unreadable(error: unknown): string {
  if (error instanceof TextEncodingError || error instanceof FileKindError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return code === 'EACCES'
    ? `may not be read by the user of this process (${code})`
    : `cannot be read (${code})`;
}

/** Changes whenever the file is replaced or written. */
function signatureOf(stats: { ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }): string {
  return [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}

function keysOrThrow(text: string): Keyring {
  const read = readKeyFile(text);
  if (!read.ok) throw new Error(`the key file is not valid: ${read.mistakes.join('; ')}`);
  return read.keyring;
}

/** Undefined where the system cannot watch; polling suffices then. */
function watchFolder(folder: string, onChange: () => void): { close(): void } | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
