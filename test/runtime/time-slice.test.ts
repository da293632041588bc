import { expect, test } from 'vitest';
import { nextTurn } from '../../src/runtime/in-turns.ts';
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

test('work begins at once while the slice has time, and then in turns that follow, in its order', async () => {
  let nowMs = 0;
  const slice = createTimeSlice(() => nowMs, 2);
  const begun: string[] = [];
  const work = async (name: string) => {
    const turn = slice.turn();
    if (turn !== undefined) await turn;
    begun.push(name);
    await Promise.resolve();
    nowMs += 1;
  };
  for (const name of ['a', 'b']) await work(name);
  for (const name of ['c', 'd', 'e']) void work(name);
  expect(begun).toEqual(['a', 'b']);
  await nextTurn();
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  // Not before the one that waits.
  void work('f');
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  await nextTurn();
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
});

test('of work that comes at one instant, 16 begin in a turn', async () => {
  const slice = createTimeSlice(() => 0);
  let begun = 0;
  const work = async () => {
    const turn = slice.turn();
    if (turn !== undefined) await turn;
    begun += 1;
  };
  for (let count = 0; count < 40; count += 1) void work();
  const counts = [begun];
  for (let turn = 0; turn < 3; turn += 1) {
    await nextTurn();
    counts.push(begun);
  }
  expect(counts).toEqual([16, 32, 40, 40]);
});
