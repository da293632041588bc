import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeyQueues } from '../../src/dispatch/ordering-keys.ts';
import { orderingKeys } from '../../src/leads/ordering-keys.ts';
import type { UpsertLead } from '../../src/leads/lead.ts';

type Item = { readonly name: string; readonly keys: readonly string[] };
const item = (name: string, ...keys: string[]): Item => ({ name, keys });

const lead = (members: Partial<UpsertLead>): UpsertLead => ({
  attributes: [],
  returnLead: false,
  ...members,
});

describe('the ordering keys of a lead', () => {
  test('are its keys; email without case', () => {
    expect(
      orderingKeys(
        lead({ id: 5, email: 'A@B.c', foreignKey: { id: 'x', type: 'SFDC' }, marketoCookie: 'C' }),
      ),
    ).toEqual(['i5', 'fSFDC x', 'cC', 'ea@b.c']);
  });

  test('tell a foreign id of one system from the same id of another', () => {
    const [a] = orderingKeys(lead({ foreignKey: { id: 'x', type: 'SFDC' } }));
    const [b] = orderingKeys(lead({ foreignKey: { id: 'x', type: 'CUSTOM' } }));
    expect(a).not.toBe(b);
  });
});

describe('items in key queues', () => {
  const keyQueues = () => createKeyQueues<Item>(({ keys }) => keys);

  test('go at once when they share nothing', () => {
    const { enter } = keyQueues();
    expect([enter(item('a', 'x')), enter(item('b', 'y'))]).toEqual([true, true]);
  });

  test('wait for everything before them in any of their queues', () => {
    const { enter, leave } = keyQueues();
    const [a, b, c] = [item('a', 'x'), item('b', 'y'), item('c', 'x', 'y')];
    enter(a);
    enter(b);
    expect(enter(c)).toBe(false);
    expect(leave(a)).toEqual([]);
    expect(leave(b)).toEqual([c]);
  });

  test('let others pass when they leave from the middle', () => {
    const { enter, leave, size } = keyQueues();
    const [a, b, c] = [item('a', 'x'), item('b', 'x'), item('c', 'x')];
    for (const one of [a, b, c]) enter(one);
    expect(leave(b)).toEqual([]);
    expect(leave(a)).toEqual([c]);
    expect(leave(c)).toEqual([]);
    expect(size()).toBe(0);
  });

  test('are last only where all the queues end in them', () => {
    const { enter, last } = keyQueues();
    const [a, b] = [item('a', 'x', 'y'), item('b', 'y')];
    enter(a);
    expect(last(['x', 'y'])).toBe(a);
    enter(b);
    expect(last(['x', 'y'])).toBeUndefined();
    expect(last(['x', 'z'])).toBeUndefined();
    expect(last(['y'])).toBe(b);
  });

  test('never go together with one they share a key with, keep their order, and all get through', () => {
    const keyLists = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(keyLists, fc.infiniteStream(fc.nat()), (lists, picks) => {
        const { enter, leave, size } = keyQueues();
        const items = lists.map((keys, index) => ({ name: String(index), keys }));
        const running: Item[] = [];
        const passed: Item[] = [];
        const admit = (one: Item) => {
          for (const other of running) expect(other.keys.some((key) => one.keys.includes(key))).toBe(false);
          running.push(one);
        };
        for (const one of items) if (enter(one)) admit(one);
        while (running.length > 0) {
          const pick = (picks.next().value ?? 0) % running.length;
          const [done] = running.splice(pick, 1);
          if (done === undefined) break;
          passed.push(done);
          for (const next of leave(done)) admit(next);
        }
        expect(size()).toBe(0);
        expect(passed).toHaveLength(items.length);
        for (const key of ['a', 'b', 'c', 'd', 'e']) {
          const order = passed.filter(({ keys }) => keys.includes(key)).map(({ name }) => Number(name));
          expect(order).toEqual(order.toSorted((x, y) => x - y));
        }
      }),
    );
  });
});
