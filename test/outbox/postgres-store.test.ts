import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSealing } from '../../src/outbox/sealing/prepare.ts';
import { UnusableStore, type OutboxStore, StoreFailure } from '../../src/outbox/store.ts';
import { newLead } from '../support/outbox.ts';
import { openReplica, POSTGRES_URL, query, schemaForTest } from '../support/stores.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const idsOf = (leads: readonly { readonly id: string }[]) => leads.map(({ id }) => id);
const claimAll = async (store: OutboxStore) =>
  (await store.claim({ dueAt: 1e6, limit: 99, aloneLimit: 9, except: [] })).leads;
const delivered = ({ seq, id }: { readonly seq: number; readonly id: string }) =>
  ({ kind: 'delivered', seq, id, at: 1, result: '{}' }) as const;
const ALL = { orderingKeys: ['ea'], before: null };

test('a server that is away is told of, and keeps no gateway from starting', async () => {
  const store = await openReplica('lead_gateway', { url: 'postgres://gateway:hunter2@127.0.0.1:1/leads' });
  expect(store.warnings()).toEqual(['the database of the outbox cannot be reached']);
  await expect(store.append(newLead())).rejects.toThrow(StoreFailure);
  expect(store.mayWait(['ea'])).toBe(true);
});

describe.runIf(POSTGRES_URL !== undefined)('replicas that share a schema', () => {
  test('make it together, and refuse one of a later version', async () => {
    const schema = schemaForTest();
    const stores = await Promise.all([1, 2, 3].map(() => openReplica(schema)));
    expect(stores.map(({ warnings }) => warnings())).toEqual([[], [], []]);
    await query(`UPDATE ${schema}.version SET version = 7`);
    await expect(openReplica(schema)).rejects.toThrow(UnusableStore);
    await expect(openReplica(schema)).rejects.toThrow(/version 7, and this program knows versions up to 3/);
  });

  test('are refused by a server that does not know them, without the password', async () => {
    const url = new URL(POSTGRES_URL!);
    url.pathname = '/nowhere';
    url.password = 'hunter2';
    const error: unknown = await openReplica('x', { url: url.href }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnusableStore);
    expect(String(error)).toMatch(/cannot be used: database "nowhere" does not exist \(3D000\)/);
    expect(String(error)).not.toMatch(/hunter2/);
  });

  test('never have the same lead at once, and keep the order of a key', async () => {
    const schema = schemaForTest();
    const [one, two] = await Promise.all([openReplica(schema), openReplica(schema)]);
    for (const id of ['a1', 'a2']) await one.append(newLead({ id, orderingKeys: ['ea'] }));
    const [first] = await claimAll(one);
    expect(first?.id).toBe('a1');
    expect(await claimAll(two)).toEqual([]);
    expect(await two.headsAhead(ALL)).toEqual({ leads: [], elsewhere: 1 });
    expect(idsOf((await one.headsAhead(ALL)).leads)).toEqual(['a1']);
    await one.settle([delivered(first!)]);
    expect(idsOf((await two.headsAhead(ALL)).leads)).toEqual(['a2']);
    expect(await claimAll(one)).toEqual([]);
  });

  test('look for leads that another has accepted, before they can have learned of any', async () => {
    const schema = schemaForTest();
    const [one, two] = await Promise.all([openReplica(schema), openReplica(schema)]);
    await one.append(newLead({ orderingKeys: ['ea'] }));
    expect([one.isEmpty(), two.isEmpty()]).toEqual([false, false]);
    expect(two.mayWait(['ea'])).toBe(true);
    const { seal } = createSealing([randomBytes(32)], randomBytes);
    expect([seal(two).isEmpty(), seal(two).mayWait(['ea'])]).toEqual([false, true]);
  });

  test('take over from one that was away, which ends nothing of it any more', async () => {
    const schema = schemaForTest();
    const clock = createVirtualClock();
    const one = await openReplica(schema, { replica: 'one', clock });
    const two = await openReplica(schema);
    const lost: number[] = [];
    one.onLost((seqs) => lost.push(...seqs));
    await one.append(newLead({ id: 'a', orderingKeys: ['ea'] }));
    const [lead] = await claimAll(one);
    await query(`UPDATE ${schema}.replicas SET alive_until = now() - interval '1 s' WHERE id = 'one'`);
    expect(idsOf(await claimAll(two))).toEqual(['a']);
    const [again] = (await two.headsAhead(ALL)).leads;
    const retry = {
      kind: 'retry',
      seq: again!.seq,
      id: 'a',
      at: 5,
      nextAt: 9,
      problem: 'q',
      code: 'c',
    } as const;
    await two.settle([retry]);
    await clock.advance(5000);
    await expect.poll(() => lost).toEqual([lead!.seq]);
    await one.settle([delivered(lead!)]);
    expect(await two.find('a')).toMatchObject({ state: 'pending', attempts: 1, problem: 'q' });
  });

  test('learn from the next sign of life what they have lost', async () => {
    const schema = schemaForTest();
    const clock = createVirtualClock();
    const one = await openReplica(schema, { replica: 'one', clock });
    const two = await openReplica(schema);
    const lost: number[] = [];
    one.onLost((seqs) => lost.push(...seqs));
    for (const id of ['a', 'b']) await one.append(newLead({ id }));
    const leads = await claimAll(one);
    await query(`UPDATE ${schema}.replicas SET alive_until = now() - interval '1 s' WHERE id = 'one'`);
    await two.claim({ dueAt: 1e6, limit: 1, aloneLimit: 9, except: [] });
    await clock.advance(5000);
    await expect.poll(() => lost).toEqual([leads[0]!.seq]);
    expect(idsOf(await claimAll(two))).toEqual(['a']);
  });

  test('give back what they have when they stop', async () => {
    const schema = schemaForTest();
    const [one, two] = await Promise.all([openReplica(schema), openReplica(schema)]);
    await one.append(newLead({ id: 'a', orderingKeys: ['ea'] }));
    await one.append(newLead({ id: 'b' }));
    expect((await claimAll(one)).map(({ takenOver }) => takenOver)).toEqual(['no', 'no']);
    await one.close();
    // Its calls may go on.
    const head = await two.headsAhead(ALL);
    const others = await claimAll(two);
    const taken = [...head.leads, ...others].map(({ id, takenOver }) => `${id} ${takenOver}`);
    expect(taken.toSorted()).toEqual(['a no', 'a now', 'b now']);
  });

  test('lose nothing and keep every order, whatever they do at the same time', async () => {
    const schema = schemaForTest();
    const replicas = await Promise.all([1, 2, 3].map(() => openReplica(schema)));
    const accepted = new Map<string, string[]>();
    const ended = new Map<string, string[]>();
    let left = 0;
    const note = (log: Map<string, string[]>, key: string, id: string) =>
      log.set(key, [...(log.get(key) ?? []), id]);
    // Callers of one person wait for their answers, as the order counts for no others.
    const callers = Array.from({ length: 24 }, async (_, person) => {
      for (let count = 0; count < 25; count += 1) {
        const id = `${person}-${count}`;
        const keys = [`e${person}`, ...(count % 3 === 0 ? [`c${person % 4}`] : [])];
        await replicas[(person + count) % 3]!.append(newLead({ id, orderingKeys: keys }));
        left += 1;
        note(accepted, `e${person}`, id);
      }
      callersLeft.count -= 1;
    });
    const callersLeft = { count: 24 };
    const deliverers = replicas.map(async (store, index) => {
      while (callersLeft.count > 0 || left > 0) {
        const { leads } = await store.claim({ dueAt: 1e6, limit: 7 + index, aloneLimit: 9, except: [] });
        for (const { id } of leads) note(ended, `e${id.split('-')[0]}`, id);
        left -= leads.length;
        await store.settle(leads.map(delivered));
      }
    });
    await Promise.all(callers);
    await Promise.all(deliverers);
    expect(ended).toEqual(accepted);
    expect(await replicas[0]!.stats({ hourFrom: 0, dayFrom: 0 })).toMatchObject({
      pending: 0,
      delivered: 600,
    });
    expect(await query(`SELECT 1 FROM ${schema}.ordering_keys`)).toEqual([]);
    expect(await query(`SELECT 1 FROM ${schema}.leads WHERE behind <> 0`)).toEqual([]);
  });
});
