import { describe, expect, test } from 'vitest';
import type { GatewayError } from '../../src/leads/errors.ts';
import type { Failure } from '../../src/upstream/outcome.ts';
import {
  failureOf,
  answerOf,
  leftBehind,
  NOTHING,
  type Put,
  type Script,
  startVirtualDispatcher,
} from '../support/dispatcher.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const emails = (count: number, start = 0) =>
  Array.from({ length: count }, (_, index) => `lead${start + index}@example.com`);

/** Fails the first calls with these, one after the other; undefined: the call succeeds. */
const failing =
  (...failures: readonly (Failure | undefined)[]): Script =>
  (_call, nth) =>
    failures[nth];

const retryAfterOf = (put: Put) => (put.error as GatewayError).retryAfterSeconds;

describe('when and with whom a lead goes', () => {
  test('at once and alone while a call can be made', async () => {
    const { clock, sizes, put } = startVirtualDispatcher();
    const puts = emails(10).map(put);
    await clock.advance(100);
    expect(puts.map(answerOf)).toEqual(puts.map(() => 'stored'));
    expect(puts.map(({ timing }) => timing)).toEqual(
      puts.map(() => ({ waitMs: 0, upstreamMs: 100, attempts: 1, batchSize: 1 })),
    );
    expect(sizes()).toEqual(puts.map(() => 1));
  });

  test('what waits goes together, each with its own answer', async () => {
    const { clock, sizes, put, calls } = startVirtualDispatcher({
      limits: { maxConcurrent: 1 },
      script: ({ commands }) =>
        commands.length === 1
          ? undefined
          : {
              kind: 'answered',
              records: commands.map(({ email }) =>
                email === 'lead7@example.com'
                  ? failureOf({ how: 'rejected', error: 'lead-rejected', isolates: 'record' })
                  : {
                      kind: 'stored',
                      result: { leadId: Number(email?.match(/\d+/)?.[0]), status: 'CREATED' },
                    },
              ),
            },
    });
    const puts = emails(50).map(put);
    await clock.advance(200);
    expect(puts.map(answerOf)).toEqual(puts.map((_, index) => (index === 7 ? 'lead-rejected' : 'stored')));
    expect(puts.slice(8).map(({ result }) => result?.leadId)).toEqual(puts.slice(8).map((_, at) => at + 8));
    expect(sizes()).toEqual([1, 49]);
    expect(calls[1]?.startMs).toBe(100);
  });

  test('never more of them than a batch holds', async () => {
    const { clock, sizes, put } = startVirtualDispatcher({ limits: { maxConcurrent: 1 }, maxBatch: 20 });
    emails(50).forEach(put);
    await clock.advance(1000);
    expect(sizes()).toEqual([1, 20, 20, 9]);
  });

  test('leads that cannot share a call take turns with those that can', async () => {
    const { clock, sizes, put } = startVirtualDispatcher({ limits: { maxConcurrent: 1 } });
    put('first@example.com');
    emails(10).forEach(put);
    put({ email: 'r@example.com', returnLead: true });
    put({ email: 'w@example.com', workspace: 'Europe' });
    put({ email: 'c@example.com', marketoCookie: 'id:1&token:c' });
    await clock.advance(500);
    expect(sizes()).toEqual([1, 1, 10, 1, 1]);
  });

  test(
    'under more demand than the window carries calls are spread over it, and each takes along what has gathered',
    EXHAUSTIVE,
    async () => {
      const virtual = startVirtualDispatcher({ limits: { callsPerWindow: 20 } });
      const { clock, calls, put } = virtual;
      const puts: Put[] = [];
      for (let lead = 0; lead < 4000; lead += 1) {
        puts.push(put(`lead${lead}@example.com`));
        await clock.advance(10);
      }
      await clock.advance(5000);
      expect(new Set(puts.map(answerOf))).toEqual(new Set(['stored']));
      for (const { startMs } of calls) {
        const inWindow = calls.filter(
          (other) => other.startMs > startMs - 20_000 && other.startMs <= startMs,
        );
        expect(inWindow.length).toBeLessThanOrEqual(20);
      }
      // No lead waits for the whole window to come back, as it would without a pace.
      const longest = Math.max(...puts.map(({ timing }) => timing?.waitMs ?? Infinity));
      expect(longest).toBeLessThan(3000);
    },
  );
});

