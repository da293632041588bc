import { describe, expect, test } from 'vitest';
import type { CallerId, UpsertLead } from '../../src/leads/lead.ts';
import {
  answerOf,
  leftBehind,
  NOTHING,
  type Put,
  startVirtualDispatcher,
  type VirtualOptions,
} from '../support/dispatcher.ts';
import { IS_THOROUGH } from '../support/fuzz.ts';
import { testEvery } from '../support/exhaustive.ts';

const CALM: CallerId = { key: 'secret calm', address: undefined };
const LOUD: CallerId = { key: 'secret loud', address: undefined };

/** A call takes this long, in ms; a Marketo subscription's usual limits leave 200 ms between two of them. */
const CALL_MS = 150;
const SLOT_MS = 200;

type Load = {
  readonly perSecond: number;
  readonly lead: (nth: number) => Partial<UpsertLead>;
  readonly caller?: (nth: number) => CallerId;
};

const plain = (nth: number) => ({ email: `loud${nth}@example.com` });
const alone = (nth: number) => ({ email: `loud${nth}@example.com`, marketoCookie: `id:1&token:${nth}` });
const onePerson = (nth: number) => ({ email: 'one@example.com', attributes: [{ name: 'N', value: nth }] });

const STEP_MS = 20;

/** Runs a caller with one lead a second beside another load; the waits are those of the caller. */
async function beside(load: Load, seconds: number, dailyCalls = 100_000) {
  const { clock, putFor } = startVirtualDispatcher({
    callMs: CALL_MS,
    limits: { dailyCalls },
    deadlineMs: 25_000,
  });
  const calm: Put[] = [];
  let sent = 0;
  for (let ms = 0; ms < seconds * 1000; ms += STEP_MS) {
    for (; sent < (ms / 1000) * load.perSecond; sent += 1) {
      putFor(load.caller?.(sent) ?? LOUD, load.lead(sent));
    }
    if (ms % 1000 === 500) calm.push(putFor(CALM, { email: `calm${ms}@example.com` }));
    await clock.advance(STEP_MS);
  }
  await clock.advance(30_000);
  return { answers: new Set(calm.map(answerOf)), p50: waitOf(calm, 0.5), p99: waitOf(calm, 0.99) };
}

/** How long this part of the leads waited at most, in ms. */
function waitOf(puts: readonly Put[], part: number): number {
  const waits = puts.map(({ timing }) => timing?.waitMs ?? Infinity).toSorted((a, b) => a - b);
  return waits[Math.floor((waits.length - 1) * part)] ?? Infinity;
}

testEvery<[string, Load]>(2, [
  ['100 a second that go alone', { perSecond: 100, lead: alone }],
  ['2,000 leads a second', { perSecond: 2000, lead: plain }],
  ['8 a second that go alone', { perSecond: 8, lead: alone }],
  ['500 a second for one person', { perSecond: 500, lead: onePerson }],
  [
    '200 addresses of one key',
    {
      perSecond: 400,
      lead: alone,
      caller: (nth) => ({ key: 'publishable site', address: `192.0.2.${nth % 200}` }),
    },
  ],
  [
    '200 keys, more than calls can carry',
    { perSecond: 2000, lead: plain, caller: (nth) => ({ key: `secret ${nth % 200}`, address: undefined }) },
  ],
  [
    '30 keys',
    { perSecond: 400, lead: plain, caller: (nth) => ({ key: `secret ${nth % 30}`, address: undefined }) },
  ],
])('a caller with a lead a second hardly waits beside %s', async (_what, load) => {
  const { answers, p50, p99 } = await beside(load, IS_THOROUGH ? 40 : 8);
  expect(answers).toEqual(new Set(['stored']));
  expect(p50).toBeLessThanOrEqual(SLOT_MS);
  expect(p99).toBeLessThanOrEqual(CALL_MS + 2 * SLOT_MS);
});

test('leads that go alone cost a caller with a lead a second none of the calls that it may make at once', async () => {
  const { answers, p99 } = await beside({ perSecond: 8, lead: alone }, 120, 10_000);
  expect(answers).toEqual(new Set(['stored']));
  expect(p99).toBeLessThanOrEqual(CALL_MS + 2 * SLOT_MS);
});

