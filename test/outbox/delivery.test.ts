import { describe, expect, test } from 'vitest';
import { randomBytes } from 'node:crypto';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { orderingKeys } from '../../src/leads/ordering-keys.ts';
import type { OutboxStore } from '../../src/outbox/store.ts';
import { createOutbox, type OutboxOptions } from '../../src/outbox/outbox.ts';
import { writePayload } from '../../src/outbox/texts.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import type { Outcome } from '../../src/upstream/outcome.ts';
import { failureOf, ORIGIN, startVirtualDispatcher } from '../support/dispatcher.ts';
import { createLocalStore, newLead } from '../support/outbox.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

const HOUR = 3_600_000;

/** An outbox in front of a dispatcher, in virtual time; `script` as there. */
function startOutbox(
  script: (call: { readonly commands: readonly UpsertLead[] }) => Outcome | undefined = () => undefined,
  {
    callMs,
    clock: time = createVirtualClock(),
    ...options
  }: Omit<Partial<OutboxOptions>, 'clock'> & { readonly callMs?: number; readonly clock?: VirtualClock } = {},
) {
  const virtual = startVirtualDispatcher({ script, clock: time, ...(callMs !== undefined && { callMs }) });
  const { clock, dispatcher } = virtual;
  const { store = createLocalStore() } = options;
  const outbox = createOutbox({
    store,
    directory: dispatcher,
    goesAlone: ({ marketoCookie }) => marketoCookie !== undefined,
    clock,
    random: () => 0.5,
    randomBytes,
    deadlineMs: 20_000,
    maxAgeMs: 72 * HOUR,
    retentionMs: 168 * HOUR,
    ...options,
  });
  const commandOf = (lead: Partial<UpsertLead>) => ({ attributes: [], returnLead: false, ...lead });
  const accept = (lead: Partial<UpsertLead>) =>
    outbox.accept(commandOf(lead), { ...ORIGIN, owner: 'secret k' });
  const put = (lead: Partial<UpsertLead>) => {
    const signal = createCancellation();
    return outbox.directory.upsert(commandOf(lead), { ...ORIGIN, signal }).then(
      ({ status }) => status,
      ({ code }) => code as string,
    );
  };
  /** The first names in the order they were sent. */
  const sent = () =>
    virtual.calls.flatMap(({ commands }) => commands.map(({ attributes }) => attributes[0]?.value));
  const stateOf = async (id: string) => (await outbox.receipt(id))?.state;
  return { ...virtual, store, outbox, accept, put, sent, stateOf };
}

const named = (value: string | number, email = 'jane@example.com'): Partial<UpsertLead> => ({
  email,
  attributes: [{ name: 'FirstName', value }],
});

test('of many leads that come at once, each turn of the event loop accepts some, in their order', async () => {
  const local = createLocalStore();
  const appended: string[] = [];
  const append: OutboxStore['append'] = (lead) => {
    appended.push(lead.id);
    return local.append(lead);
  };
  const { accept } = startOutbox(undefined, { store: { ...local, append } });
  const all = Promise.all(
    Array.from({ length: 50 }, (_, index) => accept(named(index, `p${index}@example.com`))),
  );
  const counts = [appended.length];
  for (let turn = 0; turn < 4; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    counts.push(appended.length);
  }
  expect(counts).toEqual([16, 32, 48, 50, 50]);
  expect((await all).map(({ id }) => id)).toEqual(appended);
});

test('no id begins with a dash', async () => {
  const draws = [0xf8, 0xfb, 0xfc].map((byte) => Buffer.alloc(16, byte));
  const { accept } = startOutbox(undefined, { randomBytes: () => draws.shift() ?? randomBytes(16) });
  expect((await accept(named(1))).id).toBe(Buffer.alloc(16, 0xfc).toString('base64url'));
});