describe('order', () => {
  test('leads that share a key go one after the other, in the order they came', async () => {
    const { clock, calls, put, dispatcher } = startVirtualDispatcher();
    for (const City of ['a', 'b', 'c']) {
      put({
        email: City === 'b' ? 'Same@example.com' : 'same@example.com',
        attributes: [{ name: 'City', value: City }],
      });
    }
    await clock.advance(250);
    expect(dispatcher.orderingKeys()).toBe(1);
    await clock.advance(50);
    expect(calls.map(({ startMs, commands: [only] }) => [startMs, only?.attributes[0]?.value])).toEqual([
      [0, 'a'],
      [100, 'b'],
      [200, 'c'],
    ]);
  });

  test('a lead with several keys waits for all of them; others overtake it', async () => {
    const { clock, calls, put } = startVirtualDispatcher();
    put({ id: 1, email: 'a@example.com' });
    put({ id: 2, email: 'b@example.com' });
    put({ id: 1, email: 'b@example.com' });
    put({ id: 3, email: 'c@example.com' });
    await clock.advance(200);
    expect(calls.map(({ startMs }) => startMs)).toEqual([0, 0, 0, 100]);
  });

  test('a lead that pauses keeps its place before the others with its key', async () => {
    const { clock, calls, put } = startVirtualDispatcher({
      script: failing(failureOf({ how: 'unreachable', advice: 'backoff', counted: 'no' })),
    });
    put('same@example.com');
    await clock.advance(50);
    put({ email: 'same@example.com', attributes: [{ name: 'City', value: 'b' }] });
    await clock.advance(1000);
    expect(calls.map(({ startMs, commands: [only] }) => [startMs, only?.attributes.length])).toEqual([
      [0, 0],
      [200, 0],
      [300, 1],
    ]);
  });

  test('equal leads that wait are one call, answered to all; one on its way is not joined', async () => {
    const { clock, calls, put } = startVirtualDispatcher();
    const puts = Array.from({ length: 20 }, () => put('a@example.com'));
    await clock.advance(200);
    expect(puts.map(({ answeredAt }) => answeredAt)).toEqual(puts.map((_, at) => (at === 0 ? 100 : 200)));
    expect(calls).toHaveLength(2);
  });
});

