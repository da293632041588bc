import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Compiles the program once, for the tests that run it as a process: several at a time must not write the files that
 * others load. Type errors are told and do not keep the tests from running; `npm run types` is what they fail.
 */
export function setup(): void {
  const { stdout } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  process.stderr.write(stdout);
}