describe('delivery', () => {
  test('keeps the order of a person, whatever its keys', async () => {
    const { accept, sent, clock, store } = startOutbox();
    await accept(named(1, 'JANE@example.com'));
    await accept({ ...named(2), marketoCookie: 'c' });
    await accept({ marketoCookie: 'c', attributes: [{ name: 'FirstName', value: 3 }] });
    await accept(named(4));
    await clock.advance(60_000);
    expect(sent()).toEqual([1, 2, expect.any(Number), expect.any(Number)]);
    expect(new Set(sent())).toEqual(new Set([1, 2, 3, 4]));
    expect(store.pending()).toBe(0);
  });

  test('tries again after a passing problem, in order, and tells the truth meanwhile', async () => {
    let isDown = true;
    const { accept, sent, clock, outbox, stateOf } = startOutbox(() =>
      isDown ? failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' }) : undefined,
    );
    const leads = [];
    for (let count = 1; count <= 50; count += 1)
      leads.push(await accept(named(count, `l${count % 7}@example.com`)));
    await clock.advance(HOUR);
    const receipt = await outbox.receipt(leads[0]!.id);
    expect(receipt).toMatchObject({
      state: 'pending',
      attempts: expect.any(Number),
      lastProblem: { error: { code: 'upstream-unreachable' }, requestId: 'r' },
    });
    if (receipt?.state !== 'pending') throw new Error('not pending');
    expect(receipt.nextAttemptAt).toBeGreaterThanOrEqual(clock.now());
    expect(receipt.nextAttemptAt).toBeLessThanOrEqual(clock.now() + 600_000);
    const tries = sent().length;
    expect(tries).toBeLessThan(100);
    isDown = false;
    await clock.advance(700_000);
    expect(new Set(await Promise.all(leads.map(({ id }) => stateOf(id))))).toEqual(new Set(['delivered']));
    const delivered = sent().slice(tries) as number[];
    for (let person = 0; person < 7; person += 1) {
      const own = delivered.filter((count) => count % 7 === person);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
  });

  test.each([-HOUR, HOUR])('goes on where the time of day jumps, by %i ms', async (jump) => {
    const base = createVirtualClock();
    let skew = 0;
    let isDown = true;
    const { accept, clock, stateOf } = startOutbox(
      () =>
        isDown ? failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' }) : undefined,
      { clock: { ...base, now: () => base.now() + skew } },
    );
    const leads = [];
    for (let count = 0; count < 3; count += 1) leads.push(await accept(named(count)));
    await clock.advance(10_000);
    skew = jump;
    leads.push(await accept(named(3)));
    isDown = false;
    await clock.advance(30_000);
    expect(await Promise.all(leads.map(({ id }) => stateOf(id)))).toEqual(leads.map(() => 'delivered'));
  });

  test('goes on after calls that were given up, which hold their places for a while', async () => {
    let isSilent = true;
    const { accept, clock, stateOf } = startOutbox(() =>
      isSilent ? failureOf({ how: 'timeout', error: 'upstream-timeout' }) : undefined,
    );
    const lead = await accept(named(1));
    await clock.advance(60_000);
    isSilent = false;
    await clock.advance(HOUR);
    expect(await stateOf(lead.id)).toBe('delivered');
  });

  test('gives up after a lasting problem, and what is behind goes on', async () => {
    const { accept, clock, outbox, stateOf } = startOutbox(({ commands }) =>
      commands.some(({ attributes }) => attributes[0]?.value === 'bad')
        ? failureOf({ error: 'lead-rejected', isolates: 'record' })
        : undefined,
    );
    const bad = await accept(named('bad'));
    const good = await accept(named('good'));
    await clock.advance(10_000);
    expect(await outbox.receipt(bad.id)).toMatchObject({
      state: 'failed',
      problem: { error: { code: 'lead-rejected' } },
    });
    expect(await stateOf(good.id)).toBe('delivered');
  });

  test('gives up after the longest age', EXHAUSTIVE, async () => {
    const { accept, clock, stateOf } = startOutbox(() =>
      failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' }),
    );
    const lead = await accept(named(1));
    await clock.advance(71 * HOUR);
    expect(await stateOf(lead.id)).toBe('pending');
    await clock.advance(2 * HOUR);
    expect(await stateOf(lead.id)).toBe('failed');
  });

  test('gives up those that were never tried, too, while all are paused', EXHAUSTIVE, async () => {
    const { accept, clock, stateOf, outbox } = startOutbox(() =>
      failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' }),
    );
    const leads = [];
    for (let count = 0; count < 700; count += 1)
      leads.push(await accept(named(count, `l${count}@example.com`)));
    await clock.advance(73 * HOUR);
    expect(new Set(await Promise.all(leads.map(({ id }) => stateOf(id))))).toEqual(new Set(['failed']));
    expect(await outbox.receipt(leads.at(-1)!.id)).toMatchObject({
      problem: { error: { code: 'upstream-unreachable' } },
    });
  });

  test('asks once a minute while the credentials are refused', async () => {
    let isDenied = true;
    const { accept, clock, calls, store, outbox } = startOutbox(() =>
      isDenied ? failureOf({ error: 'upstream-access-denied' }) : undefined,
    );
    for (let count = 0; count < 20; count += 1) await accept(named(count, `l${count}@example.com`));
    await clock.advance(HOUR);
    expect(calls.length).toBeLessThanOrEqual(62);
    expect(calls.length).toBeGreaterThanOrEqual(58);
    expect(outbox.warnings()).toEqual([expect.stringMatching(/credentials.*20 leads wait in the outbox/)]);
    isDenied = false;
    await clock.advance(80_000);
    expect(outbox.warnings()).toEqual([]);
    expect(store.pending()).toBe(0);
  });

  test('tells when it pauses and goes on, once each, and of each lead that fails', async () => {
    let isDenied = true;
    const told: string[] = [];
    const { accept, clock } = startOutbox(
      ({ commands }) => {
        if (isDenied) return failureOf({ error: 'upstream-access-denied' });
        const isRefused = commands.some(({ email }) => email === 'l0@example.com');
        return isRefused ? failureOf({ error: 'lead-rejected', isolates: 'record' }) : undefined;
      },
      {
        observer: {
          paused: ({ error }) => told.push(`paused by ${error.code}`),
          resumed: () => told.push('resumed'),
          failed: ({ error, requestId }) => told.push(`${requestId} failed by ${error.code}`),
        },
      },
    );
    for (let count = 0; count < 3; count += 1) await accept(named(count, `l${count}@example.com`));
    await clock.advance(HOUR);
    expect(told).toEqual(['paused by upstream-access-denied']);
    isDenied = false;
    await clock.advance(HOUR);
    expect(told.slice(1).toSorted()).toEqual(
      [`${ORIGIN.requestId} failed by lead-rejected`, 'resumed'].toSorted(),
    );
  });

  test('waits for the new day when the calls of this one are spent', async () => {
    // Noon: midnight US Central is 18 hours away.
    let isSpent = true;
    const { accept, clock, calls, store } = startOutbox(() =>
      isSpent ? failureOf({ error: 'daily-quota-exhausted', advice: 'day-spent' }) : undefined,
    );
    await accept(named(1));
    await clock.advance(HOUR);
    // The gateway asks the upstream once a minute at most.
    expect(calls.length).toBeLessThanOrEqual(61);
    isSpent = false;
    await clock.advance(18 * HOUR);
    expect(store.pending()).toBe(0);
  });
});

describe('a direct lead', () => {
  test('goes behind what is kept of the same person, which is tried at once', async () => {
    let isDown = true;
    const { accept, put, sent, clock, store } = startOutbox(() =>
      isDown ? failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' }) : undefined,
    );
    for (const count of [1, 2, 3]) await accept(named(count));
    await clock.advance(HOUR);
    isDown = false;
    const before = sent().length;
    const answer = put(named('direct'));
    await clock.advance(1000);
    expect(await answer).toBe('CREATED');
    expect(sent().slice(before)).toEqual([1, 2, 3, 'direct']);
    expect(store.pending()).toBe(0);
  });

  test('goes behind what another replica has accepted since this one looked', async () => {
    const store = {
      ...createLocalStore(),
      pending: () => 0,
      isEmpty: () => false,
      mayWait: () => true,
    };
    const { put, sent, clock } = startOutbox(undefined, { store });
    await clock.advance(10);
    const command = { attributes: [], returnLead: false, ...named('kept') };
    const payload = writePayload({ ...ORIGIN, command });
    await store.append(newLead({ orderingKeys: orderingKeys(command), payload }));
    const answer = put(named('direct'));
    await clock.advance(1000);
    expect(await answer).toBe('CREATED');
    expect(sent()).toEqual(['kept', 'direct']);
  });

  test('meets the problem of what is kept, and is not sent', async () => {
    const { accept, put, sent, clock } = startOutbox(({ commands }) =>
      commands.some(({ attributes }) => attributes[0]?.value === 'kept')
        ? failureOf({ how: 'timeout', error: 'upstream-timeout' })
        : undefined,
    );
    await accept(named('kept'));
    await clock.advance(10);
    const answer = put(named('direct'));
    await clock.advance(25_000);
    expect(await answer).toBe('upstream-timeout');
    expect(sent()).not.toContain('direct');
  });

  test('of anybody that goes through ends the pause of all', async () => {
    let isDown = true;
    const { accept, put, clock, store } = startOutbox(() =>
      isDown ? failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' }) : undefined,
    );
    for (let count = 0; count < 20; count += 1) await accept(named(count, `l${count}@example.com`));
    await clock.advance(5 * HOUR);
    isDown = false;
    const answer = put(named('direct', 'somebody.else@example.com'));
    // Without it the next attempt would be due within ten minutes.
    await clock.advance(5000);
    expect(await answer).toBe('CREATED');
    await clock.advance(20_000);
    // The lead that was tried last has a time of its own.
    expect(store.pending()).toBeLessThanOrEqual(1);
    await clock.advance(600_000);
    expect(store.pending()).toBe(0);
  });

  test('goes on if what was kept has failed for good', async () => {
    const { accept, put, sent, clock } = startOutbox(({ commands }) =>
      commands.some(({ attributes }) => attributes[0]?.value === 'bad')
        ? failureOf({ error: 'lead-rejected', isolates: 'record' })
        : undefined,
    );
    await accept(named('bad'));
    const answer = put(named('direct'));
    await clock.advance(10_000);
    expect(await answer).toBe('CREATED');
    expect(sent()).toEqual(['bad', 'direct']);
  });
});

describe('a large number of kept leads', () => {
  const keep = (store: OutboxStore, count: number, command: (index: number) => Partial<UpsertLead>) =>
    Promise.all(
      Array.from({ length: count }, (_, index) => {
        const lead = { attributes: [], returnLead: false, ...command(index) };
        const payload = writePayload({ command: lead, ...ORIGIN });
        const goesAlone = lead.marketoCookie !== undefined;
        const acceptedAt = Date.UTC(2026, 0, 15, 12);
        return store.append(newLead({ orderingKeys: orderingKeys(lead), payload, goesAlone, acceptedAt }));
      }),
    );
  const kept = (index: number) => ({ email: `kept${index}@example.com` });

  test('goes out in full calls, beside direct leads, too', EXHAUSTIVE, async () => {
    const store = createLocalStore();
    await keep(store, 9000, kept);
    const { calls, clock, put } = startOutbox(undefined, { store, callMs: 300 });
    for (let tenth = 0; store.pending() > 3600 && tenth < 3000; tenth += 1) {
      void put({ email: `direct${tenth}@example.com` });
      await clock.advance(100);
    }
    const full = calls.filter(({ commands }) => commands.length >= 280);
    expect(calls.length).toBeGreaterThanOrEqual(18);
    expect(full.length).toBeGreaterThanOrEqual(calls.length - 2);
  });

  test('keeps no others from going if they go alone', EXHAUSTIVE, async () => {
    const store = createLocalStore();
    await keep(store, 600, (index) => ({ marketoCookie: `c${index}` }));
    await keep(store, 900, kept);
    const { calls, clock } = startOutbox(undefined, { store });
    await clock.advance(60_000);
    const others = calls.filter(({ commands }) => commands[0]?.marketoCookie === undefined);
    expect(others.reduce((sum, { commands }) => sum + commands.length, 0)).toBe(900);
    expect(calls.length - others.length).toBeGreaterThan(10);
    expect(store.pending()).toBe(600 - (calls.length - others.length));
  });

  testEvery(3, ['upstream-error', 'upstream-timeout', 'upstream-bad-response'] as const)(
    'goes through but for the lead because of which each of its calls ends in %s',
    async (error) => {
      const store = createLocalStore();
      await keep(store, 700, kept);
      const spoils = ({ email }: UpsertLead) => email === 'kept150@example.com';
      const { calls, clock } = startOutbox(
        ({ commands }) => (commands.some(spoils) ? failureOf({ error, retryable: true }) : undefined),
        { store, callMs: 300 },
      );
      await clock.advance(180_000);
      expect(store.pending()).toBe(1);
      const failed = calls.filter(({ commands }) => commands.some(spoils));
      expect(failed.at(-1)?.commands).toHaveLength(1);
      expect(calls.length - failed.length).toBeLessThan(60);
    },
  );
});