describe('a batch that is refused because of one lead', () => {
  const refusal = (unknownAttributes: readonly string[] = []) =>
    failureOf({ error: 'unknown-attribute', isolates: 'record', unknownAttributes });

  test('goes on without the leads that have an attribute it names', async () => {
    const virtual = startVirtualDispatcher({
      limits: { maxConcurrent: 1 },
      script: failing(undefined, refusal(['pants'])),
    });
    const { clock, put, sizes } = virtual;
    put('first@example.com');
    const puts = emails(300).map((email, index) =>
      put({ email, attributes: index === 123 ? [{ name: 'pants', value: 'x' }] : [] }),
    );
    await clock.advance(300);
    expect(puts.map(answerOf)).toEqual(
      puts.map((_, index) => (index === 123 ? 'unknown-attribute' : 'stored')),
    );
    expect(sizes()).toEqual([1, 300, 299]);
  });

  test('is halved until the lead is alone where it names none; the others stay in batches', async () => {
    const virtual = startVirtualDispatcher({
      limits: { maxConcurrent: 1 },
      script: ({ commands }) =>
        commands.length > 1 && commands.some(({ email }) => email === 'lead200@example.com')
          ? refusal()
          : undefined,
    });
    const { clock, put, sizes } = virtual;
    put('first@example.com');
    const puts = emails(300).map(put);
    await clock.advance(5000);
    // Alone, this upstream accepts it: it was the batch it was refused in.
    expect(new Set(puts.map(answerOf))).toEqual(new Set(['stored']));
    expect(sizes().length).toBeLessThanOrEqual(2 + 20);
    expect(sizes()).toContain(1);
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });

  test('drops what no one waits for any longer', async () => {
    const { clock, put, sizes } = startVirtualDispatcher({
      limits: { maxConcurrent: 1 },
      script: failing(undefined, refusal()),
    });
    put('first@example.com');
    const puts = emails(5).map(put);
    await clock.advance(150);
    puts[0]?.leave();
    puts[3]?.leave();
    await clock.advance(1000);
    expect(sizes()).toEqual([1, 5, 2, 1]);
  });

  test('an answer that cannot be matched with its leads is not trusted: they are sent one by one', async () => {
    const { clock, put, sizes } = startVirtualDispatcher({
      limits: { maxConcurrent: 1 },
      script: (_call, nth) => (nth === 1 ? { kind: 'mismatched' } : undefined),
    });
    put('first@example.com');
    const puts = emails(5).map(put);
    await clock.advance(1000);
    expect(sizes()).toEqual([1, 5, 1, 1, 1, 1, 1]);
    expect(new Set(puts.map(answerOf))).toEqual(new Set(['stored']));
  });
});

describe('retries', () => {
  const unreachable = failureOf({ error: 'upstream-unreachable', how: 'unreachable', advice: 'backoff' });
  const starts = (calls: readonly { readonly startMs: number }[]) => calls.map(({ startMs }) => startMs);

  test('pauses double with jitter, up to five attempts', async () => {
    const { clock, put, calls } = startVirtualDispatcher({ script: () => unreachable });
    const lead = put('a@example.com');
    await clock.advance(19_000);
    // Half of 200, 400, 800 and 1,600 ms between the end of one call and the next.
    expect(starts(calls)).toEqual([0, 200, 500, 1000, 1900]);
    expect([answerOf(lead), lead.answeredAt]).toEqual(['upstream-unreachable', 2000]);
    expect(lead.timing).toEqual({ waitMs: 1500, upstreamMs: 500, attempts: 5, batchSize: 1 });
  });

  test('a broken connection is tried again at once', async () => {
    const { clock, put, calls } = startVirtualDispatcher({
      script: failing(failureOf({ how: 'unreachable', advice: 'reconnect', counted: 'unclear' })),
    });
    put('a@example.com');
    await clock.advance(300);
    expect(starts(calls)).toEqual([0, 100]);
  });

  test('a Retry-After is kept, and given up where the deadline comes first', async () => {
    const overloaded = (retryAfter: string) => failureOf({ advice: 'backoff', retryAfter });
    const { clock, put, calls } = startVirtualDispatcher({
      script: failing(overloaded('3'), undefined, overloaded('20')),
    });
    put('a@example.com');
    await clock.advance(5000);
    expect(starts(calls)).toEqual([0, 3200]);
    const late = put('b@example.com');
    await clock.advance(100);
    expect([answerOf(late), retryAfterOf(late)]).toEqual(['upstream-error', 20]);
  });

  test('a refused timestamp or token is tried again at once, and only once', async () => {
    const { clock, put, calls } = startVirtualDispatcher({
      script: () => failureOf({ error: 'upstream-clock-skew', advice: 'reauthenticate' }),
    });
    const lead = put('a@example.com');
    await clock.advance(1000);
    expect(starts(calls)).toEqual([0, 100]);
    expect(answerOf(lead)).toBe('upstream-clock-skew');
  });

  test('a limit that the upstream has reached makes all wait, and is no attempt that counts', async () => {
    const limited = failureOf({ advice: 'rate-limited' });
    const virtual = startVirtualDispatcher({ script: failing(limited, limited, limited) });
    const { clock, put, calls } = virtual;
    const leads = [put('a@example.com')];
    await clock.advance(150);
    leads.push(put('b@example.com'));
    await clock.advance(15_000);
    // Pauses of 1, 2 and 4 seconds; then one call carries both.
    expect(calls.map(({ startMs, commands }) => [startMs, commands.length])).toEqual([
      [0, 1],
      [1100, 2],
      [3200, 2],
      [7300, 2],
    ]);
    expect(leads.map(answerOf)).toEqual(['stored', 'stored']);
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });

  test('a defect rejects the waiters and leaves nothing reserved', async () => {
    const virtual = startVirtualDispatcher({
      script: () => {
        throw new Error('a bug');
      },
    });
    const lead = virtual.put('a@example.com');
    await virtual.clock.advance(100);
    expect(answerOf(lead)).toBe('a defect: a bug');
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });
});

