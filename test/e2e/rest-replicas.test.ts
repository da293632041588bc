import { expect, test } from 'vitest';
import type { CallPermits } from '../../src/dispatch/permits.ts';
import { createRestUpstream } from '../../src/marketo-rest/client.ts';
import { answerOf, type Put, startVirtualDispatcher } from '../support/dispatcher.ts';
import { startRestStore, TIMEOUT_MS } from '../support/rest-store.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';
import { testEvery } from '../support/exhaustive.ts';

const SETTINGS = {
  foreignIds: {},
  foreignIdFields: new Set<string>(),
  workspacePartitions: new Map<string, string>(),
  fieldNames: new Map<string, string>(),
};

/** The locks that replicas share; what the scripts in Redis decide of them. */
function createLocks({ monotonicMs }: VirtualClock) {
  const owners = new Map<string, string>();
  const kept = new Map<string, { readonly replica: string; readonly untilMs: number }>();
  let calls = 0;
  const isFree = (key: string, replica: string) => {
    const keeper = kept.get(key);
    const isKept = keeper !== undefined && keeper.replica !== replica && keeper.untilMs > monotonicMs();
    return !owners.has(key) && !isKept;
  };
  return (replica: string): CallPermits => ({
    async acquire(leads) {
      const id = `${replica}:${(calls += 1)}`;
      const held = leads.flatMap((keys, at) => {
        if (!keys.every((key) => isFree(key, replica))) return [at];
        for (const key of keys) owners.set(key, id);
        return [];
      });
      return {
        kind: 'granted',
        held: new Set(held),
        release(_verdict, _pauseMs, _mayRunMs, untilMs = 0) {
          for (const [key, owner] of owners) {
            if (owner !== id) continue;
            owners.delete(key);
            if (untilMs > monotonicMs()) kept.set(key, { replica, untilMs });
          }
        },
      };
    },
    peerLoad: () => ({ demandPerSecond: 1, activePeers: 2 }),
  });
}

/** Two gateways on one subscription; a call may be lost, and goes on for up to 90 seconds. */
function startTwo(lose: Parameters<typeof startRestStore>[0]['lose']) {
  const clock = createVirtualClock();
  const rest = startRestStore({ clock, callMs: () => 200, ...(lose !== undefined && { lose }) });
  const permitsOf = createLocks(clock);
  const gateways = ['a', 'b'].map((replica) => {
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
    return startVirtualDispatcher({
      clock,
      upstream,
      permits: permitsOf(replica),
      deadlineMs: 30_000,
      limits: { callsPerWindow: 1000, maxConcurrent: 50, dailyCalls: 1_000_000 },
    });
  });
  const put = (replica: number, email: string): Put => {
    const gateway = gateways[replica];
    if (gateway === undefined) throw new Error('there are two');
    return gateway.put({ email });
  };
  return { clock, rest, put };
}

testEvery(2, ['reset', 'timeout', '502'] as const)(
  'a lead that may still be created (%s) is created by no other replica for 90 seconds',
  async (how) => {
    const { clock, rest, put } = startTwo((nth) => (nth === 0 ? { how, runsMs: 85_000 } : undefined));
    const first = put(0, 'a@example.com');
    await clock.advance(100);
    const second = put(1, 'a@example.com');
    await clock.advance(50_000);
    expect([first, second].map(answerOf)).not.toContain('stored');
    const third = put(1, 'a@example.com');
    await clock.advance(50_000);
    const last = put(1, 'a@example.com');
    await clock.advance(5000);
    expect([answerOf(third), answerOf(last)]).toContain('stored');
    expect([...rest.store.all()].map(({ email }) => email)).toEqual(['a@example.com']);
  },
);

test('a replica that has lost an answer finds its lead, and the other one then updates it', async () => {
  const { clock, rest, put } = startTwo((nth) => (nth === 0 ? { how: 'timeout', runsMs: 5000 } : undefined));
  const first = put(0, 'a@example.com');
  await clock.advance(20_000);
  expect(answerOf(first)).toBe('stored');
  await clock.advance(80_000);
  const second = put(1, 'a@example.com');
  await clock.advance(1000);
  expect(answerOf(second)).toBe('stored');
  expect([...rest.store.all()]).toHaveLength(1);
});
