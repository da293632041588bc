import { expect, test } from 'vitest';
import { createGatheredBytes } from '../../src/http/gathered-bytes.ts';

test('gives the bytes in their order, whatever the sizes of the pieces', () => {
  const gathered = createGatheredBytes();
  const sizes = [1, 1, 5000, 3, 2047, 2048, 2049, 1, 4095, 1, 1, 4096, 2000, 2000, 2000, 9000];
  const source = Buffer.from(Array.from({ length: sizes.reduce((a, b) => a + b) }, (_, at) => at % 251));
  let at = 0;
  for (const size of sizes) {
    gathered.add(source.subarray(at, at + size));
    at += size;
    expect(gathered.size()).toBe(at);
  }
  expect(gathered.whole().equals(source)).toBe(true);
  gathered.clear();
  expect([gathered.size(), gathered.whole().length]).toEqual([0, 0]);
  gathered.add(Buffer.from('again'));
  expect(gathered.whole().toString()).toBe('again');
});

// A mebibyte in chunks of one byte took 110 MiB: an object for each, and the 64 KiB that it was read in.
test('keeps no object for a small piece, nor the memory that it was read in', () => {
  const gathered = createGatheredBytes();
  const read = Buffer.from('first,second');
  gathered.add(read.subarray(0, 6));
  gathered.add(read.subarray(6));
  read.write('other!', 6);
  expect(gathered.whole().toString()).toBe('first,second');
});