describe('deadlines', () => {
  test('a lead in a call is answered at its deadline; the call goes on and keeps its place', async () => {
    const virtual = startVirtualDispatcher({ deadlineMs: 1500, callMs: 2500, limits: { maxConcurrent: 1 } });
    const { clock, put, quota } = virtual;
    const [sent, waiting] = [put('a@example.com'), put('b@example.com')];
    await clock.advance(1500);
    expect([sent, waiting].map(({ answeredAt }) => answeredAt)).toEqual([1500, 1500]);
    expect((sent.error as GatewayError).detail).toMatch(/whether the lead was saved is not known/);
    expect((waiting.error as GatewayError).detail).toMatch(/was not sent/);
    expect(quota.running()).toBe(1);
    await clock.advance(1000);
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });

  test.each(['rate-limited', 'too-many-at-once'] as const)(
    'a lead that was only ever refused by a limit is told so at its deadline: %s',
    async (advice) => {
      const limited = failureOf({ advice, error: 'upstream-busy' });
      const virtual = startVirtualDispatcher({ script: () => limited, deadlineMs: 3000, maxBatch: 1 });
      const { clock, put } = virtual;
      const leads = emails(2).map(put);
      await clock.advance(3000);
      expect(leads.map(answerOf)).toEqual(['upstream-busy', 'upstream-busy']);
      for (const lead of leads) expect(retryAfterOf(lead)).toBeGreaterThan(0);
      await clock.advance(60_000);
      expect(leftBehind(virtual)).toEqual(NOTHING);
    },
  );

  test('a lead whose connection broke before a limit refused it may be stored', async () => {
    const broken = failureOf({ advice: 'reconnect', error: 'upstream-unreachable' });
    const limited = failureOf({ advice: 'rate-limited', error: 'upstream-busy' });
    const virtual = startVirtualDispatcher({
      script: (_call, nth) => (nth < 2 ? broken : limited),
      deadlineMs: 3000,
      maxBatch: 1,
    });
    const leads = emails(2).map(virtual.put);
    await virtual.clock.advance(3000);
    const late = leads.find((lead) => answerOf(lead) === 'upstream-timeout');
    expect(late?.error).toMatchObject({
      detail: expect.stringMatching(/whether the lead was saved is not known/),
    });
  });

  test('200 parallel leads to an upstream that stalls are all answered by their deadline', async () => {
    const virtual = startVirtualDispatcher({ deadlineMs: 1500, callMs: 2500 });
    const { clock, put } = virtual;
    const puts: Put[] = [];
    for (const email of emails(200)) {
      puts.push(put(email));
      await clock.advance(3);
    }
    await clock.advance(5000);
    for (const [index, { answeredAt }] of puts.entries()) {
      expect(answeredAt).toBeLessThanOrEqual(index * 3 + 1500);
    }
    expect(new Set(puts.map(answerOf))).toEqual(new Set(['upstream-timeout']));
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });

  test('a lead that the budgets cannot send in time is refused at once, with the seconds to wait', async () => {
    const { clock, put, refusals } = startVirtualDispatcher({
      limits: { callsPerWindow: 2 },
      deadlineMs: 3000,
    });
    emails(2).forEach(put);
    await clock.advance(100);
    const refused = put('c@example.com');
    await clock.flush();
    expect([answerOf(refused), refused.answeredAt, retryAfterOf(refused)]).toEqual([
      'upstream-busy',
      100,
      17,
    ]);
    expect(refusals).toEqual(['upstream-busy 1']);
  });

  test('a full queue refuses with the seconds to wait', async () => {
    const { clock, put } = startVirtualDispatcher({ limits: { maxConcurrent: 1 }, maxQueued: 5 });
    const puts = emails(10).map(put);
    await clock.advance(1000);
    expect(puts.map(answerOf)).toEqual([
      ...Array.from({ length: 6 }, () => 'stored'),
      ...Array.from({ length: 4 }, () => 'upstream-busy'),
    ]);
    expect(puts.slice(6).map(retryAfterOf)).toEqual([1, 1, 1, 1]);
  });
});

