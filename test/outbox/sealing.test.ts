import { readdirSync, readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/runtime/clock.ts';
import { createSealing } from '../../src/outbox/sealing/prepare.ts';
import { createSealer } from '../../src/outbox/sealing/sealer.ts';
import { openSqliteStore } from '../../src/outbox/sqlite/sqlite-store.ts';
import { type OutboxStore, type Sealable, UnusableStore } from '../../src/outbox/store.ts';
import { createLocalStore, newLead, outboxFile } from '../support/outbox.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const [FIRST, SECOND, OTHER] = [randomBytes(32), randomBytes(32), randomBytes(32)];

async function openStore(path: string, keys: readonly Buffer[] | null) {
  const store = await openSqliteStore({ path, maxPending: 1000, clock: systemClock });
  onTestFinished(store.close);
  return prepareStore(store, keys);
}

async function prepareStore(store: OutboxStore & Sealable, keys: readonly Buffer[] | null) {
  const { prepare, seal } = createSealing(keys, randomBytes);
  await prepare(store);
  return seal(store);
}

/** Everything on the disk that belongs to a store. */
function bytesOf(path: string): Buffer {
  const folder = dirname(path);
  return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
}

const MARKED = newLead({
  id: 'marked',
  orderingKeys: ['ejane.roe@example.com', 'cid:salamander&token:armadillo', 'i10203040'],
  payload: JSON.stringify({ command: { email: 'Jane.Roe@example.com', attributes: ['Crocodile street 5'] } }),
  subject: 'hash of the address',
  idempotency: { key: 'hash of a key', fingerprint: 'hash of a body' },
});
const TRACES =
  /jane\.roe|salamander|armadillo|10203040|crocodile|hash of|wildebeest|rhinoceros|platypus|"leadId"|hippopotamus/i;

/** Leaves a lead in each state, of which each text has a word of its own. */
async function fill(store: OutboxStore): Promise<void> {
  await store.append(MARKED);
  for (const id of ['delivered', 'failed', 'old']) {
    await store.append(
      newLead({ ...MARKED, id, orderingKeys: [`e${id}@example.com`], idempotency: undefined }),
    );
  }
  await store.appendBatch({
    id: 'batch',
    owner: 'secret k',
    acceptedAt: 1000,
    leads: [newLead({ ...MARKED, id: 'batched', idempotency: undefined, batch: { id: 'batch', index: 0 } })],
    total: 2,
    refused: 1,
    refusals: '["saw a platypus"]',
    idempotency: { key: 'hash of a batch key', fingerprint: 'hash of a batch' },
  });
  await store.settle([
    {
      kind: 'retry',
      seq: 1,
      id: 'marked',
      at: 1,
      nextAt: 5,
      problem: 'saw a wildebeest',
      code: 'upstream-busy',
    },
    { kind: 'delivered', seq: 2, id: 'delivered', at: 1, result: '{"leadId":1}' },
    { kind: 'failed', seq: 3, id: 'failed', at: 1, problem: 'saw a rhinoceros', code: 'lead-rejected' },
  ]);
  await store.expire({
    olderThan: 1000,
    at: 2000,
    except: [1],
    problem: 'saw a hippopotamus',
    code: 'upstream-busy',
  });
}

test('no byte of a lead is in any file, and all of it comes back', async () => {
  const path = outboxFile();
  const store = await openStore(path, [FIRST]);
  await fill(store);
  expect(bytesOf(path).toString('latin1')).not.toMatch(TRACES);
  expect(await store.find('marked')).toMatchObject({ state: 'pending', problem: 'saw a wildebeest' });
  expect(await store.findBatch({ id: 'batch', limit: 9 })).toMatchObject({ refusals: '["saw a platypus"]' });
  expect(await store.find('delivered')).toMatchObject({ result: '{"leadId":1}' });
  expect(await store.read('failed')).toMatchObject({ problem: 'saw a rhinoceros', payload: MARKED.payload });
  expect(await store.find('old')).toMatchObject({ state: 'failed', problem: 'saw a hippopotamus' });
  const { leads } = await store.claim({ dueAt: 9, limit: 9, aloneLimit: 9, except: [] });
  expect(leads).toMatchObject([{ id: 'marked', payload: MARKED.payload }]);
  expect(await store.append(MARKED)).toEqual({ kind: 'repeated', id: 'marked' });
});

test(
  'what is kept in plain text is encrypted when there are keys for the first time',
  EXHAUSTIVE,
  async () => {
    const path = outboxFile();
    const plain = await openStore(path, null);
    await fill(plain);
    expect(bytesOf(path).toString('latin1')).toMatch(TRACES);
    await plain.close();
    const store = await openStore(path, [FIRST]);
    expect(bytesOf(path).toString('latin1')).not.toMatch(TRACES);
    await store.append(newLead({ ...MARKED, id: 'next', idempotency: undefined }));
    const { leads } = await store.headsAhead({ orderingKeys: ['ejane.roe@example.com'], before: null });
    expect(leads).toMatchObject([{ id: 'marked', payload: MARKED.payload }]);
    expect(await store.append(MARKED)).toEqual({ kind: 'repeated', id: 'marked' });
    expect(await store.find('failed')).toMatchObject({ problem: 'saw a rhinoceros' });
  },
);

test('order, requests that are sent again and erasure hold while keys are rotated', EXHAUSTIVE, async () => {
  const path = outboxFile();
  const first = await openStore(path, [FIRST]);
  await first.append(MARKED);
  await first.close();
  const second = await openStore(path, [SECOND, FIRST]);
  expect(second.mayWait(['cid:salamander&token:armadillo'])).toBe(true);
  expect(second.mayWait(['eother@example.com'])).toBe(false);
  expect(await second.append(MARKED)).toEqual({ kind: 'repeated', id: 'marked' });
  await second.append(newLead({ ...MARKED, id: 'second', idempotency: undefined }));
  await second.close();
  const third = await openStore(path, [OTHER, SECOND]);
  await third.append(newLead({ ...MARKED, id: 'third', idempotency: undefined }));
  await third.close();
  const store = await openStore(path, [OTHER, SECOND, FIRST]);
  const due = async () => (await store.claim({ dueAt: 1000, limit: 9, aloneLimit: 9, except: [] })).leads;
  for (const id of ['marked', 'second', 'third']) {
    const leads = await due();
    expect(leads).toMatchObject([{ id, payload: MARKED.payload }]);
    await store.settle([{ kind: 'failed', seq: leads[0]!.seq, id, at: 1, problem: 'p', code: 'c' }]);
  }
  expect(store.mayWait(MARKED.orderingKeys)).toBe(false);
  const { removed } = await store.forget({ subjects: ['hash of the address'], from: 0 });
  expect(removed).toHaveLength(3);
});

test('keys that open nothing, and none where there were some, are told at the start', async () => {
  const path = outboxFile();
  await (await openStore(path, [FIRST])).close();
  for (const keys of [[OTHER], null]) {
    const store = await openSqliteStore({ path, maxPending: 1000, clock: systemClock });
    await expect(prepareStore(store, keys)).rejects.toThrow(UnusableStore);
    await store.close();
  }
});

test('a lead that no key opens stays, however old it is, and the operator is told', async () => {
  const inner = createLocalStore();
  await (await prepareStore(inner, [FIRST])).append(MARKED);
  await inner.addKeyId(createSealer([OTHER], randomBytes).keyIds[0]!);
  const store = await prepareStore(inner, [OTHER]);
  const { leads } = await store.claim({ dueAt: 1000, limit: 9, aloneLimit: 9, except: [] });
  expect(leads).toHaveLength(1);
  expect(() => JSON.parse(leads[0]!.payload)).toThrow(SyntaxError);
  expect(store.warnings()).toEqual([expect.stringMatching(/^no key in OUTBOX_ENCRYPTION_KEYS opens a lead/)]);
  const old = { olderThan: 1e9, at: 1e9, except: [], problem: 'p', code: 'upstream-busy' };
  expect(await store.expire(old)).toBe(0);
  const restored = await prepareStore(inner, [OTHER, FIRST]);
  const again = await restored.claim({ dueAt: 1000, limit: 9, aloneLimit: 9, except: [] });
  expect(again.leads[0]).toMatchObject({ payload: MARKED.payload });
  expect(restored.warnings()).toEqual([]);
});

test('a text opens in its own place alone', () => {
  const sealer = createSealer([FIRST], randomBytes);
  const sealed = sealer.seal('text', 'a');
  expect(sealer.open(sealed, 'a')).toBe('text');
  expect(sealer.open(sealed, 'b')).toBeUndefined();
  const otherEnd = sealed.at(-2) === 'A' ? 'BB' : 'AA';
  expect(sealer.open(`${sealed.slice(0, -2)}${otherEnd}`, 'a')).toBeUndefined();
  expect(sealer.open('text', 'a')).toBeUndefined();
  expect(sealer.seal('text', 'a')).not.toBe(sealed);
});
