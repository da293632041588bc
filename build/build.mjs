// Makes the program in dist out of the sources in src:
//
//   node build/build.mjs
//
// Types and comments are replaced by blanks, as Node itself does it with types, so that lines and columns of stack traces are
// those of the sources; the Lua scripts for Redis are copied. `npm run types` checks the types. Only what differs is written:
// a program that runs while it is built keeps its files. While no file of src, build and dist has another size or time than
// after the last run, there is nothing to do.
//
// dist/main.js runs the bundle of them all (build/bundle.mjs), which the published package does without. The browser client
// in src/client becomes one short module with its types.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');

/** What {@link stateOf} said after the last run. */
const STATE = join(ROOT, 'node_modules/.cache/lead-gateway-build');

/** Modules that make constants with a package that a start can do without. */
const EVALUATED = new Set(['marketo-soap/envelope-frames.js', 'http/security-header-fields.js']);

/** What dist/main.js imports, from the bundle where there is one. */
const BUNDLED = 'cli/cli.js';

/** The browser client: its first module, and what declares what that exports. */
const CLIENT = { folder: 'client/', entry: 'client/client.ts', types: 'client/public.d.ts' };

process.exitCode = await main();

async function main() {
  const all = filesIn(SRC).filter((path) => /\.(?:ts|lua)$/.test(path));
  const sources = all.filter((path) => !path.startsWith(CLIENT.folder));
  // The published package has the program and no sources; npm runs its scripts all the same where it is unpacked.
  if (sources.length === 0) return 0;
  if (read(STATE) === stateOf()) return 0;
  const compile = await loadCompiler();
  if (compile === undefined) {
    process.stderr.write('The compiler is not installed. Run: npm ci\n');
    return 1;
  }
  const program = new Map(
    sources.map((path) => {
      const source = readFileSync(join(SRC, path), 'utf8');
      return path.endsWith('.ts') ? [path.replace(/\.ts$/, '.js'), compile(source, path)] : [path, source];
    }),
  );
  const constants = [...program].filter(([path]) => EVALUATED.has(path));
  for (const [path, code] of program) if (!EVALUATED.has(path)) write(join(DIST, path), code);
  // They import the others, and so come after them.
  for (const [path, code] of constants) write(join(DIST, path), await evaluate(path, code));
  if (program.has(BUNDLED)) {
    const { bundle } = await import('./bundle.mjs');
    for (const [path, code] of await bundle(DIST, 'bundle', BUNDLED)) {
      program.set(path, code);
      write(join(DIST, path), code);
    }
  }
  if (all.includes(CLIENT.entry)) {
    const { bundleClient } = await import('./bundle.mjs');
    const types = readFileSync(join(SRC, CLIENT.types), 'utf8');
    for (const [path, code] of [
      ['client/client.js', await bundleClient(join(SRC, CLIENT.entry))],
      ['client/client.d.ts', types],
    ]) {
      program.set(path, code);
      write(join(DIST, path), code);
    }
  }
  for (const path of filesIn(DIST)) {
    // What ends in .tmp may be another build's that runs beside this one.
    if (!program.has(path) && !/\.tmp(?:\.mjs)?$/.test(path)) rmSync(join(DIST, path), { force: true });
  }
  write(STATE, stateOf());
  return 0;
}

/** Size and time of each file that the program is made of, or that it has. */
function stateOf() {
  const hash = createHash('sha256').update(process.version);
  const folders = [SRC, DIST, join(ROOT, 'build')];
  const files = folders.flatMap((folder) =>
    filesIn(folder)
      .map((path) => join(folder, path))
      .toSorted((one, other) => (one < other ? -1 : 1)),
  );
  for (const path of [...files, join(ROOT, 'package-lock.json')]) {
    const stats = statSync(path, { throwIfNoEntry: false });
    hash.update(`${path} ${stats?.size} ${stats?.mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** A module whose exports are the data that a module exports when it is run. */
async function evaluate(path, code) {
  const draft = join(DIST, `${path}.${process.pid}.tmp.mjs`);
  writeFileSync(draft, code);
  try {
    const exported = Object.entries(await import(pathToFileURL(draft)));
    return exported.map(([name, data]) => `export const ${name} = ${JSON.stringify(data)};\n`).join('');
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Paths of all files below a folder, relative to it; none when it does not exist. */
function filesIn(folder) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

async function loadCompiler() {
  try {
    const [{ default: swc }, { parse }] = await Promise.all([
      import('@swc/wasm-typescript'),
      import('acorn'),
      import('esbuild'),
    ]);
    return (code, filename) => finish(swc.transformSync(code, { filename, mode: 'strip-only' }).code, parse);
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Turns imports of .ts into .js, and blanks the comments, a third of the program. */
function finish(code, parse) {
  const tokens = [];
  const comments = [];
  parse(code, {
    ecmaVersion: 2023,
    sourceType: 'module',
    onToken: tokens,
    onComment: (_isBlock, _text, start, end) => comments.push([start, end]),
  });
  const edits = comments
    .filter(([start]) => !code.startsWith('#!', start))
    .map(([start, end]) => [start, end, code.slice(start, end).replaceAll(/[^\n]/g, ' ')]);
  for (const [index, { type, value, start, end }] of tokens.entries()) {
    if (type.label !== 'string' || !/^\.{1,2}\/.*\.ts$/.test(value) || !isImported(tokens, index)) continue;
    edits.push([start, end, code.slice(start, end).replace(/\.ts(?=['"]$)/, '.js')]);
  }
  const pieces = [];
  let done = 0;
  for (const [start, end, replacement] of edits.toSorted(([one], [other]) => one - other)) {
    pieces.push(code.slice(done, start), replacement);
    done = end;
  }
  return pieces.join('') + code.slice(done);
}

/** Whether a string follows `from`, `import` or `import(`. */
function isImported(tokens, index) {
  const [before, previous] = [tokens[index - 2], tokens[index - 1]];
  if (previous?.type.label === '(') return before?.type.keyword === 'import';
  return previous?.type.keyword === 'import' || previous?.value === 'from';
}

/** By renaming, so that a running program never loads half a file. */
function write(path, code) {
  if (read(path) === code) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, code);
  if (code.startsWith('#!')) chmodSync(draft, 0o755);
  renameSync(draft, path);
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
