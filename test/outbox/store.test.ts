import { describe, expect, test } from 'vitest';
import { newLead } from '../support/outbox.ts';
import { STORES } from '../support/stores.ts';

const seqsOf = (leads: readonly { readonly seq: number }[]) => leads.map(({ seq }) => seq);

describe.each(STORES)('a store in %s', (_name, createStore) => {
  test('leads that share a key come one after the other, the first of each key alone', async () => {
    const store = await createStore();
    await store.append(newLead({ orderingKeys: ['ea'] }));
    await store.append(newLead({ orderingKeys: ['ea', 'cx'] }));
    await store.append(newLead({ orderingKeys: ['cx'] }));
    await store.append(newLead({ orderingKeys: ['eb'] }));
    const due = async () => seqsOf((await store.claim({ dueAt: 1000, limit: 9, except: [] })).leads);
    const deliver = (seq: number) => store.settle([{ kind: 'delivered', seq, id: 'x', at: 1, result: '{}' }]);
    expect(await due()).toEqual([1, 4]);
    expect(seqsOf((await store.headsAhead({ orderingKeys: ['cx'], before: null })).leads)).toEqual([1]);
    expect(seqsOf((await store.headsAhead({ orderingKeys: ['cx'], before: 1 })).leads)).toEqual([]);
    await deliver(1);
    expect(await due()).toEqual([2, 4]);
    await store.settle([{ kind: 'retry', seq: 2, id: 'x', at: 1, nextAt: 5000, problem: 'p', code: 'c' }]);
    expect(await due()).toEqual([4]);
    await deliver(4);
    const none = await store.claim({ dueAt: 1000, limit: 9, except: [] });
    expect(none.leads).toEqual([]);
    expect(none.nextAt).toBeGreaterThan(1000);
    expect(none.nextAt).toBeLessThanOrEqual(5000);
    await store.settle([{ kind: 'failed', seq: 2, id: 'x', at: 1, problem: 'p', code: 'c' }]);
    expect(await due()).toEqual([3]);
    await deliver(3);
    expect(store.pending()).toBe(0);
  });

  test('leads under way are not claimed again', async () => {
    const store = await createStore();
    for (let count = 0; count < 5; count += 1) await store.append(newLead());
    const { leads } = await store.claim({ dueAt: 1000, limit: 2, except: [1, 3] });
    expect(seqsOf(leads)).toEqual([2, 4]);
  });

  test('the end of an attempt is recorded once', async () => {
    const store = await createStore();
    await store.append(newLead({ id: 'x' }));
    await store.settle([{ kind: 'delivered', seq: 1, id: 'x', at: 7, result: '{"leadId":1}' }]);
    await store.settle([{ kind: 'failed', seq: 1, id: 'x', at: 8, problem: 'p', code: 'c' }]);
    await store.settle([{ kind: 'retry', seq: 1, id: 'x', at: 9, nextAt: 10, problem: 'p', code: 'c' }]);
    expect(await store.find('x')).toMatchObject({
      state: 'delivered',
      finishedAt: 7,
      result: '{"leadId":1}',
    });
    expect(await store.find('y')).toBeUndefined();
    expect(store.pending()).toBe(0);
  });

  test('no more leads are pending than may be', async () => {
    const store = await createStore(2);
    const kinds = [];
    for (let count = 0; count < 3; count += 1) kinds.push((await store.append(newLead())).kind);
    expect(kinds).toEqual(['appended', 'appended', 'full']);
    await store.settle([{ kind: 'delivered', seq: 1, id: 'x', at: 1, result: '{}' }]);
    expect((await store.append(newLead())).kind).toBe('appended');
  });

  test('an idempotency key of one caller stands for one request', async () => {
    const store = await createStore();
    const idempotency = { key: 'k', fingerprint: 'f' };
    await store.append(newLead({ id: 'first', idempotency }));
    expect(await store.append(newLead({ idempotency }))).toEqual({ kind: 'repeated', id: 'first' });
    const other = { key: 'k', fingerprint: 'g' };
    expect(await store.append(newLead({ idempotency: other }))).toEqual({ kind: 'conflict' });
    expect((await store.append(newLead({ owner: 'secret l', idempotency: other }))).kind).toBe('appended');
  });

  test('what ended before the retention is removed, and nothing else', async () => {
    const store = await createStore();
    for (const id of ['pending', 'old', 'new']) await store.append(newLead({ id }));
    await store.settle([
      { kind: 'delivered', seq: 2, id: 'x', at: 100, result: '{}' },
      { kind: 'failed', seq: 3, id: 'x', at: 200, problem: 'p', code: 'c' },
    ]);
    expect(await store.prune(200)).toBe(1);
    const left = await Promise.all(['pending', 'old', 'new'].map((id) => store.find(id)));
    expect(left.map((one) => one?.state)).toEqual(['pending', undefined, 'failed']);
  });
});
