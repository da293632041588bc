import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Caller, createJob, type Job, type Flow } from '../../src/dispatch/job.ts';
import { createPriorityQueue } from '../../src/dispatch/priority-queue.ts';
import { createReadyQueue } from '../../src/dispatch/ready-queue.ts';
import { createPlace, type Place } from '../../src/dispatch/turns.ts';
import type { UpsertLead } from '../../src/leads/lead.ts';

const newCaller = (id: string, root: Place<Flow>): Caller => ({
  id,
  parent: undefined,
  hasAddresses: false,
  place: createPlace(root),
  flows: [],
  requests: 0,
  waiting: 0,
});

let only = newCaller('only', createPlace());

function job(seq: number, members: Partial<UpsertLead> = {}, size = 100, group: string | null = ''): Job {
  const command: UpsertLead = {
    email: `lead${seq}@example.com`,
    attributes: [],
    returnLead: false,
    ...members,
  };
  return createJob(seq, command, [], { group, size, note: undefined }, only);
}

const single = (seq: number) => job(seq, {}, 100, null);
const seqs = (jobs: readonly Job[] | undefined) => jobs?.map(({ seq }) => seq);
const readyQueue = () => {
  const root = createPlace<Flow>();
  only = newCaller('only', root);
  const queue = createReadyQueue({ root, maxBatch: 3, maxBatchSize: 1000 });
  return { ...queue, callsUntil: (isBatchable: boolean) => queue.callsUntil(only, isBatchable ? '' : null) };
};

describe('the ready queue', () => {
  test('gives what can share a call together, the oldest first, up to a batch', () => {
    const { add, next, isEmpty } = readyQueue();
    for (const seq of [4, 1, 3, 2]) add(job(seq));
    expect(seqs(next())).toEqual([1, 2, 3]);
    expect(seqs(next())).toEqual([4]);
    expect(isEmpty()).toBe(true);
    expect(next()).toBeUndefined();
  });

  test('bounds a batch by its size, but lets a single lead be as large as it is', () => {
    const { add, next } = readyQueue();
    add(job(1, {}, 600));
    add(job(2, {}, 600));
    add(job(3, {}, 5000));
    expect(seqs(next())).toEqual([1]);
    expect(seqs(next())).toEqual([2]);
    expect(seqs(next())).toEqual([3]);
  });

  test('lets the two kinds take turns, so that neither starves', () => {
    const { add, next } = readyQueue();
    for (const seq of [1, 2, 3]) add(single(seq));
    for (const seq of [4, 5, 6, 7, 8]) add(job(seq));
    expect([next(), next(), next(), next(), next()].map(seqs)).toEqual([[1], [4, 5, 6], [2], [7, 8], [3]]);
  });

  test('skips jobs that were given up', () => {
    const { add, remove, next, hasBatchable, isEmpty } = readyQueue();
    const [a, b] = [job(1), single(2)];
    add(a);
    add(b);
    for (const gone of [a, b]) {
      remove(gone);
      gone.state = 'done';
    }
    expect(hasBatchable()).toBe(false);
    expect(isEmpty()).toBe(true);
    expect(next()).toBeUndefined();
  });

  test('gives each part of a split batch in a call of its own, before the others', () => {
    const { add, addPart, remove, next, isEmpty, hasFullBatch } = readyQueue();
    add(job(1));
    const [b, c, d] = [job(2), job(3), job(4)];
    addPart([b, c]);
    addPart([d]);
    expect(hasFullBatch()).toBe(true);
    remove(d);
    d.state = 'done';
    expect(seqs(next())).toEqual([2, 3]);
    expect(seqs(next())).toEqual([1]);
    expect(isEmpty()).toBe(true);
  });

  test('knows when waiting could not make the next call carry more', () => {
    const { add, hasFullBatch } = readyQueue();
    add(job(1));
    add(job(2));
    expect(hasFullBatch()).toBe(false);
    add(job(3));
    expect(hasFullBatch()).toBe(true);
  });

  test('counts the calls until a lead added now has gone', () => {
    const { add, callsUntil } = readyQueue();
    expect([callsUntil(true), callsUntil(false)]).toEqual([1, 1]);
    for (const seq of [1, 2, 3, 4]) add(job(seq));
    expect([callsUntil(true), callsUntil(false)]).toEqual([2, 2]);
    for (const seq of [5, 6, 7]) add(single(seq));
    expect([callsUntil(true), callsUntil(false)]).toEqual([4, 6]);
  });
});

test('leads that fill a batch by their size count as the calls they take', () => {
  const { add, next, remove, callsUntil, hasFullBatch } = readyQueue();
  const large = [1, 2, 3].map((seq) => job(seq, {}, 900));
  for (const one of large) add(one);
  expect([callsUntil(true), hasFullBatch()]).toEqual([3, true]);
  add(job(4, {}, 5000));
  expect(callsUntil(true)).toBe(4);
  next();
  expect(callsUntil(true)).toBe(3);
  const [, , third] = large;
  if (third !== undefined) remove(third);
  expect(callsUntil(true)).toBe(2);
});

test('the oldest comes first, whatever the order of arrival, and what is no longer wanted is skipped', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat()), fc.func(fc.boolean()), (numbers, isWanted) => {
      const queue = createPriorityQueue<{ seq: number }>(({ seq }) => isWanted(seq));
      for (const seq of numbers) queue.push({ seq });
      const popped: number[] = [];
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) popped.push(next.seq);
      expect(popped).toEqual(numbers.filter((seq) => isWanted(seq)).toSorted((a, b) => a - b));
    }),
  );
});
