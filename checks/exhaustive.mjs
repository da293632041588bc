// The tests that npm test leaves out, because they go through all cases of which it has some:
//
//   node checks/exhaustive.mjs [arguments of vitest]
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => join('test', file))
  .filter((file) => readFileSync(join(ROOT, file), 'utf8').includes('support/exhaustive.ts'));

const vitest = spawn(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--tags-filter=exhaustive', ...process.argv.slice(2), ...files],
  { cwd: ROOT, stdio: 'inherit' },
);
vitest.on('exit', (code) => process.exit(code ?? 1));
