import { readFileSync } from 'node:fs';
import { type Config, readConfig } from '../config/config.ts';
import type { Environment } from '../config/files.ts';
import { CommandFailure, EXIT_CONFIG } from './process.ts';

/**
 * The configuration by the environment.
 * @throws {CommandFailure} 78 with every mistake
 */
export function loadConfig(env: Environment): Config {
  const result = readConfig(env, readText);
  if (!result.ok) throw mistaken(result.mistakes);
  return result.config;
}

/** How a command ends that cannot use the configuration. */
export function mistaken(mistakes: readonly string[]): CommandFailure {
  return new CommandFailure(EXIT_CONFIG, [
    'The configuration has mistakes:',
    ...mistakes.map((mistake) => `  ${mistake}`),
  ]);
}

export function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
