import { expect, test } from 'vitest';
import { createRestUpstream } from '../../src/marketo-rest/client.ts';
import { answerOf, type Put, startVirtualDispatcher } from '../support/dispatcher.ts';
import { FUZZ_ROUNDS, IS_THOROUGH } from '../support/fuzz.ts';
import { type StoreOptions, startRestStore, TIMEOUT_MS } from '../support/rest-store.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const SETTINGS = {
  foreignIds: {},
  foreignIdFields: new Set<string>(),
  workspacePartitions: new Map<string, string>(),
  fieldNames: new Map<string, string>(),
};

/** What an instance has, the load of all integrations included. */
const PER_DAY = 50_000;

type Limits = { readonly per20s: number; readonly atOnce: number };

function start(options: Omit<StoreOptions, 'clock'>, limits: Limits, dailyCalls = 1_000_000) {
  const clock = createVirtualClock();
  const rest = startRestStore({ ...options, clock });
  const upstream = createRestUpstream({
    post: rest.post,
    identity: rest.identity,
    credentials: { clientId: 'c', clientSecret: 's' },
    basePath: '/rest',
    clock,
    timeoutMs: TIMEOUT_MS,
    userAgent: 'test',
    settings: SETTINGS,
  });
  const virtual = startVirtualDispatcher({
    clock,
    upstream,
    deadlineMs: 30_000,
    maxQueued: 100_000,
    limits: { callsPerWindow: limits.per20s, maxConcurrent: limits.atOnce, dailyCalls },
  });
  return { ...virtual, rest };
}

/** A sequence that is the same at every run. */
function createRandom(): () => number {
  let state = 7;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

test('100 parallel upserts of one new key make one lead', async () => {
  const { clock, put, rest } = start({ callMs: () => 50 }, { per20s: 1000, atOnce: 10 });
  const puts = Array.from({ length: 100 }, (_, n) =>
    put({ email: n % 2 ? 'New@example.com' : 'new@example.com' }),
  );
  await clock.advance(30_000);
  expect(puts.map(answerOf)).toEqual(Array(100).fill('stored'));
  expect([...rest.store.all()]).toHaveLength(1);
});

/** All of them take as long as some hundred other tests. */
const LEADS = IS_THOROUGH ? 10_000 : 1000;

test(
  `${LEADS} leads, a third of the answers lost after the write: one lead a person`,
  { ...EXHAUSTIVE, timeout: 600_000 },
  async () => {
    const random = createRandom();
    const { clock, put, rest } = start(
      {
        callMs: () => 50 + random() * 200,
        lose: () =>
          random() < 1 / 3
            ? {
                how: (['reset', 'timeout', '502'] as const)[Math.floor(random() * 3)] ?? 'reset',
                runsMs: random() * 90_000,
              }
            : undefined,
      },
      { per20s: 1000, atOnce: 50 },
    );
    const last = new Map<string, Put>();
    for (let n = 0; n < LEADS; n += 1) {
      const email = `lead${Math.floor((random() * LEADS) / 2)}@example.com`;
      last.set(email, put({ email }));
      if (n % 10 === 9) await clock.advance(100);
    }
    // Callers send again what was not stored, as they are told to.
    for (let round = 0; round < 20; round += 1) {
      await clock.advance(100_000);
      for (const [email, made] of last) if (answerOf(made) !== 'stored') last.set(email, put({ email }));
    }
    await clock.advance(100_000);
    const stored = [...rest.store.all()].map(({ email }) => email);
    expect(stored.length - new Set(stored).size).toBe(0);
    expect(new Set(stored).size).toBe(last.size);
  },
);

/** Ten minutes with Marketo's usual limits take as long as some thousand other tests: FUZZ_ROUNDS=20000 has them. */
const SECONDS = FUZZ_ROUNDS >= 20_000 ? 600 : IS_THOROUGH ? 60 : 30;
const SCALE = IS_THOROUGH ? 5 : 1;
/** Until the first calls of a full window have ended. */
const WARM_UP = 20;

test(
  '20 times the load: no call is refused, and each caller gets the own answer',
  { ...EXHAUSTIVE, timeout: 600_000 },
  async () => {
    const limits = { per20s: 20 * SCALE, atOnce: 10 };
    const { clock, put, rest } = start(
      { callMs: () => 200, limits: { ...limits, perDay: PER_DAY } },
      limits,
      PER_DAY,
    );
    const puts: Put[] = [];
    const storedBy = () => puts.filter((made) => answerOf(made) === 'stored').length;
    let atStart = 0;
    for (let second = 0; second < SECONDS; second += 1) {
      if (second === WARM_UP) atStart = storedBy();
      for (let n = 0; n < 600 * SCALE; n += 1) puts.push(put(`s${second}-${n}@example.com`));
      await clock.advance(1000);
    }
    const perSecond = (storedBy() - atStart) / (SECONDS - WARM_UP);
    await clock.advance(60_000);
    expect(rest.counts.refused).toBe(0);
    expect(rest.counts.most).toBeLessThanOrEqual(10);
    const wrong = puts.filter(
      ({ result, command }) => result !== undefined && rest.store.get(result.leadId)?.email !== command.email,
    );
    expect(wrong).toEqual([]);
    expect(perSecond).toBeGreaterThanOrEqual(280 * SCALE);
  },
);
