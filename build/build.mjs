// Makes the program in dist out of the sources in src:
//
//   node build/build.mjs
//
// Types are replaced by blanks, as Node itself does it, so that lines and columns of stack traces are those of the
// sources. Types are checked by `npm run types`. Only what differs is written: a second run writes nothing, and a
// program that runs while it is built keeps its files.
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');

process.exitCode = await main();

async function main() {
  const sources = filesIn(SRC).filter((path) => path.endsWith('.ts'));
  // The published package has the program and no sources; npm runs its scripts all the same where it is unpacked.
  if (sources.length === 0) return 0;
  const compile = await loadCompiler();
  if (compile === undefined) {
    process.stderr.write('The compiler is not installed. Run: npm ci\n');
    return 1;
  }
  const program = new Map(
    sources.map((path) => [
      path.replace(/\.ts$/, '.js'),
      compile(readFileSync(join(SRC, path), 'utf8'), path),
    ]),
  );
  for (const path of filesIn(DIST)) {
    // What ends in .tmp may be another build's that runs beside this one.
    if (!program.has(path) && !path.endsWith('.tmp')) rmSync(join(DIST, path), { force: true });
  }
  for (const [path, code] of program) write(join(DIST, path), code);
  return 0;
}

/** Every file below a folder, by its path in there; none when there is no such folder. */
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
    const [{ default: swc }, lexer] = await Promise.all([
      import('@swc/wasm-typescript'),
      import('es-module-lexer'),
    ]);
    await lexer.init;
    return (code, filename) => {
      const stripped = swc.transformSync(code, { filename, mode: 'strip-only' }).code;
      return importProgram(stripped, lexer.parse(stripped)[0]);
    };
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Lets every import of a source file mean the file made of it. */
function importProgram(code, imports) {
  let text = code;
  for (const { n: specifier, s: start, e: end } of imports) {
    if (specifier === undefined || !/^\.{1,2}\/.*\.ts$/.test(specifier)) continue;
    // What dynamic imports give includes the quotes.
    const literal = text.slice(start, end).replace(/\.ts(?=['"]?$)/, '.js');
    text = text.slice(0, start) + literal + text.slice(end);
  }
  return text;
}

/** In one step, so that nobody loads half a file. */
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
