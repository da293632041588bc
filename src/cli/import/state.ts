import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { extname } from 'node:path';
import { CommandFailure, EXIT_CONFIG } from '../command.ts';
import type { Failure, Source } from './row.ts';
import type { Settled } from './run.ts';

/** How far an import has come. */
type State = {
  readonly version: 1;
  /** Of the file, the map and the gateway's address: another one is another import. */
  readonly fingerprint: string;
  /** Rows that are settled, from the first on. */
  readonly rows: number;
  readonly stored: number;
  readonly failed: number;
  /** The length of the file of failed rows; what a kill left behind that is cut off. */
  readonly failedBytes: number;
};

export type Progress = {
  readonly state: () => State;
  /** Keeps what became of the next rows: first those that failed, then how far it has come. */
  readonly settle: (rows: number, settled: Settled) => void;
  /** The import is over. */
  readonly finish: () => void;
  readonly failedFile: string;
};

// Personal data.
const OWNER_ONLY = 0o600;

/**
 * Opens the state beside the file, or begins.
 *
 * @throws {CommandFailure} 78 if the state is of another import, or not one
 */
export function openProgress(
  file: string,
  fingerprint: string,
  source: Pick<Source, 'failedHeader' | 'failedLine'>,
  mayRestart: boolean,
): Progress {
  const stateFile = `${file}.import-state.json`;
  const extension = extname(file);
  const failedFile = `${file.slice(0, file.length - extension.length)}.failed${extension}`;
  const found = mayRestart ? undefined : readState(stateFile, fingerprint);
  let state: State = found ?? { version: 1, fingerprint, rows: 0, stored: 0, failed: 0, failedBytes: 0 };
  const keepFailures = (failures: readonly Failure[]): number => {
    if (failures.length === 0) return state.failedBytes;
    const text =
      (state.failedBytes === 0 ? source.failedHeader : '') + failures.map(source.failedLine).join('');
    return writeAt(failedFile, text, state.failedBytes);
  };
  const keep = () => {
    writeAt(`${stateFile}.new`, `${JSON.stringify(state)}\n`, 0);
    renameSync(`${stateFile}.new`, stateFile);
  };
  if (found === undefined) {
    // It may have been mended by hand since.
    if (existsSync(failedFile)) renameSync(failedFile, `${failedFile}.old`);
    // What a kill leaves of the new one is then not taken for an older one.
    keep();
  }
  return {
    state: () => state,
    settle(rows, { stored, failures }) {
      const failedBytes = keepFailures(failures);
      state = {
        ...state,
        rows: state.rows + rows,
        stored: state.stored + stored,
        failed: state.failed + failures.length,
        failedBytes,
      };
      keep();
    },
    finish() {
      if (existsSync(failedFile)) writeAt(failedFile, '', state.failedBytes);
      rmSync(stateFile, { force: true });
    },
    failedFile,
  };
}

/** Writes text at a place, where the file then ends, through to the disk. Gives its new length in bytes. */
function writeAt(file: string, text: string, at: number): number {
  const descriptor = openSync(file, existsSync(file) ? 'r+' : 'w', OWNER_ONLY);
  try {
    ftruncateSync(descriptor, at);
    const bytes = Buffer.from(text);
    let written = 0;
    while (written < bytes.length)
      written += writeSync(descriptor, bytes, written, bytes.length - written, at + written);
    fsyncSync(descriptor);
    return at + bytes.length;
  } finally {
    closeSync(descriptor);
  }
}

function readState(stateFile: string, fingerprint: string): State | undefined {
  if (!existsSync(stateFile)) return undefined;
  let state: Partial<State> = {};
  try {
    state = JSON.parse(readFileSync(stateFile, 'utf8')) as Partial<State>;
  } catch {
    // Refused below.
  }
  if (state.version === 1 && state.fingerprint === fingerprint) return state as State;
  // Nothing to go on with: it was refused, by a wrong address or key.
  if (state.version === 1 && state.rows === 0) return undefined;
  throw new CommandFailure(EXIT_CONFIG, [
    `${stateFile} is of another import: the file, --map or --url changed since it was stopped. Go on with the same ones, or begin again with --restart.`,
  ]);
}
