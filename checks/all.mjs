// Everything that needs no more than `npm ci` and programs that Debian has:
//
//   npm run test:all [-- tests|exhaustive|dispatch|batches|fuzz|deploy|outbox|redis|resilience|security|browser|clients...]
//   node checks/all.mjs --packages       the Debian packages of programs that are missing here
//
// Without a name it runs all groups. A check whose programs are missing is skipped and says so; with CI=true that is a
// failure. What mostly waits runs beside the rest, two at a time. Sizes are those for two cores; a check that has longer ones takes them as
// arguments, as its first lines say.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CHECKS } from './catalog.mjs';
import { missing } from './programs.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LAST_LINES = 150;

const names = process.argv.slice(2);
const GROUPS = [...new Set(CHECKS.map(({ group }) => group))];

if (names[0] === '--packages') {
  const packages = missing([...new Set(CHECKS.flatMap(({ needs }) => needs))]).flatMap((one) => one.packages);
  console.log(packages.join('\n'));
  process.exit();
}
const unknown = names.find((name) => !GROUPS.includes(name));
if (unknown !== undefined) {
  console.error(`There is no group ${unknown}, only ${GROUPS.join(', ')}.`);
  process.exit(64);
}

const count = { passed: 0, failed: 0, skipped: 0, slow: 0 };

/** Runs one; gives its exit code, what it wrote, and how many seconds it took. */
function run({ command, args = [] }) {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const [program, ...rest] = [...command, ...args];
    const child = spawn(program, rest, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => (said += chunk));
    }
    child.on('error', (error) => (said += error.message));
    child.on('close', (code, signal) =>
      resolve({
        code: code ?? signal ?? 1,
        said,
        seconds: Math.round((performance.now() - startedMs) / 1000),
      }),
    );
  });
}

/** Runs those that are left in a list, which others may take from as well. */
async function runAll(left) {
  for (let one = left.shift(); one !== undefined; one = left.shift()) {
    const absent = missing(one.needs);
    if (absent.length > 0) {
      const which = absent.map(({ name, packages }) =>
        packages.length > 0 ? `${name} (Debian: ${packages.join(' ')})` : name,
      );
      count.skipped += 1;
      console.log(`skipped ${one.what}: needs ${which.join(', ')}`);
      continue;
    }
    const { code, said, seconds } = await run(one);
    const isSlow = seconds > one.seconds;
    if (isSlow) count.slow += 1;
    const time = `${seconds} s of ${one.seconds}${isSlow ? ', SLOW' : ''}`;
    if (code === 0) {
      count.passed += 1;
      console.log(`ok      ${one.what} (${time})`);
    } else {
      count.failed += 1;
      console.log(`FAILED  ${one.what} (exit code ${code}, ${time})`);
      console.log(said.trimEnd().split('\n').slice(-LAST_LINES).join('\n').replaceAll(/^/gm, '        '));
    }
  }
}

const chosen = CHECKS.filter(({ group }) => names.length === 0 || names.includes(group));
const build = await run({ command: [process.execPath, 'build/build.mjs'] });
if (build.code !== 0) {
  console.error(build.said);
  process.exit(1);
}
const waiting = chosen.filter(({ waits }) => waits === true);
const working = chosen.filter(({ waits }) => waits !== true);
await Promise.all([runAll(waiting), runAll(waiting), runAll(working)]);
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed > 0 || (count.skipped > 0 && process.env.CI === 'true') ? 1 : 0);
