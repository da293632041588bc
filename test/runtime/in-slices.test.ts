import { expect, test } from 'vitest';
import { inSlices } from '../../src/runtime/in-slices.ts';

test('calls for all items in order, no more than 16 in one turn of the event loop', async () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  const called: number[] = [];
  inSlices(items, (item, index) => called.push(item, index));
  const counts: number[] = [];
  while (called.length < 100) {
    counts.push(called.length / 2);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(called).toEqual(items.flatMap((item) => [item, item]));
  expect(Math.max(...counts.map((count, nth) => count - (counts[nth - 1] ?? 0)))).toBe(16);
});
