import { readFileSync, statSync, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../observability/logger.ts';
import { decodeText, TextEncodingError } from '../text/decode-text.ts';
import { readKeyFile } from './key-file.ts';
import type { Keyring } from './keyring.ts';

/** For file systems that report no changes, such as network mounts. */
const POLL_MS = 2000;
/** Lets a writer finish that does not replace the file at once. */
const SETTLE_MS = 20;

export type KeySource = {
  readonly keyring: () => Keyring;
  /** What is wrong with the file on the disk, a sentence for a person, without anything of its contents. */
  readonly warnings: () => readonly string[];
  close(): void;
};

/**
 * Keeps the keys of a file and reads it again whenever it changes. A file that cannot be read or is not valid changes
 * nothing but the warnings: the keys before it stay. Throws when it is so at the start.
 */
export function watchKeyFile(path: string, logger: Logger): KeySource {
  let seen = signatureOf(statSync(path, { bigint: true }));
  let keyring = keysOrThrow(decodeText(readFileSync(path)));
  let warning: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  logger.info({ keys: keyring.size }, 'keys loaded');

  const refuse = (fields: object, complaint: string) => {
    logger.error(fields, 'the new keys file cannot be used; the keys before it stay');
    warning = `API_KEYS_FILE ${complaint}; the keys before the change stay in use`;
  };
  const look = async () => {
    try {
      // Taken before reading: a change while reading is seen the next time.
      const signature = signatureOf(await stat(path, { bigint: true }));
      if (signature === seen) return;
      seen = signature;
      const read = readKeyFile(decodeText(await readFile(path)));
      if (isClosed) return;
      if (!read.ok) {
        refuse({ mistakes: read.mistakes.slice(0, 20) }, 'is not valid (the log says why)');
        return;
      }
      keyring = read.keyring;
      warning = undefined;
      logger.info({ keys: keyring.size }, 'keys loaded');
    } catch (error) {
      // Once is enough until it can be read again.
      const complaint = error instanceof TextEncodingError ? error.message : 'cannot be read';
      if (seen !== UNREADABLE && !isClosed) refuse({ err: error }, complaint);
      seen = UNREADABLE;
    }
  };
  // One after the other, so that an older reading never replaces a newer one.
  let looking = Promise.resolve();
  const lookNow = () => {
    timer = undefined;
    looking = looking.then(look);
  };
  const poll = setInterval(lookNow, POLL_MS).unref();
  // The folder and not the file: a file that is replaced takes its watcher with it.
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

const UNREADABLE = 'unreadable';

/** Differs whenever the file was replaced or written. */
function signatureOf(stats: { ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }): string {
  return [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}

function keysOrThrow(text: string): Keyring {
  const read = readKeyFile(text);
  if (!read.ok) throw new Error(`the keys file is not valid: ${read.mistakes.join('; ')}`);
  return read.keyring;
}

/** Undefined where the system cannot watch; polling is enough then. */
function watchFolder(folder: string, onChange: () => void): { close(): void } | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
