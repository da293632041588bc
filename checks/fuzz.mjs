// The tests with random input, for longer than npm test has time for:
//
//   npm run fuzz [-- rounds [seed]]
//
// Without a seed it takes another one each time and says which; a failure names the input as well.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [rounds = '20000', seed = `${Date.now() % 2 ** 31}`] = process.argv.slice(2);

const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => join('test', file))
  .filter((file) => readFileSync(join(ROOT, file), 'utf8').match(/support\/fuzz\.ts|GROWTH_BYTES/));

console.log(
  `${rounds} rounds by seed ${seed} of ${files.length} files; again: npm run fuzz -- ${rounds} ${seed}`,
);
const vitest = spawn(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--testTimeout=1800000', ...files],
  { cwd: ROOT, env: { ...process.env, FUZZ_ROUNDS: rounds, FUZZ_SEED: seed }, stdio: 'inherit' },
);
vitest.on('exit', (code) => process.exit(code ?? 1));
