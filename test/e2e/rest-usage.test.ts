import { expect, test } from 'vitest';
import { watchUsage } from '../../src/dispatch/usage-watch.ts';
import { createQuota } from '../../src/dispatch/quota.ts';
import { startTestGateway } from '../support/gateway.ts';
import { refuse, sendJson, startRestUpstream, succeed } from '../support/rest-upstream.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

test('calls of other integrations that spend the day are found at the start', async () => {
  const upstream = await startRestUpstream({
    usage: (response) => succeed(response, [{ date: '2026-11-26', total: 900, users: [] }]),
  });
  const gateway = await startTestGateway({
    ...upstream.env,
    MARKETO_DAILY_CALLS: '900',
    MARKETO_MAX_CALLS_PER_20S: '100',
  });
  await expect.poll(async () => (await gateway.putLead({ email: 'a@example.com' })).status).toBe(429);
  const { body } = await gateway.putLead({ email: 'b@example.com' });
  expect(body.type).toMatch(/daily-quota-exhausted$/);
  expect(upstream.usages()).toBe(1);
});

test('GET /status shows the limit as it is set, though others have made more calls than that', async () => {
  const upstream = await startRestUpstream({
    usage: (response) => succeed(response, [{ date: '2026-11-26', total: 31, users: [] }]),
  });
  const gateway = await startTestGateway({ ...upstream.env, MARKETO_DAILY_CALLS: '20' });
  const day = async () => (await gateway.request('GET', '/status')).body.calls.day;
  await expect.poll(day).toMatchObject({ left: 0, limit: 20 });
  expect((await gateway.putLead({ email: 'b@example.com' })).body.detail).toMatch(/or by other integrations/);
});

test.each([
  ['603', (response: any) => refuse(response, '603')],
  ['no number', (response: any) => succeed(response, [{ total: 'many' }])],
  ['no JSON', (response: any) => sendJson(response, 'hello')],
  ['no day', (response: any) => succeed(response, [])],
])('an upstream that does not tell (%s) is used all the same', async (_, usage) => {
  const upstream = await startRestUpstream({ usage });
  const gateway = await startTestGateway({
    ...upstream.env,
    MARKETO_DAILY_CALLS: '900',
    MARKETO_MAX_CALLS_PER_20S: '100',
  });
  await expect.poll(() => upstream.usages()).toBe(1);
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
});

test('the calls of the day are asked for every 15 minutes, each a call that counts', async () => {
  const clock = createVirtualClock();
  const quota = createQuota({ callsPerWindow: 100, maxConcurrent: 10, dailyCalls: 1000 }, clock);
  let total = 100;
  let wakes = 0;
  const end = watchUsage({
    upstream: { callsToday: () => Promise.resolve(total) },
    quota,
    clock,
    wake: () => {
      wakes += 1;
    },
  });
  await clock.flush();
  expect(quota.dayLeft()).toBe(900);
  total = 400;
  await clock.advance(15 * 60_000 - 1);
  expect(quota.dayLeft()).toBe(900);
  await clock.advance(1);
  expect(quota.dayLeft()).toBe(600);
  end();
  await clock.advance(3_600_000);
  expect([wakes, clock.timers()]).toEqual([2, 0]);
});

test('without room among the calls the question waits', async () => {
  const clock = createVirtualClock();
  const quota = createQuota({ callsPerWindow: 100, maxConcurrent: 1, dailyCalls: 1000 }, clock);
  const running = quota.reserve();
  let asks = 0;
  const callsToday = () => Promise.resolve((asks += 1));
  const end = watchUsage({ upstream: { callsToday }, quota, clock, wake: () => {} });
  await clock.advance(5000);
  expect(asks).toBe(0);
  running('counted');
  await clock.advance(5000);
  expect(asks).toBe(1);
  end();
});
