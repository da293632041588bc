import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { UNWANTED_WORDS } from './support/words.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** They name the words in order to find them. */
const EXEMPT = new Set(['test/words.test.ts', 'test/support/words.ts']);

/** How often a word is still found in a folder. Numbers go down only; what is not here is not used. */
const STILL_FOUND: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  src: {
    alarm: 1,
    anew: 6,
    backlog: 1,
    blind: 3,
    'by turns': 3,
    callend: 3,
    carriable: 4,
    'is none': 26,
    lane: 23,
    lanes: 22,
    nobody: 54,
    'of late': 2,
    'passed over': 3,
    rivals: 3,
    shall: 5,
    stranger: 3,
    uncarriable: 6,
    whoever: 24,
    withdrawalsignal: 2,
  },
  test: {
    alarm: 1,
    anew: 5,
    blind: 3,
    'broken-request': 1,
    carriable: 7,
    'is none': 45,
    lane: 3,
    lanes: 10,
    nobody: 81,
    'of late': 2,
    'passed over': 4,
    stranger: 5,
    transit: 12,
    whoever: 7,
  },
};

/** Each file below a folder, with its path from the root. */
function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => /\.(?:ts|mjs|lua|css|js)$/.test(file) && !EXEMPT.has(file));
}

test.each(['src', 'test', 'checks', 'bench'])('%s has none of the words we do not use', (folder) => {
  const places = filesIn(folder).flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return UNWANTED_WORDS.flatMap((word) =>
      [...text.matchAll(new RegExp(word.source, `g${word.flags}`))].map(([found]) => ({
        word: found.toLowerCase(),
        file,
      })),
    );
  });
  const allowed = STILL_FOUND[folder] ?? {};
  const count = (wanted: string) => places.filter(({ word }) => word === wanted).length;
  expect(places.filter(({ word }) => count(word) > (allowed[word] ?? 0))).toEqual([]);
});
