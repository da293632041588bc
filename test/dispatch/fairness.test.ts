import { expect, test } from 'vitest';
import type { CallerId, UpsertLead } from '../../src/leads/lead.ts';
import { answerOf, type Put, startVirtualDispatcher } from '../support/dispatcher.ts';

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
async function beside(load: Load, seconds: number) {
  const { clock, putFor } = startVirtualDispatcher({
    callMs: CALL_MS,
    limits: { dailyCalls: 100_000 },
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

test.each<[string, Load]>([
  ['2,000 leads a second', { perSecond: 2000, lead: plain }],
  ['100 a second that go alone', { perSecond: 100, lead: alone }],
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
    '30 keys',
    { perSecond: 400, lead: plain, caller: (nth) => ({ key: `secret ${nth % 30}`, address: undefined }) },
  ],
])('a caller with a lead a second is not refused beside %s', async (_what, load) => {
  const { answers, p50 } = await beside(load, 40);
  expect(answers).toEqual(new Set(['stored']));
  expect(p50).toBeLessThanOrEqual(2 * SLOT_MS);
});
