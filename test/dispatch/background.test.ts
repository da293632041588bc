import { describe, expect, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import { failureOf, leftBehind, NOTHING, ORIGIN, startVirtualDispatcher } from '../support/dispatcher.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

type Virtual = ReturnType<typeof startVirtualDispatcher>;

/** Hands in a lead that is in no hurry; a text is an email address. */
function putBackground({ dispatcher, clock }: Virtual, lead: string | Partial<UpsertLead>) {
  const members = typeof lead === 'string' ? { email: lead } : lead;
  const background = createCancellation();
  const signal = createCancellation();
  const made = {
    urge: () => background.cancel(),
    answeredAt: undefined as number | undefined,
    outcome: 'waits',
  };
  dispatcher
    .upsert({ attributes: [], returnLead: false, ...members }, { ...ORIGIN, signal, background })
    .then(
      () => (made.outcome = 'stored'),
      (error: any) => (made.outcome = error.code),
    )
    .finally(() => (made.answeredAt = clock.monotonicMs()));
  return made;
}

function putMany(virtual: Virtual, count: number, name = 'b') {
  return Array.from({ length: count }, (_, index) => putBackground(virtual, `${name}${index}@example.com`));
}

describe('leads in no hurry', () => {
  test('go at once while nothing else is to do, and gather after that', async () => {
    const virtual = startVirtualDispatcher();
    putMany(virtual, 100);
    await virtual.clock.advance(999);
    expect(virtual.sizes()).toEqual([1]);
    await virtual.clock.advance(200);
    expect(virtual.sizes()).toEqual([1, 99]);
    expect(leftBehind(virtual)).toMatchObject({ queued: 0, keys: 0, running: 0 });
  });

  test('of one person follow each other as fast as the day gives calls', async () => {
    const virtual = startVirtualDispatcher({ limits: { dailyCalls: 100_000_000, callsPerWindow: 100_000 } });
    const leads = [];
    for (let index = 0; index < 100; index += 1) {
      const attributes = [{ name: 'FirstName', type: 'string' as const, value: `${index}` }];
      leads.push(putBackground(virtual, { email: 'one@example.com', attributes }));
    }
    // A call takes 100 ms.
    await virtual.clock.advance(11_000);
    expect(leads.filter(({ outcome }) => outcome === 'stored')).toHaveLength(100);
  });

  test('fill the room that the calls of others leave', async () => {
    const virtual = startVirtualDispatcher();
    const stored = putMany(virtual, 400);
    await virtual.clock.flush();
    expect(virtual.sizes()).toEqual([1, 300]);
    virtual.put('direct@example.com');
    await virtual.clock.advance(100);
    expect(virtual.sizes()).toEqual([1, 300, 100]);
    expect(virtual.calls[2]?.commands[0]?.email).toBe('direct@example.com');
    await virtual.clock.advance(200);
    expect(stored.every(({ outcome }) => outcome === 'stored')).toBe(true);
  });

  test('go alone if they cannot share a call, some at once and then as the day allows', async () => {
    const virtual = startVirtualDispatcher({ limits: { dailyCalls: 1000 } });
    for (let index = 0; index < 60; index += 1) putBackground(virtual, { marketoCookie: `c${index}` });
    await virtual.clock.advance(20_000);
    expect(virtual.calls.length).toBeGreaterThanOrEqual(18);
    expect(virtual.calls.length).toBeLessThanOrEqual(21);
  });

  test('leave a burst of the 20 seconds, and half of the calls at a time, to the others', async () => {
    const virtual = startVirtualDispatcher({
      limits: { callsPerWindow: 40, maxConcurrent: 4 },
      callMs: 1000,
    });
    const running: number[] = [];
    let fed = 0;
    const feed = () => {
      for (; virtual.dispatcher.queued() < 600; fed += 1) putBackground(virtual, `f${fed}@example.com`);
    };
    for (let second = 0; second < 60; second += 1) {
      feed();
      await virtual.clock.advance(1000);
      running.push(virtual.quota.running());
      expect(virtual.quota.free()).toBeGreaterThanOrEqual(30);
    }
    expect(Math.max(...running)).toBe(2);
    expect(
      virtual
        .sizes()
        .slice(1)
        .every((size) => size === 300),
    ).toBe(true);
    expect(virtual.calls.length).toBeGreaterThan(20);
  });

  test('leave the calls that the rest of the day is expected to need', EXHAUSTIVE, async () => {
    const virtual = startVirtualDispatcher({ limits: { dailyCalls: 2000 } });
    // One a minute: the twelve hours that are left need 720 of them.
    for (let minute = 0; minute < 60; minute += 1) {
      virtual.put(`d${minute}@example.com`);
      await virtual.clock.advance(60_000);
    }
    for (let index = 0; index < 5000; index += 1) putBackground(virtual, { marketoCookie: `c${index}` });
    let previous = virtual.calls.length;
    for (let hour = 0; hour < 10; hour += 1) {
      for (let minute = 0; minute < 60; minute += 1) {
        virtual.put(`d${hour}-${minute}@example.com`);
        await virtual.clock.advance(60_000);
      }
      expect(virtual.calls.length).toBeGreaterThan(previous);
      previous = virtual.calls.length;
    }
    expect(virtual.refusals).toEqual([]);
  });

  test('have some calls after a burst of others, of which more are expected than the day has calls', async () => {
    const virtual = startVirtualDispatcher();
    for (let index = 0; index < 5000; index += 1) virtual.put(`d${index}@example.com`);
    await virtual.clock.advance(20_000);
    const before = virtual.calls.length;
    const singles = Array.from({ length: 40 }, (_, index) =>
      putBackground(virtual, { marketoCookie: `c${index}` }),
    );
    await virtual.clock.advance(21_000);
    expect(singles.filter(({ outcome }) => outcome === 'stored').length).toBeGreaterThanOrEqual(18);
    putMany(virtual, 700);
    await virtual.clock.advance(600_000);
    // The burst is used up: one call of 50 that are left, over the rest of the day.
    expect(virtual.calls.length - before).toBeLessThanOrEqual(25);
    expect(virtual.calls.length - before).toBeGreaterThanOrEqual(21);
  });

  test('make no one else wait', EXHAUSTIVE, async () => {
    const waitsWith = async (isFed: boolean) => {
      const virtual = startVirtualDispatcher();
      const puts = [];
      let fed = 0;
      const feed = (to: Virtual) => {
        while (to.dispatcher.queued() < 600) putBackground(to, `f${(fed += 1)}@example.com`);
      };
      for (let at = 0; at < 300; at += 1) {
        if (isFed) feed(virtual);
        puts.push({ at: virtual.clock.monotonicMs(), put: virtual.put(`d${at}@example.com`) });
        await virtual.clock.advance(100);
      }
      await virtual.clock.advance(20_000);
      return { waits: puts.map(({ at, put }) => put.answeredAt! - at), fed };
    };
    const alone = await waitsWith(false);
    const beside = await waitsWith(true);
    const p99 = (waits: number[]) => waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)]!;
    expect(p99(beside.waits)).toBeLessThanOrEqual(1.3 * p99(alone.waits) + 100);
    expect(beside.fed).toBeGreaterThan(25_000);
  });

  test('go with those that wait for them: a lead for the same person, and who asks for it', async () => {
    const virtual = startVirtualDispatcher({ limits: { maxConcurrent: 1 } });
    putBackground(virtual, 'first@example.com');
    await virtual.clock.flush();
    const stored = putMany(virtual, 20);
    const direct = virtual.put({ email: 'b7@example.com', attributes: [{ name: 'FirstName', value: 'J' }] });
    await virtual.clock.advance(200);
    expect(stored[7]?.answeredAt).toBe(200);
    await virtual.clock.advance(100);
    expect(direct.answeredAt).toBe(300);
    expect(virtual.calls[1]?.commands[0]?.email).toBe('b7@example.com');
    const urged = putBackground(virtual, 'late@example.com');
    putMany(virtual, 5, 'more');
    urged.urge();
    await virtual.clock.advance(100);
    expect(urged.outcome).toBe('stored');
  });

  test('have no deadline, and are refused when the gateway stops', async () => {
    const virtual = startVirtualDispatcher({ limits: { dailyCalls: 100 }, deadlineMs: 5000 });
    for (let index = 0; index < 60; index += 1) putBackground(virtual, { marketoCookie: `c${index}` });
    const last = putBackground(virtual, { marketoCookie: 'last' });
    await virtual.clock.advance(600_000);
    expect(last.outcome).toBe('waits');
    virtual.dispatcher.refuseAll();
    await virtual.clock.flush();
    expect(last.outcome).toBe('unavailable');
    expect(leftBehind(virtual)).toMatchObject({ ...NOTHING, timers: expect.any(Number) });
  });

  test('are told at once that the day is spent', async () => {
    const virtual = startVirtualDispatcher({
      script: () => failureOf({ error: 'daily-quota-exhausted', advice: 'day-spent' }),
    });
    const one = putBackground(virtual, 'a@example.com');
    await virtual.clock.advance(1000);
    const other = putBackground(virtual, 'b@example.com');
    await virtual.clock.advance(1000);
    expect([one.outcome, other.outcome]).toEqual(['daily-quota-exhausted', 'daily-quota-exhausted']);
  });

  test('of a batch that is refused because of one, the others go through', async () => {
    const isBad = ({ email }: UpsertLead) => email === 'b5@example.com';
    const virtual = startVirtualDispatcher({
      script: ({ commands }) =>
        commands.some(isBad) ? failureOf({ error: 'lead-rejected', isolates: 'record' }) : undefined,
    });
    putBackground(virtual, 'first@example.com');
    await virtual.clock.flush();
    const stored = putMany(virtual, 10);
    const direct = virtual.put('direct@example.com');
    await virtual.clock.advance(5000);
    const outcomes = stored.map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(9);
    expect(outcomes[5]).toBe('lead-rejected');
    expect(direct.error).toBeUndefined();
  });
});
