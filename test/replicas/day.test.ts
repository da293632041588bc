import { expect, onTestFinished, test } from 'vitest';
import { WINDOW_MS } from '../../src/dispatch/sliding-window.ts';
import { createCoordinator } from '../../src/replicas/coordinator.ts';
import type { SharedState, View } from '../../src/replicas/shared-state.ts';
import { answerOf, type Put, startVirtualDispatcher } from '../support/dispatcher.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const SHARE = 1 / 3;

/** What Redis and the scripts decide, as far as a day goes: no replica ever loses them. */
function createStore(clock: VirtualClock, limits: { readonly callsPerWindow: number }) {
  const calls = new Map<string, { readonly replica: string; countsUntil: number }>();
  const day = new Map<string, number>();
  const demands = new Map<string, number>();
  const total = () => [...day.values()].reduce((sum, count) => sum + count, 0);
  const viewFor = (me: string): View => {
    const others = [...demands].filter(([replica]) => replica !== me).map(([, demand]) => demand);
    const nowMs = clock.monotonicMs();
    const peers = [...calls.values()].filter(({ replica }) => replica !== me);
    return {
      epochAgeMs: 1_000_000,
      blankMs: 0,
      pauseMs: 0,
      connected: demands.size,
      activePeers: 1 + others.filter((demand) => demand >= 1).length,
      peerDemand: others.reduce((sum, demand) => sum + demand, 0),
      connectedShare: 1,
      reservedShare: 0,
      peersToday: total() - (day.get(me) ?? 0),
      peerLeases: [],
      peerRefills: peers.map(({ countsUntil }) => ({
        inMs: Math.min(countsUntil - nowMs, WINDOW_MS),
        calls: 1,
      })),
      dayProbeInMs: null,
      peers: [],
    };
  };
  return {
    total,
    of: (me: string): SharedState => ({
      time: async () => clock.monotonicMs(),
      async acquire({ id, dailyCalls }) {
        const redisMs = clock.monotonicMs();
        for (const [old, { countsUntil }] of calls) if (countsUntil <= redisMs) calls.delete(old);
        if (total() >= dailyCalls) return { kind: 'day', redisMs, inMs: 0 };
        if (calls.size >= limits.callsPerWindow) return { kind: 'window', redisMs, inMs: 100 };
        calls.set(id, { replica: me, countsUntil: Number.POSITIVE_INFINITY });
        day.set(me, (day.get(me) ?? 0) + 1);
        return { kind: 'granted', redisMs, held: [] };
      },
      async release({ id }) {
        const call = calls.get(id);
        if (call !== undefined) call.countsUntil = clock.monotonicMs() + WINDOW_MS;
      },
      async lock() {},
      async heartbeat({ demandPerSecond }) {
        demands.set(me, demandPerSecond);
        return { kind: 'view', redisMs: clock.monotonicMs(), view: viewFor(me) };
      },
      async leave() {},
    }),
  };
}

/** Three gateways that share a subscription, from midnight in Chicago. */
async function startReplicas(dailyCalls: number) {
  const clock = createVirtualClock(Date.parse('2026-11-23T00:00:00-06:00'));
  const limits = { callsPerWindow: 100, maxConcurrent: 10, dailyCalls };
  const store = createStore(clock, limits);
  const replicas: ReturnType<typeof startVirtualDispatcher>[] = [];
  for (const replica of ['a', 'b', 'c']) {
    const coordinator = createCoordinator({
      sharedState: store.of(replica),
      redis: { isReady: () => true, renew() {} },
      replica,
      lockOf: (key) => key,
      share: SHARE,
      limits,
      callTimeoutMs: 20_000,
      mayCreateForMs: 0,
      clock,
      random: () => 0.5,
      observer: { onAcquire() {}, onDegraded() {}, onCoordinated() {} },
    });
    onTestFinished(() => coordinator.leave());
    const { permits, share } = coordinator;
    // A call takes longer than the next lead is away: they do not come one after the other.
    const virtual = startVirtualDispatcher({
      clock,
      limits,
      permits,
      share,
      deadlineMs: 25_000,
      callMs: 700,
    });
    const { quota, dispatcher } = virtual;
    const { day, pauseUntil, spentProbeInMs, learnOfDay } = quota;
    const { demandPerSecond, wake } = dispatcher;
    const budgets = { day, pauseUntil, dayProbeInMs: spentProbeInMs, onDayProbe: learnOfDay };
    await coordinator.join({ ...budgets, demandPerSecond, wake }, 0);
    replicas.push(virtual);
  }
  return { clock, store, replicas };
}

type Replicas = Awaited<ReturnType<typeof startReplicas>>;

/** `perSecond` leads for `seconds` at each of the first replicas. */
async function offer(
  { clock, replicas }: Replicas,
  count: number,
  perSecond: number,
  seconds: number,
  cookie = false,
): Promise<Put[]> {
  const puts: Put[] = [];
  for (let nth = 0; nth < perSecond * seconds; nth += 1) {
    for (const [index, { put }] of replicas.slice(0, count).entries()) {
      const alone = cookie ? { marketoCookie: `id:${index}&token:${nth}` } : {};
      puts.push(put({ email: `${index}-${nth}@example.com`, ...alone }));
    }
    await clock.advance(1000 / perSecond);
  }
  return puts;
}

const answers = (puts: readonly Put[]) => new Set(puts.map(answerOf));
const longestWaitMs = (puts: readonly Put[]) =>
  Math.max(...puts.map(({ timing }) => timing?.waitMs ?? Infinity));

test('60 calls of a day are 60 for three replicas, not 60 each', async () => {
  const three = await startReplicas(60);
  const puts = await offer(three, 3, 2, 60, true);
  expect(three.store.total()).toBe(60);
  expect(answers(puts)).toEqual(new Set(['stored', 'daily-quota-exhausted']));
  expect(puts.filter((made) => answerOf(made) === 'stored')).toHaveLength(60);
});

test('each of three replicas paces its part of the calls', EXHAUSTIVE, async () => {
  const three = await startReplicas(24_000);
  const puts = await offer(three, 3, 2, 900);
  await three.clock.advance(25_000);
  expect(answers(puts)).toEqual(new Set(['stored']));
  // A thousand an hour, and what may go at once before.
  expect(three.store.total()).toBeLessThan(430);
  // 10.8 seconds between the calls of each.
  expect(longestWaitMs(puts)).toBeLessThan(13_000);
});

test('a replica that alone has leads uses the pace of the whole day', EXHAUSTIVE, async () => {
  const three = await startReplicas(24_000);
  const puts = await offer(three, 1, 2, 900);
  await three.clock.advance(25_000);
  expect(answers(puts)).toEqual(new Set(['stored']));
  expect(three.store.total()).toBeLessThan(430);
  // 3.6 seconds between its calls.
  expect(longestWaitMs(puts)).toBeLessThan(5000);
});

test('what other integrations have used of the day is gone once, not once for each replica', async () => {
  const three = await startReplicas(1000);
  const learn = (total: number) => {
    for (const { quota } of three.replicas) quota.learnTotal(total);
  };
  learn(900);
  await offer(three, 3, 1, 20, true);
  const made = three.store.total();
  expect(made).toBeGreaterThan(40);
  // The upstream counts their calls as well.
  learn(900 + made);
  await offer(three, 3, 1, 60, true);
  expect(three.store.total()).toBeGreaterThan(95);
  expect(three.store.total()).toBeLessThanOrEqual(100);
});
