import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { type RestBehaviour, startRestUpstream, succeed } from '../support/rest-upstream.ts';
import { createVirtualClock, passUntil } from '../support/virtual-clock.ts';

const ACCEPT = { headers: { prefer: 'respond-async' } };

/** The first call for leads is never answered; a find tells what `found` says. */
const silentFirst = (found: readonly unknown[]): RestBehaviour => ({
  call: (response: ServerResponse, { method, url }, nth) => {
    if (nth === 0) return true;
    if (method === 'GET' && url.includes('filterType')) return succeed(response, found);
    return undefined;
  },
});

/** A gateway that ends while its call for a kept lead runs, and the next on the same file, whose clock is the test's. */
async function startAgain(found: readonly unknown[]) {
  const upstream = await startRestUpstream(silentFirst(found));
  const env = { ...upstream.env, OUTBOX_URL: `file:${outboxFile()}`, SHUTDOWN_GRACE_MS: '0' };
  const first = await startTestGateway(env);
  const { body } = await first.putLead({ email: 'a@example.com' }, ACCEPT);
  await expect.poll(() => upstream.syncs().length).toBe(1);
  await first.close();
  const clock = createVirtualClock(Date.now());
  const { now, monotonicMs, setTimer, clearTimer } = clock;
  const next = await startTestGateway(env, { now, monotonicMs, setTimer, clearTimer });
  const delivered = async () => {
    for (;;) {
      const receipt = await next.request('GET', body.receipt);
      if (receipt.body.state === 'delivered') return receipt.body;
      await pause(5);
    }
  };
  return { upstream, clock, delivered };
}

test('a call of the process before may go on, so its lead is looked for and not created by its key', async () => {
  const { upstream, clock, delivered } = await startAgain([{ id: 77, email: 'a@example.com' }]);
  await passUntil(clock, delivered());
  expect(upstream.syncs().map(({ action, lookupField }) => `${action} ${lookupField}`)).toEqual([
    'createOrUpdate email',
    'updateOnly id',
  ]);
});

test('if it is not there, it waits until that call must have ended', async () => {
  const { upstream, clock, delivered } = await startAgain([]);
  const startedMs = clock.monotonicMs();
  const isDelivered = delivered();
  await passUntil(
    clock,
    pollUntil(() => upstream.paths().length === 2),
  );
  await clock.advance(85_000 - (clock.monotonicMs() - startedMs));
  expect(upstream.syncs()).toHaveLength(1);
  await passUntil(clock, isDelivered);
  expect(clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(90_000);
  expect(upstream.syncs().map(({ action }) => action)).toEqual(['createOrUpdate', 'createOrUpdate']);
});

async function pollUntil(check: () => boolean): Promise<void> {
  while (!check()) await pause(5);
}
