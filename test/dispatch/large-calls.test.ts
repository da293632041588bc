import { expect, onTestFinished, test } from 'vitest';
import type { Gathering } from '../../src/leads/lead.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import {
  answerOf,
  failureOf,
  leftBehind,
  NOTHING,
  ORIGIN,
  startVirtualDispatcher,
} from '../support/dispatcher.ts';
import { createVirtualClock, passUntil } from '../support/virtual-clock.ts';

/** A clock that goes on where work is done, and how much of it was done in each turn of the event loop. */
function createBusyClock() {
  const clock = createVirtualClock();
  let spentMs = 0;
  const turns = [0];
  let isOver = false;
  const next = () => {
    if (isOver) return;
    turns.push(0);
    setImmediate(next);
  };
  setImmediate(next);
  onTestFinished(() => {
    isOver = true;
  });
  const work = (ms: number) => {
    spentMs += ms;
    turns.push((turns.pop() ?? 0) + ms);
  };
  return {
    clock: { ...clock, monotonicMs: () => clock.monotonicMs() + spentMs },
    work,
    longestTurnMs: () => Math.max(...turns),
  };
}

const people = (count: number) => Array.from({ length: count }, (_, index) => `p${index}@example.com`);

test.each([
  ['each with a refusal of its own', 'call'],
  ['by a fault that names what all of them have', 'record'],
] as const)('a call whose leads are all refused, %s, is told in turns', async (_what, isolates) => {
  const { clock, work, longestTurnMs } = createBusyClock();
  const explain = () => {
    work(0.5);
    return { detail: 'No.' };
  };
  const refusal = failureOf({ error: 'lead-rejected', isolates, unknownAttributes: ['Pants'], explain });
  const virtual = startVirtualDispatcher({
    clock,
    limits: { maxConcurrent: 1 },
    script: ({ commands }, nth) =>
      nth === 0
        ? undefined
        : isolates === 'record'
          ? refusal
          : { kind: 'answered', records: commands.map(() => refusal) },
  });
  const attributes = [{ name: 'Pants', value: 'red' }];
  const puts = people(200).map((email) => virtual.put({ email, attributes }));
  await clock.advance(100);
  const [, ...others] = puts;
  while (others.some(({ answeredAt }) => answeredAt === undefined)) await clock.advance(10);
  expect(virtual.sizes()).toEqual([1, 199]);
  expect(new Set(others.map(answerOf))).toEqual(new Set(['lead-rejected']));
  // A slice of 2 ms, and what is done at once.
  expect(longestTurnMs()).toBeLessThanOrEqual(2 + 8 * 0.5);
  await clock.advance(20_000);
  expect(leftBehind(virtual)).toEqual(NOTHING);
});

test('calls of many leads that may go at the same time are written in turns', async () => {
  const { clock, work, longestTurnMs } = createBusyClock();
  let calls = 0;
  const upstream: Upstream = {
    firstStep: () => ({ group: '', size: 1, note: undefined }),
    async call(items) {
      calls += 1;
      work(3);
      const one = { kind: 'stored', result: { leadId: 7, status: 'CREATED' } } as const;
      return { kind: 'answered', records: items.map(() => one) };
    },
    maxBatch: 300,
    maxBatchSize: 10,
    operationOf: () => 'many',
  };
  const { dispatcher } = startVirtualDispatcher({ clock, upstream });
  const gathering: Gathering = { done: undefined };
  const signal = createCancellation();
  const answers = people(80).map((email) =>
    dispatcher.upsert({ email, attributes: [], returnLead: false }, { ...ORIGIN, signal, gathering }),
  );
  gathering.done?.();
  await passUntil(clock, Promise.all(answers), 1);
  expect(calls).toBe(8);
  expect(longestTurnMs()).toBe(3);
});

test('a call that ends while leads come does not send those that are there in a call of their own', async () => {
  const clock = createVirtualClock();
  const { dispatcher, sizes } = startVirtualDispatcher({ clock, maxBatch: 10, callMs: 0 });
  const gathering: Gathering = { done: undefined };
  const signal = createCancellation();
  const upsert = (email: string) =>
    dispatcher.upsert({ email, attributes: [], returnLead: false }, { ...ORIGIN, signal, gathering });
  const answers = people(15).map(upsert);
  await passUntil(clock, answers[0] ?? Promise.reject(new Error('no lead')), 1);
  answers.push(...people(20).slice(15).map(upsert));
  gathering.done?.();
  await passUntil(clock, Promise.all(answers), 1);
  expect(sizes()).toEqual([10, 10]);
});