describe('a client that leaves', () => {
  test('while its lead waits costs no call, and frees the keys', async () => {
    const virtual = startVirtualDispatcher({ limits: { maxConcurrent: 1 } });
    const { clock, put, calls } = virtual;
    put('first@example.com');
    const gone = put('gone@example.com');
    const next = put({ email: 'gone@example.com', attributes: [{ name: 'City', value: 'x' }] });
    await clock.advance(50);
    gone.leave();
    await clock.advance(250);
    expect(calls.map(({ commands: [only] }) => only?.attributes.length)).toEqual([0, 1]);
    expect([gone, next].map(answerOf)).toEqual(['upstream-timeout', 'stored']);
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });

  test('before its call is on the wire has it cancelled, and no budget is spent', async () => {
    const virtual = startVirtualDispatcher({ connectMs: 30 });
    const gone = virtual.put('gone@example.com');
    await virtual.clock.advance(10);
    gone.leave();
    await virtual.clock.advance(20);
    expect(virtual.quota.free()).toBe(100);
    expect(virtual.quota.dayLeft()).toBe(10_000);
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });

  test('once its call is on the wire changes nothing: it is finished and counts', async () => {
    const virtual = startVirtualDispatcher({ connectMs: 30 });
    const gone = virtual.put('gone@example.com');
    await virtual.clock.advance(50);
    gone.leave();
    await virtual.clock.advance(10);
    expect(virtual.quota.running()).toBe(1);
    await virtual.clock.advance(100);
    expect(virtual.quota.free()).toBe(99);
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });

  test('does not cancel a call that another still waits for', async () => {
    const virtual = startVirtualDispatcher({ connectMs: 30, limits: { maxConcurrent: 1 } });
    const { clock, put } = virtual;
    put('first@example.com');
    const [gone, stays] = [put('same@example.com'), put('same@example.com')];
    await clock.advance(140);
    gone.leave();
    await clock.advance(1000);
    expect(answerOf(stays)).toBe('stored');
  });
});

