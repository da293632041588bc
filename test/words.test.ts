import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { UNWANTED_WORDS } from './support/words.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** They name the words in order to find them. */
const EXEMPT = new Set(['test/words.test.ts', 'test/support/words.ts']);
const FOLDERS = ['src', 'test', 'checks', 'bench', 'build', 'deploy', '.ci'];

/** Each file of text below a folder, with its path from the root. */
function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => /\.(?:ts|mjs|lua|css|js|ya?ml)$|^\.ci\/run$/.test(file) && !EXEMPT.has(file));
}

test.each(FOLDERS)('%s has none of the words we do not use', (folder) => {
  const places = filesIn(folder).flatMap((file) => {
    const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
    return lines.flatMap((line, index) =>
      UNWANTED_WORDS.flatMap((word) => {
        const [found] = word.exec(line) ?? [];
        return found === undefined ? [] : `${file}:${index + 1}: ${found}`;
      }),
    );
  });
  expect(places).toEqual([]);
});