/** One call at a time, so that what is sent in which call depends on turns alone. */
const oneByOne = (options: VirtualOptions = {}) =>
  startVirtualDispatcher({ limits: { maxConcurrent: 1 }, callMs: 100, ...options });
const times = <Made>(count: number, make: (nth: number) => Made) =>
  Array.from({ length: count }, (_, nth) => make(nth));

describe('a request of a caller with few leads', () => {
  test('that equals one far behind in the queue of another has it moved up', async () => {
    const { clock, putFor } = oneByOne();
    times(50, (nth) => putFor(LOUD, alone(nth)));
    const joined = putFor(CALM, alone(45));
    await clock.advance(250);
    expect(answerOf(joined)).toBe('stored');
  });

  test('that must wait for one far behind in the queue of another has it moved up', async () => {
    const { clock, putFor, calls } = oneByOne();
    const loud = times(50, (nth) => putFor(LOUD, alone(nth)));
    const second = putFor(LOUD, { ...alone(45), attributes: [{ name: 'City', value: 'x' }] });
    const behind = putFor(CALM, { email: 'loud45@example.com', attributes: [{ name: 'City', value: 'y' }] });
    await clock.advance(650);
    expect([loud[45]!, second, behind].map(answerOf)).toEqual(['stored', 'stored', 'stored']);
    expect(second.answeredAt!).toBeLessThan(behind.answeredAt!);
    // Every other call was the loud caller's own turn.
    expect(calls.map(({ commands: [only] }) => only?.email)).toEqual([
      ...['loud0', 'loud45', 'loud1', 'loud45', 'loud2', 'loud45'].map((name) => `${name}@example.com`),
      'loud3@example.com',
    ]);
  });

  test('goes with the next call that can carry it, no matter whose turn it is', async () => {
    const { clock, putFor, sizes } = oneByOne({ maxBatch: 20 });
    times(101, (nth) => putFor(LOUD, plain(nth)));
    const calm = times(3, (nth) => putFor(CALM, { email: `calm${nth}@example.com` }));
    await clock.advance(200);
    expect(calm.map(answerOf)).toEqual(['stored', 'stored', 'stored']);
    expect(sizes().slice(0, 2)).toEqual([1, 20]);
  });

  test('is not crowded out of calls by large leads', async () => {
    const { clock, putFor, calls } = oneByOne();
    const value = 'x'.repeat(100_000);
    times(100, (nth) => putFor(LOUD, { ...plain(nth), attributes: [{ name: 'Notes', value }] }));
    const small = times(1000, (nth) => putFor(CALM, { email: `calm${nth}@example.com` }));
    await clock.advance(1000);
    expect(new Set(small.map(answerOf))).toEqual(new Set(['stored']));
    // Nor are those: they fill what is left of each call.
    const large = calls.map(({ commands }) => commands.filter(({ attributes: [notes] }) => notes).length);
    expect(large).toEqual([1, ...times(10, () => 9)]);
  });
});

test('leads that go alone and leads that share calls take turns by calls, however many each caller has', async () => {
  const { clock, putFor, calls } = oneByOne({ maxBatch: 10 });
  const callers = times(3, (nth) => ({ key: `secret ${nth}`, address: undefined }));
  times(100, (nth) => putFor(LOUD, alone(nth)));
  for (const caller of callers)
    times(100, (nth) => putFor(caller, { email: `${caller.key}${nth}@example.com` }));
  await clock.advance(2050);
  const singles = calls.filter(({ commands: [first] }) => first?.marketoCookie !== undefined).length;
  expect([calls.length, singles]).toEqual([21, 6]);
});

test('the addresses of one key have one turn together beside a key', async () => {
  const { clock, putFor, calls } = oneByOne();
  times(200, (nth) => putFor({ key: 'publishable', address: `192.0.2.${nth}` }, alone(nth)));
  times(50, (nth) => putFor(LOUD, { email: `key${nth}@example.com`, marketoCookie: `id:1&token:key${nth}` }));
  await clock.advance(2050);
  const ofKey = calls.filter(({ commands: [first] }) => first?.email?.startsWith('key')).length;
  expect([calls.length, ofKey]).toEqual([21, 10]);
});

