import { expect, test } from 'vitest';
import { createFieldReader } from '../../src/dispatch/field-reader.ts';
import { createQuota } from '../../src/dispatch/quota.ts';
import type { FieldList } from '../../src/leads/fields.ts';
import type { UpstreamFields } from '../../src/upstream/fields.ts';
import { CALL_FAILURE, type Failure, unreachable } from '../../src/upstream/outcome.ts';
import { ORIGIN } from '../support/dispatcher.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const LIST: FieldList = { fields: [], asOf: 0 };

const failed = (more: Partial<Failure>): Failure => ({
  ...CALL_FAILURE,
  how: 'fault',
  error: 'upstream-error',
  explain: () => ({ detail: 'It failed.' }),
  ...more,
});

/** A reader of fields that come after these failures; each call takes 100 ms. */
function start(failures: readonly Failure[] = [], limits: { window?: number; day?: number } = {}) {
  const clock = createVirtualClock();
  const quota = createQuota(
    { callsPerWindow: limits.window ?? 10, maxConcurrent: 2, dailyCalls: limits.day ?? 1000 },
    clock,
  );
  const left = [...failures];
  const startedMs: number[] = [];
  let known: FieldList | undefined;
  const fields: UpstreamFields = {
    known: () => known,
    missing: () => (known === undefined ? 'fields' : undefined),
    read: () =>
      new Promise((resolve) => {
        startedMs.push(clock.monotonicMs());
        clock.setTimer(() => {
          const failure = left.shift();
          if (failure === undefined) known = LIST;
          resolve({ isSent: true, failure });
        }, 100);
      }),
    check: () => [],
    operationOf: () => 'describe',
  };
  const reader = createFieldReader({
    fields,
    quota,
    clock,
    random: () => 0.5,
    deadlineMs: 25_000,
    onCall() {},
    wake() {},
  });
  const ask = () => {
    const answer: { value?: FieldList; error?: any } = {};
    const settle = async () => {
      try {
        answer.value = await reader.list(ORIGIN);
      } catch (error) {
        answer.error = error;
      }
    };
    void settle();
    return answer;
  };
  return { clock, quota, ask, startedMs };
}

test('all who ask share one call, which counts', async () => {
  const { clock, quota, ask, startedMs } = start();
  const answers = Array.from({ length: 50 }, ask);
  await clock.advance(100);
  expect(answers.map(({ value }) => value)).toEqual(answers.map(() => LIST));
  expect(startedMs).toEqual([0]);
  expect([quota.free(), quota.dayLeft()]).toEqual([9, 999]);
});

test('a call waits for room in the 20 seconds', async () => {
  const { clock, quota, ask, startedMs } = start([], { window: 1 });
  quota.reserve()('counted');
  const answer = ask();
  await clock.advance(19_000);
  expect(startedMs).toEqual([]);
  await clock.advance(5000);
  expect(answer.value).toBe(LIST);
  expect(startedMs[0]).toBeGreaterThanOrEqual(20_000);
});

test('a call waits for the end of another one', async () => {
  const { clock, quota, ask, startedMs } = start();
  const ends = [quota.reserve(), quota.reserve()];
  const answer = ask();
  await clock.advance(3000);
  expect(startedMs).toEqual([]);
  ends[0]?.('counted');
  await clock.advance(1000);
  expect(answer.value).toBe(LIST);
});

test('without calls left in the day it is refused, with the time', async () => {
  const { clock, quota, ask } = start([], { day: 1 });
  quota.reserve()('counted');
  const answer = ask();
  await clock.flush();
  expect(answer.error).toMatchObject({ code: 'daily-quota-exhausted', retryAfterSeconds: 18 * 3600 });
});

test('without room before the deadline it is refused', async () => {
  const { clock, quota, ask, startedMs } = start();
  quota.pauseUntil(60_000);
  const answer = ask();
  await clock.flush();
  expect(answer.error).toMatchObject({ code: 'upstream-busy', retryAfterSeconds: 35 });
  expect(startedMs).toEqual([]);
});

test('a timestamp that was refused is signed again, once', async () => {
  const clocks = failed({ error: 'upstream-clock-skew', advice: 'reauthenticate' });
  const good = start([clocks]);
  const answer = good.ask();
  await good.clock.advance(1000);
  expect(answer.value).toBe(LIST);
  const bad = start([clocks, clocks, clocks]);
  const refused = bad.ask();
  await bad.clock.advance(1000);
  expect(refused.error).toMatchObject({ code: 'upstream-clock-skew' });
  expect(bad.startedMs).toHaveLength(2);
});

test('a failure that passes is tried again, five times in all', async () => {
  const down = unreachable(false, undefined, undefined);
  const { clock, ask, startedMs } = start(Array.from({ length: 9 }, () => down));
  const answer = ask();
  await clock.advance(25_000);
  expect(startedMs).toHaveLength(5);
  expect(answer.error).toMatchObject({
    code: 'upstream-unreachable',
    detail: 'Marketo cannot be reached right now, so its fields could not be read. Try again later.',
  });
});

test.each(['lead-rejected', 'lead-not-found', 'unknown-attribute'] as const)(
  'a refusal that would be about a lead, %s, is an error of the upstream here',
  async (error) => {
    const { clock, ask, startedMs } = start([failed({ error, upstream: { code: 20110, message: 'Bad' } })]);
    const answer = ask();
    await clock.advance(1000);
    expect(answer.error).toMatchObject({
      code: 'upstream-error',
      detail: 'Marketo refuses to tell its fields.',
      upstream: { code: 20110 },
    });
    expect(startedMs).toHaveLength(1);
  },
);
