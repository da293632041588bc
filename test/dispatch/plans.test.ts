import { expect, test } from 'vitest';
import type { RecordOutcome } from '../../src/upstream/outcome.ts';
import type { Step } from '../../src/upstream/step.ts';
import { answerOf, failureOf, leftBehind, NOTHING, startVirtualDispatcher } from '../support/dispatcher.ts';

const step = (group: string | null, note?: string): Step => ({ group, size: 100, note });
const STORED: RecordOutcome = { kind: 'stored', result: { leadId: 7, status: 'CREATED' } };

/** Every lead is found first, then written; calls take 100 ms. */
const findFirst = (groups: readonly (string | null)[]): RecordOutcome[] =>
  groups.map((group) => (group === 'write' ? STORED : { kind: 'next', step: step('write') }));

test('a lead that needs several calls gets the answer of the last, and each is a call like any other', async () => {
  const gateway = startVirtualDispatcher({
    groupOf: () => 'find',
    script: ({ steps }) => ({ kind: 'answered', records: findFirst(steps.map(({ group }) => group)) }),
  });
  const put = gateway.put('a@b.c');
  await gateway.clock.advance(200);
  expect(put.result).toEqual({ leadId: 7, status: 'CREATED' });
  expect(put.timing).toMatchObject({ attempts: 2, upstreamMs: 200 });
  expect(gateway.calls.map(({ steps }) => steps[0]?.group)).toEqual(['find', 'write']);
  expect(leftBehind(gateway)).toEqual(NOTHING);
});

test('leads that need the same call next share it, and go before leads that came later', async () => {
  const gateway = startVirtualDispatcher({
    limits: { maxConcurrent: 1 },
    groupOf: () => 'find',
    script: ({ steps }) => ({ kind: 'answered', records: findFirst(steps.map(({ group }) => group)) }),
  });
  const puts = ['a', 'b', 'c'].map((name) => gateway.put(`${name}@b.c`));
  await gateway.clock.advance(250);
  puts.push(gateway.put('d@b.c'));
  await gateway.clock.advance(10_000);
  expect(gateway.calls.map(({ steps }) => `${steps[0]?.group} ${steps.length}`)).toEqual([
    'find 1',
    'write 1',
    'find 2',
    'write 2',
    'find 1',
    'write 1',
  ]);
  expect(puts.map(answerOf)).toEqual(['stored', 'stored', 'stored', 'stored']);
  expect(leftBehind(gateway)).toEqual(NOTHING);
});

test('leads with one key still go one after the other, plan by plan', async () => {
  const gateway = startVirtualDispatcher({
    groupOf: () => 'find',
    script: ({ steps }) => ({ kind: 'answered', records: findFirst(steps.map(({ group }) => group)) }),
  });
  gateway.put({ email: 'a@b.c', workspace: 'One' });
  gateway.put({ email: 'A@b.c', workspace: 'Two' });
  await gateway.clock.advance(1000);
  expect(gateway.calls.map(({ commands, steps }) => [commands[0]?.workspace, steps[0]?.group])).toEqual([
    ['One', 'find'],
    ['One', 'write'],
    ['Two', 'find'],
    ['Two', 'write'],
  ]);
});

test('a lead whose next call must wait does so without a place or a permit', async () => {
  const wait = { untilMs: 5000, failure: failureOf({ error: 'upstream-timeout' }) };
  const gateway = startVirtualDispatcher({
    groupOf: () => 'find',
    script: ({ steps }, nth) =>
      nth === 0 && steps[0] !== undefined
        ? { kind: 'answered', records: [{ kind: 'next', step: step('write'), wait }] }
        : undefined,
  });
  const put = gateway.put('a@b.c');
  await gateway.clock.advance(4999);
  expect([answerOf(put), gateway.quota.running(), gateway.calls.length]).toEqual(['waits', 0, 1]);
  await gateway.clock.advance(200);
  expect([answerOf(put), gateway.calls[1]?.startMs]).toEqual(['stored', 5000]);
  expect(leftBehind(gateway)).toEqual(NOTHING);
});

