import { expect, test } from 'vitest';
import { createGroupCommit } from '../../src/outbox/postgres/group-commit.ts';

/** The sizes of the groups that texts of these lengths share. */
async function groupsOf(lengths: readonly number[]): Promise<readonly number[]> {
  const sizes: number[] = [];
  const commit = createGroupCommit<number, number>(
    async (group) => {
      sizes.push(group.length);
      return group;
    },
    () => false,
    (length) => length,
  );
  expect(await Promise.all(lengths.map(commit))).toEqual(lengths);
  return sizes;
}

test('what comes together shares a transaction, as far as there is room for its locks', async () => {
  expect(await groupsOf(Array.from({ length: 600 }, () => 100))).toEqual([250, 250, 100]);
});

test('long texts do not share a transaction, which would take several times their memory', async () => {
  const long = 1_048_576;
  expect(await groupsOf([long, long, long, 3 * long, 1, long])).toEqual([2, 1, 1, 2]);
});
