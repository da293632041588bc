import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { runScript } from '../../test/support/process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-package-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The files of the package as `npm pack` makes it, in node_modules of a new folder, with our dependencies beside them. */
function install(): { readonly program: string; readonly bytes: number } {
  const folder = newFolder();
  // Its scripts would rebuild what other tests run.
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const name = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  execFileSync('tar', ['-xzf', join(folder, name), '-C', folder]);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return { program: join(folder, 'package/dist/main.js'), bytes: statSync(join(folder, name)).size };
}

test('the package is small, starts, serves its pages and stores a lead', async () => {
  const { program, bytes } = install();
  expect(bytes).toBeLessThan(700_000);
  expect(readdirSync(join(dirname(program), 'replicas/lua'))).toEqual(
    readdirSync(join(ROOT, 'src/replicas/lua')),
  );
  // What the README says to copy.
  expect(existsSync(join(dirname(program), '../.env.example'))).toBe(true);
  const run = runScript(`exec "${process.execPath}" "${program}"`, { PORT: '0', SANDBOX_PORT: '0' });
  const [, url = ''] = await run.waitFor(/listens on (http:\S+)/);
  const [, sandboxUrl = ''] = await run.waitFor(/(http:\/\/127\.0\.0\.1:\d+)\/_sandbox/);
  const init = { method: 'PUT', headers: { 'content-type': 'application/json' } };
  expect((await fetch(`${url}/leads`, { ...init, body: '{"email":"jane@example.com"}' })).status).toBe(201);
  for (const page of [`${url}/docs`, `${sandboxUrl}/_sandbox`, `${sandboxUrl}/soap/mktows/2_9?WSDL`]) {
    expect(await fetch(page)).toMatchObject({ url: page, status: 200 });
  }
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(0);
});

test('what the build has joined needs none of the packages that every start loads', () => {
  const folder = join(ROOT, 'dist/bundle');
  const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const imported = texts.flatMap((text) => [
    ...text.matchAll(/^(?:import|export)\b.* from "([^".][^"]*)";$/gm),
  ]);
  const packages = imported.map(([, path = '']) => path.split('/')[0]);
  for (const name of ['express', 'negotiator', 'pino', 'sonic-boom', 'tinyqueue', 'undici', 'zod']) {
    expect(packages).not.toContain(name);
  }
  expect(texts.join('')).toContain('node_modules/zod/v4/classic/schemas.js');
});

/** A tree with the build and a few sources of its own. */
function project(sources: Readonly<Record<string, string>>): string {
  const folder = newFolder();
  mkdirSync(join(folder, 'build'));
  cpSync(join(ROOT, 'build/build.mjs'), join(folder, 'build/build.mjs'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  write(folder, sources);
  return folder;
}

function write(folder: string, sources: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, 'src/deeper'), { recursive: true });
  for (const [path, text] of Object.entries(sources)) writeFileSync(join(folder, 'src', path), text);
}

function build(folder: string) {
  return spawnSync(process.execPath, ['build/build.mjs'], { cwd: folder, encoding: 'utf8' });
}

const MAIN = `#!/usr/bin/env node
import { type Name, name } from './deeper/name.ts';
// A comment without a use.
const text: string = "import x from './not-a-module.ts'"; /* another */
const more = await import('./more.ts');
process.stdout.write(\`\${name satisfies Name} \${more.x} \${text}\`);
`;
const SOURCES = {
  'main.ts': MAIN,
  'more.ts': "/* one\n two */ export * from './deeper/name.ts';\nexport const x = 1 as number;\n",
  'deeper/name.ts': "export type Name = string;\nexport const name: Name = 'name';\n",
  'deeper/script.lua': '-- A comment\nreturn 1\n',
};

test('the build strips types, keeps positions, imports what it has made and copies scripts', () => {
  const folder = project(SOURCES);
  expect(build(folder)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(execFileSync(join(folder, 'dist/main.js'), { encoding: 'utf8' })).toBe(
    "name 1 import x from './not-a-module.ts'",
  );
  expect(readFileSync(join(folder, 'dist/more.js'), 'utf8')).toMatch(
    /^ +\n +export \* from '\.\/deeper\/name\.js';/,
  );
  expect(readFileSync(join(folder, 'dist/deeper/script.lua'), 'utf8')).toBe(SOURCES['deeper/script.lua']);
  const lines = readFileSync(join(folder, 'dist/main.js'), 'utf8').split('\n');
  expect(lines.map((line) => line.length)).toEqual(MAIN.split('\n').map((line) => line.length));
  expect(lines.join('\n')).not.toMatch(/without a use|another/);
});

test('the build writes what has changed and removes what has no source', () => {
  const folder = project(SOURCES);
  build(folder);
  const kept = statSync(join(folder, 'dist/deeper/name.js'));
  writeFileSync(join(folder, 'dist/stale.js.map'), '');
  rmSync(join(folder, 'src/more.ts'));
  write(folder, { 'main.ts': MAIN.replace('./more.ts', './deeper/name.ts') });
  expect(build(folder).status).toBe(0);
  expect(statSync(join(folder, 'dist/deeper/name.js')).ino).toBe(kept.ino);
  expect(existsSync(join(folder, 'dist/stale.js.map'))).toBe(false);
  expect(existsSync(join(folder, 'dist/more.js'))).toBe(false);
  expect(readFileSync(join(folder, 'dist/main.js'), 'utf8')).toContain("import('./deeper/name.js')");
});

test('the build says what to run where the compiler is not installed', () => {
  const folder = project(SOURCES);
  rmSync(join(folder, 'node_modules'));
  expect(build(folder)).toMatchObject({ status: 1, stderr: 'The compiler is not installed. Run: npm ci\n' });
});

test('the build names the file that does not compile, and leaves the program as it was', () => {
  const folder = project(SOURCES);
  build(folder);
  write(folder, { 'deeper/name.ts': 'export const = 1;\n' });
  const { status, stderr } = build(folder);
  expect(status).toBe(1);
  expect(stderr).toContain('deeper/name.ts');
  expect(readFileSync(join(folder, 'dist/deeper/name.js'), 'utf8')).toContain("'name'");
});