test('a call that was not needed costs nothing, and the lead goes on', async () => {
  const gateway = startVirtualDispatcher({
    limits: { callsPerWindow: 1 },
    groupOf: () => 'describe',
    callMs: (_, nth) => (nth === 0 ? 0 : 100),
    script: (_, nth) =>
      nth === 0
        ? { kind: 'answered', records: [{ kind: 'next', step: step('write') }], isSent: false }
        : undefined,
  });
  const put = gateway.put('a@b.c');
  await gateway.clock.advance(200);
  expect([answerOf(put), gateway.calls.length, gateway.quota.free()]).toEqual(['stored', 2, 0]);
});

test('attempts are counted for each call of a plan', async () => {
  const failure = failureOf({ advice: 'backoff', error: 'upstream-unreachable' });
  const gateway = startVirtualDispatcher({
    groupOf: () => 'find',
    script: ({ steps }, nth) => {
      if (nth % 5 !== 4) return failure;
      return steps[0]?.group === 'write'
        ? { kind: 'answered', records: [STORED] }
        : { kind: 'answered', records: [{ kind: 'next', step: step('write') }] };
    },
  });
  const put = gateway.put('a@b.c');
  await gateway.clock.advance(20_000);
  expect([answerOf(put), gateway.calls.length]).toEqual(['stored', 10]);
});

test('every problem tells what earlier calls have stored', async () => {
  const note = 'The lead was stored (id 7); its cookie was not linked yet.';
  const gateway = startVirtualDispatcher({
    deadlineMs: 3000,
    groupOf: () => 'write',
    script: ({ steps }) =>
      steps[0]?.group === 'write'
        ? { kind: 'answered', records: steps.map(() => ({ kind: 'next', step: step(null, note) })) }
        : undefined,
    callMs: (_, nth) => (nth === 0 ? 100 : 60_000),
  });
  const put = gateway.put('a@b.c');
  await gateway.clock.advance(3000);
  expect(answerOf(put)).toBe('upstream-timeout');
  expect(put.error).toMatchObject({
    detail: `Marketo did not answer before the deadline. Sending the lead again is safe. ${note}`,
  });
});

test('a lead that is refused without a call is refused at once', async () => {
  const failure = failureOf({ error: 'validation-failed' });
  const gateway = startVirtualDispatcher({ refuse: () => failure });
  const put = gateway.put('a@b.c');
  await gateway.clock.flush();
  expect([answerOf(put), gateway.calls.length]).toEqual(['validation-failed', 0]);
  expect(leftBehind(gateway)).toEqual(NOTHING);
});

test('an equal lead that comes once the first is stored has calls of its own', async () => {
  const note = 'The lead was stored (id 7); it could not be read back.';
  const gateway = startVirtualDispatcher({
    limits: { maxConcurrent: 1 },
    groupOf: () => 'write',
    script: ({ steps }) =>
      steps[0]?.group === 'write'
        ? { kind: 'answered', records: steps.map(() => ({ kind: 'next', step: step('read', note) })) }
        : { kind: 'answered', records: steps.map(() => STORED) },
  });
  const first = gateway.put('a@b.c');
  const second = gateway.put('other@b.c');
  await gateway.clock.advance(150);
  const third = gateway.put('a@b.c');
  await gateway.clock.advance(1000);
  expect([first, second, third].map(answerOf)).toEqual(['stored', 'stored', 'stored']);
  const writes = gateway.calls.filter(({ steps }) => steps[0]?.group === 'write');
  expect(writes.flatMap(({ commands }) => commands.map(({ email }) => email))).toEqual([
    'a@b.c',
    'other@b.c',
    'a@b.c',
  ]);
  expect(leftBehind(gateway)).toEqual(NOTHING);
});
