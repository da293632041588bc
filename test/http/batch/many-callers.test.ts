import { expect, test } from 'vitest';
import { ANONYMOUS } from '../../../src/access/principal.ts';
import type { CallerId, LeadDirectory, UpsertLead } from '../../../src/leads/lead.ts';
import type { Outcome } from '../../../src/upstream/outcome.ts';
import { startApp, testAccess } from '../../support/app.ts';
import { type BatchResult, putBatch } from '../../support/batch.ts';
import { IS_THOROUGH } from '../../support/fuzz.ts';
import {
  answerOf,
  leftBehind,
  type Put,
  type ScriptedCall,
  startVirtualDispatcher,
} from '../../support/dispatcher.ts';
import { EXHAUSTIVE } from '../../support/exhaustive.ts';

const CALLERS = IS_THOROUGH ? 200 : 100;
const LEADS = 100;
const WAVES = 2;
const WAVE_MS = 12_000;
/** More than fit in the calls that run at once, each of which has a person to itself. */
const PEOPLE = 5000;
const NAMES = ['FirstName', 'City', 'LeadScore'];
/** As Marketo's: a call, and each record of it; ms. */
const CALL_MS = 200;
const RECORD_MS = 1.5;
const FULL_CALL_MS = CALL_MS + 300 * RECORD_MS;
const WINDOW_MS = 20_000;
const STEP_MS = 20;
const CALM: CallerId = { key: 'secret calm', address: undefined };

/** A lead of a batch; some people come twice in one batch, and all of them in many. */
function leadOf(wave: number, caller: number, nth: number) {
  const person = (caller * 37 + (nth % 90) * 101 + wave * 13) % PEOPLE;
  const name = NAMES[(caller + nth) % NAMES.length] ?? '';
  return { email: `p${person}@example.com`, attributes: { [name]: `${wave}.${caller}.${nth}` } };
}

/** People and the values they have, as calls write them. */
function createPeople() {
  const people = new Map<string, Map<string, unknown>>();
  const write = ({ email = '', attributes }: UpsertLead) => {
    const isNew = !people.has(email);
    const values = people.get(email) ?? new Map<string, unknown>();
    people.set(email, values);
    for (const { name, value } of attributes) values.set(name, value);
    return isNew;
  };
  const answer = ({ commands }: ScriptedCall): Outcome => {
    const records = commands.map(
      (command) =>
        ({
          kind: 'stored',
          result: { leadId: 7, status: write(command) ? 'CREATED' : 'UPDATED' },
        }) as const,
    );
    return commands.length === 1 ? records[0]! : { kind: 'answered', records };
  };
  return { people, write, answer };
}

/** Waits for what sockets bring, while no time passes. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}

/** The gateway's REST side before a dispatcher, both in virtual time; a bearer's token is its name. */
async function startVirtualGateway() {
  const stored = createPeople();
  /** What calls leave waiting when they start. */
  const leftWaiting: number[] = [];
  const virtual = startVirtualDispatcher({
    limits: { dailyCalls: 100_000 },
    deadlineMs: 25_000,
    maxQueued: 25_000,
    script: stored.answer,
    callMs({ commands }) {
      leftWaiting.push(virtual.dispatcher.queued());
      return CALL_MS + RECORD_MS * commands.length;
    },
  });
  const { clock, dispatcher } = virtual;
  /** What people should have: leads in the order in which they were taken in. */
  const expected = createPeople();
  const taken = new Map<string, number>();
  /** Callers whose next lead has no room for now. */
  const held = new Set<string>();
  const directory: LeadDirectory = {
    upsert(command, context) {
      const { key } = context.caller;
      held.delete(key);
      const answer = dispatcher.upsert(command, {
        ...context,
        onNoRoom(error) {
          held.add(key);
          return context.onNoRoom?.(error) ?? false;
        },
      });
      if (!held.has(key)) {
        taken.set(key, (taken.get(key) ?? 0) + 1);
        expected.write(command);
      }
      return answer;
    },
  };
  const { url } = await startApp({
    directory,
    clock,
    access: testAccess({
      verifyToken: async (name) => ({ ok: true, caller: { ...ANONYMOUS, kind: 'token', name } }),
    }),
  });
  const sent: ReturnType<typeof putBatch>[] = [];
  const sendWave = async (wave: number) => {
    for (let caller = 0; caller < CALLERS; caller += 1) {
      const leads = Array.from({ length: LEADS }, (_, nth) => leadOf(wave, caller, nth));
      sent.push(putBatch(url, { leads }, { authorization: `Bearer caller${caller}` }));
    }
    const isIn = (key: string, count: number) => held.has(key) || count === (wave + 1) * LEADS;
    await until(() => taken.size === CALLERS && [...taken].every(([key, count]) => isIn(key, count)));
  };
  return { ...virtual, stored, expected, leftWaiting, sent, sendWave };
}

