import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { decodeText } from '../text/decode-text.ts';
import { describeFileFault } from '../text/file-fault.ts';

/** Keeps a text in a file while it changes. */
export type StateFile = {
  /** Notes that the state changed; it is written a little later, several changes at once. */
  changed(): void;
  /** Writes what is not written yet. */
  close(): void;
};

const GATHER_MS = 300;

/** What the file holds, or null when there is none. Throws an Error that names the file when it cannot be read. */
export function readStateFile(path: string): string | null {
  try {
    return decodeText(readFileSync(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new Error(`The sandbox's state file "${path}" ${describeFileFault(error)}`, { cause: error });
  }
}

/**
 * Writes `state()` to the file at once, so that a path that cannot be written shows at the start (it throws), and
 * again after every change. The file is replaced as a whole: a crash leaves the old one or the new one.
 */
export function createStateFile(path: string, state: () => string): StateFile {
  const draft = `${path}.tmp`;
  let timer: NodeJS.Timeout | undefined;

  function write(): void {
    try {
      writeFileSync(draft, state());
      renameSync(draft, path);
    } catch (error) {
      const fault = describeFileFault(error, 'written');
      throw new Error(`The sandbox's state file "${path}" ${fault}`, { cause: error });
    }
  }

  write();
  return {
    changed() {
      timer ??= setTimeout(() => {
        timer = undefined;
        try {
          write();
        } catch (error) {
          // A full disk must not end a demo; the next change tries again.
          process.emitWarning(String(error));
        }
      }, GATHER_MS);
    },
    close() {
      if (!timer) return;
      clearTimeout(timer);
      timer = undefined;
      write();
    },
  };
}
