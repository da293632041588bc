import fc from 'fast-check';
import { expect } from 'vitest';
import type { CallerId } from '../../src/leads/lead.ts';
import { orderingKeys } from '../../src/leads/ordering-keys.ts';
import type { Outcome } from '../../src/upstream/outcome.ts';
import {
  failureOf,
  answerOf,
  leftBehind,
  NOTHING,
  type Put,
  type ScriptedCall,
  startVirtualDispatcher,
} from '../support/dispatcher.ts';
import { testEvery } from '../support/exhaustive.ts';

const DEADLINE_MS = 15_000;
const WINDOW_MS = 20_000;
const LIMITS = { callsPerWindow: 12, maxConcurrent: 3, dailyCalls: 20 };

const arrival = fc.record({
  afterMs: fc.constantFrom(0, 0, 0, 0, 0, 1, 40, 500, 3000),
  who: fc.integer({ min: 0, max: 12 }),
  kind: fc.constantFrom('email', 'email', 'id', 'both', 'single', 'same'),
  caller: fc.constantFrom<CallerId>(
    { key: 'secret a', address: undefined },
    { key: 'secret b', address: undefined },
    { key: 'publishable', address: '192.0.2.1' },
    { key: 'publishable', address: '192.0.2.2' },
  ),
  /** When its client leaves, in ms after its arrival. */
  leavesAfterMs: fc.option(fc.integer({ min: 0, max: 2000 }), { freq: 8 }),
});

const OUTCOMES = {
  stored: undefined,
  backoff: failureOf({ advice: 'backoff' }),
  later: failureOf({ advice: 'backoff', retryAfter: '2' }),
  reconnect: failureOf({ how: 'unreachable', advice: 'reconnect', counted: 'unclear' }),
  down: failureOf({ how: 'unreachable', advice: 'backoff', counted: 'no' }),
  never: failureOf({ advice: 'never' }),
  record: failureOf({ advice: 'never', isolates: 'record' }),
  reauthenticate: failureOf({ advice: 'reauthenticate' }),
  rateLimited: failureOf({ advice: 'rate-limited' }),
  tooMany: failureOf({ advice: 'too-many-at-once' }),
  daySpent: failureOf({ advice: 'day-spent' }),
  mismatched: { kind: 'mismatched' },
} satisfies Record<string, Outcome | undefined>;

const end = fc.record({
  ms: fc.constantFrom(1, 30, 200, 4000),
  connectMs: fc.constantFrom(0, 0, 20),
  outcome: fc.oneof(
    { weight: 1, arbitrary: fc.constant('stored' as const) },
    { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[])) },
  ),
});

function commandOf({ who, kind }: { who: number; kind: string }, at: number) {
  return {
    ...(kind !== 'id' && { email: `${at % 2 ? 'WHO' : 'who'}${who}@example.com` }),
    ...((kind === 'id' || kind === 'both') && { id: who + 1 }),
    // No two other commands are equal, so that each is sent for itself.
    attributes: kind === 'same' ? [] : [{ name: 'Number', value: at }],
    returnLead: kind === 'single',
  };
}

const numberOf = ({ attributes: [only] }: Put['command']) => Number(only?.value);

/** The calls that each lead was in, by its number. */
function attemptsOf(calls: readonly ScriptedCall[]): Map<number, ScriptedCall[]> {
  const attempts = new Map<number, ScriptedCall[]>();
  for (const call of calls) {
    for (const command of call.commands) {
      const number = numberOf(command);
      attempts.set(number, [...(attempts.get(number) ?? []), call]);
    }
  }
  return attempts;
}

/** Leads that share a key: no attempt of the later one begins before the last one of the earlier has ended. */
function breachesOfOrder(puts: readonly Put[], calls: readonly ScriptedCall[]): string[] {
  const attempts = attemptsOf(calls);
  const keys = puts.map(({ command }) => orderingKeys(command));
  return puts.flatMap((_, later) =>
    puts.slice(0, later).flatMap((__, earlier) => {
      if (!keys[later]?.some((key) => keys[earlier]?.includes(key))) return [];
      const before = attempts.get(earlier)?.at(-1);
      const after = attempts.get(later)?.[0];
      if (before === undefined || after === undefined) return [];
      const isOrdered = before.endMs !== undefined && before.endMs <= after.startMs && before !== after;
      return isOrdered ? [] : [`${later} was sent before ${earlier} was through`];
    }),
  );
}

/** Looks at the calls up to the start of each. */
function expectWithinBudgets(calls: readonly ScriptedCall[]): void {
  for (const [nth, { startMs }] of calls.entries()) {
    const begun = calls.slice(0, nth + 1);
    const running = begun.filter(({ endMs = Infinity }) => endMs > startMs);
    const counted = begun.filter((call) => running.includes(call) || isCounted(call));
    expect(running.length).toBeLessThanOrEqual(LIMITS.maxConcurrent);
    expect(counted.length).toBeLessThanOrEqual(LIMITS.dailyCalls);
    const inWindow = counted.filter(({ endMs = Infinity }) => endMs > startMs - WINDOW_MS);
    expect(inWindow.length).toBeLessThanOrEqual(LIMITS.callsPerWindow);
  }
}

/** Whether the upstream counts a call that has ended. */
function isCounted({ outcome }: ScriptedCall): boolean {
  return outcome?.kind !== 'cancelled' && !(outcome?.kind === 'failed' && outcome.counted === 'no');
}

testEvery(2, [25, 100])(
  'any schedule of %d keeps the order of each key, loses no lead and exceeds no budget',
  async (numRuns) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arrival, { minLength: 1, maxLength: 50, size: 'max' }),
        fc.array(end, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(1, 3, 300),
        fc.constantFrom(9, 10_000),
        async (arrivals, ends, maxBatch, maxQueued) => {
          const endOf = (nth: number) => ends[nth % ends.length];
          const virtual = startVirtualDispatcher({
            limits: LIMITS,
            maxBatch,
            maxQueued,
            deadlineMs: DEADLINE_MS,
            callMs: (_call, nth) => endOf(nth)?.ms ?? 1,
            connectMs: ends[0]?.connectMs ?? 0,
            script({ commands }, nth) {
              const outcome = OUTCOMES[endOf(nth)?.outcome ?? 'stored'];
              // Only a batch can have an answer that does not match it.
              return outcome?.kind === 'mismatched' && commands.length === 1 ? undefined : outcome;
            },
          });
          const { clock, calls, putFor } = virtual;
          const puts: { readonly made: Put; readonly atMs: number }[] = [];
          for (const [at, planned] of arrivals.entries()) {
            await clock.advance(planned.afterMs);
            const made = putFor(planned.caller, commandOf(planned, at));
            puts.push({ made, atMs: clock.monotonicMs() });
            if (planned.leavesAfterMs !== null) clock.setTimer(made.leave, planned.leavesAfterMs);
          }
          await clock.advance(2 * DEADLINE_MS + WINDOW_MS);

          for (const { made, atMs } of puts) {
            expect(answerOf(made)).not.toBe('waits');
            expect(answerOf(made)).not.toContain('defect');
            expect(made.answeredAt).toBeLessThanOrEqual(atMs + DEADLINE_MS);
          }
          expect(
            breachesOfOrder(
              puts.map(({ made }) => made),
              calls,
            ),
          ).toEqual([]);
          expectWithinBudgets(calls);
          expect(leftBehind(virtual)).toEqual(NOTHING);
        },
      ),
      { numRuns, seed: 5 },
    );
  },
);
