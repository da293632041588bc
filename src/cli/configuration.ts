import { readFileSync } from 'node:fs';
import { type Config, readConfig, readSome } from '../config/config.ts';
import { type Environment, type MergedEnvironment, withEnvFiles } from '../config/files.ts';
import type { Name, Setting, Values } from '../config/schema.ts';
import { decodeText } from '../text/decode-text.ts';
import { CommandFailure, EXIT_CONFIG, type Process } from './command.ts';

export type Loaded = {
  readonly config: Config;
  readonly settings: readonly Setting[];
  readonly warnings: readonly string[];
};

/**
 * The configuration from the environment and from env files.
 * @throws {CommandFailure} 78 with every mistake
 */
export function loadConfig(own: Process, envFiles: readonly string[]): Loaded {
  const read = findConfig(own, envFiles);
  if (!read.ok) throw mistaken(read.mistakes);
  return read;
}

/** The same for a command that reports the mistakes itself. */
export function findConfig(own: Process, envFiles: readonly string[]) {
  const { env, origins, mistakes } = mergedEnvironment(own, envFiles);
  const read = readConfig(env, readText, origins);
  if (mistakes.length > 0) {
    return { ok: false, mistakes: [...mistakes, ...(read.ok ? [] : read.mistakes)] } as const;
  }
  return read;
}

/**
 * Some variables alone.
 * @throws {CommandFailure} 78 with every mistake in them
 */
export function loadSome<Some extends Name>(
  own: Process,
  envFiles: readonly string[],
  names: readonly Some[],
): Pick<Values, Some> {
  const { env, mistakes } = mergedEnvironment(own, envFiles);
  if (mistakes.length > 0) throw mistaken(mistakes);
  const read = readSome(env, readText, names);
  if (!read.ok) throw mistaken(read.mistakes);
  return read.values;
}

function mergedEnvironment({ env: own }: Process, envFiles: readonly string[]): MergedEnvironment {
  const merged = withEnvFiles(comparable(own), envFiles, readText);
  // OpenTelemetry and others read their own variables from the process.
  for (const name of merged.origins.keys()) own[name] = merged.env[name];
  return merged;
}

/** On Windows names are not case-sensitive. */
function comparable(env: Environment): Environment {
  if (process.platform !== 'win32') return env;
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name.toUpperCase(), value]));
}

/** The failure of a command whose configuration has mistakes. */
export function mistaken(mistakes: readonly string[]): CommandFailure {
  return new CommandFailure(EXIT_CONFIG, [
    'The configuration has mistakes:',
    ...mistakes.map((mistake) => `  ${mistake}`),
  ]);
}

/** A file's text. @throws {TextEncodingError} if it is not in UTF-8, or the error of reading */
export function readText(path: string): string {
  return decodeText(readFileSync(path));
}
