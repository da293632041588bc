import { describe, expect, test } from 'vitest';
import type { BatchPart, OutboxStore } from '../../src/outbox/store.ts';
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
    const due = async () =>
      seqsOf((await store.claim({ dueAt: 1000, limit: 9, aloneLimit: 9, except: [] })).leads);
    const deliver = (seq: number) => store.settle([{ kind: 'delivered', seq, id: 'x', at: 1, result: '{}' }]);
    expect(await due()).toEqual([1, 4]);
    expect(seqsOf((await store.headsAhead({ orderingKeys: ['cx'], before: null })).leads)).toEqual([1]);
    expect(seqsOf((await store.headsAhead({ orderingKeys: ['cx'], before: 1 })).leads)).toEqual([]);
    await deliver(1);
    expect(await due()).toEqual([2, 4]);
    await store.settle([{ kind: 'retry', seq: 2, id: 'x', at: 1, nextAt: 5000, problem: 'p', code: 'c' }]);
    expect(await due()).toEqual([4]);
    await deliver(4);
    const none = await store.claim({ dueAt: 1000, limit: 9, aloneLimit: 9, except: [] });
    expect(none.leads).toEqual([]);
    expect(none.nextAt).toBeGreaterThan(1000);
    expect(none.nextAt).toBeLessThanOrEqual(5000);
    await store.settle([{ kind: 'failed', seq: 2, id: 'x', at: 1, problem: 'p', code: 'c' }]);
    expect(await due()).toEqual([3]);
    await deliver(3);
    expect(store.pending()).toBe(0);
  });

  test('leads that were accepted while the clock was years ahead do not wait for years', async () => {
    const store = await createStore();
    const hours = 3_600_000;
    await store.append(newLead({ acceptedAt: 20_000 * hours }));
    await store.append(newLead({ acceptedAt: 20_001 * hours, goesAlone: true }));
    await store.append(newLead({ acceptedAt: 25 * hours }));
    await store.append(newLead({ acceptedAt: 1000 }));
    const claim = async (limit: number) =>
      seqsOf((await store.claim({ dueAt: 1000, limit, aloneLimit: 1, except: [] })).leads);
    expect(await claim(1)).toEqual([4, 2]);
    expect((await claim(9)).toSorted()).toEqual([1, 2, 4]);
  });

  test('leads under way are not claimed again', async () => {
    const store = await createStore();
    for (let count = 0; count < 5; count += 1) await store.append(newLead());
    const { leads } = await store.claim({ dueAt: 1000, limit: 2, aloneLimit: 9, except: [1, 3] });
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

  const batchPart = (id: string, count: number, members: Partial<BatchPart> = {}): BatchPart => ({
    id,
    owner: 'secret k',
    acceptedAt: 1000,
    leads: Array.from({ length: count }, (_, index) => newLead({ batch: { id, index } })),
    total: count,
    refused: 0,
    refusals: '[]',
    idempotency: undefined,
    ...members,
  });
  const stateOf = (store: OutboxStore, id: string) => store.findBatch({ id, limit: 10 });

  test('leads of a batch are kept together, and counted by what became of them', async () => {
    const store = await createStore();
    const appended = await store.appendBatch(batchPart('b', 4, { refused: 1, refusals: '[7]', total: 5 }));
    expect(appended).toEqual({ kind: 'appended', seqs: [1, 2, 3, 4] });
    expect(store.pending()).toBe(4);
    await store.settle([
      { kind: 'delivered', seq: 1, id: 'x', at: 7, result: '{}' },
      { kind: 'failed', seq: 2, id: 'x', at: 9, problem: 'p', code: 'c' },
      { kind: 'retry', seq: 3, id: 'x', at: 1, nextAt: 5000, problem: 'q', code: 'c' },
    ]);
    const counts = { total: 5, refused: 1, refusals: '[7]', pending: 2, delivered: 1, failed: 1 };
    expect(await stateOf(store, 'b')).toMatchObject({
      ...counts,
      owner: 'secret k',
      attempts: 1,
      nextAt: 1000,
      finishedAt: 9,
      failures: [{ index: 1, problem: 'p' }],
    });
    expect(await stateOf(store, 'c')).toBeUndefined();
  });

  test('a batch goes on counting leads that are removed after the retention, and goes with the last of them', async () => {
    const store = await createStore();
    await store.appendBatch(batchPart('b', 3));
    const deliver = (seq: number, at: number) =>
      store.settle([{ kind: 'delivered', seq, id: 'x', at, result: '{}' }]);
    await deliver(1, 2000);
    await store.settle([{ kind: 'failed', seq: 2, id: 'x', at: 2500, problem: 'p', code: 'c' }]);
    expect(await store.prune(3000)).toBe(2);
    expect(await stateOf(store, 'b')).toMatchObject({
      pending: 1,
      delivered: 1,
      failed: 1,
      failures: [],
      finishedAt: 2500,
    });
    await deliver(3, 4000);
    await store.prune(4000);
    expect(await stateOf(store, 'b')).toMatchObject({ pending: 0, delivered: 2, finishedAt: 4000 });
    await store.prune(4001);
    expect(await stateOf(store, 'b')).toBeUndefined();
  });

  test('parts add up, and there is room for all leads of a part or for none', async () => {
    const store = await createStore(5);
    const second = (count: number) =>
      batchPart('b', 0, {
        leads: Array.from({ length: count }, (_, index) => newLead({ batch: { id: 'b', index: 3 + index } })),
        total: 3 + count,
      });
    await store.appendBatch(batchPart('b', 3));
    expect(await store.appendBatch(second(3))).toEqual({ kind: 'full' });
    expect(await stateOf(store, 'b')).toMatchObject({ total: 3, pending: 3 });
    await store.appendBatch(second(2));
    expect(await stateOf(store, 'b')).toMatchObject({ total: 5, pending: 5 });
  });

  test('an idempotency key of a batch stands for no single lead', async () => {
    const store = await createStore();
    const idempotency = { key: 'k', fingerprint: 'f' };
    await store.appendBatch(batchPart('b', 2, { idempotency }));
    expect(await store.appendBatch(batchPart('c', 2, { idempotency }))).toEqual({
      kind: 'repeated',
      id: 'b',
    });
    expect(await store.append(newLead({ idempotency: { key: 'k', fingerprint: 'g' } }))).toEqual({
      kind: 'conflict',
    });
    expect(store.pending()).toBe(2);
  });

  test('a thousand leads of a batch share one commit with their order', async () => {
    const store = await createStore();
    const part = batchPart('b', 1000);
    await store.append(newLead({ orderingKeys: part.leads[999]!.orderingKeys }));
    await store.appendBatch(part);
    const due = async () =>
      seqsOf((await store.claim({ dueAt: 1000, limit: 2000, aloneLimit: 9, except: [] })).leads);
    expect(await due()).toHaveLength(1000);
    await store.settle([{ kind: 'delivered', seq: 1, id: 'x', at: 1, result: '{}' }]);
    expect((await due()).at(-1)).toBe(1001);
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