test('an upstream can have several groups: a call carries one, and callers take turns over all', async () => {
  const { clock, putFor, calls } = oneByOne({ groupOf: ({ workspace = '' }) => workspace });
  times(9, (nth) => putFor(LOUD, { ...plain(nth), workspace: `w${nth % 3}` }));
  putFor(CALM, { email: 'calm@example.com', workspace: 'w2' });
  await clock.advance(1000);
  expect(calls.map(({ commands }) => commands.map(({ workspace }) => workspace))).toEqual([
    ['w0'],
    ['w2', 'w2', 'w2', 'w2'],
    ['w1', 'w1', 'w1'],
    ['w0', 'w0'],
  ]);
});

describe('a share of the queue', () => {
  const fill = (virtual: ReturnType<typeof oneByOne>, caller: CallerId, count: number) =>
    times(count, (nth) =>
      virtual.putFor(caller, { email: `${caller.key}${caller.address}${nth}@example.com` }),
    );

  test('is nearly all of it for a caller that is alone, and as much for each of several', async () => {
    const virtual = oneByOne({ maxQueued: 900 });
    const accepted = async (caller: CallerId) => {
      const puts = fill(virtual, caller, 1000);
      await virtual.clock.flush();
      return puts.filter((put) => answerOf(put) === 'waits').length;
    };
    // One is in a call.
    expect(await accepted(LOUD)).toBe(801);
    for (const nth of [1, 2, 3])
      expect(await accepted({ key: `k${nth}`, address: undefined })).toBeGreaterThan(0);
    expect(await accepted(CALM)).toBeGreaterThan(0);
  });

  test('leaves room for an address of a key that another address floods', async () => {
    const virtual = oneByOne({ maxQueued: 900 });
    fill(virtual, { key: 'publishable', address: '192.0.2.1' }, 2000);
    const other = fill(virtual, { key: 'publishable', address: '192.0.2.2' }, 3);
    await virtual.clock.flush();
    expect(other.map(answerOf)).toEqual(['waits', 'waits', 'waits']);
  });

  test('counts requests that join an equal one', async () => {
    const virtual = oneByOne({ maxQueued: 90 });
    virtual.putFor(LOUD, 'first@example.com');
    const equal = times(200, () => virtual.putFor(LOUD, 'equal@example.com'));
    const calm = virtual.putFor(CALM, 'calm@example.com');
    await virtual.clock.flush();
    expect(equal.filter((put) => answerOf(put) === 'waits')).toHaveLength(80);
    await virtual.clock.advance(300);
    expect(answerOf(calm)).toBe('stored');
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });

  test('for one person is all that can be answered in time, up to 200', async () => {
    const virtual = oneByOne({ callMs: 250, deadlineMs: 60_000 });
    virtual.putFor(LOUD, onePerson(0));
    await virtual.clock.advance(250);
    const puts = times(220, (nth) => virtual.putFor(LOUD, onePerson(nth)));
    await virtual.clock.flush();
    expect(puts.filter((put) => answerOf(put) === 'waits')).toHaveLength(200);
    expect(answerOf(virtual.putFor(CALM, onePerson(1000)))).toBe('waits');
    await virtual.clock.advance(60_000);
    expect(puts.filter((put) => answerOf(put) === 'stored')).toHaveLength(200);
  });

  test('for one person ends where the time does, and says when to come back', async () => {
    const virtual = oneByOne({ callMs: 1000 });
    virtual.putFor(LOUD, 'first@example.com');
    await virtual.clock.advance(1000);
    const puts = times(150, (nth) => virtual.putFor(LOUD, onePerson(nth)));
    await virtual.clock.flush();
    const waiting = puts.filter((put) => answerOf(put) === 'waits');
    expect(waiting.length).toBeGreaterThanOrEqual(10);
    expect(waiting.length).toBeLessThan(150);
    expect(puts.at(-1)?.error).toMatchObject({
      code: 'upstream-busy',
      retryAfterSeconds: expect.any(Number),
    });
    expect(answerOf(virtual.putFor(LOUD, 'another@example.com'))).toBe('waits');
  });
});