describe('the day', () => {
  test('that the upstream calls spent: refused until the next probe, then all get through', async () => {
    const spent = failureOf({ error: 'daily-quota-exhausted', advice: 'day-spent' });
    const { clock, put, calls, refusals } = startVirtualDispatcher({ script: failing(undefined, spent) });
    put('a@example.com');
    await clock.advance(100);
    const atFirst = put('b@example.com');
    await clock.advance(100);
    expect([answerOf(atFirst), retryAfterOf(atFirst)]).toEqual(['daily-quota-exhausted', 60]);
    const refused = put('c@example.com');
    await clock.advance(30_000);
    expect([answerOf(refused), retryAfterOf(refused)]).toEqual(['daily-quota-exhausted', 60]);
    expect(refusals).toEqual(['daily-quota-exhausted 1']);
    await clock.advance(30_000);
    // One lead probes, and those that come meanwhile wait for its answer.
    const back = emails(20).map(put);
    await clock.advance(1000);
    expect(new Set(back.map(answerOf))).toEqual(new Set(['stored']));
    expect(calls.slice(2).map(({ commands }) => commands.length)).toEqual([1, 19]);
  });

  test('that our own count has used up: refused until midnight in Chicago, without a call', async () => {
    const clock = createVirtualClock(Date.parse('2026-11-23T20:00:00-06:00'));
    const { put, calls } = startVirtualDispatcher({ clock, limits: { dailyCalls: 2 } });
    emails(2).forEach(put);
    await clock.advance(100);
    for (const [hours, nextIn] of [
      [4, 1],
      [3, 2],
      [1, 1],
    ] as const) {
      const refused = put('c@example.com');
      await clock.flush();
      expect(Math.abs((retryAfterOf(refused) ?? 0) - hours * 3600)).toBeLessThan(2);
      await clock.advance(nextIn * 3_600_000);
    }
    const next = put('d@example.com');
    await clock.advance(100);
    expect(answerOf(next)).toBe('stored');
    expect(calls).toHaveLength(3);
  });
});

test('while the upstream is down leads are refused at once with the seconds to wait, and probes notice its return', async () => {
  let isDown = true;
  const down = failureOf({
    error: 'upstream-unreachable',
    how: 'unreachable',
    advice: 'backoff',
    counted: 'no',
  });
  const { clock, put, calls } = startVirtualDispatcher({
    callMs: 1,
    script: () => (isDown ? down : undefined),
  });
  for (let round = 0; round < 60; round += 1) {
    put(`lead${round}@example.com`);
    await clock.advance(50);
  }
  const before = calls.length;
  const refused = put('refused@example.com');
  await clock.flush();
  expect([answerOf(refused), retryAfterOf(refused)]).toEqual(['upstream-unreachable', 1]);
  expect(calls).toHaveLength(before);
  isDown = false;
  await clock.advance(1000);
  const back = put('back@example.com');
  await clock.advance(10);
  expect(answerOf(back)).toBe('stored');
});

describe('shutdown', () => {
  test('new leads are refused a little later; those accepted are sent', async () => {
    const { clock, put, dispatcher } = startVirtualDispatcher({ limits: { maxConcurrent: 1 } });
    const accepted = emails(3).map(put);
    dispatcher.refuseNew();
    const refused = put('late@example.com');
    await clock.advance(1000);
    expect(accepted.map(answerOf)).toEqual(['stored', 'stored', 'stored']);
    expect([answerOf(refused), refused.answeredAt]).toEqual(['unavailable', 25]);
  });

  test('at its end all waiters are answered, with what is known of their lead; calls on the wire go on', async () => {
    const virtual = startVirtualDispatcher({ limits: { maxConcurrent: 1 } });
    const { clock, put, dispatcher, refusals } = virtual;
    const [sent, waiting] = [put('a@example.com'), put('b@example.com')];
    await clock.advance(50);
    dispatcher.refuseAll();
    await clock.flush();
    expect([sent, waiting].map(answerOf)).toEqual(['unavailable', 'unavailable']);
    expect((sent.error as GatewayError).detail).toMatch(/not known/);
    expect((waiting.error as GatewayError).detail).toMatch(/was not sent/);
    expect(refusals).toEqual(['unavailable 1', 'unavailable 1']);
    await clock.advance(50);
    expect(leftBehind(virtual)).toEqual(NOTHING);
  });
});

test('after a load nothing is left behind', async () => {
  const virtual = startVirtualDispatcher({ limits: { callsPerWindow: 100_000 }, callMs: 5 });
  const puts = Array.from({ length: 3000 }, (_, index) =>
    virtual.put({ email: `lead${index % 500}@example.com`, returnLead: index % 10 === 0 }),
  );
  await virtual.clock.advance(10_000);
  expect(new Set(puts.map(answerOf))).toEqual(new Set(['stored']));
  expect(leftBehind(virtual)).toEqual(NOTHING);
});