/** The leads of a caller with one a second, beside the waves or alone, and what has become of the waves. */
async function run(waves: number) {
  const gateway = await startVirtualGateway();
  const { clock, dispatcher, putFor, sendWave, sent } = gateway;
  const calm: Put[] = [];
  for (let ms = 0; ms < WAVES * WAVE_MS || dispatcher.queued() > 0; ms += STEP_MS) {
    if (ms % WAVE_MS === 0 && ms / WAVE_MS < waves) await sendWave(ms / WAVE_MS);
    if (ms % 1000 === 500) calm.push(putFor(CALM, { email: `calm${ms}@example.com` }));
    await clock.advance(STEP_MS);
  }
  await clock.advance(2 * FULL_CALL_MS);
  const results = (await Promise.all(sent)).map((batch) => batch.results);
  return { ...gateway, calm, results };
}

/** How long 99 in 100 of the leads waited at most, in ms. */
function p99Of(puts: readonly Put[]): number {
  const waits = puts.map(({ timing }) => timing?.waitMs ?? Infinity).toSorted((a, b) => a - b);
  return waits[Math.floor((waits.length - 1) * 0.99)] ?? Infinity;
}

/** The most calls that ran at once, and that began within a window. */
function budgetsOf(calls: readonly ScriptedCall[]) {
  const most = (isCounted: (one: ScriptedCall, startMs: number) => boolean) =>
    Math.max(
      ...calls.map(
        ({ startMs }) => calls.filter((one) => one.startMs <= startMs && isCounted(one, startMs)).length,
      ),
    );
  return {
    atOnce: most(({ endMs = Infinity }, startMs) => endMs > startMs),
    inWindow: most((one, startMs) => one.startMs > startMs - WINDOW_MS),
  };
}

/** People who are in two calls at a time, or in one twice. */
function overlaps(calls: readonly ScriptedCall[]): string[] {
  const busyUntil = new Map<string, number>();
  const found: string[] = [];
  for (const { commands, startMs, endMs = Infinity } of calls) {
    for (const { email = '' } of commands) {
      if ((busyUntil.get(email) ?? 0) > startMs) found.push(email);
      busyUntil.set(email, endMs);
    }
  }
  return found;
}

const statusesOf = (results: readonly BatchResult[][]) => {
  const counts: Record<number, number> = {};
  for (const { status } of results.flat()) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

test(
  `${CALLERS} callers with batches for the same people: a person is one lead with the last values, and calls are full`,
  EXHAUSTIVE,
  async () => {
    const alone = await run(0);
    const beside = await run(WAVES);
    const { calls, calm, results, stored, expected, leftWaiting } = beside;

    expect(results.map((batch) => batch.map(({ index }) => index))).toEqual(
      Array.from({ length: WAVES * CALLERS }, () => Array.from({ length: LEADS }, (_, nth) => nth)),
    );
    const people = expected.people.size;
    expect(statusesOf(results)).toEqual({ 200: WAVES * CALLERS * LEADS - people, 201: people });
    for (const [email, values] of expected.people) expect(stored.people.get(email)).toEqual(values);
    expect(overlaps(calls)).toEqual([]);

    const { atOnce, inWindow } = budgetsOf(calls);
    expect(atOnce).toBeLessThanOrEqual(10);
    expect(inWindow).toBeLessThanOrEqual(100);
    const busy = calls.filter((_, nth) => (leftWaiting[nth] ?? 0) >= 300);
    expect(busy.length).toBeGreaterThan(CALLERS / 4);
    expect(Math.min(...busy.map(({ commands }) => commands.length))).toBeGreaterThanOrEqual(280);

    expect(new Set(calm.map(answerOf))).toEqual(new Set(['stored']));
    expect(p99Of(calm)).toBeLessThanOrEqual(2 * p99Of(alone.calm) + FULL_CALL_MS);
    expect(leftBehind(beside)).toMatchObject({ queued: 0, keys: 0, running: 0 });
  },
);
