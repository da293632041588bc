import { describe, expect, test } from 'vitest';
import { answerOf, type Put, startVirtualDispatcher } from '../support/dispatcher.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

/** Leads for `seconds`, `perSecond` of them, as time passes. */
async function offer(
  { clock, put }: ReturnType<typeof startVirtualDispatcher>,
  perSecond: number,
  seconds: number,
  lead: (nth: number) => Parameters<typeof put>[0] = (nth) => `lead${nth}@example.com`,
): Promise<Put[]> {
  const puts: Put[] = [];
  for (let nth = 0; nth < perSecond * seconds; nth += 1) {
    puts.push(put(lead(nth)));
    await clock.advance(1000 / perSecond);
  }
  return puts;
}

const countOf = (puts: readonly Put[], answer: string) =>
  puts.filter((made) => answerOf(made) === answer).length;

test(
  '60 calls that are left carry 5 leads a second for much longer than 12 seconds',
  EXHAUSTIVE,
  async () => {
    const virtual = startVirtualDispatcher({ limits: { dailyCalls: 60 }, deadlineMs: 25_000 });
    const puts = await offer(virtual, 5, 600);
    await virtual.clock.advance(25_000);
    expect(countOf(puts, 'stored')).toBe(3000);
    expect(virtual.calls.length).toBeLessThanOrEqual(60);
  },
);

test('leads of one caller that come one after the other do not wait for others', async () => {
  const virtual = startVirtualDispatcher();
  for (let nth = 0; nth < 600; nth += 1) {
    const made = virtual.put(`lead${nth}@example.com`);
    await virtual.clock.advance(250);
    expect(made.timing?.waitMs).toBe(0);
  }
});

test('a lead that can only go alone does not wait while the others gather', async () => {
  const virtual = startVirtualDispatcher({ limits: { dailyCalls: 60 } });
  await offer(virtual, 5, 20);
  const before = virtual.calls.length;
  virtual.put('gathers@example.com');
  const cookie = virtual.put({ email: 'alone@example.com', marketoCookie: 'id:1&token:t' });
  await virtual.clock.advance(200);
  expect(answerOf(cookie)).toBe('stored');
  expect(virtual.calls.length).toBe(before + 1);
});

test('leads that can only go alone are refused once every call of the day is made, until midnight', async () => {
  const virtual = startVirtualDispatcher({ limits: { dailyCalls: 20 } });
  const puts = await offer(virtual, 2, 20, (nth) => ({
    email: `lead${nth}@example.com`,
    marketoCookie: `id:${nth}&token:t`,
  }));
  await virtual.clock.advance(1000);
  expect(countOf(puts, 'stored')).toBe(20);
  expect(countOf(puts, 'daily-quota-exhausted')).toBe(20);
  // Noon UTC is 6:00 in Chicago.
  const [last] = puts.slice(-1);
  expect(last?.error).toMatchObject({ retryAfterSeconds: expect.closeTo(18 * 3600 - 20, -2) });
});

test(
  '10,000 calls: a lead every two seconds for an hour gathers, and none waits 10 seconds',
  EXHAUSTIVE,
  async () => {
    const virtual = startVirtualDispatcher();
    const puts = await offer(virtual, 0.5, 3600);
    await virtual.clock.advance(25_000);
    expect(countOf(puts, 'stored')).toBe(puts.length);
    expect(Math.max(...puts.map(({ timing }) => timing?.waitMs ?? Infinity))).toBeLessThan(10_000);
    expect(virtual.calls.length).toBeLessThan(puts.length * 0.6);
  },
);

test('shortly before midnight leads wait for the calls of the next day', async () => {
  const virtual = startVirtualDispatcher({ limits: { dailyCalls: 2 }, deadlineMs: 25_000 });
  await virtual.clock.advance(18 * 3_600_000 - 10_000);
  const puts = [virtual.put('a@example.com'), virtual.put('b@example.com')];
  await virtual.clock.advance(1000);
  puts.push(virtual.put('c@example.com'));
  await virtual.clock.advance(8000);
  expect(answerOf(puts[2] as Put)).toBe('waits');
  await virtual.clock.advance(2000);
  expect(countOf(puts, 'stored')).toBe(3);
});

test('the plan says whether the calls of the day last at the demand so far', async () => {
  const few = startVirtualDispatcher({ limits: { dailyCalls: 60 } });
  expect(few.dispatcher.dayPlan().endsInMs).toBeNull();
  await offer(few, 5, 60);
  const { callsNeeded, endsInMs } = few.dispatcher.dayPlan();
  expect(callsNeeded).toBeGreaterThan(60);
  expect(endsInMs).toBeLessThan(3_600_000);
  const enough = startVirtualDispatcher();
  await offer(enough, 5, 60);
  expect(enough.dispatcher.dayPlan().endsInMs).toBeNull();
});

describe('leads for one person, which go one after the other', () => {
  const many = (virtual: ReturnType<typeof startVirtualDispatcher>, count: number) =>
    Array.from({ length: count }, (_, nth) =>
      virtual.put({ email: 'one@example.com', attributes: [{ name: 'N', value: nth }] }),
    );
  const afterMidnight = async (callMs: number) => {
    const clock = createVirtualClock(Date.parse('2026-11-23T00:00:10-06:00'));
    const virtual = startVirtualDispatcher({ clock, callMs, deadlineMs: 25_000 });
    virtual.put('first@example.com');
    await clock.advance(1000);
    return virtual;
  };

  test('do not gather for so long that the last of them is late, just after midnight either', async () => {
    const virtual = await afterMidnight(100);
    const puts = many(virtual, 100);
    await virtual.clock.advance(25_000);
    expect(countOf(puts, 'stored')).toBe(100);
  });

  test('are refused at once if they cannot be answered in time, and not after the deadline', async () => {
    const virtual = await afterMidnight(300);
    const puts = many(virtual, 100);
    await virtual.clock.flush();
    const accepted = puts.filter((put) => answerOf(put) === 'waits');
    expect(accepted.length).toBeGreaterThan(75);
    expect(countOf(puts, 'upstream-busy')).toBe(100 - accepted.length);
    await virtual.clock.advance(25_000);
    expect(countOf(accepted, 'stored')).toBe(accepted.length);
  });

  test('but two of them gather as others do', async () => {
    const virtual = await afterMidnight(100);
    await offer(virtual, 10, 10);
    const before = virtual.calls.length;
    const puts = many(virtual, 2);
    await virtual.clock.advance(2000);
    expect(puts.map(answerOf)).toEqual(['waits', 'waits']);
    expect(virtual.calls.length).toBe(before);
    await virtual.clock.advance(18_000);
    expect(countOf(puts, 'stored')).toBe(2);
  });
});
