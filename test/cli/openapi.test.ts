import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openApiFiles } from '../../src/openapi/document.ts';
import { runCommand, runMain } from '../support/process.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'openapi-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test('openapi writes the 3.1 document to standard output', async () => {
  const run = runMain(['openapi']);
  expect(await run.ended).toBe(0);
  expect(run.output().stdout).toBe(openApiFiles(version).get('openapi.json'));
});

test('openapi --out with a folder writes every file, for the server given', async () => {
  const out = join(folder(), 'new');
  const args = ['openapi', '--out', out, '--server', 'https://api.example.com/marketo/'];
  expect((await runCommand(args)).exitCode).toBe(0);
  for (const [path, content] of openApiFiles(version, 'https://api.example.com/marketo')) {
    expect(Buffer.compare(readFileSync(join(out, path)), Buffer.from(content))).toBe(0);
  }
  expect(readFileSync(join(out, 'swagger.json'), 'utf8')).toContain('"basePath": "/marketo"');
});

test.each([
  ['swagger.json', 'swagger.json'],
  ['mine.json', 'openapi.json'],
])('openapi --out %s writes one document, %s', async (name, document) => {
  const out = folder();
  expect((await runCommand(['openapi', '--out', join(out, name)])).exitCode).toBe(0);
  expect(readdirSync(out)).toEqual([name]);
  expect(readFileSync(join(out, name), 'utf8')).toBe(openApiFiles(version).get(document));
});

test.each(['leads.example.com', 'ftp://x', 'https://x/?a=b'])(
  'openapi --server %s is refused',
  async (server) => {
    const { exitCode, stderr } = await runCommand(['openapi', '--server', server]);
    expect(exitCode).toBe(64);
    expect(stderr).toContain('--server must be a URL');
  },
);
