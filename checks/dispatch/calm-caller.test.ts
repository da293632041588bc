import { describe, expect, test } from 'vitest';
import { CALL_MS, type CalmResult, type LoudCaller, runCalmCaller } from '../../test/support/calm-caller.ts';
import { HOUR } from '../../test/support/days.ts';
import { IS_THOROUGH } from '../../test/support/fuzz.ts';

const MINUTE = HOUR / 60;

const plain = (nth: number) => ({ email: `loud${nth}@example.com` });
const alone = (nth: number) => ({ email: `loud${nth}@example.com`, marketoCookie: `id:1&token:${nth}` });
const onePerson = (nth: number) => ({ email: 'one@example.com', attributes: [{ name: 'N', value: nth }] });

type Load = Pick<LoudCaller, 'perSecond' | 'lead'> & { readonly ms: number };

const LOADS: Readonly<Record<string, Load>> = {
  '100 a second that go alone, for 3 minutes': { perSecond: 100, ms: 3 * MINUTE, lead: alone },
  '100 a second that go alone, for 20 minutes': { perSecond: 100, ms: 20 * MINUTE, lead: alone },
  '2,000 a second, for half a minute': { perSecond: 2000, ms: MINUTE / 2, lead: plain },
  '10,000 for one person': { perSecond: 10_000, ms: 1000, lead: onePerson },
  '20 a second for one person, for 10 minutes': { perSecond: 20, ms: 10 * MINUTE, lead: onePerson },
  '12,000 at once': { perSecond: 12_000, ms: 1000, lead: plain },
};

const HOURS: Readonly<Record<string, number>> = {
  '00:00': 0,
  '00:10': 1 / 6,
  '06:00': 6,
  '12:00': 12,
  '23:00': 23,
};

/** One figure of the table in docs/dispatching.md#the-day. */
function print(time: string, what: string, { p50, p99, max, refused, calls }: CalmResult): void {
  process.stdout.write(
    `${time}, ${what}: p50 ${p50}, p99 ${p99}, longest ${max} ms; ${JSON.stringify(refused)}, ${calls} calls\n`,
  );
}

/** Its leads begin two minutes before the others', or at midnight. */
function calmAt(hour: number, isSinceMidnight: boolean) {
  const atMs = hour * HOUR;
  return {
    perSecond: 1,
    fromMs: isSinceMidnight ? 0 : Math.max(0, atMs - 2 * MINUTE),
    toMs: Math.min(atMs + 30 * MINUTE, 24 * HOUR - MINUTE),
    lookFromMs: atMs,
  };
}

describe.each(IS_THOROUGH ? [false, true] : [false])(
  'a caller with a lead a second (since midnight: %s)',
  (since) => {
    test.each(Object.entries(HOURS))(
      'at %s waits twice as long beside loud ones at most, and a call',
      async (time, hour) => {
        const calm = calmAt(hour, since);
        const before = await runCalmCaller(calm);
        print(time, 'alone', before);
        for (const [what, { perSecond, ms, lead }] of Object.entries(LOADS)) {
          const loud = { perSecond, lead, fromMs: hour * HOUR, toMs: hour * HOUR + ms };
          const beside = await runCalmCaller(calm, loud);
          print(time, what, beside);
          expect.soft(beside.refused, what).toEqual({});
          expect.soft(beside.p99, what).toBeLessThanOrEqual(2 * before.p99 + CALL_MS);
        }
      },
    );
  },
);

test.each([
  [23, 1, 100],
  [20, 1 / 60, 5],
  [18, 1 / 300, 5],
])(
  'from %d o’clock to midnight %d leads a second wait twice as long beside %d a second that go alone, at most, and a call',
  async (hour, perSecond, loud) => {
    const span = { fromMs: hour * HOUR, toMs: 24 * HOUR - MINUTE };
    const calm = { perSecond, ...span, lookFromMs: span.fromMs };
    const before = await runCalmCaller(calm);
    const beside = await runCalmCaller(calm, { perSecond: loud, lead: alone, ...span });
    print(`${hour}:00`, 'until midnight', beside);
    expect(beside.refused).toEqual({});
    expect(beside.p99).toBeLessThanOrEqual(2 * before.p99 + CALL_MS);
    // The calls are for leads, not for midnight.
    expect(beside.calls).toBeGreaterThan(9600);
  },
);

test.each([
  [0, 1, 0.13],
  [12, 0.7, 0.43],
])(
  'from %d o’clock, leads that the day carries are refused to no one: %d and %d a second',
  async (hour, most, few) => {
    const span = { fromMs: hour * HOUR, toMs: 24 * HOUR - MINUTE };
    // With a thirtieth of the leads in a call.
    const result = await runCalmCaller(
      { ...span, perSecond: few, lookFromMs: 0 },
      { ...span, perSecond: most, lead: plain },
      10_000,
      10,
    );
    print(String(hour), `${few} beside ${most} a second`, result);
    expect(result.refusals).toBe(0);
    expect(result.max).toBeLessThanOrEqual(10_000);
  },
);
