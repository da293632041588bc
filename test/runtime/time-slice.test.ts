import { expect, test } from 'vitest';
import { createTimeSlice } from '../../src/runtime/time-slice.ts';

test('a slice begins with the first who asks, is shared by all, and ends with its turn of the event loop', async () => {
  let nowMs = 0;
  const slice = createTimeSlice(() => nowMs, 2);
  const asked = () => slice.isUsedUp();
  nowMs = 100;
  slice.begin();
  expect([asked(), asked()]).toEqual([false, false]);
  nowMs += 1.9;
  expect(asked()).toBe(false);
  nowMs += 0.1;
  expect([asked(), asked()]).toEqual([true, true]);
  await slice.next();
  nowMs += 1.9;
  expect(asked()).toBe(false);
  nowMs += 5;
  expect(asked()).toBe(true);
});
