import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Makes the program once, for the tests that run it as a process: several at a time must not write the files that
 * others load.
 */
export function setup(): void {
  const { status, stderr } = spawnSync(process.execPath, ['build/build.mjs'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`build/build.mjs failed:\n${stderr}`);
}
