import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ANONYMOUS } from '../../../src/access/principal.ts';
import { createBodyMemory } from '../../../src/http/body-memory.ts';
import { createBatchRun } from '../../../src/http/leads/batch/run.ts';
import { outOfMemory } from '../../../src/http/request-body.ts';
import type { Clock } from '../../../src/runtime/clock.ts';
import { createTimeSlice } from '../../../src/runtime/time-slice.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

const RESULT = 1000;

/** A batch without an end, whose first lead is answered when the test says so, and all others at once. */
function endlessBatch(
  maxBytes: number,
  leadBytes = 0,
  clock: Pick<VirtualClock, keyof Clock> = createVirtualClock(),
) {
  const memory = createBodyMemory(maxBytes, clock.monotonicMs);
  const open = () => memory.open({ caller: ANONYMOUS, address: undefined }, () => {});
  const account = open();
  account.complete();
  let answerFirst = () => {};
  const written: string[] = [];
  const state = { taken: 0, isOver: false };
  const run = createBatchRun<null>({
    next: () => (state.isOver ? undefined : { lead: null, bytes: leadBytes, work: 1000 }),
    isOver: () => state.isOver,
    readMore() {},
    takeIn(_lead, index, answer) {
      state.taken += 1;
      const result = String(index).padEnd(RESULT);
      if (index === 0) answerFirst = () => answer(result);
      else answer(result);
      return undefined;
    },
    gathered() {},
    refuse: () => 'refused',
    write: (results) => {
      written.push(...results);
      state.isOver ||= written.length > 300;
      return true;
    },
    finish() {},
    account,
    outOfMemory,
    clock,
    slice: createTimeSlice(clock.monotonicMs),
    patienceMs: 1000,
  });
  const quiet = async () => {
    for (let turn = 0; turn < 200; turn += 1) await setImmediate();
  };
  return { run, account, state, written, open, quiet, answerFirst: () => answerFirst() };
}

test('results that wait for a slow first lead are booked with the memory of bodies', async () => {
  const { run, state, written, open, quiet, answerFirst } = endlessBatch(100_000);
  run.wake();
  await quiet();
  // One more than fits: its result was there when the memory was found short.
  expect([state.taken, written.length]).toEqual([102, 0]);
  expect(open().book(1)).toBe(false);
  answerFirst();
  await quiet();
  expect(written.map((text) => Number(text))).toEqual(written.map((_, index) => index));
  expect(written.length).toBeGreaterThan(300);
  expect(open().book(100_000)).toBe(true);
});

test('without a limit no more than the window waits', async () => {
  const { run, state, quiet, answerFirst, written } = endlessBatch(Infinity);
  run.wake();
  await quiet();
  expect(state.taken).toBe(2000);
  answerFirst();
  await quiet();
  expect(written.length).toBeGreaterThanOrEqual(2000);
});

test('a lead gives back what it had more than its result, and all of it when that is written', async () => {
  const { run, state, open, quiet, answerFirst, written } = endlessBatch(1_000_000, 50_000);
  run.wake();
  await quiet();
  // The first lead holds 50,000 bytes, each result 1000; the next lead would need 50,000.
  expect(state.taken).toBe(1 + 901);
  answerFirst();
  await quiet();
  expect(written.length).toBeGreaterThan(300);
  expect(open().book(1_000_000)).toBe(true);
});

test('a batch that is abandoned books nothing any more', async () => {
  const { run, account, open, quiet, answerFirst } = endlessBatch(100_000, 10);
  run.wake();
  await quiet();
  run.abandon();
  account.close();
  answerFirst();
  await quiet();
  expect(open().book(100_000)).toBe(true);
});

test('problems that come at the same time are written in turns, in the order of their leads', async () => {
  const clock = createVirtualClock();
  const account = createBodyMemory(Infinity, clock.monotonicMs).open(
    { caller: ANONYMOUS, address: undefined },
    () => {},
  );
  const answers: (() => void)[] = [];
  const written: string[] = [];
  let inTurn = 0;
  const most: number[] = [];
  const run = createBatchRun<null>({
    next: () => (answers.length < 100 ? { lead: null, bytes: 0, work: 0 } : undefined),
    isOver: () => answers.length === 100,
    readMore() {},
    takeIn(_lead, index, answer) {
      const write = () => {
        inTurn += 1;
        return String(index);
      };
      answers.push(() => answer({ work: 50_000, write }));
      return undefined;
    },
    gathered() {},
    refuse: () => 'refused',
    write: (results) => {
      written.push(...results);
      return true;
    },
    finish() {},
    account,
    outOfMemory,
    clock,
    slice: createTimeSlice(clock.monotonicMs),
    patienceMs: 1000,
  });
  run.wake();
  while (answers.length < 100) await setImmediate();
  for (const answer of answers) answer();
  while (written.length < 100) {
    await setImmediate();
    most.push(inTurn);
    inTurn = 0;
  }
  expect(Math.max(...most)).toBe(3);
  expect(written).toEqual(answers.map((_, index) => String(index)));
});

test('leads that take long are taken in fewer at a time', async () => {
  const clock = createVirtualClock();
  let spentMs = 0;
  // Each look at the clock takes a while.
  const monotonicMs = () => (spentMs += 2);
  const { run, state } = endlessBatch(Infinity, 0, { ...clock, monotonicMs });
  run.wake();
  let most = 0;
  for (let before = 0; before < 300; before = state.taken) {
    await setImmediate();
    most = Math.max(most, state.taken - before);
  }
  expect(most).toBe(8);
});
